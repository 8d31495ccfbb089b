//! `/-/admin/users/NAME`: one account. What it has is counted, never shown; what an operator does to it shuts out, and lets nobody in.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::site::settings::Outcome;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::people::oversight::{Act, Look};
use forge::quota::{Level, Quota};
use forge::site::ResetLink;
use forge::{Error, UserName};
use http::header;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/admin/users/{name}", get(account).post(act))
}

/// How much of something is used: in words, and in thousandths for the bar.
struct Gauge {
    what: &'static str,
    text: String,
    share: u64,
}

impl Gauge {
    fn of(what: &'static str, level: Level, shown: fn(u64) -> String) -> Self {
        let share = (u128::from(level.used) * 1_000 / u128::from(level.max.max(1))).min(1_000);
        let text = format!("{} of {}", shown(level.used), shown(level.max));
        Self { what, text, share: u64::try_from(share).unwrap_or(1_000) }
    }
}

#[derive(Template)]
#[template(path = "site/admin_account.html")]
struct AccountPage {
    shell: Shell,
    outcome: Outcome,
    name: String,
    full_name: String,
    roles: Vec<&'static str>,
    facts: Vec<(&'static str, String)>,
    orgs: Vec<(String, bool)>,
    /// How it signs in, by kind.
    factors: Vec<String>,
    credentials: Vec<String>,
    gauges: Vec<Gauge>,
    quota: QuotaFields,
    /// Since when it is suspended, and why.
    frozen: Option<(String, String)>,
    /// Why nothing can be done to it here; empty: it can.
    spared: &'static str,
    /// The visitor may let it go on.
    can_let_go: bool,
    /// Links for forgotten passwords are shown to nobody here.
    mailed: bool,
    /// A link for a forgotten password that was just made.
    link: Option<(String, String)>,
}

#[derive(Default)]
struct QuotaFields {
    repositories: String,
    mebibytes: String,
}

async fn account(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Result<Response, PageError> {
    page(&app, visitor, &name, Outcome::default(), None).await
}

async fn page(
    app: &App,
    visitor: Visitor,
    name: &str,
    outcome: Outcome,
    link: Option<ResetLink>,
) -> Result<Response, PageError> {
    let who = visitor.operator()?;
    let name: UserName = name.parse().map_err(|_| PageError::not_found())?;
    let (look, last) = app.site.account_look(who, &name).await?;
    let mailed = app.site.officer_rule().await?.is_some();
    let can_let_go = !mailed || app.site.is_officer(who).await?;
    let own = who.user() == look.user.id;
    let status = outcome.status();
    let user = &look.user;
    let roles = [(user.operator, "operator"), (user.officer, "officer"), (look.auditor, "auditor")];
    let page = AccountPage {
        outcome,
        name: user.name.clone(),
        full_name: user.full_name.clone().unwrap_or_else(|| user.name.clone()),
        roles: roles.into_iter().filter_map(|(is, role)| is.then_some(role)).collect(),
        facts: facts(&look, last.map(|used| (used.time_us, used.address))),
        factors: factors(&look),
        credentials: look.credentials.iter().map(|(kind, count)| counted(*count, kind.as_str())).collect(),
        gauges: vec![
            Gauge::of("Repositories", look.usage.repos, show::number),
            Gauge::of("In the vaults", look.usage.bytes, show::bytes),
        ],
        quota: QuotaFields {
            repositories: look.quota.repos.map(|count| count.to_string()).unwrap_or_default(),
            mebibytes: look.quota.bytes.map(|bytes| (bytes >> 20).to_string()).unwrap_or_default(),
        },
        frozen: look.frozen.as_ref().map(|(since, reason)| (show::time_us(*since), reason.clone())),
        spared: match (own, user.officer || user.operator) {
            (true, _) => "This is your own account: what is yours is in your settings.",
            (_, true) => {
                "An officer's or operator's account is not touched from here: an order of the officers takes the role away first."
            }
            (false, false) => "",
        },
        can_let_go,
        mailed,
        link: match link {
            Some(ResetLink::Shown { address, expires_us }) => Some((address, show::time_us(expires_us))),
            _ => None,
        },
        orgs: look.orgs,
        shell: visitor.shell,
    };
    Ok((status, [(header::CACHE_CONTROL, "private, no-store")], Html(page.render()?)).into_response())
}

/// `1 token`, `2 passkeys`, `2 identities`.
fn counted(count: u64, one: &str) -> String {
    let many = one.strip_suffix("ity").map_or_else(|| format!("{one}s"), |stem| format!("{stem}ities"));
    show::counted(count, one, &many)
}

fn facts(look: &Look, last: Option<(i64, String)>) -> Vec<(&'static str, String)> {
    let seen = match last {
        Some((time, address)) => format!("{} from {address}", show::time_us(time)),
        None => "not since this machine has been serving".to_owned(),
    };
    let signed_in = look.signed_in_us.map_or_else(|| "never".to_owned(), show::time_us);
    vec![("Here since", show::time_us(look.user.created_us)), ("Signed in", signed_in), ("Last seen", seen)]
}

fn factors(look: &Look) -> Vec<String> {
    let factors = look.factors;
    let counts = [
        (u64::from(look.password), "password"),
        (factors.authenticators, "passkey"),
        (factors.totps, "app"),
        (factors.asleep, "sleeping factor"),
        (u64::from(look.codes), "recovery code"),
    ];
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, one)| counted(count, one)).collect()
}

#[derive(Deserialize)]
struct Wanted {
    act: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    repositories: String,
    #[serde(default)]
    mebibytes: String,
}

async fn act(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Path(name): Path<String>,
    Form(wanted): Form<Wanted>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    let user: UserName = name.parse().map_err(|_| PageError::not_found())?;
    let site = &app.site;
    let mut link = None;
    let outcome = match wanted.act.as_str() {
        "reset" => {
            let made = site.reset_link_make(Some(&by), &user).await;
            let said = match made {
                Ok(ResetLink::Mailed) => "A link was mailed to the account's own address.",
                _ => "Here is the link. It is shown this once.",
            };
            let answer = made.map(|made| link = Some(made));
            Outcome::of(answer, said)
        }
        "suspend" => {
            let suspended = site.account_oversee(Some(&by), &user, Act::Suspend { reason: wanted.reason }).await;
            Outcome::of(suspended, "It is suspended: its credentials are refused on every door.")
        }
        "unsuspend" => Outcome::of(site.account_unfreeze(Some(by.who()), &user).await, "It goes on."),
        "sessions" => Outcome::of(
            site.account_oversee(Some(&by), &user, Act::EndSessions).await,
            "Whoever was signed in is not any more.",
        ),
        "credentials" => Outcome::of(
            site.account_oversee(Some(&by), &user, Act::EndCredentials).await,
            "Its sessions, tokens and SSH keys have ended. What it signs in with is as it was.",
        ),
        "quota" => Outcome::of(set_quota(&app, &by, &user, &wanted).await, "The quota is set."),
        _ => return Err(PageError::invalid("there is no such act")),
    };
    page(&app, visitor, &name, outcome?, link).await
}

async fn set_quota(app: &App, by: &forge::people::Proved, user: &UserName, wanted: &Wanted) -> Result<(), Error> {
    let number = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<u64>().map(Some).map_err(|_| Error::invalid(format!("{text:?} is no whole number"))),
    };
    let bytes = match number(&wanted.mebibytes)? {
        Some(count) => Some(count.checked_mul(1 << 20).ok_or_else(|| Error::invalid("so many bytes there are not"))?),
        None => None,
    };
    let quota =
        Quota { repos: number(&wanted.repositories)?, bytes, ..app.site.account_look(by.who(), user).await?.0.quota };
    app.site.account_quota_put(by, user, quota).await
}

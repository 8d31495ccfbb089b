//! `/ORG/-/certificates`: whose SSH certificates open its repositories, for its owners.

use super::frame::{Frame, OrgPage, Outcome};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use forge::Error;
use forge::certificate::command::{NewAuthority, Which};
use forge::certificate::{SshAuthority, SshCertificate};
use serde::Deserialize;

const HOUR_US: i64 = 60 * 60 * 1_000_000;

struct CertificateRow {
    key_id: String,
    serial: String,
    owner: String,
    seen: String,
    used: Option<(String, String)>,
    expires: String,
}

struct AuthorityRow {
    id: u64,
    name: String,
    fingerprint: String,
    hours: i64,
    added: String,
    certificates: Vec<CertificateRow>,
}

#[derive(Template)]
#[template(path = "org/certificates.html")]
struct CertificatesPage {
    shell: Shell,
    frame: Frame,
    outcome: Outcome,
    form: Wanted,
    /// What the form says of them.
    hours: String,
    authorities: Vec<AuthorityRow>,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    name: String,
    #[serde(default)]
    key: String,
    hours: Option<i64>,
}

impl Wanted {
    const EMPTY: Self = Self { name: String::new(), key: String::new(), hours: Some(24) };

    fn parse(&self) -> Result<NewAuthority, Error> {
        let age_max_us = self.hours.map(|hours| hours.saturating_mul(HOUR_US));
        Ok(NewAuthority { key: self.key.parse()?, name: self.name.clone(), age_max_us })
    }
}

fn certificate(app: &App, seen: SshCertificate) -> CertificateRow {
    CertificateRow {
        used: app.site.last_use(seen.id).map(|last| (show::time_us(last.time_us), last.address)),
        key_id: seen.key_id,
        serial: seen.serial,
        owner: seen.owner,
        seen: show::time_us(seen.seen_us),
        expires: show::time_us(seen.expires_us),
    }
}

fn authority(app: &App, (trusted, seen): (SshAuthority, Vec<SshCertificate>)) -> AuthorityRow {
    AuthorityRow {
        id: trusted.id,
        name: trusted.name,
        fingerprint: trusted.fingerprint,
        hours: trusted.age_max_us / HOUR_US,
        added: show::time_us(trusted.added_us),
        certificates: seen.into_iter().map(|seen| certificate(app, seen)).collect(),
    }
}

pub(crate) async fn certificates(State(app): State<App>, page: OrgPage) -> Result<Response, PageError> {
    show_page(&app, &page, Wanted::EMPTY, Outcome::default()).await
}

async fn show_page(app: &App, page: &OrgPage, form: Wanted, outcome: Outcome) -> Result<Response, PageError> {
    let listed = app.site.ssh_authorities_of(&page.own(app).await?).await?;
    let authorities = listed.into_iter().map(|listed| authority(app, listed)).collect();
    let (shell, frame, status) = (page.shell(), page.frame("settings"), outcome.status());
    let hours = form.hours.map(|hours| hours.to_string()).unwrap_or_default();
    let page = CertificatesPage { shell, frame, outcome, form, hours, authorities };
    Ok((status, Html(page.render()?)).into_response())
}

pub(crate) async fn add(
    State(app): State<App>,
    page: OrgPage,
    Proven { by, .. }: Proven,
    Form(form): Form<Wanted>,
) -> Result<Response, PageError> {
    let proof = page.own(&app).await?;
    let added = match form.parse() {
        Ok(new) => app.site.ssh_authority_add(&by, proof, new).await,
        Err(error) => Err(error),
    };
    let form = if added.is_ok() { Wanted::EMPTY } else { form };
    let outcome = Outcome::of(added, "Certificates that it signs open this organisation's repositories from now on.")?;
    show_page(&app, &page, form, outcome).await
}

#[derive(Deserialize)]
pub(crate) struct Removed {
    authority: u64,
}

pub(crate) async fn remove(
    State(app): State<App>,
    page: OrgPage,
    Form(Removed { authority }): Form<Removed>,
) -> Result<Response, PageError> {
    let removed = app.site.ssh_authority_remove(Some(page.own(&app).await?), authority).await;
    done(&app, &page, removed, "It is trusted no more, and its certificates open nothing.").await
}

/// What came of it; what is not here is not found.
async fn done(
    app: &App,
    page: &OrgPage,
    answer: Result<(), Error>,
    words: &'static str,
) -> Result<Response, PageError> {
    match answer {
        Err(error @ Error::NotFound(_)) => Err(error.into()),
        answer => show_page(app, page, Wanted::EMPTY, Outcome::of(answer, words)?).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct Revoked {
    authority: u64,
    /// The certificate's number, or its name.
    which: String,
    #[serde(default)]
    by: String,
}

pub(crate) async fn revoke(
    State(app): State<App>,
    page: OrgPage,
    Form(Revoked { authority, which, by }): Form<Revoked>,
) -> Result<Response, PageError> {
    let proof = page.own(&app).await?;
    let which = match by.as_str() {
        "serial" => {
            which.trim().parse().map(Which::Serial).map_err(|_| Error::invalid("a certificate's number is a number"))
        }
        _ => Ok(Which::KeyId(which)),
    };
    let revoked = match which {
        Ok(which) => app.site.ssh_certificates_revoke(Some(proof), authority, which).await,
        Err(error) => Err(error),
    };
    done(&app, &page, revoked, "Those certificates open nothing any more.").await
}

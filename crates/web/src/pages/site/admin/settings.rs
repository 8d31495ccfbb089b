//! `/-/admin/settings`: what is set for the whole site.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::settings::{Group, Kind, Name, SETTINGS, Setting};
use http::StatusCode;
use std::collections::BTreeMap;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/admin/settings", get(settings).post(set))
}

/// What was typed, by the settings' words.
type Typed = BTreeMap<String, String>;

struct Field {
    word: &'static str,
    title: &'static str,
    hint: &'static str,
    value: String,
    /// Words and what they mean, for a choice; none: it is typed.
    choices: Vec<(&'static str, &'static str)>,
    unit: &'static str,
    /// As people write it.
    default: String,
    /// Who set it and when, as HTML; empty: nobody.
    set: String,
    who: String,
    error: String,
}

#[derive(Template)]
#[template(path = "site/admin_settings.html")]
struct SettingsPage {
    shell: Shell,
    groups: Vec<(&'static str, Vec<Field>)>,
    error: String,
    done: String,
}

async fn settings(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    page(&app, visitor, None, String::new(), String::new()).await
}

async fn page(
    app: &App,
    visitor: Visitor,
    typed: Option<&Typed>,
    error: String,
    done: String,
) -> Result<Response, PageError> {
    let set_by = app.site.settings_set_by(Some(visitor.operator()?)).await?;
    let settings = app.site.settings();
    let field = |setting: &'static Setting| {
        let set = set_by.iter().find(|set| set.name == setting.name);
        let wanted = typed.and_then(|typed| typed.get(setting.word));
        let shown = || setting.kind.show(settings.text(setting.name));
        Field {
            word: setting.word,
            title: setting.title,
            hint: setting.hint,
            value: wanted.cloned().unwrap_or_else(shown),
            choices: if let Kind::Choice(words) = setting.kind { words.to_vec() } else { Vec::new() },
            unit: if let Kind::Number { unit, .. } = setting.kind { unit } else { "" },
            default: setting.kind.show(setting.default),
            set: set.and_then(|set| set.time_us).map(show::time_us).unwrap_or_default(),
            who: set.and_then(|set| set.who.clone()).unwrap_or_default(),
            error: wanted.and_then(|text| value(setting, text).err()).map(|e| e.to_string()).unwrap_or_default(),
        }
    };
    let of = |group: Group| SETTINGS.iter().filter(move |setting| setting.group == group).map(field).collect();
    let groups = Group::ALL.into_iter().map(|group| (group.title(), of(group))).collect();
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, Html(SettingsPage { shell: visitor.shell, groups, error, done }.render()?)).into_response())
}

/// What was typed, to be set: nothing is the default.
fn value(setting: &Setting, text: &str) -> Result<Option<String>, forge::Error> {
    if text.trim().is_empty() { Ok(None) } else { setting.kind.parse(text).map(Some) }
}

async fn set(
    State(app): State<App>,
    Proven { by, mut visitor }: Proven,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    let wanted = typed.iter().filter_map(|(word, text)| Some((Name::from_word(word)?, text)));
    let changes =
        wanted.map(|(name, text)| Ok((name, value(name.setting(), text)?))).collect::<Result<_, forge::Error>>();
    let answer = match changes {
        Ok(changes) => app.site.settings_put(Some(&by), changes).await,
        Err(_) => Err(forge::Error::invalid("nothing was changed: something below can't be taken as it is")),
    };
    match answer {
        Ok(()) => {
            // The page is the first to show it.
            let settings = app.site.settings();
            settings.text(Name::SiteName).clone_into(&mut visitor.shell.site);
            settings.text(Name::Announcement).clone_into(&mut visitor.shell.announcement);
            page(&app, visitor, None, String::new(), "Saved, and in force.".to_owned()).await
        }
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => page(&app, visitor, Some(&typed), error.to_string(), String::new()).await,
    }
}

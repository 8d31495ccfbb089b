//! Who looks at a page, and what every page shows around its own content.

use super::cookies;
use super::error::PageError;
use crate::app::App;
use crate::identity;
use axum::extract::{FromRequestParts, OriginalUri};
use forge::Principal;
use forge::settings::Name;
use http::StatusCode;
use http::request::Parts;

/// What the frame of a page is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shell {
    /// What the site is called.
    pub(crate) site: String,
    /// A line that its operators show everybody; empty: none.
    pub(crate) announcement: String,
    /// Who is signed in.
    pub(crate) user: Option<String>,
    /// They run the site.
    pub(crate) operator: bool,
    /// Their role of the instance is asleep in this session.
    pub(crate) role_asleep: bool,
    /// They must set up a second factor before anything else.
    pub(crate) must_enrol: bool,
    /// `light`, `dark`, or nothing.
    pub(crate) theme: &'static str,
    /// The vaults are practice vaults.
    pub(crate) practice: bool,
    /// Too few vaults answer: nothing can be written.
    pub(crate) read_only: Option<String>,
    /// The page's own address.
    pub(crate) here: String,
    /// The version in assets' addresses.
    pub(crate) assets: &'static str,
}

impl Shell {
    /// What of it is the same for everybody: for what is kept.
    pub(crate) fn of_the_site() -> Self {
        Self { assets: super::assets::VERSION.as_str(), ..Self::default() }
    }

    /// The address without its query.
    pub(crate) fn here_path(&self) -> &str {
        self.here.split('?').next().unwrap_or_default()
    }

    /// Whether a link of a list leads to this page or to what it is in; the first of administration is in nothing but itself.
    pub(crate) fn is_within(&self, href: &str) -> bool {
        let here = self.here_path();
        let below = here.strip_prefix(href).is_some_and(|rest| rest.starts_with('/'));
        here == href || (below && href != "/-/admin")
    }

    /// Where an icon is.
    pub(crate) fn icon(&self, name: &str) -> String {
        format!(
            "<svg class=\"icon\" aria-hidden=\"true\"><use href=\"/-/assets/{}/icons.svg#{name}\"/></svg>",
            self.assets
        )
    }
}

/// Somebody, or nobody in particular.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) who: Option<Principal>,
    pub(crate) shell: Shell,
}

impl Visitor {
    /// Who it is; asks to sign in when it's nobody.
    pub(crate) fn signed_in(&self) -> Result<&Principal, PageError> {
        let who = self.who.as_ref().ok_or_else(|| PageError::sign_in(&self.shell.here))?;
        let must_enrol = who.session().is_some_and(|session| session.must_enrol);
        let here = self.shell.here.as_str();
        // A token's scopes are the API's: here they would bind nothing.
        if who.session().is_none() && here.starts_with("/-/settings") {
            let words = "Settings are for who is signed in with a browser. A token has the API for what it may.";
            return Err(PageError::new(StatusCode::FORBIDDEN, words));
        }
        if must_enrol && ![super::error::ENROL, "/-/prove"].iter().any(|path| here.starts_with(path)) {
            Err(PageError::enrol())
        } else {
            Ok(who)
        }
    }

    /// Who it is, if they run the site. Others see what is not there.
    pub(crate) fn operator(&self) -> Result<&Principal, PageError> {
        let who = self.signed_in()?;
        if who.is_operator() { Ok(who) } else { Err(PageError::not_found()) }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let headers = &parts.headers;
        let who = match cookies::session(headers, app.is_https()) {
            // A session that is over is nobody's; the page says so by what it offers.
            Some(cookie) => {
                let who = match app.site.session(cookie).await {
                    Ok(who) => Some(who),
                    Err(error) if error.is_ours() => return Err(error.into()),
                    Err(_) => None,
                };
                if let Some(who) = &who {
                    identity::used(app, who);
                }
                who
            }
            None => identity::of(app, headers).await.map_err(|e| PageError::new(e.status(), e.message()))?,
        };
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let here = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        let session = who.as_ref().and_then(Principal::session);
        let settings = app.site.settings();
        let shell = Shell {
            site: settings.text(Name::SiteName).to_owned(),
            announcement: settings.text(Name::Announcement).to_owned(),
            user: who.as_ref().map(|who| who.name().to_owned()),
            operator: who.as_ref().is_some_and(Principal::is_operator),
            role_asleep: session.is_some_and(|session| session.role_asleep),
            must_enrol: session.is_some_and(|session| session.must_enrol),
            theme: cookies::theme(headers, app.is_https()),
            practice: app.practice,
            read_only: app.site.writability().err().map(|error| error.to_string()),
            here,
            assets: super::assets::VERSION.as_str(),
        };
        Ok(Self { who, shell })
    }
}

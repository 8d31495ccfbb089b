//! What all pages of an organisation share: the right to see it, its head and its tabs.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use axum::extract::FromRequestParts;
use forge::access::{Know, OrgAct, OrgProof, Own, See};
use forge::event::org::OrgRole;
use forge::{Error, OwnerPath};
use http::StatusCode;
use http::request::Parts;

/// The head of an organisation's pages.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// `group/sub`.
    pub(crate) path: String,
    /// The organisations it lies in, as paths, outermost first.
    pub(crate) above: Vec<(String, String)>,
    pub(crate) name: String,
    pub(crate) full_name: String,
    pub(crate) description: String,
    pub(crate) website: String,
    pub(crate) visibility: &'static str,
    /// Whether the visitor belongs to it, and owns it.
    pub(crate) member: bool,
    pub(crate) owner: bool,
    /// They belong to it, and lack the second factor that it requires.
    pub(crate) lacks_factor: bool,
    /// Which tab is open.
    pub(crate) tab: &'static str,
}

impl Frame {
    /// Where its pages are: `/group/-`.
    pub(crate) fn base(&self) -> String {
        format!("/{}/-", self.path)
    }
}

/// An organisation that the visitor may see.
pub(crate) struct OrgPage {
    pub(crate) visitor: Visitor,
    pub(crate) proof: OrgProof<See>,
    pub(crate) address: OwnerPath,
}

impl OrgPage {
    /// The head, with this tab open.
    pub(crate) fn frame(&self, tab: &'static str) -> Frame {
        let org = self.proof.org();
        let mut above = Vec::new();
        for (at, _) in org.path.match_indices('/') {
            let path = &org.path[..at];
            above.push((path.to_owned(), path.rsplit('/').next().unwrap_or(path).to_owned()));
        }
        Frame {
            above,
            path: org.path.clone(),
            name: org.name.clone(),
            full_name: org.full_name.clone().unwrap_or_else(|| org.name.clone()),
            description: org.description.clone().unwrap_or_default(),
            website: org.website.clone().unwrap_or_default(),
            visibility: org.visibility.as_str(),
            member: self.proof.role().is_some(),
            owner: self.proof.role() == Some(OrgRole::Owner),
            lacks_factor: self.proof.lacks_factor(),
            tab,
        }
    }

    pub(crate) fn shell(&self) -> Shell {
        self.visitor.shell.clone()
    }

    /// The right to more than seeing it. Who hasn't it finds nothing here.
    async fn more<A: OrgAct>(&self, app: &App) -> Result<OrgProof<A>, PageError> {
        let who = self.visitor.signed_in()?;
        match app.site.org_authorize::<A>(Some(who), &self.address).await {
            Err(Error::Forbidden(_)) => Err(PageError::not_found()),
            other => Ok(other?),
        }
    }

    /// The right of those in it.
    pub(crate) async fn know(&self, app: &App) -> Result<OrgProof<Know>, PageError> {
        self.more(app).await
    }

    /// The right of its owners.
    pub(crate) async fn own(&self, app: &App) -> Result<OrgProof<Own>, PageError> {
        self.more(app).await
    }
}

impl FromRequestParts<App> for OrgPage {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let address = parts.extensions.get::<OwnerPath>().cloned().ok_or_else(PageError::not_found)?;
        let proof = app.site.org_authorize::<See>(visitor.who.as_ref(), &address).await?;
        Ok(Self { visitor, proof, address })
    }
}

/// What a form's page says: what went wrong, or was done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) error: String,
    pub(crate) done: &'static str,
}

impl Outcome {
    /// The domain's answer as words; what is the site's own fault is no matter of the form.
    pub(crate) fn of<T>(answer: Result<T, Error>, done: &'static str) -> Result<Self, PageError> {
        match answer {
            Ok(_) => Ok(Self { error: String::new(), done }),
            Err(error) if error.is_ours() => Err(error.into()),
            Err(error) => Ok(Self { error: error.to_string(), done: "" }),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        if self.error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }
}

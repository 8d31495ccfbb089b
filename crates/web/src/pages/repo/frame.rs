//! What all pages of a repository share: the right to see it, its head, its tabs, and the revision an address names.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::part::Keeper;
use crate::pages::visitor::{Shell, Visitor};
use axum::extract::FromRequestParts;
use code::{CodePath, ReadError, Revision, Source};
use forge::event::repo::Access;
use forge::site::CodeReader;
use forge::{Principal, RepoPath};
use http::StatusCode;
use http::request::Parts;

/// The head of a repository's pages.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// `owner/name`.
    pub(crate) path: String,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) website: String,
    /// `public`, `internal` or `private`.
    pub(crate) visibility: &'static str,
    pub(crate) branch: String,
    pub(crate) empty: bool,
    pub(crate) clone_url: String,
    /// The same over SSH; empty: there is no such door.
    pub(crate) ssh_url: String,
    /// It is one of Subversion.
    pub(crate) is_svn: bool,
    /// Where Git reads one of Subversion; empty: it is one of Git.
    pub(crate) git_view_url: String,
    pub(crate) can_write: bool,
    pub(crate) can_maintain: bool,
    pub(crate) can_admin: bool,
    /// Which tab is open.
    pub(crate) tab: &'static str,
}

impl Frame {
    /// Whether a commit can be made on its pages.
    pub(crate) fn can_edit(&self) -> bool {
        self.can_write && !self.is_svn
    }

    /// What its revisions are called: one, and several.
    pub(crate) fn revisions(&self) -> (&'static str, &'static str) {
        if self.is_svn { ("revision", "revisions") } else { ("commit", "commits") }
    }

    /// Where its pages are: `/owner/name/-`.
    pub(crate) fn base(&self) -> String {
        format!("/{}/-", self.path)
    }
}

/// A repository that the visitor may see.
pub(crate) struct RepoPage {
    pub(crate) visitor: Visitor,
    pub(crate) code: CodeReader,
    pub(crate) address: RepoPath,
    pub(super) kept: Keeper,
    access: Option<Access>,
    clone_url: String,
    ssh_url: String,
    git_view_url: String,
}

impl RepoPage {
    /// The head, with this tab open.
    pub(crate) fn frame(&self, tab: &'static str) -> Frame {
        let repo = self.code.repo();
        let (owner, name) = repo.path.rsplit_once('/').unwrap_or_default();
        Frame {
            path: repo.path.clone(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            description: repo.description.clone().unwrap_or_default(),
            website: repo.website.clone().unwrap_or_default(),
            visibility: repo.visibility.as_str(),
            branch: self.code.default_branch(),
            empty: self.code.is_empty(),
            clone_url: self.clone_url.clone(),
            ssh_url: self.ssh_url.clone(),
            is_svn: repo.is_svn(),
            git_view_url: self.git_view_url.clone(),
            can_write: self.access >= Some(Access::Write),
            can_maintain: self.access >= Some(Access::Maintain),
            can_admin: self.access >= Some(Access::Admin),
            tab,
        }
    }

    /// Who may push here; others are refused, as Git would be refused.
    pub(crate) fn writer(&self) -> Result<&Principal, PageError> {
        let who = self.visitor.signed_in()?;
        if self.access >= Some(Access::Write) {
            return Ok(who);
        }
        let text = format!("You may not push to {}; its owner can allow it.", self.code.repo().path);
        Err(PageError::new(StatusCode::FORBIDDEN, text))
    }

    pub(crate) fn shell(&self) -> Shell {
        self.visitor.shell.clone()
    }

    /// Reads the repository.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Source) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, PageError> {
        Ok(self.code.read(read).await?)
    }

    /// The revision and path that the rest of an address names.
    pub(crate) async fn at(&self, rest: Rest) -> Result<At, PageError> {
        let (name, revision, path) = self.read(move |source| source.resolve_with_path(&rest.0)).await?;
        Ok(At { name, revision, path })
    }
}

impl FromRequestParts<App> for RepoPage {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let address = parts.extensions.get::<RepoPath>().cloned().ok_or_else(PageError::not_found)?;
        let kept = app.kept.keeper();
        let code = app.site.code(visitor.who.as_ref(), &address).await?;
        let access = match &visitor.who {
            Some(who) => app.site.repo_access(who, code.repo()).await?,
            None => None,
        };
        let is_svn = code.repo().is_svn();
        let ending = if is_svn { "svn" } else { "git" };
        let clone_url = format!("{}/{}.{ending}", app.site.base_url(), code.repo().path);
        let scheme = if is_svn { "svn+" } else { "" };
        let ssh_url = app.site.ssh_address().map(|address| format!("{scheme}{address}/{}.{ending}", code.repo().path));
        let ssh_url = ssh_url.unwrap_or_default();
        let git_view_url =
            if is_svn { format!("{}/{}.git", app.site.base_url(), code.repo().path) } else { String::new() };
        Ok(Self { visitor, code, address, kept, access, clone_url, ssh_url, git_view_url })
    }
}

/// A place in the history and the tree.
#[derive(Clone, Debug)]
pub(crate) struct At {
    /// The name in the address: a branch, a tag, an id.
    pub(crate) name: String,
    pub(crate) revision: Revision,
    pub(crate) path: CodePath,
}

impl At {
    /// `NAME/PATH`, for addresses.
    pub(crate) fn in_address(&self) -> String {
        place(&self.name, &self.path)
    }

    /// The path from the root of everything, where the revision is only a part of it.
    pub(crate) fn whole_path(&self) -> CodePath {
        let root = self.revision.id.root();
        if root.is_root() {
            return self.path.clone();
        }
        CodePath::parse(&[root.as_bytes(), b"/", self.path.as_bytes()].concat()).unwrap_or_default()
    }

    /// `ID/PATH`: the same for ever.
    pub(crate) fn permanent(&self) -> String {
        place(&self.revision.id.0, &self.path)
    }

    /// The name as people see it: ids shortened.
    pub(crate) fn shown(&self) -> String {
        if self.name == self.revision.id.0 {
            self.revision.id.short().to_owned()
        } else {
            code::visible(self.name.as_bytes())
        }
    }
}

/// `NAME/PATH` with everything encoded that an address can't have.
pub(crate) fn place(name: &str, path: &CodePath) -> String {
    let name = CodePath::parse(name.as_bytes()).unwrap_or_default().in_address();
    if path.is_root() { name } else { format!("{name}/{}", path.in_address()) }
}

/// What follows the page's own word in an address, as bytes: names and paths need not be UTF-8.
#[derive(Clone, Debug)]
pub(crate) struct Rest(pub(crate) Vec<u8>);

impl<S: Send + Sync> FromRequestParts<S> for Rest {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        let path = parts.uri.path().trim_start_matches('/');
        let (_, rest) = path.split_once('/').unwrap_or((path, ""));
        percent_decoded(rest).map(Self).ok_or_else(PageError::not_found)
    }
}

/// The bytes of an address; None: a percent sign is not followed by two digits.
pub(crate) fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, more)) = rest.split_first() {
        rest = more;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, more) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = more;
    }
    Some(bytes)
}

/// A step of the way to a path.
pub(crate) struct Crumb {
    pub(crate) name: String,
    /// Its page; None for where one is.
    pub(crate) href: Option<String>,
}

/// The way from the root to a path.
pub(crate) fn crumbs(frame: &Frame, at: &At) -> Vec<Crumb> {
    let mut crumbs = Vec::new();
    let mut path = CodePath::root();
    let count = at.path.parts().count();
    let root = (count > 0).then(|| format!("{}/tree/{}", frame.base(), place(&at.name, &path)));
    crumbs.push(Crumb { name: frame.name.clone(), href: root });
    for (index, part) in at.path.parts().enumerate() {
        path = path.join(part).unwrap_or_default();
        let href = (index + 1 < count).then(|| format!("{}/tree/{}", frame.base(), place(&at.name, &path)));
        crumbs.push(Crumb { name: code::visible(part), href });
    }
    crumbs
}

/// A revision as lists show it.
#[derive(Clone, Debug)]
pub(crate) struct RevisionRow {
    pub(crate) id: String,
    pub(crate) short: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) author: String,
    pub(crate) email: String,
    /// HTML.
    pub(crate) time: String,
    pub(crate) signed: bool,
}

impl From<&Revision> for RevisionRow {
    fn from(revision: &Revision) -> Self {
        Self {
            id: revision.id.0.clone(),
            short: revision.id.short().to_owned(),
            subject: if revision.subject().is_empty() {
                "(no message)".to_owned()
            } else {
                revision.subject().to_owned()
            },
            body: revision.body().to_owned(),
            author: revision.author.name.clone(),
            email: revision.author.email.clone(),
            time: crate::pages::show::time(revision.committer.time.seconds),
            signed: revision.signature.is_some(),
        }
    }
}

/// The list of branches and tags for choosing another, and what stays of the address.
pub(crate) struct Switcher {
    pub(crate) shown: String,
    pub(crate) branches: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
}

/// Names offered in the switcher; the pages of branches and tags have all.
const SWITCHER_MAX: usize = 100;

impl Switcher {
    /// For pages `verb`, at this place.
    pub(crate) fn new(source: &dyn Source, frame_base: &str, verb: &str, at: &At) -> Result<Self, ReadError> {
        let links = |kind| -> Result<Vec<(String, String)>, ReadError> {
            let names = source.short_names(kind)?;
            let link = |name: String| {
                let href = format!("{frame_base}/{verb}/{}", place(&name, &at.path));
                (code::visible(name.as_bytes()), href)
            };
            Ok(names.into_iter().take(SWITCHER_MAX).map(link).collect())
        };
        Ok(Self { shown: at.shown(), branches: links(code::NameKind::Branch)?, tags: links(code::NameKind::Tag)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_bytes() {
        assert_eq!(percent_decoded("a%20b/%FF"), Some(b"a b/\xff".to_vec()));
        assert_eq!((percent_decoded("%"), percent_decoded("%zz")), (None, None));
        let path = CodePath::parse(b"a b/#?\xff").unwrap();
        assert_eq!(place("feature/x", &path), "feature/x/a%20b/%23%3F%FF");
    }
}

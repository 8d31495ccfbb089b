//! The ways into a site.

/// A way to repositories. Each has a row for each act in the matrix of `crates/outlast/tests/e2e/matrix`, and its source files in
/// `crates/outlast/tests/doors.rs`: a new one does not pass the tests before it is in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The pages, with a session.
    Pages,
    /// The REST API, with a token.
    Api,
    /// Git's smart protocol over HTTP, with a token.
    GitHttp,
    /// Git over SSH, with a key.
    Ssh,
    /// Subversion over HTTP, with a token.
    SvnHttp,
    /// Subversion over SSH, with a key.
    SvnSsh,
}

impl Door {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Pages, Self::Api, Self::GitHttp, Self::Ssh, Self::SvnHttp, Self::SvnSsh];
}

//! The list: each route with an example of it and the least of those who may.

use super::people::Person;

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Whoever asks.
    Anyone,
    /// Every account.
    SignedIn,
    /// Who may read the private repository.
    Reader,
    /// Who may write to it.
    Writer,
    /// Who may administer it; for accounts' own things, that account.
    Owner,
    /// Only the admin socket: over the network there is no such address.
    Socket,
}

impl May {
    pub(super) fn allows(self, person: Person) -> bool {
        use Person as P;
        match self {
            Self::Anyone => true,
            Self::SignedIn => person != P::Nobody,
            Self::Reader => matches!(person, P::Reader | P::Writer | P::Owner),
            Self::Writer => matches!(person, P::Writer | P::Owner),
            Self::Owner => person == P::Owner,
            Self::Socket => false,
        }
    }
}

/// One route.
pub(super) struct Row {
    /// The file of `crates/web/src` that has it.
    pub(super) file: &'static str,
    pub(super) method: &'static str,
    /// As written there.
    pub(super) pattern: &'static str,
    /// An address that it answers; `{repo}` is the repository's path.
    pub(super) address: &'static str,
    /// A body that it takes.
    pub(super) body: &'static str,
    pub(super) may: May,
}

const fn row(
    file: &'static str,
    method: &'static str,
    pattern: &'static str,
    address: &'static str,
    body: &'static str,
    may: May,
) -> Row {
    Row { file, method, pattern, address, body, may }
}

const fn get(file: &'static str, pattern: &'static str, address: &'static str, may: May) -> Row {
    row(file, "GET", pattern, address, "", may)
}

const REPO: &str = "/repos/{owner}/{name}";
const PERSON: &str = "/repos/{owner}/{name}/collaborators/{user}";
const TOKENS: &str = "/users/{name}/tokens";
const TOKEN: &str = r#"{"name":"x","scopes":["repo:read"]}"#;

/// Every route, in the order of its file.
pub(super) static ROUTES: &[Row] = &[
    get("health", "/healthz", "/healthz", May::Anyone),
    get("health", "/metrics", "/metrics", May::Anyone),
    get("log", "/log/checkpoint", "/log/checkpoint", May::Anyone),
    get("log", "/log/policy", "/log/policy", May::Anyone),
    get("log", "/log/tile/{*path}", "/log/tile/0/000.p/1", May::Anyone),
    get("api/mod", "/version", "/api/v1/version", May::Anyone),
    get("api/outlast", "/outlast/status", "/api/v1/outlast/status", May::Anyone),
    get("api/users", "/user", "/api/v1/user", May::SignedIn),
    get("api/users", "/users/{name}", "/api/v1/users/ann", May::Anyone),
    get("api/tokens", TOKENS, "/api/v1/users/ann/tokens", May::Owner),
    // Takes a password, never a token.
    row("api/tokens", "POST", TOKENS, "/api/v1/users/ann/tokens", TOKEN, May::Socket),
    row("api/tokens", "DELETE", "/users/{name}/tokens/{id}", "/api/v1/users/ann/tokens/{spare}", "", May::Owner),
    get("api/repos", "/user/repos", "/api/v1/user/repos", May::SignedIn),
    row("api/repos", "POST", "/user/repos", "/api/v1/user/repos", r#"{"name":"made","private":true}"#, May::SignedIn),
    get("api/repos", "/users/{name}/repos", "/api/v1/users/ann/repos", May::Anyone),
    get("api/repos", "/repos/search", "/api/v1/repos/search", May::Anyone),
    get("api/repos", REPO, "/api/v1/repos/{repo}", May::Reader),
    row("api/repos", "PATCH", REPO, "/api/v1/repos/{repo}", r#"{"private":true,"default_branch":"side"}"#, May::Owner),
    get("api/branches", "/repos/{owner}/{name}/branches", "/api/v1/repos/{repo}/branches", May::Reader),
    get("api/branches", "/repos/{owner}/{name}/tags", "/api/v1/repos/{repo}/tags", May::Reader),
    get("api/branches", "/repos/{owner}/{name}/git/refs", "/api/v1/repos/{repo}/git/refs", May::Reader),
    get("api/collaborators", "/repos/{owner}/{name}/collaborators", "/api/v1/repos/{repo}/collaborators", May::Owner),
    row(
        "api/collaborators",
        "PUT",
        PERSON,
        "/api/v1/repos/{repo}/collaborators/eve",
        r#"{"permission":"read"}"#,
        May::Owner,
    ),
    row("api/collaborators", "DELETE", PERSON, "/api/v1/repos/{repo}/collaborators/eve", "", May::Owner),
    row("api/admin", "POST", "/admin/users", "/api/v1/admin/users", r#"{"username":"mallory"}"#, May::Socket),
    row(
        "api/admin",
        "POST",
        "/admin/users/{name}/repos",
        "/api/v1/admin/users/ann/repos",
        r#"{"name":"other"}"#,
        May::Socket,
    ),
    row("api/admin", "POST", "/admin/users/{name}/tokens", "/api/v1/admin/users/ann/tokens", TOKEN, May::Socket),
    row("api/admin", "POST", "/admin/tokens/revoke", "/api/v1/admin/tokens/revoke", r#"{"id":1}"#, May::Socket),
    get("api/admin", "/admin/receipts/{entry}", "/api/v1/admin/receipts/1", May::Socket),
    get("api/doctor", "/admin/doctor", "/api/v1/admin/doctor", May::Socket),
];

const FETCH: &str = "/{repo}.git/info/refs?service=git-upload-pack";
const PUSH: &str = "/{repo}.git/info/refs?service=git-receive-pack";

/// What is no route of the router, because owners nest: the fallback's addresses.
pub(super) static FALLBACK: &[Row] = &[
    get("git_http", "", FETCH, May::Reader),
    get("git_http", "", PUSH, May::Writer),
    row("git_http", "POST", "", "/{repo}.git/git-upload-pack", "0000", May::Reader),
    row("git_http", "POST", "", "/{repo}.git/git-receive-pack", "0000", May::Writer),
    get("git_http", "", "/{repo}/-/receipts/{entry}", May::Reader),
];

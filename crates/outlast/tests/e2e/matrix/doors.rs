//! How each act is tried by each door.

use forge::access::Door;

/// A request; `{repo}` is the repository's path, and `{svn}` that of the one of Subversion that is as visible.
pub(super) struct Probe {
    pub(super) method: &'static str,
    pub(super) address: &'static str,
    pub(super) body: &'static str,
    pub(super) via: Via,
}

/// What somebody is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    Session,
    Token,
    Key,
    /// A key, and words of Subversion's protocol.
    Svn,
}

fn page(method: &'static str, address: &'static str, body: &'static str) -> Probe {
    Probe { method, address, body, via: Via::Session }
}

fn program(method: &'static str, address: &'static str, body: &'static str) -> Probe {
    Probe { method, address, body, via: Via::Token }
}

/// A command; nothing is sent after it, so that it shows the refs or says why not.
fn command(address: &'static str) -> Probe {
    Probe { method: "GET", address, body: "", via: Via::Key }
}

/// What a client of Subversion says, after the repository's address.
fn session(words: &'static str) -> Probe {
    Probe { method: "GET", address: "/{repo}.svn", body: words, via: Via::Svn }
}

const FETCH: &str = "/{repo}.git/info/refs?service=git-upload-pack";
const PUSH: &str = "/{repo}.git/info/refs?service=git-receive-pack";
/// Git's view of a repository of Subversion.
const FETCH_VIEW: &str = "/{svn}.git/info/refs?service=git-upload-pack";
const DESCRIBED: &str = "description=Words&website=&branch=main";

/// The requests that try an act by a door. A door that does not offer an act has an empty row, with the reason.
pub(super) fn probes(door: Door, act: &str) -> Vec<Probe> {
    match (door, act) {
        (Door::Pages, "Read") => vec![page("GET", "/{repo}", ""), page("GET", "/{repo}/-/file/main/README", "")],
        // Issues are not here yet.
        (Door::Pages | Door::Api, "Triage") => vec![],
        // Files are not edited by the API yet.
        (Door::Pages, "Write") => vec![page("GET", "/{repo}/-/edit/main/README", "")],
        (Door::Api, "Write") => vec![],
        (Door::Pages, "Maintain") => {
            vec![page("GET", "/{repo}/-/settings", ""), page("POST", "/{repo}/-/settings", DESCRIBED)]
        }
        (Door::Pages, "Administer") => vec![
            page("GET", "/{repo}/-/settings/people", ""),
            page("GET", "/{repo}/-/settings/protections", ""),
            page("POST", "/{repo}/-/settings/people", "user=eve&access=read"),
        ],
        (Door::Api, "Read") => {
            vec![program("GET", "/api/v1/repos/{repo}", ""), program("GET", "/api/v1/repos/{repo}/branches", "")]
        }
        (Door::Api, "Maintain") => vec![program("PATCH", "/api/v1/repos/{repo}", r#"{"description":"Words"}"#)],
        (Door::Api, "Administer") => vec![
            program("GET", "/api/v1/repos/{repo}/collaborators", ""),
            program("GET", "/api/v1/repos/{repo}/branch_protections", ""),
            program("PUT", "/api/v1/repos/{repo}/collaborators/eve", r#"{"permission":"read"}"#),
        ],
        (Door::GitHttp, "Read") => vec![program("GET", FETCH, ""), program("GET", FETCH_VIEW, "")],
        (Door::GitHttp, "Write") => vec![program("GET", PUSH, "")],
        (Door::Ssh, "Read") => vec![command("git-upload-pack '/{repo}.git'"), command("git-upload-pack '/{svn}.git'")],
        (Door::Ssh, "Write") => vec![command("git-receive-pack '/{repo}.git'")],
        (Door::SvnHttp, "Read") => vec![program("PROPFIND", "/{repo}.svn/", ""), program("GET", "/{repo}.svn/", "")],
        // A transaction is begun, which nobody can see.
        (Door::SvnHttp, "Write") => vec![program("POST", "/{repo}.svn/!svn/me", "( create-txn )")],
        (Door::SvnSsh, "Read") => vec![session("( get-latest-rev ( ) ) ")],
        (Door::SvnSsh, "Write") => vec![session("( commit ( 1:m ( ) false ( ) ) ) ( abort-edit ( ) ) ")],
        // Subversion's moves revisions and locks.
        (Door::SvnHttp | Door::SvnSsh, "Triage" | "Maintain" | "Administer") => vec![],
        // Git's protocol moves refs and objects, and changes nothing else.
        (Door::GitHttp | Door::Ssh, "Triage" | "Maintain" | "Administer") => vec![],
        (door, act) => panic!("no row for the act {act} by {door:?}"),
    }
}

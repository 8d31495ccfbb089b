//! What a client may ask to be run: a closed grammar.
//!
//! ```text
//! command = ("git-upload-pack" | "git upload-pack" | "git-receive-pack" | "git receive-pack") SP path
//!         | "svnserve -t"
//! path    = "'" name "'" | '"' name '"' | name
//! name    = ["/"] OWNER *("/" GROUP) "/" NAME [".git"] ["/"]
//! ```
//! Nothing is unquoted, expanded or split as a shell would: a name has no character that would need it.

use forge::RepoPath;

/// Bytes of a command.
pub const COMMAND_BYTES_MAX: usize = 1024;

/// A command that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exec {
    /// Fetch from this repository.
    UploadPack(RepoPath),
    /// Push to it.
    ReceivePack(RepoPath),
    /// Speak Subversion's protocol.
    Svnserve,
}

/// Why a command is refused. The text is for the person at the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing that is done here.
    Unknown,
    /// What it is about is no repository's address.
    Address,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "this site runs no such command: it serves git clone, fetch and push, and svn",
            Self::Address => "a repository's address here is ssh://HOST/OWNER/NAME.git",
        })
    }
}

/// Understands a command.
///
/// # Errors
/// When it is none of the grammar's.
pub fn parse(command: &[u8]) -> Result<Exec, Refused> {
    if command.len() > COMMAND_BYTES_MAX {
        return Err(Refused::Unknown);
    }
    let text = std::str::from_utf8(command).map_err(|_| Refused::Unknown)?;
    if text == "svnserve -t" {
        return Ok(Exec::Svnserve);
    }
    let rest = text.strip_prefix("git-").or_else(|| text.strip_prefix("git ")).ok_or(Refused::Unknown)?;
    let (verb, argument) = rest.split_once(' ').ok_or(Refused::Unknown)?;
    match verb {
        "upload-pack" => path(argument).map(Exec::UploadPack),
        "receive-pack" => path(argument).map(Exec::ReceivePack),
        _ => Err(Refused::Unknown),
    }
}

fn path(argument: &str) -> Result<RepoPath, Refused> {
    let quoted = |mark: char| argument.strip_prefix(mark)?.strip_suffix(mark);
    let name = quoted('\'').or_else(|| quoted('"')).unwrap_or(argument);
    let name = name.strip_prefix('/').unwrap_or(name);
    let name = name.strip_suffix('/').unwrap_or(name);
    let name = name.strip_suffix(".git").unwrap_or(name);
    name.parse().map_err(|_| Refused::Address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every way to write a command that means this.
    fn ways(exec: &Exec) -> Vec<String> {
        let (verb, path) = match exec {
            Exec::UploadPack(path) => ("upload-pack", path),
            Exec::ReceivePack(path) => ("receive-pack", path),
            Exec::Svnserve => return vec!["svnserve -t".to_owned()],
        };
        let mut ways = Vec::new();
        for git in ["git-", "git "] {
            for mark in ["", "'", "\""] {
                for before in ["", "/"] {
                    for after in ["", ".git", "/", ".git/"] {
                        ways.push(format!("{git}{verb} {mark}{before}{path}{after}{mark}"));
                    }
                }
            }
        }
        ways
    }

    fn execs() -> impl Strategy<Value = Exec> {
        let name = "[a-zA-Z0-9][a-zA-Z0-9_-]{0,9}";
        (prop::collection::vec(name, 2..5), 0..3u8).prop_filter_map("a name that is reserved", |(names, kind)| {
            let path = names.join("/").parse().ok()?;
            Some(match kind {
                0 => Exec::UploadPack(path),
                1 => Exec::ReceivePack(path),
                _ => Exec::Svnserve,
            })
        })
    }

    #[test]
    fn what_clients_send_is_understood() {
        let path = || "ann/x".parse::<RepoPath>().unwrap();
        for text in ["git-upload-pack '/ann/x.git'", "git-upload-pack 'ann/x'", "git upload-pack '/ann/x.git'"] {
            assert_eq!(parse(text.as_bytes()), Ok(Exec::UploadPack(path())), "{text}");
        }
        assert_eq!(parse(b"git-receive-pack '/ann/x.git'"), Ok(Exec::ReceivePack(path())));
        assert_eq!(parse(b"git-upload-pack /group/sub/x.git"), Ok(Exec::UploadPack("group/sub/x".parse().unwrap())));
        assert_eq!(parse(b"svnserve -t"), Ok(Exec::Svnserve));
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        for (text, refused) in [
            ("", Refused::Unknown),
            ("ls", Refused::Unknown),
            ("git-upload-pack", Refused::Unknown),
            ("git-upload-archive '/ann/x.git'", Refused::Unknown),
            ("git-upload-pack  '/ann/x.git'", Refused::Address),
            ("git-upload-pack '/ann/x.git' ", Refused::Address),
            ("git-upload-pack '/ann/x.git'; id", Refused::Address),
            ("git-upload-pack --strict '/ann/x.git'", Refused::Address),
            ("git-upload-pack '--upload-pack=id'", Refused::Address),
            ("git-upload-pack '/../ann/x.git'", Refused::Address),
            ("git-upload-pack '~ann/x.git'", Refused::Address),
            ("git-upload-pack 'ann/x'\\''y.git'", Refused::Address),
            ("git-upload-pack '/ann/x.git", Refused::Address),
            ("git-upload-pack '/ann/$(id).git'", Refused::Address),
            ("git-upload-pack '/ann/x.git'\n", Refused::Address),
            ("GIT-UPLOAD-PACK '/ann/x.git'", Refused::Unknown),
            ("svnserve -t -r /", Refused::Unknown),
            ("svnserve", Refused::Unknown),
            ("/usr/bin/git-upload-pack '/ann/x.git'", Refused::Unknown),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(refused), "{text:?}");
        }
        let long = format!("git-upload-pack '/ann/{}'", "x".repeat(COMMAND_BYTES_MAX));
        assert_eq!(parse(long.as_bytes()), Err(Refused::Unknown));
    }

    proptest! {
        #[test]
        fn every_way_of_writing_it_means_the_same(exec in execs()) {
            for way in ways(&exec) {
                prop_assert_eq!(parse(way.as_bytes()), Ok(exec.clone()), "{}", way);
            }
        }

        /// A command with something changed in it is refused, or is a way of writing what it is taken for.
        #[test]
        fn a_changed_command_means_what_it_says_or_nothing(
            exec in execs(), way: prop::sample::Index, place: prop::sample::Index, change in 0..3u8, byte: u8,
        ) {
            let all = ways(&exec);
            let mut bytes = all[way.index(all.len())].clone().into_bytes();
            let at = place.index(bytes.len());
            match change {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
            if let Ok(taken) = parse(&bytes) {
                let text = String::from_utf8(bytes).unwrap();
                prop_assert!(ways(&taken).contains(&text), "{:?} was taken for {:?}", text, taken);
            }
        }

        #[test]
        fn any_bytes_are_understood_or_refused(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}

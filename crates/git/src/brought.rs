//! What a push brings to a branch: its commits with their signatures, and the paths that it changes. All of it may lie in a quarantine
//! still, so it is Git's own programs that read it.

use crate::ObjectId;
use crate::child::ChildError;
use crate::quarantine::Quarantine;
use crate::read::{Carried, signature_of};
use crate::repository::{Repository, RepositoryError};
use code::Signature;
use std::io::ErrorKind;

/// Commits of one move whose signatures are looked at.
pub const BROUGHT_COMMITS_MAX: usize = 10_000;
/// Bytes of the names of paths that one move changes.
pub const CHANGED_PATHS_BYTES_MAX: u64 = 16 << 20;
/// Commits that are read at one time, and their bytes.
const AT_ONCE: usize = 100;
const AT_ONCE_BYTES_MAX: u64 = 64 << 20;

/// A commit's signature, as far as the commit itself says.
#[derive(Clone, Debug)]
pub struct Brought {
    /// The commit.
    pub id: ObjectId,
    /// The committer's mail address.
    pub email: String,
    /// What kind of signature it is, and whether it is right as far as that can be said without a key of somebody's.
    pub signature: Option<(Signature, Carried)>,
}

impl Repository {
    /// The commits that `new` leads to and none of `known` does; None: more than [`BROUGHT_COMMITS_MAX`].
    ///
    /// # Errors
    /// When Git cannot tell, for instance because one of them is not there.
    pub async fn brought(
        &self,
        new: ObjectId,
        known: &[ObjectId],
        quarantine: Option<&Quarantine>,
    ) -> Result<Option<Vec<ObjectId>>, RepositoryError> {
        let mut walk = self.command("rev-list").number("--max-count=", BROUGHT_COMMITS_MAX as u64 + 1).flag("--stdin");
        if let Some(quarantine) = quarantine {
            walk = walk.quarantine(quarantine.path());
        }
        let not = known.iter().map(|id| format!("^{id}\n")).collect::<String>();
        let listed = walk.run(format!("{new}\n{not}").as_bytes(), 80 * (BROUGHT_COMMITS_MAX as u64 + 1)).await?;
        let ids: Vec<_> = String::from_utf8_lossy(&listed).lines().filter_map(|line| line.parse().ok()).collect();
        Ok(Some(ids).filter(|ids| ids.len() <= BROUGHT_COMMITS_MAX))
    }

    /// The signatures of some commits, in their order; None: they are too large to be looked at.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub async fn signatures_of(
        &self,
        commits: &[ObjectId],
        quarantine: Option<&Quarantine>,
    ) -> Result<Option<Vec<Brought>>, RepositoryError> {
        let mut found = Vec::with_capacity(commits.len());
        for some in commits.chunks(AT_ONCE) {
            let mut read = self.command("cat-file").flag("--batch").flag("--buffer");
            if let Some(quarantine) = quarantine {
                read = read.quarantine(quarantine.path());
            }
            let asked = some.iter().map(|id| format!("{id}\n")).collect::<String>();
            let Some(answer) = unless_too_much(read.run(asked.as_bytes(), AT_ONCE_BYTES_MAX).await)? else {
                return Ok(None);
            };
            let mut rest = answer.as_slice();
            for id in some {
                let (bytes, after) =
                    object(rest).ok_or_else(|| self.damaged(format!("commit {id} is not to be read")))?;
                let (email, signature) = signature_of(bytes);
                found.push(Brought { id: *id, email, signature });
                rest = after;
            }
        }
        Ok(Some(found))
    }

    /// The paths in which two commits differ; against nothing (`old` None) all that there are. None: they are too many.
    ///
    /// # Errors
    /// When Git cannot tell.
    pub async fn changed_paths(
        &self,
        old: Option<ObjectId>,
        new: ObjectId,
        quarantine: Option<&Quarantine>,
    ) -> Result<Option<Vec<String>>, RepositoryError> {
        let mut compare = match old {
            Some(old) => {
                let compare = self.command("diff-tree").flag("-r").flag("-z").flag("--name-only").flag("--no-renames");
                compare.object(old).object(new)
            }
            None => self.command("ls-tree").flag("-r").flag("-z").flag("--name-only").object(new),
        };
        if let Some(quarantine) = quarantine {
            compare = compare.quarantine(quarantine.path());
        }
        let names = unless_too_much(compare.run(b"", CHANGED_PATHS_BYTES_MAX).await)?;
        let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let each = |names: Vec<u8>| names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(name).collect();
        Ok(names.map(each))
    }
}

/// What Git said; None: more than was asked for.
fn unless_too_much(said: Result<Vec<u8>, ChildError>) -> Result<Option<Vec<u8>>, ChildError> {
    match said {
        Err(ChildError::Io(error)) if error.kind() == ErrorKind::FileTooLarge => Ok(None),
        said => said.map(Some),
    }
}

/// The first object of what `cat-file --batch` says, and what follows it.
fn object(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = answer.iter().position(|byte| *byte == b'\n')?;
    let mut words = std::str::from_utf8(&answer[..line]).ok()?.split(' ');
    let (_, kind, size) = (words.next()?, words.next()?, words.next()?.parse::<usize>().ok()?);
    let (bytes, after) = answer[line + 1..].split_at_checked(size)?;
    (kind == "commit").then_some((bytes, after.strip_prefix(b"\n")?))
}

//! Whether refs may move: compare-and-swap against the table, and git's rules about names.

use crate::db::{DbError, Tx};
use crate::event::Oid;
use crate::event::push::RefMove;
use std::collections::BTreeMap;

/// Refs of a push beyond which the whole table is read at once instead of each name's surroundings.
const READ_ALL_FROM: usize = 32;

/// The refs a push has to do with, as the table has them.
pub(super) type Known = BTreeMap<String, Oid>;

/// Reads the refs these moves have to do with: themselves, and those whose names they would collide with.
pub(super) fn known_refs(tx: &mut Tx, repo: u64, moves: &[RefMove]) -> Result<Known, DbError> {
    let mut known = Known::new();
    let mut add = |row: crate::db::Row| {
        let (name, oid): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let oid = Oid::new(&oid).ok_or_else(|| DbError::mistake(format!("the ref {name} has no object id")))?;
        known.insert(name, oid);
        Ok::<_, DbError>(())
    };
    if moves.len() >= READ_ALL_FROM {
        tx.query_each("SELECT name, oid FROM ref WHERE repo = ?1", &[repo.into()], &mut add)?;
        return Ok(known);
    }
    for name in moves.iter().map(|m| m.name.as_str()) {
        for exact in parents(name).chain([name]) {
            let sql = "SELECT name, oid FROM ref WHERE repo = ?1 AND name = ?2";
            tx.query_each(sql, &[repo.into(), exact.into()], &mut add)?;
        }
        // Everything below NAME/, and '0' is the character after '/'.
        let sql = "SELECT name, oid FROM ref WHERE repo = ?1 AND name >= ?2 AND name < ?3 ORDER BY name LIMIT ?4";
        let limit = u64::try_from(moves.len()).unwrap_or(u64::MAX) + 1;
        let bounds = [repo.into(), format!("{name}/").into(), format!("{name}0").into(), limit.into()];
        tx.query_each(sql, &bounds, &mut add)?;
    }
    Ok(known)
}

/// `refs/heads/a/b` has the parents `refs/heads/a`, `refs/heads`, `refs`.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(i, _)| &name[..i])
}

/// Judges each move as if those before it, and all deletions, had been made. `None`: it may be made.
pub(super) fn judge(mut known: Known, head: &str, moves: &[RefMove]) -> Vec<Option<String>> {
    let mut verdicts: Vec<Option<String>> = moves.iter().map(|m| compare(&known, head, m)).collect();
    let good = |verdicts: &[Option<String>], i: usize| verdicts[i].is_none();
    for (i, _) in moves.iter().enumerate().filter(|(i, m)| m.new.is_none() && good(&verdicts, *i)) {
        known.remove(&moves[i].name);
    }
    for (i, update) in moves.iter().enumerate() {
        let Some(new) = update.new.as_ref().filter(|_| good(&verdicts, i)) else { continue };
        verdicts[i] = collision(&known, &update.name);
        if verdicts[i].is_none() {
            known.insert(update.name.clone(), new.clone());
        }
    }
    verdicts
}

/// Whether a ref is where a move would bring it, which a push that is sent again finds. Of one deleted nothing is left to tell by.
pub(super) fn is_there(known: &Known, update: &RefMove) -> bool {
    update.new.is_some() && known.get(&update.name) == update.new.as_ref()
}

fn compare(known: &Known, head: &str, update: &RefMove) -> Option<String> {
    let text = match (known.get(&update.name), &update.old) {
        (now, old) if now == old.as_ref() => {
            let deletes_head = update.new.is_none() && update.name == head;
            return deletes_head.then(|| "deletion of the current branch prohibited".to_owned());
        }
        _ if is_there(known, update) => return None,
        (Some(_), None) => "fetch first: somebody made this ref meanwhile",
        (None, Some(_)) => "stale info: somebody deleted this ref meanwhile",
        _ => "fetch first: somebody moved this ref meanwhile",
    };
    Some(text.to_owned())
}

/// A ref cannot be a directory of refs too.
fn collision(known: &Known, name: &str) -> Option<String> {
    let above = parents(name).find(|parent| known.contains_key(*parent)).map(str::to_owned);
    let below = || {
        let first = format!("{name}/");
        known.range(first.clone()..).next().map(|(other, _)| other).filter(|other| other.starts_with(&first)).cloned()
    };
    above.or_else(below).map(|other| format!("'{other}' exists; cannot create '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(n: u8) -> Oid {
        Oid::new(&[n; 20]).unwrap()
    }

    fn known(names: &[(&str, u8)]) -> Known {
        names.iter().map(|(name, n)| ((*name).to_owned(), oid(*n))).collect()
    }

    fn update(name: &str, old: u8, new: u8) -> RefMove {
        let id = |n: u8| (n > 0).then(|| oid(n));
        RefMove { name: name.to_owned(), old: id(old), new: id(new) }
    }

    fn verdicts(refs: &[(&str, u8)], moves: &[RefMove]) -> Vec<String> {
        let verdicts = judge(known(refs), "refs/heads/main", moves);
        verdicts
            .into_iter()
            .map(|v| v.map_or("ok".into(), |t| t.split(':').next().unwrap_or_default().into()))
            .collect()
    }

    #[test]
    fn each_ref_is_compared_alone() {
        let refs = [("refs/heads/main", 1), ("refs/heads/b", 2)];
        let moves = [
            update("refs/heads/main", 1, 3),
            update("refs/heads/b", 9, 3),
            update("refs/heads/c", 0, 3),
            update("refs/heads/b", 0, 3),
            update("refs/heads/d", 4, 3),
            update("refs/heads/b", 2, 0),
        ];
        assert_eq!(verdicts(&refs, &moves), ["ok", "fetch first", "ok", "fetch first", "stale info", "ok"]);
    }

    #[test]
    fn a_ref_that_is_there_already_has_not_moved_away() {
        let refs = [("refs/heads/main", 2), ("refs/heads/b", 2)];
        let moves = [update("refs/heads/main", 1, 2), update("refs/heads/b", 0, 2), update("refs/heads/gone", 1, 0)];
        assert_eq!(verdicts(&refs, &moves), ["ok", "ok", "stale info"]);
    }

    #[test]
    fn the_branch_that_head_points_to_stays() {
        let moves = [update("refs/heads/main", 1, 0)];
        assert_eq!(verdicts(&[("refs/heads/main", 1)], &moves), ["deletion of the current branch prohibited"]);
    }

    #[test]
    fn a_ref_is_no_directory_of_refs() {
        let refs = [("refs/heads/a", 1), ("refs/heads/x/y", 1), ("refs/heads/x0", 1)];
        let no = |over: &str, under: &str| format!("'{over}' exists; cannot create '{under}'");
        let moves = [update("refs/heads/a/b", 0, 2), update("refs/heads/x", 0, 2)];
        let expected = [no("refs/heads/a", "refs/heads/a/b"), no("refs/heads/x/y", "refs/heads/x")];
        assert_eq!(verdicts(&refs, &moves), expected);
        let moves = [update("refs/heads/a/b", 0, 2), update("refs/heads/a", 1, 0)];
        assert_eq!(verdicts(&refs, &moves), ["ok", "ok"], "what is deleted with it is not in the way");
        let moves = [update("refs/heads/n", 0, 2), update("refs/heads/n/m", 0, 2)];
        assert_eq!(verdicts(&refs, &moves), ["ok".to_owned(), no("refs/heads/n", "refs/heads/n/m")]);
    }
}

//! How two revisions, or two branches, are related: by the copies that one was made with. Merges are not counted back.

use super::place::{Place, from_fs};
use super::{SvnSource, unread};
use code::{CodePath, Comparison, ReadError, Revision, RevisionId};
use std::time::{Duration, Instant};

/// It takes at most so long.
const TIME_MAX: Duration = Duration::from_secs(5);
/// Revisions that are counted on either side.
const COUNTED_MAX: usize = 10_000;
/// Counting for a list of branches takes at most so many revisions a branch.
const LISTED_MAX: usize = 1_000;

/// A place's history, newest first.
fn history(source: &SvnSource, place: &Place, most: usize) -> Result<Option<Vec<Place>>, ReadError> {
    let until = Instant::now() + TIME_MAX;
    let mut history = source.fs.history(place.rev, place.root.as_bytes());
    let mut places = Vec::new();
    while let Some((rev, path)) = history.step().map_err(unread)? {
        places.push(Place { rev, root: from_fs(&path)? });
        if places.len() > most || (places.len() % 256 == 0 && Instant::now() > until) {
            return Ok(None);
        }
    }
    Ok(Some(places))
}

/// What only the one and only the other has, and where they parted.
struct Parted {
    base: Option<Place>,
    ahead: Vec<u64>,
    behind: usize,
}

fn parted(source: &SvnSource, base: &Place, head: &Place, most: usize) -> Result<Option<Parted>, ReadError> {
    let (Some(ours), Some(theirs)) = (history(source, head, most)?, history(source, base, most)?) else {
        return Ok(None);
    };
    // The newest revision that is in both, by the same name.
    let mut common = None;
    let (mut a, mut b) = (0, 0);
    while let (Some(x), Some(y)) = (ours.get(a), theirs.get(b)) {
        match x.rev.cmp(&y.rev) {
            std::cmp::Ordering::Greater => a += 1,
            std::cmp::Ordering::Less => b += 1,
            std::cmp::Ordering::Equal if x.root == y.root => {
                common = Some((a, b));
                break;
            }
            std::cmp::Ordering::Equal => {
                a += 1;
                b += 1;
            }
        }
    }
    let (a, b) = common.unwrap_or((ours.len(), theirs.len()));
    let ahead = ours[..a].iter().map(|place| place.rev).collect();
    Ok(Some(Parted { base: common.map(|(a, _)| ours[a].clone()), ahead, behind: b }))
}

/// See [`code::Source::compare`].
pub(super) fn compare(
    source: &SvnSource,
    base: &RevisionId,
    head: &RevisionId,
    limit: usize,
) -> Result<Comparison, ReadError> {
    let (base, head) = (source.place(base)?, source.place(head)?);
    for place in [&base, &head] {
        source.node(place, &CodePath::root())?;
    }
    let parted = parted(source, &base, &head, COUNTED_MAX)?
        .ok_or_else(|| ReadError::TooMuch("the histories are too long to compare; compare with two dots".to_owned()))?;
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let revisions = parted.ahead.iter().take(limit).map(|rev| source.revision(*rev));
    Ok(Comparison {
        base: parted.base.map(|place| place.id()),
        revisions: revisions.collect::<Result<Vec<Revision>, _>>()?,
        ahead: small(parted.ahead.len()),
        behind: small(parted.behind),
    })
}

/// How many revisions a branch has that another has not, and the other way round.
pub(super) fn ahead_behind(source: &SvnSource, base: &Place, head: &Place) -> Result<Option<(u32, u32)>, ReadError> {
    if source.node(base, &CodePath::root()).is_err() {
        return Ok(None);
    }
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let parted = parted(source, base, head, LISTED_MAX)?.filter(|parted| parted.base.is_some());
    Ok(parted.map(|parted| (small(parted.ahead.len()), small(parted.behind))))
}

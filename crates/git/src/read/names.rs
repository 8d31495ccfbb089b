//! Branches and tags.

use super::commit::RawCommit;
use super::commits::Commits;
use super::handle::{COMMIT_BYTES_MAX, Handle};
use super::resolve::{gix_id, peel};
use super::{GitSource, compare};
use crate::{Ref, RefSnapshot};
use code::{NameKind, Named, ReadError};
use gix::ObjectId;
use gix::objs::Kind;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most names that [`short_names`] gives.
const SHORT_NAMES_MAX: usize = 10_000;
/// The most names that are sorted by date. Beyond, they come by name.
const NAMES_DATED_MAX: usize = 50_000;
/// The most names on one page.
const NAMES_PAGE_MAX: usize = 200;
/// The most commits, and the longest, that one branch is counted against the default branch.
const AHEAD_BEHIND_COMMITS_MAX: usize = 200_000;
const AHEAD_BEHIND_TIME_MAX: Duration = Duration::from_millis(500);
/// The longest that all branches of a page are counted; the others are when the page is asked for again.
const AHEAD_BEHIND_PAGE_TIME_MAX: Duration = Duration::from_secs(2);

/// A name: where it is in the snapshot, and when it was made or moved last.
pub(super) struct Dated {
    index: usize,
    /// The commit that it stands for.
    pub(super) commit: ObjectId,
}

impl Dated {
    /// Its short name.
    pub(super) fn short<'a>(&self, source: &'a GitSource, kind: NameKind) -> &'a str {
        &source.refs.refs()[self.index].name.as_str()[prefix(kind).len()..]
    }
}

fn prefix(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Branch => "refs/heads/",
        NameKind::Tag => "refs/tags/",
    }
}

/// The refs of a kind with their places in the snapshot; they are sorted by name.
fn refs_of(refs: &RefSnapshot, kind: NameKind) -> impl Iterator<Item = (usize, &Ref, &str)> {
    let start = refs.refs().partition_point(|r| r.name.as_str() < prefix(kind));
    let of_kind = refs.refs()[start..].iter().enumerate();
    of_kind.map_while(move |(at, r)| Some((start + at, r, r.name.as_str().strip_prefix(prefix(kind))?)))
}

pub(super) fn is_empty(refs: &RefSnapshot) -> bool {
    [NameKind::Branch, NameKind::Tag].into_iter().all(|kind| refs_of(refs, kind).next().is_none())
}

pub(super) fn short_names(source: &GitSource, kind: NameKind) -> Vec<String> {
    refs_of(&source.refs, kind).take(SHORT_NAMES_MAX).map(|(_, _, name)| name.to_owned()).collect()
}

pub(super) fn names(
    source: &GitSource,
    kind: NameKind,
    filter: &str,
    skip: usize,
    limit: usize,
    ahead_behind: bool,
) -> Result<(Vec<Named>, usize), ReadError> {
    let handle = source.store.handle();
    let dated = dated(source, &handle, kind)?;
    let filter = filter.to_lowercase();
    let short = |dated: &Dated| dated.short(source, kind);
    let wanted = dated.iter().filter(|dated| filter.is_empty() || short(dated).to_lowercase().contains(&filter));
    let wanted = wanted.collect::<Vec<_>>();
    let page = wanted.iter().skip(skip).take(limit.min(NAMES_PAGE_MAX));
    let base = ahead_behind.then(|| source.default_commit(&handle)).transpose()?.flatten();
    let until = Instant::now() + AHEAD_BEHIND_PAGE_TIME_MAX;
    let named = page.map(|dated| {
        let r = &source.refs.refs()[dated.index];
        Ok(Named {
            kind,
            name: short(dated).to_owned(),
            revision: source.revision(&handle, &dated.commit)?.as_ref().clone(),
            ahead_behind: base.and_then(|base| ahead_behind_of(source, &handle, base, dated.commit, until)),
            annotation: annotation(&handle, r)?,
        })
    });
    Ok((named.collect::<Result<Vec<_>, ReadError>>()?, wanted.len()))
}

fn annotation(handle: &Handle<'_>, r: &Ref) -> Result<Option<String>, ReadError> {
    if r.peeled.is_none() {
        return Ok(None);
    }
    let mut buffer = Vec::new();
    handle.read(&gix_id(&r.id)?, Kind::Tag, COMMIT_BYTES_MAX, &mut buffer)?;
    Ok(Some(RawCommit::parse(&buffer).tag().1))
}

/// What a branch has and the base has not, and the other way round; None when that is too far to walk.
fn ahead_behind_of(
    source: &GitSource,
    handle: &Handle<'_>,
    base: ObjectId,
    id: ObjectId,
    until: Instant,
) -> Option<(u32, u32)> {
    let about = [base.as_bytes(), id.as_bytes()].concat();
    if let Some(kept) = source.caches.get::<(u32, u32)>(&source.store, "ahead-behind", &about) {
        return Some(*kept);
    }
    let patience = until.checked_duration_since(Instant::now())?.min(AHEAD_BEHIND_TIME_MAX);
    let mut commits = Commits::new(source, handle, AHEAD_BEHIND_COMMITS_MAX, patience);
    let counted = compare::ahead_behind(&mut commits, &base, &id).ok()?;
    source.caches.put(&source.store, "ahead-behind", &about, Arc::new(counted), 8);
    Some(counted)
}

/// All names of a kind that stand for commits, the newest first.
pub(super) fn dated(source: &GitSource, handle: &Handle<'_>, kind: NameKind) -> Result<Arc<Vec<Dated>>, ReadError> {
    let question = prefix(kind);
    let about = source.refs.generation().to_le_bytes();
    if let Some(kept) = source.caches.get(&source.store, question, &about) {
        return Ok(kept);
    }
    let many = refs_of(&source.refs, kind).nth(NAMES_DATED_MAX).is_some();
    let mut all = Vec::new();
    let mut commits = Commits::ordinary(source, handle);
    for (index, r, _) in refs_of(&source.refs, kind) {
        let id = gix_id(&r.peeled.unwrap_or(r.id))?;
        let Some(commit) = commit_of(&mut commits, handle, id)? else { continue };
        let number = commits.meet(&commit)?;
        let mut time = if many { 0 } else { commits.get(number).time };
        if r.peeled.is_some() && !many {
            time = tagged(source, handle, &gix_id(&r.id)?)?.unwrap_or(time);
        }
        all.push((time, Dated { index, commit }));
    }
    all.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    let all = Arc::new(all.into_iter().map(|(_, dated)| dated).collect::<Vec<_>>());
    let bytes = all.len() * size_of::<Dated>();
    source.caches.put(&source.store, question, &about, Arc::clone(&all), bytes);
    Ok(all)
}

/// When an annotated tag was made, if it says so.
fn tagged(source: &GitSource, handle: &Handle<'_>, id: &gix::oid) -> Result<Option<i64>, ReadError> {
    if let Some(kept) = source.caches.get::<Option<i64>>(&source.store, "tagged", id.as_bytes()) {
        return Ok(*kept);
    }
    let mut buffer = Vec::new();
    handle.read(id, Kind::Tag, COMMIT_BYTES_MAX, &mut buffer)?;
    let seconds = RawCommit::parse(&buffer).tag().0.map(|time| time.seconds);
    source.caches.put(&source.store, "tagged", id.as_bytes(), Arc::new(seconds), 16);
    Ok(seconds)
}

fn commit_of(commits: &mut Commits<'_>, handle: &Handle<'_>, id: ObjectId) -> Result<Option<ObjectId>, ReadError> {
    if commits.graph().is_some_and(|graph| graph.graph.lookup(id).is_some()) {
        return Ok(Some(id));
    }
    peel(handle, id)
}

impl GitSource {
    /// The commit that the default branch is at, if it is there.
    pub(crate) fn default_commit(&self, handle: &Handle<'_>) -> Result<Option<ObjectId>, ReadError> {
        let Some(r) = self.refs.get(self.refs.head()) else { return Ok(None) };
        peel(handle, gix_id(&r.peeled.unwrap_or(r.id))?)
    }
}

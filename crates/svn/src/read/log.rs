//! History: a path's through its copies, the root's revision by revision.

use super::place::from_fs;
use super::{SvnSource, unread};
use code::{GraphRow, LogQuery, LogStep, NameKind, ReadError, RevisionId, Source as _};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The most revisions in one answer.
const LOG_MAX: u32 = 1_000;
/// It takes at most so long.
const TIME_MAX: Duration = Duration::from_secs(10);
/// The clock is looked at after so many revisions.
const CLOCK_EVERY: u32 = 64;
/// The most words that are looked for.
const WORDS_MAX: usize = 16;

pub(super) fn log(source: &SvnSource, at: &RevisionId, query: &LogQuery) -> Result<(Vec<LogStep>, bool), ReadError> {
    let place = source.place(at)?;
    let path = place.path(&query.path)?;
    source.node(&place, &query.path)?;
    let words = query.words.as_deref().unwrap_or_default().split_whitespace().take(WORDS_MAX);
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    let until = Instant::now() + TIME_MAX;
    let without = query.without.as_ref().map(|id| source.place(id)).transpose()?.map(|place| place.rev);
    let mut history = source.fs.history(place.rev, path.as_bytes());
    let (mut steps, mut found, mut looked): (Vec<LogStep>, u32, u32) = (Vec::new(), 0, 0);
    while let Some((rev, path)) = history.step().map_err(unread)? {
        looked += 1;
        if without.is_some_and(|without| rev <= without) {
            break;
        }
        if looked.is_multiple_of(CLOCK_EVERY) && Instant::now() > until {
            if steps.is_empty() {
                return Err(ReadError::TooMuch("the history is too long to look through for this".to_owned()));
            }
            return Ok((steps, true));
        }
        let wanted = words.is_empty() || {
            let revision = source.revision(rev)?;
            let text = format!("{}\n{}", revision.message, revision.author.name).to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        if !wanted {
            continue;
        }
        found += 1;
        if found <= query.skip {
            continue;
        }
        if steps.len() >= query.limit.min(LOG_MAX) as usize {
            return Ok((steps, true));
        }
        steps.push(LogStep { revision: source.revision(rev)?, path: from_fs(&path)? });
    }
    Ok((steps, false))
}

/// Revisions are one line; branches and tags stand at their last change.
pub(super) fn graph(source: &SvnSource, skip: usize, limit: usize) -> Result<(Vec<GraphRow>, bool), ReadError> {
    let mut standing: HashMap<u64, Vec<(NameKind, String)>> = HashMap::new();
    for kind in [NameKind::Branch, NameKind::Tag] {
        for name in source.short_names(kind)? {
            let node = source.fs.at(source.youngest(), name.as_bytes()).map_err(unread)?;
            let rev = node.map_or(source.youngest(), |node| node.id.rev());
            standing.entry(rev).or_default().push((kind, name));
        }
    }
    let first = source.youngest().checked_sub(skip as u64);
    let revs: Vec<u64> = first.map_or(Vec::new(), |first| (0..=first).rev().take(limit).collect());
    let more = revs.last().is_some_and(|last| *last > 0);
    let row = |rev: u64| {
        let lines = if rev > 0 { vec![(0, 0, 0)] } else { Vec::new() };
        let names = standing.remove(&rev).unwrap_or_default();
        Ok(GraphRow { revision: source.revision(rev)?, names, lane: 0, lines })
    };
    Ok((revs.into_iter().map(row).collect::<Result<_, ReadError>>()?, more))
}

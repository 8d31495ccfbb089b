//! The drawn history: all branches' commits, no parent above its child, otherwise by time; each in a lane, with the lines
//! from its row to the next.
//!
//! Rows are made from the top, so that a row's lane is the same on whichever page it is shown.

use super::GitSource;
use super::commits::{Commits, Number};
use super::log::DateWalk;
use super::names::dated;
use code::{GraphRow, NameKind, ReadError};
use gix::ObjectId;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

/// The history is drawn so far: first a little, then, for who goes on, all.
const GRAPH_COMMITS_MAX: [usize; 2] = [4_000, 20_000];
/// The most branches that are drawn: those that moved last.
const GRAPH_BRANCHES_MAX: usize = 500;
/// What would be further right is drawn here.
const GRAPH_LANE_MAX: u16 = 63;
/// The most rows in one answer.
const GRAPH_PAGE_MAX: usize = 500;

/// A row of the drawing.
struct Row {
    id: ObjectId,
    lane: u16,
    lines: Vec<(u16, u16, u16)>,
}

/// A drawing, from the top.
struct Drawing {
    rows: Vec<Row>,
    /// There are older commits.
    cut: bool,
}

pub(super) fn graph(source: &GitSource, skip: usize, limit: usize) -> Result<(Vec<GraphRow>, bool), ReadError> {
    let limit = limit.min(GRAPH_PAGE_MAX);
    let few = skip.saturating_add(limit).saturating_mul(2) <= GRAPH_COMMITS_MAX[0];
    let handle = source.store.handle();
    let (question, commits_max) =
        if few { ("graph top", GRAPH_COMMITS_MAX[0]) } else { ("graph", GRAPH_COMMITS_MAX[1]) };
    let about = source.refs.generation().to_le_bytes();
    let drawing = match source.caches.get::<Drawing>(&source.store, question, &about) {
        Some(kept) => kept,
        None => {
            let branches = dated(source, &handle, NameKind::Branch)?;
            let tips = branches.iter().take(GRAPH_BRANCHES_MAX).map(|dated| dated.commit).collect::<Vec<_>>();
            let drawing = Arc::new(draw(&mut Commits::ordinary(source, &handle), &tips, commits_max)?);
            let lines: usize = drawing.rows.iter().map(|row| row.lines.len()).sum();
            let bytes = lines * 6 + drawing.rows.len() * size_of::<Row>();
            source.caches.put(&source.store, question, &about, Arc::clone(&drawing), bytes);
            drawing
        }
    };
    let mut names = names_by_commit(source, &handle)?;
    let page = drawing.rows.iter().skip(skip).take(limit).map(|row| {
        let revision = source.revision(&handle, &row.id)?.as_ref().clone();
        let names = names.remove(&row.id).unwrap_or_default();
        Ok(GraphRow { revision, names, lane: row.lane, lines: row.lines.clone() })
    });
    let page = page.collect::<Result<Vec<_>, ReadError>>()?;
    let more = skip.saturating_add(limit) < drawing.rows.len() || (few && drawing.cut);
    Ok((page, more))
}

type Names = HashMap<ObjectId, Vec<(NameKind, String)>>;

fn names_by_commit(source: &GitSource, handle: &super::handle::Handle<'_>) -> Result<Names, ReadError> {
    let mut names = Names::new();
    for kind in [NameKind::Branch, NameKind::Tag] {
        for dated in dated(source, handle, kind)?.iter() {
            names.entry(dated.commit).or_default().push((kind, dated.short(source, kind).to_owned()));
        }
    }
    Ok(names)
}

fn draw(commits: &mut Commits<'_>, tips: &[ObjectId], commits_max: usize) -> Result<Drawing, ReadError> {
    let mut walk = DateWalk::default();
    for tip in tips {
        let number = commits.meet(tip)?;
        walk.add(commits, number, ());
    }
    let mut met = Vec::new();
    while met.len() < commits_max
        && let Some((number, ())) = walk.next()
    {
        met.push(number);
        for parent in commits.parents(number)? {
            walk.add(commits, parent, ());
        }
    }
    let cut = walk.next().is_some();
    let order = children_first(commits, &met)?;
    let mut lanes = Lanes::default();
    for number in order {
        let parents = commits.parents(number)?;
        lanes.row(commits.get(number).id, number, &parents);
    }
    Ok(Drawing { rows: lanes.finish(), cut })
}

/// By time, but no parent before its child.
fn children_first(commits: &mut Commits<'_>, met: &[Number]) -> Result<Vec<Number>, ReadError> {
    let mut children: HashMap<Number, usize> = met.iter().map(|number| (*number, 0)).collect();
    for number in met {
        for parent in commits.parents(*number)? {
            children.entry(parent).and_modify(|count| *count += 1);
        }
    }
    let mut came = 0;
    let mut ready = BinaryHeap::new();
    for number in met.iter().filter(|number| children.get(number) == Some(&0)) {
        came += 1;
        ready.push((commits.get(*number).time, Reverse(came), *number));
    }
    let mut order = Vec::with_capacity(met.len());
    while let Some((_, _, number)) = ready.pop() {
        order.push(number);
        for parent in commits.parents(number)? {
            let Some(count) = children.get_mut(&parent) else { continue };
            *count -= 1;
            if *count == 0 {
                came += 1;
                ready.push((commits.get(parent).time, Reverse(came), parent));
            }
        }
    }
    Ok(order)
}

/// The lanes below the last row: each waits for a commit, in a colour.
#[derive(Default)]
struct Lanes {
    rows: Vec<Row>,
    waiting: Vec<Option<(Number, u16)>>,
    /// From the last row's lanes to those of `waiting`, in a colour.
    links: Vec<(usize, usize, u16)>,
    colours: u16,
}

impl Lanes {
    fn row(&mut self, id: ObjectId, number: Number, parents: &[Number]) {
        let waits = |lane: &Option<(Number, u16)>| lane.is_some_and(|(awaited, _)| awaited == number);
        let lane = match self.waiting.iter().position(waits) {
            Some(lane) => lane,
            None => self.occupy(number),
        };
        self.close_links(number, lane);
        let colour = self.waiting[lane].map_or(0, |(_, colour)| colour);
        for waiting in &mut self.waiting {
            *waiting = waiting.filter(|(awaited, _)| *awaited != number);
        }
        let pass = self.waiting.iter().enumerate().filter_map(|(lane, waiting)| Some((lane, lane, (*waiting)?.1)));
        self.links = pass.collect();
        for (index, parent) in parents.iter().enumerate() {
            let awaited = self.waiting.iter().position(|w| w.is_some_and(|(awaited, _)| awaited == *parent));
            let to = match awaited {
                // A branch goes on in its own lane till it meets the others at what they come from.
                _ if index == 0 => {
                    self.waiting[lane] = Some((*parent, colour));
                    lane
                }
                Some(to) => to,
                None => self.occupy(*parent),
            };
            let colour = self.waiting[to].map_or(colour, |(_, colour)| colour);
            self.links.push((lane, to, colour));
        }
        while self.waiting.last().is_some_and(Option::is_none) {
            self.waiting.pop();
        }
        self.rows.push(Row { id, lane: shown(lane), lines: Vec::new() });
    }

    /// The leftmost free lane begins to wait, in a new colour.
    fn occupy(&mut self, number: Number) -> usize {
        let lane = self.waiting.iter().position(Option::is_none).unwrap_or(self.waiting.len());
        if lane == self.waiting.len() {
            self.waiting.push(None);
        }
        self.waiting[lane] = Some((number, self.colours));
        self.colours = self.colours.wrapping_add(1);
        lane
    }

    /// Now it is known where the lines of the last row end: those that wait for this commit, in its lane.
    fn close_links(&mut self, number: Number, lane: usize) {
        let Some(last) = self.rows.last_mut() else { return };
        for (from, to, colour) in self.links.drain(..) {
            let ends = self.waiting.get(to).copied().flatten().is_some_and(|(awaited, _)| awaited == number);
            let line = (shown(from), shown(if ends { lane } else { to }), colour);
            let far = line.0 == GRAPH_LANE_MAX && line.1 == GRAPH_LANE_MAX;
            if !far || !last.lines.iter().any(|other| (other.0, other.1) == (line.0, line.1)) {
                last.lines.push(line);
            }
        }
    }

    fn finish(mut self) -> Vec<Row> {
        self.close_links(Number::MAX, 0);
        self.rows
    }
}

fn shown(lane: usize) -> u16 {
    u16::try_from(lane).unwrap_or(u16::MAX).min(GRAPH_LANE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(history: &[(Number, &[Number])]) -> Vec<(u16, Vec<(u16, u16)>)> {
        let mut lanes = Lanes::default();
        for (number, parents) in history {
            lanes.row(ObjectId::null(gix::hash::Kind::Sha1), *number, parents);
        }
        let lines = |row: &Row| row.lines.iter().map(|line| (line.0, line.1)).collect();
        lanes.finish().iter().map(|row| (row.lane, lines(row))).collect()
    }

    #[test]
    fn a_merged_branch_has_a_lane_of_its_own() {
        // 4 merges 3 into 2; both come from 1.
        let rows = drawn(&[(4, &[2, 3]), (3, &[1]), (2, &[1]), (1, &[])]);
        let expected =
            vec![(0, vec![(0, 0), (0, 1)]), (1, vec![(0, 0), (1, 1)]), (0, vec![(1, 0), (0, 0)]), (0, vec![])];
        assert_eq!(rows, expected);
    }

    #[test]
    fn every_line_begins_where_one_ended_or_a_dot_is() {
        let history: &[(Number, &[Number])] =
            &[(9, &[8]), (8, &[6, 7]), (7, &[5]), (6, &[4]), (5, &[3, 4]), (4, &[2]), (3, &[2]), (2, &[1]), (1, &[])];
        let rows = drawn(history);
        for pair in rows.windows(2) {
            for (from, _) in &pair[1].1 {
                let goes_on = pair[0].1.iter().any(|(_, to)| to == from);
                assert!(goes_on || *from == pair[1].0, "{pair:?}");
            }
            for (_, to) in &pair[0].1 {
                let goes_on = pair[1].1.iter().any(|(from, _)| from == to);
                assert!(goes_on || *to == pair[1].0, "{pair:?}");
            }
        }
        assert!(rows.last().unwrap().1.is_empty());
    }
}

//! What happened, in words: rows of pages and entries of feeds say the same.

mod feed;

pub(crate) use feed::{Feed, challenge};

use super::error::PageError;
use super::repo::RepoPage;
use super::show;
use crate::app::App;
use code::{LogQuery, RevisionId};
use forge::activity::Activity;
use forge::activity::revision_subject;
use forge::event::org::OrgRole;
use forge::event::push::{Pushed, RefMove};
use forge::{Event, Principal};
use std::collections::BTreeMap;
use std::time::Duration;

/// Rows of one page.
pub(crate) const ROWS: u32 = 30;
/// Refs of a push that are named.
const REFS_SHOWN_MAX: usize = 5;
/// Commits of a push that are named.
const COMMITS_SHOWN_MAX: u32 = 4;

/// Something that happened.
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) time_us: i64,
    /// None: the site's operator, or the site itself.
    pub(crate) actor: Option<String>,
    /// Whose face stands beside it.
    pub(crate) face: String,
    /// `pushed to main in`
    pub(crate) did: String,
    /// A repository or an organisation.
    pub(crate) path: String,
    /// What follows its name.
    pub(crate) rest: String,
    /// Words and where they lead.
    pub(crate) details: Vec<(String, Option<String>)>,
    /// HTML.
    pub(crate) time: String,
}

impl Row {
    /// The sentence.
    pub(crate) fn sentence(&self) -> String {
        let who = self.actor.as_deref().unwrap_or("the operator");
        format!("{who} {} {} {}", self.did, self.path, self.rest).trim_end().to_owned()
    }

    /// Where more is to be seen: its first detail's address, or the repository.
    pub(crate) fn address(&self) -> String {
        self.details.iter().find_map(|(_, href)| href.clone()).unwrap_or_else(|| format!("/{}", self.path))
    }
}

impl From<&Activity> for Row {
    fn from(activity: &Activity) -> Self {
        let (did, rest) = words(activity);
        let details = match &activity.event {
            Event::Pushed(pushed) => moves(activity.place.path(), pushed),
            Event::SvnCommitted(commit) => {
                let page = format!("/{}/-/commit/r{}", activity.place.path(), commit.rev);
                let row = |line: String| (code::visible(line.as_bytes()), Some(page.clone()));
                revision_subject(commit).into_iter().map(row).collect()
            }
            _ => Vec::new(),
        };
        Self {
            seq: activity.seq,
            time_us: activity.time_us,
            face: activity.actor.clone().unwrap_or_else(|| "operator".to_owned()),
            actor: activity.actor.clone(),
            did,
            path: activity.place.path().to_owned(),
            rest,
            details,
            time: show::time_us(activity.time_us),
        }
    }
}

/// What stands before the repository's name, and behind it.
fn words(activity: &Activity) -> (String, String) {
    let about = activity.about.as_deref().unwrap_or("somebody");
    let plain = |text: &str| (text.to_owned(), String::new());
    match &activity.event {
        Event::RepoCreated(_) => plain("made"),
        Event::RepoVisibilitySet(e) => ("made".to_owned(), e.visibility.as_str().to_owned()),
        Event::RepoRenamed(_) => plain("gave a new name to"),
        Event::RepoDescribed(_) => plain("described"),
        Event::HeadSet(e) => (format!("made {} the default branch of", short(&e.target)), String::new()),
        Event::CollaboratorSet(e) => (format!("gave {about} the role {} in", e.access.as_str()), String::new()),
        Event::CollaboratorRemoved(_) => (format!("took {about} out of"), String::new()),
        Event::ProtectionSet(e) => {
            (format!("set the rule for {} in", code::visible(e.pattern.as_bytes())), String::new())
        }
        Event::ProtectionRemoved(_) => plain("took away a rule of"),
        Event::RepoRestored(_) => plain("brought back"),
        Event::Pushed(pushed) => (pushed_words(pushed), String::new()),
        Event::SvnCommitted(e) => (format!("committed revision {} to", e.rev), String::new()),
        Event::SvnLoaded(e) => (format!("took revisions {} to {} into", e.first, e.last()), String::new()),
        Event::OrgCreated(_) => plain("founded"),
        Event::OrgRenamed(_) => plain("gave a new name to"),
        Event::OrgMemberSet(e) if e.role == OrgRole::Owner => (format!("made {about} an owner of"), String::new()),
        Event::OrgMemberSet(_) => (format!("took {about} into"), String::new()),
        Event::OrgMemberRemoved(_) => (format!("took {about} out of"), String::new()),
        Event::TeamCreated(e) => (format!("made the team {} in", code::visible(e.name.as_bytes())), String::new()),
        Event::TeamSet(e) => (format!("changed the team {} of", code::visible(e.name.as_bytes())), String::new()),
        Event::TeamRemoved(_) => plain("took away a team of"),
        _ => plain("changed"),
    }
}

fn pushed_words(pushed: &Pushed) -> String {
    match pushed.updates.as_slice() {
        [only] => {
            let kind = if only.name.starts_with("refs/tags/") { "tag" } else { "branch" };
            match (&only.old, &only.new) {
                (_, None) => format!("deleted the {kind} {} of", short(&only.name)),
                (None, Some(_)) => format!("made the {kind} {} in", short(&only.name)),
                (Some(_), Some(_)) => format!("pushed to {} in", short(&only.name)),
            }
        }
        several => format!("pushed {} to", show::counted(several.len() as u64, "ref", "refs")),
    }
}

/// A branch's or tag's name, safe to look at.
fn short(name: &str) -> String {
    let name = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name);
    code::visible(name.as_bytes())
}

/// The refs of a push, each with what shows its change.
fn moves(path: &str, pushed: &Pushed) -> Vec<(String, Option<String>)> {
    let mut shown: Vec<_> = pushed.updates.iter().take(REFS_SHOWN_MAX).map(|moved| one_move(path, moved)).collect();
    if pushed.updates.len() > REFS_SHOWN_MAX {
        let more = (pushed.updates.len() - REFS_SHOWN_MAX) as u64;
        shown.push((format!("and {}", show::counted(more, "more ref", "more refs")), None));
    }
    shown
}

fn one_move(path: &str, moved: &RefMove) -> (String, Option<String>) {
    let name = short(&moved.name);
    let short_id = |id: &forge::event::Oid| RevisionId(id.to_string()).short().to_owned();
    match (&moved.old, &moved.new) {
        (Some(old), Some(new)) => {
            let text = format!("{name}: {} to {}", short_id(old), short_id(new));
            (text, Some(format!("/{path}/-/compare/{old}...{new}")))
        }
        (None, Some(new)) => (format!("{name}: new, at {}", short_id(new)), Some(format!("/{path}/-/tree/{new}"))),
        (_, None) => (format!("{name}: deleted"), None),
    }
}

/// How long a list of many repositories waits for the subjects of what was pushed to them: one may have to be filled from the vaults.
const PATIENCE: Duration = Duration::from_millis(150);

/// Puts the subjects of the commits that a push brought behind its refs.
pub(crate) async fn with_commits(page: &RepoPage, list: &[Activity]) -> Result<Vec<Row>, PageError> {
    let tips: Vec<_> = list.iter().map(tip).collect();
    let path = page.code.repo().path.clone();
    let commits = page.read(move |source| Ok(tips.iter().map(|tip| subjects(source, &path, tip)).collect::<Vec<_>>()));
    let mut rows: Vec<_> = list.iter().map(Row::from).collect();
    for (row, commits) in rows.iter_mut().zip(commits.await?) {
        row.details.extend(commits);
    }
    Ok(rows)
}

/// The same for a list of many repositories, as far as they answer soon.
pub(crate) async fn with_subjects(app: &App, who: Option<&Principal>, list: &[Activity]) -> Vec<Row> {
    let mut rows: Vec<_> = list.iter().map(Row::from).collect();
    let mut by_repo: BTreeMap<String, Vec<(usize, Tip)>> = BTreeMap::new();
    for (index, activity) in list.iter().enumerate() {
        if let Some(tip) = tip(activity) {
            by_repo.entry(activity.place.path().to_owned()).or_default().push((index, Some(tip)));
        }
    }
    let mut reading = tokio::task::JoinSet::new();
    for (path, tips) in by_repo {
        let (site, who) = (app.site.clone(), who.cloned());
        reading.spawn(async move {
            let address: forge::RepoPath = path.parse().ok()?;
            let code = site.code(who.as_ref(), &address).await.ok()?;
            let read = move |source: &dyn code::Source| {
                Ok(tips.iter().map(|(index, tip)| (*index, subjects(source, &path, tip))).collect::<Vec<_>>())
            };
            code.read(read).await.ok()
        });
    }
    // What comes later is dropped with the set: the row is told without it.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while let Ok(Some(read)) = tokio::time::timeout_at(deadline, reading.join_next()).await {
        for (index, commits) in read.ok().flatten().unwrap_or_default() {
            rows[index].details.extend(commits);
        }
    }
    rows
}

/// Where the first branch of a push was, and where it went.
type Tip = Option<(Option<RevisionId>, RevisionId)>;

/// The newest commits that a push brought.
fn subjects(source: &dyn code::Source, path: &str, tip: &Tip) -> Vec<(String, Option<String>)> {
    let Some((old, new)) = tip else { return Vec::new() };
    let query = LogQuery { without: old.clone(), limit: COMMITS_SHOWN_MAX, ..LogQuery::default() };
    // What was pushed may be no commit, or be gone since.
    let Ok((steps, more)) = source.log(new, &query) else { return Vec::new() };
    let mut shown: Vec<_> = steps.iter().map(|step| detail(path, &step.revision)).collect();
    if more {
        shown.push(("and more".to_owned(), None));
    }
    shown
}

fn detail(path: &str, revision: &code::Revision) -> (String, Option<String>) {
    let subject = if revision.subject().is_empty() { "(no message)" } else { revision.subject() };
    (format!("{} {subject}", revision.id.short()), Some(format!("/{path}/-/commit/{}", revision.id)))
}

fn tip(activity: &Activity) -> Tip {
    let Event::Pushed(pushed) = &activity.event else { return None };
    let moved = pushed.updates.iter().find(|moved| moved.name.starts_with("refs/heads/") && moved.new.is_some())?;
    let id = |id: &forge::event::Oid| RevisionId(id.to_string());
    Some((moved.old.as_ref().map(id), moved.new.as_ref().map(id)?))
}

/// The address of a page of a list that begins before an entry.
pub(crate) fn older(next: Option<u64>) -> Option<String> {
    next.map(|before| format!("?before={before}"))
}

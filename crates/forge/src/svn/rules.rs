//! What a commit must be like, as settings: asked before it is held. Nothing of this is a script.

use super::paths::PathRules;
use crate::db::{DbError, Tx};
use crate::event::repo::Access;
use crate::event::svn_rules::{PathAccess, SvnCommitRulesSet};
use std::path::Path;
use svn::Properties;
use svn::incoming::{Action, ChangedPath, Incoming};

/// Characters of a pattern for log messages, and of one for names.
pub const RULE_PATTERN_CHARS_MAX: usize = 200;
/// Patterns of forbidden names.
pub const FORBIDDEN_NAMES_MAX: usize = 100;
/// Characters that a log message can be asked to have.
pub const MESSAGE_CHARS_MIN_MAX: u64 = 1_000;

/// A repository's rules for commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRules {
    /// Characters that a log message has at least.
    pub message_chars_min: u64,
    /// What a log message must be like; empty: like anything.
    pub message_pattern: String,
    /// Bytes of one file.
    pub file_bytes_max: Option<u64>,
    /// Names that nothing new may have.
    pub forbidden_names: Vec<String>,
    /// Two names in one directory must differ in more than upper and lower case.
    pub no_case_clashes: bool,
    /// What lies in a directory `tags` never changes.
    pub tags_fixed: bool,
    /// Who may correct a log message; None: nobody.
    pub message_by: Option<Access>,
    /// Whether administrators may change a revision's author and date.
    pub author_changes: bool,
}

impl Default for CommitRules {
    fn default() -> Self {
        Self {
            message_chars_min: 0,
            message_pattern: String::new(),
            file_bytes_max: None,
            forbidden_names: Vec::new(),
            no_case_clashes: false,
            tags_fixed: false,
            message_by: Some(Access::Write),
            author_changes: false,
        }
    }
}

/// A repository's rules for commits.
pub(crate) fn commit_rules_fetch(tx: &mut Tx, repo: u64) -> Result<CommitRules, DbError> {
    let sql = "SELECT message_chars_min, message_pattern, file_bytes_max, forbidden_names, no_case_clashes, tags_fixed,
               message_by, author_changes FROM svn_commit_rules WHERE repo = ?1";
    let Some(row) = tx.query_opt(sql, &[repo.into()])? else { return Ok(CommitRules::default()) };
    let names: String = row.get(3)?;
    Ok(CommitRules {
        message_chars_min: row.get(0)?,
        message_pattern: row.get(1)?,
        file_bytes_max: row.get(2)?,
        forbidden_names: names.lines().map(str::to_owned).collect(),
        no_case_clashes: row.get(4)?,
        tags_fixed: row.get(5)?,
        message_by: row.get(6)?,
        author_changes: row.get(7)?,
    })
}

impl CommitRules {
    /// The entry that gives a repository these.
    pub(crate) fn event(self, repo: u64) -> SvnCommitRulesSet {
        SvnCommitRulesSet {
            repo,
            message_chars_min: self.message_chars_min,
            message_pattern: self.message_pattern,
            file_bytes_max: self.file_bytes_max,
            forbidden_names: self.forbidden_names.join("\n"),
            no_case_clashes: self.no_case_clashes,
            tags_fixed: self.tags_fixed,
            message_by: self.message_by,
            author_changes: self.author_changes,
        }
    }

    /// Whether nothing needs to be looked at but the message.
    fn ask_of_paths(&self) -> bool {
        self.file_bytes_max.is_some() || !self.forbidden_names.is_empty() || self.no_case_clashes || self.tags_fixed
    }

    /// Whether a log message is as it must be.
    ///
    /// # Errors
    /// What it lacks, for who wrote it.
    pub fn message(&self, message: &str) -> Result<(), String> {
        let message = message.trim();
        let chars = message.chars().count() as u64;
        if chars < self.message_chars_min {
            return Err(format!(
                "a log message here has at least {} characters; yours has {chars}",
                self.message_chars_min
            ));
        }
        if self.message_pattern.is_empty() || fits(&self.message_pattern, message) {
            return Ok(());
        }
        Err(format!("a log message here must be like {:?} (* is anything, ? one character)", self.message_pattern))
    }
}

/// Whether a text is like a pattern, in which `*` stands for anything and `?` for one character. Letters are alike in upper and lower
/// case. Takes time in proportion to both lengths.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.to_lowercase().chars().collect(), text.to_lowercase().chars().collect());
    let (mut at, mut from, mut star, mut begun) = (0, 0, None, 0);
    while from < text.len() {
        if at < pattern.len() && pattern[at] == '*' {
            star = Some(at);
            begun = from;
            at += 1;
        } else if at < pattern.len() && (pattern[at] == '?' || pattern[at] == text[from]) {
            at += 1;
            from += 1;
        } else if let Some(place) = star {
            // The last star takes one character more.
            begun += 1;
            from = begun;
            at = place + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// What a commit is judged by.
pub(crate) struct Judge {
    pub(crate) rules: CommitRules,
    pub(crate) paths: PathRules,
    pub(crate) account: u64,
}

impl Judge {
    /// Whether a revision that lies in a repository and can't be seen yet may become visible. Blocks.
    pub(crate) fn look(&self, root: &Path, rev: u64, properties: &[u8]) -> Result<(), String> {
        let message = Properties::parse(properties).ok().and_then(|p| p.text("svn:log")).unwrap_or_default();
        self.rules.message(&message)?;
        if !self.rules.ask_of_paths() && self.paths.0.is_empty() {
            return Ok(());
        }
        let incoming = Incoming::open(root, rev)?;
        for change in incoming.changes() {
            let shown = String::from_utf8_lossy(&change.path);
            if self.paths.access(Some(self.account), &change.path) < PathAccess::Write {
                return Err(format!("you may not change {shown}"));
            }
            if let Some(why) = self.rules.path(&incoming, change)? {
                return Err(format!("{shown}: {why}"));
            }
        }
        Ok(())
    }
}

impl CommitRules {
    /// What is wrong with one changed path.
    fn path(&self, incoming: &Incoming, change: &ChangedPath) -> Result<Option<String>, String> {
        if self.tags_fixed && changes_a_tag(incoming, change)? {
            return Ok(Some("what is tagged here never changes; make another tag".to_owned()));
        }
        if matches!(change.action, Action::Add | Action::Replace) {
            let name = change.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let name = String::from_utf8_lossy(name);
            if let Some(pattern) = self.forbidden_names.iter().find(|pattern| fits(pattern, &name)) {
                return Ok(Some(format!("the name is not allowed here ({pattern})")));
            }
            if self.no_case_clashes
                && let Some(other) = incoming.case_clash(&change.path)?
            {
                return Ok(Some(format!("it differs from {other} in upper and lower case alone")));
            }
        }
        let Some(max) = self.file_bytes_max else { return Ok(None) };
        let size = incoming.file_bytes(change)?.filter(|size| *size > max);
        Ok(size.map(|size| format!("it has {size} bytes; a file here has at most {max}")))
    }
}

/// Whether it changes what a tag is: a tag is what lies directly in a directory `tags` that is in no trunk, branch or tag.
fn changes_a_tag(incoming: &Incoming, change: &ChangedPath) -> Result<bool, String> {
    let parts: Vec<&[u8]> = change.path.split(|byte| *byte == b'/').skip(1).collect();
    let layout = parts.iter().position(|part| matches!(*part, b"trunk" | b"branches" | b"tags"));
    let gone = matches!(change.action, Action::Delete | Action::Replace);
    let Some(at) = layout else {
        // A directory that has tags goes.
        return Ok(gone && incoming.had_something_in(&[change.path.as_slice(), b"/tags"].concat())?);
    };
    if parts[at] != b"tags" {
        return Ok(false);
    }
    match parts.len() - at {
        1 => Ok(gone && incoming.had_something_in(&change.path)?),
        2 => Ok(change.action != Action::Add),
        // As it is made, a tag may be given its own changes.
        _ => {
            let tag: Vec<u8> = parts[..at + 2].iter().flat_map(|part| [b"/", *part].concat()).collect();
            Ok(!incoming.changes().iter().any(|other| other.path == tag && other.action == Action::Add))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_long_and_as_they_are_wanted() {
        let rules = CommitRules { message_chars_min: 10, message_pattern: "*ABC-??*".into(), ..CommitRules::default() };
        assert!(rules.message("  abc-12: mended ").is_ok());
        assert!(rules.message("abc-12").unwrap_err().contains("at least 10 characters; yours has 6"));
        assert!(rules.message("it is mended now").unwrap_err().contains("ABC-??"));
        assert!(CommitRules::default().message("").is_ok());
    }

    #[test]
    fn patterns_stand_for_what_they_say() {
        for (pattern, text, fit) in [
            ("*.exe", "a.EXE", true),
            ("*.exe", "a.exe.txt", false),
            ("thumbs.db", "Thumbs.db", true),
            ("?", "ü", true),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("**a", "bba", true),
        ] {
            assert_eq!(fits(pattern, text), fit, "{pattern} {text}");
        }
        let long = "a".repeat(20_000);
        assert!(!fits("*a*a*a*a*a*b", &long));
    }
}

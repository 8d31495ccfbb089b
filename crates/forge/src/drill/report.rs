//! A drill's report: plain text that is signed, as a note (c2sp.org/signed-note).

use crate::event::proof::{DrillDone, DrillKind};
use journal::Hash;
use journal::note::{NoteError, SignedNote, SigningKey, VerifierKey};
use std::fmt;
use std::str::FromStr;

/// Differences that a report names; beyond, it counts them.
pub const DIFFERENCES_KEPT_MAX: usize = 50;
/// Bytes of one difference's text.
const DIFFERENCE_BYTES_MAX: usize = 400;
const HEADER: &str = "outlast/drill/v1";

/// What a drill found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillReport {
    /// The log.
    pub origin: String,
    /// What was practised.
    pub kind: DrillKind,
    /// Entries that came back.
    pub through: u64,
    /// The root over them.
    pub root: Hash,
    /// When it began: microseconds since 1970.
    pub started_us: i64,
    /// Until a recovered site would have answered, milliseconds.
    pub answers_ms: u64,
    /// Until its end, milliseconds.
    pub whole_ms: u64,
    /// The age of what no quorum held when it began, milliseconds.
    pub data_age_ms: u64,
    /// Whether it began with a snapshot, and of how many entries; None: everything was replayed.
    pub snapshot: Option<u64>,
    /// Rows compared.
    pub rows: u64,
    /// Repositories filled and checked.
    pub repositories: u64,
    /// Refs compared.
    pub refs: u64,
    /// Blobs read, by a blind drill.
    pub blobs: u64,
    /// Vaults it was done with.
    pub vaults: Vec<String>,
    /// How many differences there are.
    pub differences_count: u64,
    /// The first of them.
    pub differences: Vec<String>,
}

/// Not a drill's report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrillReportError {
    /// The text is no report.
    #[error("not a drill's report: {0}")]
    Malformed(&'static str),
    /// It is not signed by who should have signed it.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl DrillReport {
    /// Whether everything was as it should be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.differences_count == 0
    }

    /// Takes in what is wrong: counted, and the first of it kept, each on one line.
    pub(crate) fn set_differences(&mut self, found: Vec<String>) {
        self.differences_count = found.len() as u64;
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let line = |text: &String| {
            let mut text: String = text.chars().map(plain).collect();
            if text.len() > DIFFERENCE_BYTES_MAX {
                text.truncate(text.floor_char_boundary(DIFFERENCE_BYTES_MAX));
                text.push('…');
            }
            text
        };
        self.differences = found.iter().take(DIFFERENCES_KEPT_MAX).map(line).collect();
    }

    /// The signed report.
    pub(crate) fn sign(&self, key: &SigningKey) -> Result<SignedNote, NoteError> {
        key.sign(&self.to_string())
    }

    /// A report that this key signed.
    ///
    /// # Errors
    /// When it is none, or another signed it.
    pub fn verify(text: &str, key: &VerifierKey) -> Result<Self, DrillReportError> {
        let note: SignedNote = text.parse()?;
        note.verify(key)?;
        note.text().parse()
    }

    /// The report in a note, whoever signed it.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self, DrillReportError> {
        let note: SignedNote = text.parse()?;
        note.text().parse()
    }

    pub(crate) fn event(&self, note: &SignedNote) -> DrillDone {
        DrillDone {
            kind: self.kind,
            through: self.through,
            started_us: self.started_us,
            answers_ms: self.answers_ms,
            whole_ms: self.whole_ms,
            data_age_ms: self.data_age_ms,
            repositories: self.repositories,
            differences: self.differences_count,
            vaults: self.vaults.clone(),
            report: note.to_string(),
        }
    }
}

/// The words that are signed: what a report says, one thing a line.
impl fmt::Display for DrillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\n{}\nkind {}\nthrough {}", self.origin, self.kind, self.through)?;
        writeln!(f, "root {}\nstarted-us {}", self.root.to_base64(), self.started_us)?;
        writeln!(f, "answers-ms {}\nwhole-ms {}\ndata-age-ms {}", self.answers_ms, self.whole_ms, self.data_age_ms)?;
        writeln!(f, "snapshot {}", self.snapshot.map_or_else(|| "none".to_owned(), |n| n.to_string()))?;
        writeln!(f, "rows {}\nrepositories {}\nrefs {}", self.rows, self.repositories, self.refs)?;
        writeln!(f, "blobs {}\nvaults {}", self.blobs, self.vaults.join(" "))?;
        writeln!(f, "differences {}", self.differences_count)?;
        self.differences.iter().try_for_each(|text| writeln!(f, "difference {text}"))
    }
}

impl FromStr for DrillReport {
    type Err = DrillReportError;

    fn from_str(text: &str) -> Result<Self, DrillReportError> {
        let bad = DrillReportError::Malformed;
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(bad("it is of a form that this version does not know"));
        }
        let origin = lines.next().ok_or(bad("it names no log"))?.to_owned();
        let mut field = |name: &'static str| {
            let line = lines.next().ok_or(bad("it is cut short"))?;
            let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
            value.ok_or(bad("a line is missing"))
        };
        fn number<T: FromStr>(text: &str) -> Result<T, DrillReportError> {
            text.parse().map_err(|_| DrillReportError::Malformed("a number is none"))
        }
        let report = Self {
            origin,
            kind: DrillKind::parse(field("kind")?).ok_or(bad("its kind is not known"))?,
            through: number(field("through")?)?,
            root: Hash::from_base64(field("root")?).ok_or(bad("its root is none"))?,
            started_us: number(field("started-us")?)?,
            answers_ms: number(field("answers-ms")?)?,
            whole_ms: number(field("whole-ms")?)?,
            data_age_ms: number(field("data-age-ms")?)?,
            snapshot: Some(field("snapshot")?).filter(|text| *text != "none").map(number).transpose()?,
            rows: number(field("rows")?)?,
            repositories: number(field("repositories")?)?,
            refs: number(field("refs")?)?,
            blobs: number(field("blobs")?)?,
            vaults: field("vaults")?.split_whitespace().map(str::to_owned).collect(),
            differences_count: number(field("differences")?)?,
            differences: Vec::new(),
        };
        let difference = |line: &str| line.strip_prefix("difference ").map(str::to_owned);
        let differences: Option<Vec<_>> = lines.map(difference).collect();
        Ok(Self { differences: differences.ok_or(bad("lines follow it"))?, ..report })
    }
}

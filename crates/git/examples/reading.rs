//! How long reading takes: `reading REPOSITORY [DIRECTORY]`. Adds a commit to the default branch to measure the first
//! request after a push.

use code::{CodePath, DiffOptions, FileDiff, ReadError, RevisionId, Search, Source as _, Summary};
use git::edit::{Edit, FileEdit, build};
use git::read::{GitSource, ReadCaches, index_history};
use git::{ChildLimits, Git, RefSnapshot, Repository};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Any<T> = Result<T, Box<dyn std::error::Error>>;

fn timed<T>(what: &str, run: impl FnOnce() -> Result<T, ReadError>) -> Any<T> {
    let start = Instant::now();
    let result = run()?;
    println!("{what:58} {:9.2} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(result)
}

fn open(repository: &Repository, caches: &Arc<ReadCaches>) -> Any<GitSource> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (head, refs) = runtime.block_on(repository.refs())?;
    let refs = RefSnapshot::new(1, repository.format(), head, refs);
    Ok(GitSource::open(repository, Arc::new(refs), Arc::clone(caches))?)
}

fn fresh() -> Arc<ReadCaches> {
    Arc::new(ReadCaches::new(256 << 20))
}

/// A commit that changes a file, taken in as a push is.
fn push(repository: &Repository, source: &GitSource, tip: &RevisionId, path: &CodePath) -> Any<()> {
    let revision = source.resolve(&tip.0)?;
    let content = format!("pushed {:?}\n", Instant::now()).into_bytes();
    let change = FileEdit::Put { path: path.clone(), content, executable: None };
    let author = revision.author.clone();
    let edit = Edit {
        base: Some(tip.0.parse()?),
        edits: vec![change],
        message: "pushed".to_owned(),
        committer: author.clone(),
        author,
    };
    let start = Instant::now();
    let (id, pack) = build(source, &edit)?;
    println!("{:58} {:9.2} ms", "a commit made of an edit", start.elapsed().as_secs_f64() * 1e3);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(repository.import_pack(&pack[..]))?;
    repository.set_refs(&[(repository.head()?, Some(id))])?;
    Ok(())
}

fn main() -> Any<()> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("reading REPOSITORY [DIRECTORY]")?;
    let directory: CodePath = args.next().unwrap_or_default().parse()?;
    let git = Git::find(ChildLimits::default())?;
    let repository = Repository::open(&git, Path::new(&path))?;
    let patient = Duration::from_secs(120);
    if let Ok(files) = std::env::var("BLAME_ONLY") {
        let source = open(&repository, &fresh())?;
        let tip = source.resolve("HEAD").or_else(|_| source.resolve(&source.default_branch()))?.id;
        for file in files.split(' ') {
            timed(file, || source.blame(&tip, &file.parse().map_err(|_| ReadError::Invalid(file.to_owned()))?))?;
        }
        return Ok(());
    }
    let index = repository.path().join("last-changes");
    if index.exists() {
        std::fs::remove_file(&index)?;
    }
    let source = open(&repository, &fresh())?;
    let tip = source.resolve(&source.default_branch())?.id;
    let tree = source.tree(&tip, &directory)?;
    println!("{} entries in {directory:?}, {} revisions", tree.entries.len(), source.count(&tip)?);
    timed("last changes, no index: whole walk", || source.last_changes(&tip, &directory, patient))?;
    timed("last changes, again", || source.last_changes(&tip, &directory, patient))?;
    timed("index made from nothing", || index_history(&source))?;
    let source = open(&repository, &fresh())?;
    timed("last changes of the indexed tip, nothing in memory", || source.last_changes(&tip, &directory, patient))?;
    let loops = std::env::var("COLD_LOOPS").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    for _ in 0..loops {
        let source = open(&repository, &fresh())?;
        timed("last changes of the indexed tip, nothing in memory", || source.last_changes(&tip, &directory, patient))?;
    }
    let caches = fresh();
    let source = open(&repository, &caches)?;
    let root = source.last_changes(&tip, &CodePath::root(), patient)?;
    source.last_changes(&tip, &directory, patient)?;
    println!("({} entries in the root)", root.len());
    let name = tree.entries.iter().find(|entry| entry.size.is_some() || entry.kind == code::EntryKind::File);
    let file = directory.join(&name.ok_or("no file there")?.name)?;
    push(&repository, &source, &tip, &file)?;
    let source = open(&repository, &caches)?;
    let tip = source.resolve(&source.default_branch())?.id;
    timed("last changes, first after a push", || source.last_changes(&tip, &directory, patient))?;
    timed("last changes, again", || source.last_changes(&tip, &directory, patient))?;
    let cold = open(&repository, &fresh())?;
    timed("last changes, first after a push and a start", || cold.last_changes(&tip, &directory, patient))?;
    timed("last change of one file", || source.last_change(&tip, &file))?;
    timed("index brought up to date after a push", || index_history(&source))?;
    let old = RevisionId(log_id(&source, &tip, 5_000)?);
    timed("last changes 5,000 revisions ago", || source.last_changes(&old, &directory, patient))?;
    timed("blame", || source.blame(&tip, &file))?;
    let first = |files: (Vec<FileDiff>, Summary)| files.1;
    let shown = timed("changes of a revision", || source.changes(&tip, DiffOptions::default()).map(first))?;
    println!("{shown:?}");
    let shown = timed("difference of 5,000 revisions", || source.diff(&old, &tip, DiffOptions::default()).map(first))?;
    println!("{shown:?}");
    let search = |text: &str| Search { text: text.to_owned(), path: CodePath::root(), files_max: 100 };
    timed("search: a rare text", || source.search(&tip, &search("pushed Instant")))?;
    timed("search: in every file", || source.search(&tip, &search("line")))?;
    Ok(())
}

fn log_id(source: &GitSource, tip: &RevisionId, back: u32) -> Any<String> {
    let query = code::LogQuery { skip: back, limit: 1, ..code::LogQuery::default() };
    let (steps, _) = source.log(tip, &query)?;
    Ok(steps.first().ok_or("the history is too short")?.revision.id.0.clone())
}

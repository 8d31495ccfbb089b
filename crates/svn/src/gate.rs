//! Our side of the commit gate: what Subversion's programs ask before something becomes visible.

use crate::locks::{is_lock, is_lock_name};
use crate::repository::{SvnRepository, number};
use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// The gate, as a library: `build.rs` makes it.
pub(crate) const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/gate.so"));
/// The largest question.
const QUESTION_BYTES_MAX: usize = 64 << 10;
/// Questions that are open at one time.
const QUESTIONS_MAX: usize = 256;
/// How long a question may take to arrive, and a permitted call to be made.
const CALL_WAIT: Duration = Duration::from_secs(60);
/// How long until one who asked and has ended is known to have.
const GONE_WAIT: Duration = Duration::from_millis(2);
/// Where the repository is that probes go to.
const PROBE: &[u8] = b"/proc/self/cwd/../probe/";

/// Something that is about to become visible.
#[derive(Debug)]
pub enum Record {
    /// A revision.
    Revision {
        /// Its number.
        rev: u64,
        /// Its file.
        file: File,
        /// How long that is.
        bytes: u64,
        /// Its properties, as they lie in their file.
        properties: Vec<u8>,
    },
    /// Other properties of a revision.
    RevisionProperties {
        /// Which.
        rev: u64,
        /// As they were.
        before: Vec<u8>,
        /// All of them.
        properties: Vec<u8>,
    },
    /// A lock on a path, new or renewed.
    Lock {
        /// Its file's name.
        name: String,
        /// What is in it.
        lock: Vec<u8>,
    },
    /// A lock's end.
    Unlock {
        /// Its file's name.
        name: String,
    },
}

/// Who decides. Answers only when what it said yes to cannot be lost any more.
pub trait CommitGate: Send + Sync + 'static {
    /// Whether this may become visible in a repository. `session`: whose wish it is, where the server is one session's alone.
    ///
    /// # Errors
    /// Why not. The client is told that its act failed, and the text is kept for it.
    fn capture(
        &self,
        repo: u64,
        session: Option<u64>,
        record: Record,
    ) -> impl Future<Output = Result<(), String>> + Send;

    /// It said yes, and it isn't known whether it became visible: the repository may have to be brought up to date.
    fn unsure(&self, repo: u64);
}

/// A server that may ask.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) repo: u64,
    pub(crate) dir: PathBuf,
    /// Where the repository is for it.
    pub(crate) own: Vec<u8>,
    /// The session whose server it is, if it is one's alone.
    pub(crate) session: Option<u64>,
    /// Whatever it asks is a probe.
    pub(crate) only_probes: bool,
    /// Probes that were held back.
    pub(crate) probes: Arc<AtomicU64>,
}

/// The servers that may ask, by their token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Askers(Arc<Mutex<HashMap<String, Asker>>>);

impl Askers {
    pub(crate) fn add(&self, token: String, asker: Asker) {
        self.lock().insert(token, asker);
    }

    pub(crate) fn remove(&self, token: &str) {
        self.lock().remove(token);
    }

    fn get(&self, token: &[u8]) -> Option<Asker> {
        self.lock().get(std::str::from_utf8(token).ok()?).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Asker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers questions until it is dropped.
pub(crate) async fn serve<G: CommitGate>(listener: UnixListener, askers: Askers, gate: Arc<G>) {
    let room = Arc::new(Semaphore::new(QUESTIONS_MAX));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (askers, gate) = (askers.clone(), gate.clone());
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &askers, &*gate).await {
                        tracing::debug!(%error, "a question at the commit gate broke off");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the commit gate cannot be reached");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer<G: CommitGate>(mut stream: UnixStream, askers: &Askers, gate: &G) -> io::Result<()> {
    let question = tokio::time::timeout(CALL_WAIT, read_question(&mut stream)).await??;
    let Some((asker, question)) = Question::parse(&question, askers) else {
        tracing::warn!("the commit gate was asked by a stranger");
        return stream.write_all(b"n").await;
    };
    let repo = asker.repo;
    let verdict = match decide(asker, question, gate).await {
        Ok(verdict) => verdict,
        Err(error) => {
            tracing::warn!(repository = repo, %error, "the commit gate could not look at what was asked");
            Verdict::No
        }
    };
    match verdict {
        Verdict::No => stream.write_all(b"n").await,
        Verdict::Refused(repository, rev) => {
            // Whoever asks has the repository's write lock. If it was ended meanwhile, what lies there may be another's already.
            if tokio::time::timeout(GONE_WAIT, stream.read_u8()).await.is_err() {
                repository.remove_refused(rev)?;
            }
            stream.write_all(b"n").await
        }
        Verdict::Free => stream.write_all(b"y").await,
        Verdict::Held => {
            let mut done = [0];
            let told = async {
                stream.write_all(b"y").await?;
                stream.read_exact(&mut done).await
            };
            if !matches!(tokio::time::timeout(CALL_WAIT, told).await, Ok(Ok(_))) {
                gate.unsure(repo);
            }
            Ok(())
        }
    }
}

async fn read_question(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if length > QUESTION_BYTES_MAX {
        return Err(io::Error::other("the question is too long"));
    }
    let mut question = vec![0; length];
    stream.read_exact(&mut question).await?;
    Ok(question)
}

#[derive(Debug)]
struct Question {
    unlink: bool,
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Question {
    fn parse(bytes: &[u8], askers: &Askers) -> Option<(Asker, Self)> {
        let mut parts = bytes.split(|b| *b == 0);
        let asker = askers.get(parts.next()?)?;
        let unlink = match parts.next()? {
            b"rename" => false,
            b"unlink" => true,
            _ => return None,
        };
        Some((asker, Self { unlink, old: parts.next()?.to_vec(), new: parts.next()?.to_vec() }))
    }
}

enum Verdict {
    No,
    /// A revision may not become visible, and what lies there of it is to go.
    Refused(SvnRepository, u64),
    /// Nothing that anybody needs to know.
    Free,
    Held,
}

async fn decide<G: CommitGate>(asker: Asker, question: Question, gate: &G) -> io::Result<Verdict> {
    if asker.only_probes || question.new.starts_with(PROBE) {
        asker.probes.fetch_add(1, Ordering::SeqCst);
        return Ok(Verdict::No);
    }
    let (repo, session, repository) = (asker.repo, asker.session, SvnRepository::at(asker.dir));
    let (looking, own) = (repository.clone(), asker.own);
    let looked =
        tokio::task::spawn_blocking(move || look(&looking, &own, &question)).await.map_err(io::Error::other)??;
    let record = match looked {
        Looked::Free => return Ok(Verdict::Free),
        Looked::Strange => return Ok(Verdict::No),
        Looked::Record(record) => record,
    };
    let rev = match &record {
        Record::Revision { rev, .. } => Some(*rev),
        _ => None,
    };
    match gate.capture(repo, session, record).await {
        Ok(()) => Ok(Verdict::Held),
        Err(why) => {
            tracing::info!(repository = repo, why, "held back at the commit gate");
            Ok(rev.map_or(Verdict::No, |rev| Verdict::Refused(repository, rev)))
        }
    }
}

enum Looked {
    Record(Record),
    Free,
    Strange,
}

/// Finds out what a call would make visible.
fn look(repository: &SvnRepository, own: &[u8], question: &Question) -> io::Result<Looked> {
    let below = |path: &[u8]| {
        let path = path.strip_prefix(own).and_then(|path| std::str::from_utf8(path).ok());
        path.filter(|path| path.split('/').all(|part| !matches!(part, "" | "." | ".."))).map(str::to_owned)
    };
    let Some(new) = below(&question.new) else { return Ok(Looked::Strange) };
    if let Some(name) = new.strip_prefix("db/locks/").and_then(|path| path.split_once('/')).map(|(_, name)| name) {
        return look_at_lock(repository, question, name, below(&question.old).as_deref());
    }
    let Some(old) = below(&question.old).filter(|_| !question.unlink) else { return Ok(Looked::Strange) };
    let content = repository.small(&old)?;
    if new == "db/current" {
        let Some(rev) = number(&content) else { return Ok(Looked::Strange) };
        let (file, bytes) = repository.revision(rev)?;
        let properties = repository.revision_properties(rev)?;
        return Ok(Looked::Record(Record::Revision { rev, file, bytes, properties }));
    }
    let rev = new.strip_prefix("db/revprops/").and_then(|path| path.split_once('/'));
    let Some(rev) = rev.and_then(|(_, rev)| rev.parse().ok()) else { return Ok(Looked::Strange) };
    let before = repository.revision_properties(rev)?;
    Ok(Looked::Record(Record::RevisionProperties { rev, before, properties: content }))
}

/// Indexes of locks follow from the locks, and pass.
fn look_at_lock(repository: &SvnRepository, question: &Question, name: &str, old: Option<&str>) -> io::Result<Looked> {
    if !is_lock_name(name) {
        // A file beside its place is taken away again; nothing but locks and their indexes may come to be here.
        return Ok(if question.unlink { Looked::Free } else { Looked::Strange });
    }
    let name = name.to_owned();
    let was = repository.lock(&name)?;
    if question.unlink {
        return Ok(was.map_or(Looked::Free, |_| Looked::Record(Record::Unlock { name })));
    }
    let Some(old) = old else { return Ok(Looked::Strange) };
    let lock = repository.small(old)?;
    Ok(match (is_lock(&lock), was) {
        (true, _) => Looked::Record(Record::Lock { name, lock }),
        (false, Some(_)) => Looked::Record(Record::Unlock { name }),
        (false, None) => Looked::Free,
    })
}

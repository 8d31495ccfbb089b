//! `git-receive-pack`: a push, received.
//!
//! ```text
//! commands --authorize--> pack --tee--> index-pack (quarantine), acceptor
//!                               all read --> verdict --> connectivity --> accept --> report
//! ```
//! The answer begins when the whole request has been read; from then on it keeps the connection alive. A client that goes
//! away after that changes nothing: the push is carried through.

mod commands;
mod connected;
mod made;
mod report;

pub use commands::{Capabilities, Command, ProtocolError, PushRequest, ReceiveLimits, RefUpdate};
pub use made::take_in;

use crate::child::ChildError;
use crate::pack_budget::PackReader;
use crate::pkt::{Band, PktError};
use crate::quarantine::{IndexPack, Quarantine};
use crate::repository::{Repository, RepositoryError};
use crate::snapshot::RefSnapshot;
use crate::upload::Answer;
use bytes::{Bytes, BytesMut};
use report::Reporter;
use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

/// A ref refused: the words that the client prints behind its name.
pub type Refused = String;

/// What a push does when its objects are good.
pub trait Acceptor: Send + 'static {
    /// Before the pack is read: which of these may be, one answer for each. `Err` refuses the push as a whole.
    fn authorize(
        &mut self,
        updates: &[RefUpdate],
    ) -> impl Future<Output = Result<Vec<Result<(), Refused>>, Refused>> + Send;

    /// The pack's bytes as received, in order. An error refuses the push.
    fn pack_bytes(&mut self, bytes: &Bytes) -> impl Future<Output = io::Result<()>> + Send;

    /// Everything that the updates lead to is in the quarantine or the repository. Returns when the push is final, one way
    /// or the other.
    fn accept(self, push: VerifiedPush) -> impl Future<Output = Accepted> + Send;
}

/// A push whose objects are good.
#[derive(Debug)]
pub struct VerifiedPush {
    /// The updates that were authorized, in the client's order.
    pub updates: Vec<RefUpdate>,
    /// The new objects, for the acceptor to migrate; none when all were there.
    pub quarantine: Option<Quarantine>,
    /// What `git push -o` gave.
    pub push_options: Vec<String>,
    /// All or nothing.
    pub atomic: bool,
}

/// What became of it.
#[derive(Debug)]
pub struct Accepted {
    /// For each update of [`VerifiedPush::updates`].
    pub results: Vec<Result<(), Refused>>,
    /// Lines for the person who pushes.
    pub messages: Vec<String>,
}

/// Where a push's bytes end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// With the request's body: HTTP.
    Body,
    /// With the pack, or without one with the commands: the connection stays open for the answer.
    Pack,
}

/// Why a push could not even be answered in its own protocol.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It is not a push at all.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The server failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A child failed to start.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The request broke off.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What came of the pack.
enum Pack {
    None,
    /// Being indexed; how many objects it says it has.
    Indexing(Quarantine, Box<IndexPack>, Option<u64>),
    Refused(String),
}

/// Answers one push: a POST to `git-receive-pack`, or what follows the refs on a connection.
///
/// # Errors
/// When the request is not a push, or breaks off; a push that is refused is an answer, not an error.
pub async fn serve<R: AsyncRead + Send + Unpin, A: Acceptor>(
    repository: Repository,
    refs: Arc<RefSnapshot>,
    mut body: R,
    ends: Ends,
    limits: ReceiveLimits,
    mut acceptor: A,
) -> Result<Answer, ReceiveError> {
    let mut request = PushRequest::default();
    match request.read_from(&mut body, repository.format(), &limits).await {
        Ok(()) => {}
        Err(ProtocolError::Pkt(PktError::Io(error))) => return Err(error.into()),
        Err(error) => {
            // On a connection nobody knows where it would end.
            if ends == Ends::Body {
                drain(&mut body, &limits).await?;
            }
            return Ok(report::failure(&request.capabilities, &error.to_string()));
        }
    }
    if request.commands.is_empty() {
        // A client that tries its credentials out before it sends a large pack.
        return Ok(Box::pin(futures_util::stream::empty()));
    }
    let mut verdicts = request.verdicts();
    let whole = authorize(&request, &mut verdicts, &mut acceptor).await;
    let pack = match whole {
        Ok(())
            if verdicts.iter().all(Result::is_err)
                || (request.capabilities.atomic && verdicts.iter().any(Result::is_err)) =>
        {
            throw_away(&repository, &request, &mut body, ends, &limits).await?;
            Pack::None
        }
        Ok(()) => receive_pack(&repository, &request, &mut body, ends, &limits, &mut acceptor).await?,
        Err(refused) => {
            throw_away(&repository, &request, &mut body, ends, &limits).await?;
            Pack::Refused(refused)
        }
    };
    let (sender, receiver) = mpsc::channel(16);
    let push = Push { repository, refs, request, verdicts, acceptor };
    tokio::spawn(push.finish(pack, sender));
    Ok(Box::pin(futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|bytes| (Ok(bytes), receiver))
    })))
}

async fn authorize<A: Acceptor>(
    request: &PushRequest,
    verdicts: &mut [Result<(), Refused>],
    acceptor: &mut A,
) -> Result<(), Refused> {
    let (places, updates) = request.updates(verdicts);
    if updates.is_empty() {
        return Ok(());
    }
    let answers = acceptor.authorize(&updates).await?;
    for (place, answer) in places.into_iter().zip(answers) {
        verdicts[place] = answer;
    }
    Ok(())
}

/// A client listens only when it has sent everything: what is refused is read all the same, and thrown away.
async fn drain<R: AsyncRead + Unpin>(body: &mut R, limits: &ReceiveLimits) -> io::Result<()> {
    tokio::io::copy(&mut body.take(limits.pack_bytes_max), &mut tokio::io::sink()).await.map(|_| ())
}

/// As [`drain`], as far as the push goes.
async fn throw_away<R: AsyncRead + Unpin>(
    repository: &Repository,
    request: &PushRequest,
    body: &mut R,
    ends: Ends,
    limits: &ReceiveLimits,
) -> io::Result<()> {
    if ends == Ends::Body {
        return drain(body, limits).await;
    }
    if !request.has_pack() {
        return Ok(());
    }
    let mut gate = Gate::new(repository, ends, limits);
    while !next_bytes(body, &mut gate).await?.0.is_empty() && gate.total <= limits.pack_bytes_max {}
    Ok(())
}

/// Reads the pack, giving each byte to Git and to the acceptor.
async fn receive_pack<R: AsyncRead + Unpin, A: Acceptor>(
    repository: &Repository,
    request: &PushRequest,
    body: &mut R,
    ends: Ends,
    limits: &ReceiveLimits,
    acceptor: &mut A,
) -> Result<Pack, ReceiveError> {
    if !request.has_pack() {
        return Ok(Pack::None);
    }
    let quarantine = repository.quarantine()?;
    let mut index = quarantine.index_pack(limits.pack_bytes_max).await?;
    let mut stdin = index.stdin.take();
    let mut gate = Gate::new(repository, ends, limits);
    let mut refused = None;
    loop {
        let (bytes, verdict) = next_bytes(body, &mut gate).await?;
        if bytes.is_empty() {
            break;
        }
        if refused.is_some() {
            // Read on: a client listens only when it has sent everything. But not for ever.
            if gate.total > limits.pack_bytes_max.saturating_mul(2) {
                break;
            }
            continue;
        }
        let taken = match verdict {
            Ok(()) => acceptor.pack_bytes(&bytes).await.map_err(|error| error.to_string()),
            Err(words) => Err(words),
        };
        if let Err(words) = taken {
            refused = Some(words);
            // Git is not to wait for more of what is not wanted.
            stdin = None;
            index.stop();
            continue;
        }
        if let Some(pipe) = &mut stdin
            && pipe.write_all(&bytes).await.is_err()
        {
            // It has seen enough; what it found, it says when it is waited for.
            stdin = None;
        }
    }
    drop(stdin);
    Ok(match refused {
        Some(words) => Pack::Refused(words),
        None if gate.total == 0 => {
            Pack::Refused("the pack is missing: the request ended after the commands".to_owned())
        }
        None => Pack::Indexing(quarantine, Box::new(index), gate.budget.objects()),
    })
}

/// The next bytes of a pack, and whether they may be; none at its end. A few large writes cost less than many small ones, on
/// both sides of the tee.
async fn next_bytes<R: AsyncRead + Unpin>(
    body: &mut R,
    gate: &mut Gate<'_>,
) -> io::Result<(Bytes, Result<(), String>)> {
    let (limits, mut verdict) = (gate.limits, Ok(()));
    let mut buffer = BytesMut::with_capacity(128 << 10);
    while buffer.len() < 64 << 10 && !gate.is_at_the_end() {
        let before = buffer.len();
        let silent = || io::Error::new(io::ErrorKind::TimedOut, "the client stopped sending (idle_time_max)");
        let read =
            tokio::time::timeout(limits.idle_time_max, body.read_buf(&mut buffer)).await.map_err(|_| silent())??;
        if read == 0 {
            break;
        }
        if verdict.is_ok() {
            verdict = gate.pass(&buffer[before..]).await;
        }
    }
    Ok((buffer.freeze(), verdict))
}

/// What a pack must pass before anything else sees its bytes.
struct Gate<'a> {
    budget: PackReader,
    total: u64,
    ends: Ends,
    /// Something was refused: the rest is only counted.
    shut: bool,
    limits: &'a ReceiveLimits,
}

impl<'a> Gate<'a> {
    fn new(repository: &Repository, ends: Ends, limits: &'a ReceiveLimits) -> Self {
        Self { budget: PackReader::new(repository.format(), limits.pack), total: 0, ends, shut: false, limits }
    }

    /// Whether nothing more is to be read.
    fn is_at_the_end(&self) -> bool {
        self.ends == Ends::Pack && self.budget.is_done()
    }

    async fn pass(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.total += bytes.len() as u64;
        if self.shut {
            return Ok(());
        }
        let passed = self.look_through(bytes).await;
        self.shut = passed.is_err();
        passed
    }

    async fn look_through(&mut self, bytes: &[u8]) -> Result<(), String> {
        let max = self.limits.pack_bytes_max;
        if self.total > max {
            return Err(format!("the pack is over {max} bytes (pack_bytes_max); push less at once"));
        }
        // Little by little: what a few bytes expand to may keep this thread busy.
        for some in bytes.chunks(BUDGET_STEP_BYTES) {
            self.budget.feed(some).map_err(|error| error.to_string())?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// At most a thousand times as much is inflated without a pause.
const BUDGET_STEP_BYTES: usize = 8 << 10;

struct Push<A> {
    repository: Repository,
    refs: Arc<RefSnapshot>,
    request: PushRequest,
    verdicts: Vec<Result<(), Refused>>,
    acceptor: A,
}

impl<A: Acceptor> Push<A> {
    async fn finish(mut self, pack: Pack, sender: mpsc::Sender<Bytes>) {
        let reporter = Reporter::new(sender, &self.request.capabilities);
        let unpacked = match pack {
            Pack::None => Ok(None),
            Pack::Refused(words) => Err(words),
            Pack::Indexing(quarantine, index, objects) => {
                let verdict = reporter.keep_alive(index.finish()).await;
                // A pack without objects says that all were there.
                let filled = Some(quarantine).filter(|_| objects != Some(0));
                verdict.map(|()| filled).map_err(|error| error.to_string())
            }
        };
        match unpacked {
            Err(words) => {
                self.fail_all("unpacker error");
                reporter.report(Err(words), &self.request, &self.verdicts).await;
            }
            Ok(quarantine) => {
                self.decide(quarantine, &reporter).await;
            }
        }
    }

    fn fail_all(&mut self, why: &str) {
        self.verdicts.iter_mut().filter(|verdict| verdict.is_ok()).for_each(|verdict| *verdict = Err(why.to_owned()));
    }

    fn fail_atomic(&mut self) {
        if self.request.capabilities.atomic && self.verdicts.iter().any(Result::is_err) {
            self.fail_all("atomic push failed");
        }
    }

    async fn decide(mut self, quarantine: Option<Quarantine>, reporter: &Reporter) {
        self.fail_atomic();
        let (places, updates) = self.request.updates(&self.verdicts);
        let checking = connected::verdicts(&self.repository, &self.refs, &updates, quarantine.as_ref());
        for (place, verdict) in places.into_iter().zip(reporter.keep_alive(checking).await) {
            self.verdicts[place] = verdict;
        }
        self.fail_atomic();
        let (places, updates) = self.request.updates(&self.verdicts);
        let mut messages = Vec::new();
        if !updates.is_empty() {
            let (push_options, atomic) = (self.request.push_options.clone(), self.request.capabilities.atomic);
            let push = VerifiedPush { updates, quarantine, push_options, atomic };
            let accepted = reporter.keep_alive(self.acceptor.accept(push)).await;
            messages = accepted.messages;
            for (place, result) in places.into_iter().zip(accepted.results) {
                self.verdicts[place] = result;
            }
        }
        for message in messages {
            reporter.say(Band::Progress, &format!("{message}\n")).await;
        }
        reporter.report(Ok(()), &self.request, &self.verdicts).await;
    }
}

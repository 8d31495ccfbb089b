//! One vault's shipper.
//!
//! ```text
//!            connect, follow                 nothing new: ask for the state now and then
//!   away ---------------------> in step <-------------------------------------+
//!    ^  ^                          | something committed                       |
//!    |  +---- any error -----------+--> upload blobs --> append --> verify ----+
//!    +------- trouble (rollback, fork, superseded): looks again now and then, ships nothing
//! ```

use crate::client::{ClientError, VaultState};
use crate::replicate::{Remote, Shared, Trouble};
use crate::source::EncodedBatch;
use journal::Hash;
use journal::checkpoint::Checkpoint;
use journal::cosignature;
use journal::epoch::Epoch;
use journal::note::SignedNote;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The wait after the first failure; it doubles up to [`RETRY_MAX`].
pub(crate) const RETRY_MIN: Duration = Duration::from_millis(50);
/// The longest wait between tries.
pub(crate) const RETRY_MAX: Duration = Duration::from_secs(5);
/// How often a vault with nothing to do is asked how it is, which also keeps its connection open.
pub(crate) const STATE_EVERY: Duration = Duration::from_secs(10);
/// About how many bytes of batches go in one request.
pub(crate) const APPEND_BYTES: usize = 8 << 20;

/// Why a session with a vault ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Client(#[from] ClientError),
    #[error("{0}")]
    Source(String),
    #[error("the vault lies: {0}")]
    Lies(String),
    #[error("{0}")]
    Trouble(Trouble),
}

/// Ships to one vault for as long as the site runs.
pub(crate) async fn run(shared: Arc<Shared>, remote: Arc<Remote>) {
    let mut wait = RETRY_MIN;
    loop {
        let began = Instant::now();
        let Err(ended) = session(&shared, &remote).await;
        report(&shared, &remote, &ended);
        if began.elapsed() > RETRY_MAX {
            wait = RETRY_MIN;
        }
        tokio::time::sleep(wait + jitter(wait)).await;
        wait = if matches!(ended, Ended::Trouble(_)) { RETRY_MAX } else { (wait * 2).min(RETRY_MAX) };
    }
}

/// Spreads the tries of many sites over time.
fn jitter(wait: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the tries are merely not spread.
    let _ = getrandom::fill(&mut byte);
    wait.mul_f64(f64::from(byte[0]) / 1024.0)
}

fn report(shared: &Shared, remote: &Remote, ended: &Ended) {
    let text = ended.to_string();
    let mut live = remote.live();
    if live.connected {
        live.since = Instant::now();
    }
    let news = live.connected || live.last_error.as_deref() != Some(&text);
    live.connected = false;
    live.asked_at = None;
    live.last_error = Some(text);
    drop(live);
    if news {
        tracing::warn!(vault = remote.name(), error = %ended, "vault not in step");
    }
    if let Ended::Trouble(trouble) = ended {
        shared.in_trouble(trouble.clone());
    }
}

/// While a request is out, others can see since when.
async fn asking<T>(remote: &Remote, request: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    remote.live().asked_at = Some(Instant::now());
    let answer = request.await;
    remote.live().asked_at = None;
    answer
}

async fn session(shared: &Arc<Shared>, remote: &Remote) -> Result<std::convert::Infallible, Ended> {
    let mut committed = shared.committed.subscribe();
    let mut position = follow(shared, remote).await?;
    {
        let mut live = remote.live();
        live.connected = true;
        live.since = Instant::now();
        live.last_error = None;
    }
    tracing::info!(vault = remote.name(), entries = position, "vault in step");
    let mut asked = Instant::now();
    loop {
        while shared.source.size() > position {
            position = ship(shared, remote, position).await?;
        }
        let news = tokio::time::timeout(STATE_EVERY, committed.wait_for(|size| *size > position));
        // Also when there is always something new: a site that is never idle has drills to show, and budgets to hear of.
        if news.await.is_err() || asked.elapsed() >= STATE_EVERY {
            let state = asking(remote, remote.client.state()).await?;
            check(shared, remote, &state).await?;
            told(remote, &state);
            show(shared, remote, &state).await?;
            asked = Instant::now();
        }
    }
}

/// Shows a vault the last drill that it does not know of, and what is told of incidents since it was told.
async fn show(shared: &Arc<Shared>, remote: &Remote, state: &VaultState) -> Result<(), Ended> {
    let source = shared.source.clone();
    let known = tokio::task::spawn_blocking(move || (source.drill(), source.incidents())).await;
    let (drill, incidents) = known.map_err(|error| Ended::Source(error.to_string()))?;
    if let Some((_, report)) = drill.filter(|(started_us, _)| *started_us > state.drill_started_us) {
        taken_or_not(remote, asking(remote, remote.client.drill(&report)).await)?;
    }
    if let Some((_, note)) = incidents.filter(|(as_of_us, _)| *as_of_us > state.incidents_as_of_us) {
        taken_or_not(remote, asking(remote, remote.client.incidents(&note)).await)?;
    }
    Ok(())
}

/// A vault that does not take what is shown to it, because it is older or wants another, holds entries all the same.
fn taken_or_not(remote: &Remote, answer: Result<(), ClientError>) -> Result<(), Ended> {
    match answer {
        Err(ClientError::Refused { status, text }) => {
            tracing::debug!(vault = remote.name(), %status, text, "what was shown was not taken");
            Ok(())
        }
        other => Ok(other?),
    }
}

/// Brings a vault into this site's epoch and finds out where it is.
async fn follow(shared: &Arc<Shared>, remote: &Remote) -> Result<u64, Ended> {
    let mut state = asking(remote, remote.client.state()).await?;
    check(shared, remote, &state).await?;
    for record in &shared.config.epochs {
        if record.number <= state.epoch {
            continue;
        }
        let first = state.epoch == 0;
        let told =
            async { if first { remote.client.enrol(record).await } else { remote.client.start_epoch(record).await } };
        asking(remote, told).await?;
        state.epoch = record.number;
        tracing::info!(vault = remote.name(), epoch = record.number, "vault follows the epoch");
    }
    told(remote, &state);
    Ok(state.size)
}

/// Takes note of what a vault says of itself besides its log.
fn told(remote: &Remote, state: &VaultState) {
    let mut live = remote.live();
    live.free_bytes = Some(state.free_bytes);
    live.slowed_down = state.slowed_down;
}

/// Whether what a vault says of itself fits this site's log. A claim that only this log's own keys can back is believed
/// only with their signature: one lying vault must not be able to stop a site.
async fn check(shared: &Arc<Shared>, remote: &Remote, state: &VaultState) -> Result<(), Ended> {
    if let Some(what) = &state.damaged {
        return Err(Ended::Lies(format!("its store is damaged: {what}")));
    }
    if state.origin.as_deref().is_some_and(|origin| origin != shared.config.origin.as_str()) {
        return Err(Ended::Lies("it keeps another site's log; give this site a vault of its own".to_owned()));
    }
    let ours = shared.config.epochs.last().map_or(0, |record| record.number);
    if state.epoch > ours {
        return Err(superseded(shared, remote, ours).await);
    }
    let Some(checkpoint) = &state.checkpoint else {
        return if state.size == 0 { Ok(()) } else { Err(Ended::Lies("it has entries and no checkpoint".to_owned())) };
    };
    let lies = |what: String| Ended::Lies(what);
    let note: SignedNote = checkpoint.parse().map_err(|error| lies(format!("{error}")))?;
    let signed = shared.config.quorum.policy.logs().iter().any(|key| note.verify(key).is_ok());
    let value: Checkpoint = note.text().parse().map_err(|error| lies(format!("{error}")))?;
    if !signed || value.size != state.size {
        return Err(lies("its checkpoint is not one that this site signed".to_owned()));
    }
    let size = shared.source.size();
    // The recovery key's word stands for this site's log up to where its epoch began. A vault that has not taken the epoch was shown
    // another log by whoever held the lost site's key: that is no reason to stop.
    let left_behind = state.epoch < ours;
    if value.size > size && !left_behind {
        return Err(Ended::Trouble(Trouble::Rollback {
            vault: remote.name().to_owned(),
            held: value.size,
            ours: size,
        }));
    }
    let source = shared.source.clone();
    let root = tokio::task::spawn_blocking(move || source.root_at(value.size)).await;
    let root =
        root.map_err(|error| Ended::Source(error.to_string()))?.map_err(|error| Ended::Source(error.to_string()))?;
    if left_behind && root != Some(value.root) {
        return Err(lies(
            "it holds another log than was recovered, as evidence; an empty vault takes its place".to_owned(),
        ));
    }
    if root != Some(value.root) {
        return Err(Ended::Trouble(Trouble::Fork { vault: remote.name().to_owned(), size: value.size }));
    }
    let key = &remote.client.url().vkey;
    let line = note.signatures().iter().find(|line| cosignature::verify(key, note.text(), line).is_ok());
    let line = line.ok_or_else(|| lies("it does not cosign its own checkpoint".to_owned()))?;
    if value.size < remote.live().size {
        return Err(lies(format!("it cosigned {} entries and now has {}", remote.live().size, value.size)));
    }
    shared.cosigned(remote, value.size, &line.to_string());
    Ok(())
}

async fn superseded(shared: &Shared, remote: &Remote, ours: u64) -> Ended {
    let epochs = match remote.client.epochs().await {
        Ok(epochs) => epochs,
        Err(error) => return error.into(),
    };
    let keys = &shared.config.recovery_keys;
    let signed = |note| keys.iter().find_map(|key| Epoch::verify(note, key).ok());
    let newest = epochs.iter().filter_map(signed).map(|epoch| epoch.epoch).max();
    match newest.filter(|epoch| *epoch > ours) {
        Some(epoch) => Ended::Trouble(Trouble::Superseded { vault: remote.name().to_owned(), epoch }),
        None => Ended::Lies("it claims a later epoch that no recovery key known here has signed".to_owned()),
    }
}

/// Sends what has queued up, and gives the place after it.
async fn ship(shared: &Arc<Shared>, remote: &Remote, position: u64) -> Result<u64, Ended> {
    let batches = batches_from(shared, position).await?;
    for name in batches.iter().flat_map(|batch| &batch.blobs) {
        remote.ensure_blob(&shared.source, *name).await.map_err(Ended::Source)?;
    }
    let bodies = batches.iter().map(|batch| batch.bytes.clone()).collect::<Vec<_>>();
    let proof = proof_from(shared, batches.last().map_or(position, |batch| batch.end())).await?;
    let lines = match asking(remote, remote.client.append_proven(&bodies, &proof)).await {
        Err(ClientError::MissingBlobs(names)) => {
            // It had them once, or said so; they are brought again.
            remote.forget_blobs(&names);
            for name in names {
                remote.ensure_blob(&shared.source, name).await.map_err(Ended::Source)?;
            }
            asking(remote, remote.client.append_proven(&bodies, &proof)).await?
        }
        other => other?,
    };
    let key = &remote.client.url().vkey;
    let mut end = position;
    for (batch, line) in batches.iter().zip(&lines) {
        cosignature::verify(key, &batch.checkpoint_text, line).map_err(|error| Ended::Lies(error.to_string()))?;
        end = done(shared, remote, batch, &line.to_string());
    }
    Ok(end)
}

/// What a vault asks for that was behind when this epoch began; nothing for all others.
async fn proof_from(shared: &Shared, end: u64) -> Result<Vec<Hash>, Ended> {
    let (source, start) = (shared.source.clone(), shared.epoch_start);
    if end >= start {
        return Ok(Vec::new());
    }
    let proving = tokio::task::spawn_blocking(move || source.consistency(end, start));
    let proof = proving.await.map_err(|error| Ended::Source(error.to_string()))?;
    proof.map_err(|error| Ended::Source(error.to_string()))
}

async fn batches_from(shared: &Shared, position: u64) -> Result<Vec<Arc<EncodedBatch>>, Ended> {
    if let Some(batches) = shared.source.batches_at_hand(position, APPEND_BYTES) {
        return Ok(batches);
    }
    let source = shared.source.clone();
    let reading = tokio::task::spawn_blocking(move || source.batches_from(position, APPEND_BYTES));
    let batches = reading.await.map_err(|error| Ended::Source(error.to_string()))?;
    batches.map_err(|error| Ended::Source(error.to_string()))
}

fn done(shared: &Shared, remote: &Remote, batch: &EncodedBatch, line: &str) -> u64 {
    remote.forget_blobs(&batch.blobs);
    shared.cosigned(remote, batch.end(), line);
    batch.end()
}

//! Vaults watch each other: each asks the others what they have signed. Two checkpoints of one size with different roots are a
//! fork, which is told at once and kept as a proof that anybody can check.
//!
//! Who the others are is the vault owner's word (`--peer`), not the site's. Nothing secret is asked or told: a checkpoint is
//! public.

use super::files::write_private;
use super::possession::{self, Compared};
use super::{Shared, ward};
use crate::client::VaultClient;
use crate::core::Standing;
use crate::fork::ForkProof;
use crate::ward::AlarmKind;
use journal::checkpoint::Checkpoint;
use journal::cosignature;
use journal::note::SignedNote;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// How many checkpoints of a peer that is ahead wait for this vault to get there.
const AHEAD_MAX: usize = 64;

/// What was seen of one peer.
#[derive(Debug, Clone, Default)]
pub(crate) struct PeerSeen {
    /// Entries that it has signed.
    pub(crate) size: u64,
    /// When it was last asked and answered, seconds since 1970.
    pub(crate) asked_s: u64,
    /// Whether the last asking failed, and how.
    pub(crate) error: Option<String>,
    /// When it was last asked to prove that it has what it signed for, and what came of that.
    pub(crate) audited: Option<(u64, Compared)>,
    /// Why it could not be asked that.
    pub(crate) audit_error: Option<String>,
}

/// Asks one peer again and again, for as long as the server runs.
pub(super) async fn watch_peer(shared: Arc<Shared>, client: VaultClient) {
    let mut ahead: BTreeMap<u64, SignedNote> = BTreeMap::new();
    let mut audit_at = Instant::now();
    loop {
        let mut signed = 0;
        let name = client.url().name.clone();
        match client.checkpoint().await {
            Ok(None) => shared.watch.peer(&name, Ok(0)),
            Ok(Some(note)) => match believed(&client, &note) {
                Ok(size) => {
                    shared.watch.peer(&name, Ok(size));
                    signed = size;
                    ahead.insert(size, note);
                }
                Err(what) => shared.watch.peer(&name, Err(what)),
            },
            Err(error) => shared.watch.peer(&name, Err(error.to_string())),
        }
        let of = shared.clone();
        let waiting = std::mem::take(&mut ahead);
        let looked = tokio::task::spawn_blocking(move || look(&of, &name, waiting)).await;
        ahead = looked.unwrap_or_default();
        while ahead.len() > AHEAD_MAX {
            ahead.pop_first();
        }
        if signed > 0 && audit_at <= Instant::now() {
            let every = shared.watch.config.audit_every;
            let asked = possession::ask(&shared, &client, signed).await;
            audit_at = Instant::now() + if asked.is_ok() { every } else { every / 24 };
            shared.watch.audit_asked(&client.url().name, asked.err().map(|error| error.to_string()));
        }
        tokio::time::sleep(shared.watch.config.gossip_every).await;
    }
}

/// The size of a checkpoint that this peer has cosigned.
fn believed(client: &VaultClient, note: &SignedNote) -> Result<u64, String> {
    cosignature::verify_note(&client.url().vkey, note).map_err(|error| format!("its checkpoint: {error}"))?;
    let checkpoint: Checkpoint = note.text().parse().map_err(|error| format!("its checkpoint: {error}"))?;
    Ok(checkpoint.size)
}

/// Compares what a peer signed with what is here; what is beyond waits.
fn look(shared: &Shared, peer: &str, notes: BTreeMap<u64, SignedNote>) -> BTreeMap<u64, SignedNote> {
    let mut wait = BTreeMap::new();
    for (size, note) in notes {
        let standing = shared.vault().standing(&note);
        match standing {
            Ok(Standing::Same) => {}
            Ok(Standing::Ahead) => {
                wait.insert(size, note);
            }
            Ok(Standing::OtherLog) => {
                shared.watch.peer(peer, Err("it keeps another site's log: it is no peer of this vault".to_owned()));
            }
            Ok(Standing::Forked { ours, keys }) => forked(shared, peer, size, *ours, note, keys),
            Err(error) => tracing::error!(%error, peer, "a peer's checkpoint could not be compared"),
        }
    }
    wait
}

fn forked(
    shared: &Shared,
    peer: &str,
    size: u64,
    ours: Option<SignedNote>,
    theirs: SignedNote,
    keys: Vec<journal::note::VerifierKey>,
) {
    let mut text = format!("the site showed vault {peer} another log: two roots for {size} entries");
    if let Some(ours) = ours {
        let proof = ForkProof { keys, notes: [ours, theirs] }.to_string();
        if let Err(error) = write_private(&shared.fork_path, proof.as_bytes()) {
            tracing::error!(%error, "the proof of a fork could not be kept: {proof}");
        }
        text.push_str("; the proof is at /fork, for outlast verify");
    }
    shared.watch.raise(AlarmKind::Fork, text);
}

/// The kept proof, if a fork was seen.
pub(super) fn proof(shared: &Shared) -> Option<String> {
    std::fs::read_to_string(&shared.fork_path).ok()
}

/// For the log, once at the start.
pub(super) fn begin(shared: &Arc<Shared>) -> Vec<VaultClient> {
    let client = |url: &crate::url::PeerUrl| VaultClient::new(url.as_client_url().clone());
    let peers = shared.watch.config.peers.iter().filter_map(|url| match client(url) {
        Ok(client) => Some(client),
        Err(error) => {
            tracing::error!(%error, "a peer can't be asked");
            None
        }
    });
    let peers: Vec<_> = peers.collect();
    tracing::info!(peers = peers.len(), at = ward::now_s(), "watching other vaults");
    peers
}

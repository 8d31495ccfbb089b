//! Vaults prove to each other that they possess what they signed for: once a day each asks its peers for hashes over ranges of some blobs,
//! both of its choosing, and makes the same from its own bytes.
//!
//! ```text
//! outlast/audit/v1          signed by the asking vault, which the asked one's owner named with --peer
//! KEY                       the asked vault's cosigner key: an answer of one is no answer of another
//! HEX                       a nonce, which decides what range of each blob is meant
//! HEX ...                   blobs
//! ```
//! The answer is JSON: for each blob a hash, `null` (it is not here), or `"erased ORDER"`.

use super::routes::{Answer, No, json_answer, no, refuse};
use super::{Shared, audit, ward};
use crate::client::{ClientError, VaultClient};
use crate::compare::AUDIT_BLOBS_MAX;
use crate::store::StoreError;
use hyper::StatusCode;
use journal::cosignature::{cosign, verify_note};
use journal::note::SignedNote;
use journal::{BlobName, Hash};
use serde_json::json;
use std::sync::Arc;

/// Where a peer asks.
pub(super) const PATH: &str = "/audit";
/// Blobs that a vault asks each of its peers for in a day: of a peer that lost one in a hundred, they find one within a week with a
/// probability of 99 %.
pub(crate) const PEER_AUDIT_BLOBS: usize = 64;

const HEADER: &str = "outlast/audit/v1";

/// What is asked: a nonce, and names of blobs.
pub(super) type Asked = (Hash, Vec<BlobName>);

/// What a vault asks that this one's owner named.
pub(super) fn asked_by_peer(shared: &Shared, body: &[u8]) -> Result<Asked, No> {
    let text = std::str::from_utf8(body).ok();
    let note: Option<SignedNote> = text.and_then(|text| text.parse().ok());
    let Some(note) = note else { return Err(no(StatusCode::BAD_REQUEST, "this is no signed note")) };
    let peers = &shared.watch.config.peers;
    if !peers.iter().any(|peer| verify_note(&peer.as_client_url().vkey, &note).is_ok()) {
        shared.watch.stranger();
        return Err(no(StatusCode::FORBIDDEN, "no vault that this one's owner named with --peer signed this"));
    }
    let own = shared.vault().key().verifier().to_string();
    asked(note.text(), &own).ok_or_else(|| no(StatusCode::BAD_REQUEST, "this asks nothing of this vault"))
}

/// The answers.
pub(super) fn answer(shared: &Shared, (nonce, names): &Asked) -> Answer {
    let found = names.iter().map(|name| one(shared, nonce, name)).collect::<Result<Vec<_>, _>>();
    Ok(json_answer(&json!(found.map_err(|error| refuse(shared, &error.into()))?)))
}

fn asked(text: &str, own: &str) -> Option<Asked> {
    let mut lines = text.lines();
    lines.next().filter(|line| *line == HEADER)?;
    lines.next().filter(|line| *line == own)?;
    let nonce = lines.next()?.parse().ok()?;
    let names = lines.map(|line| line.parse().ok()).collect::<Option<Vec<_>>>()?;
    (names.len() <= AUDIT_BLOBS_MAX).then_some((nonce, names))
}

fn one(shared: &Shared, nonce: &Hash, name: &BlobName) -> Result<Option<String>, StoreError> {
    let order = shared.vault().erased(name);
    if let Some(order) = order {
        return Ok(Some(format!("erased {order}")));
    }
    Ok(audit::one(shared, nonce, name)?.map(|hash| hash.to_string()))
}

/// Asks a peer that has signed `size` entries for some blobs of these, and compares.
///
/// # Errors
/// When it can't be asked, or does not answer this vault.
pub(super) async fn ask(shared: &Arc<Shared>, client: &VaultClient, size: u64) -> Result<(), ClientError> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|error| ClientError::Unreachable(error.to_string()))?;
    let (of, nonce) = (shared.clone(), Hash(nonce));
    let failed = |error: StoreError| ClientError::Unreachable(format!("this vault's own store: {error}"));
    let gone = |error: tokio::task::JoinError| ClientError::Unreachable(error.to_string());
    let sampled = tokio::task::spawn_blocking(move || of.vault().sample(&nonce, size, PEER_AUDIT_BLOBS));
    let names = sampled.await.map_err(gone)?.map_err(failed)?;
    if names.is_empty() {
        return Ok(());
    }
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    let text = format!("{HEADER}\n{}\n{nonce}\n{lines}", client.url().vkey);
    let signature = cosign(shared.vault().key(), &text, ward::now_s());
    let theirs = client.audit_by_peer(format!("{text}\n{signature}\n"), names.len()).await?;
    let of = shared.clone();
    let compared = tokio::task::spawn_blocking(move || compare(&of, &nonce, &names, &theirs));
    let compared = compared.await.map_err(gone)?.map_err(failed)?;
    shared.watch.audited(&client.url().name, compared);
    Ok(())
}

/// What came of asking a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// For how many blobs it was asked.
    pub(crate) asked: usize,
    /// Those that it could not prove to have.
    pub(crate) lacks: Vec<BlobName>,
    /// How many it says were erased by order, and are here.
    pub(crate) erased: usize,
    /// Those that are not here themselves.
    pub(crate) own_missing: Vec<BlobName>,
}

fn compare(
    shared: &Shared,
    nonce: &Hash,
    names: &[BlobName],
    theirs: &[Option<String>],
) -> Result<Compared, StoreError> {
    let mut compared = Compared { asked: names.len(), ..Compared::default() };
    for (name, answer) in names.iter().zip(theirs) {
        let mine = match one(shared, nonce, name)? {
            // An owner has carried out an order since.
            Some(text) if text.starts_with("erased ") => continue,
            Some(mine) => mine,
            None => {
                compared.own_missing.push(*name);
                continue;
            }
        };
        match answer {
            Some(text) if text.starts_with("erased ") => compared.erased += 1,
            Some(theirs) if *theirs == mine => {}
            _ => compared.lacks.push(*name),
        }
    }
    Ok(compared)
}

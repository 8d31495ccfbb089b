//! A push that was made here, for edits in the browser: everything that a push goes through, without the wire.

use super::{Accepted, Acceptor, Command, Pack, PushRequest, ReceiveError, ReceiveLimits, RefUpdate, VerifiedPush};
use super::{Ends, Refused, connected, receive_pack};
use crate::repository::Repository;
use crate::snapshot::RefSnapshot;

/// Takes in one update with the pack of its objects (for a deletion no bytes): authorized, indexed in a quarantine, checked for what is missing and given to
/// the acceptor, as a push from outside is. The one result is that of the update.
///
/// # Errors
/// When the server fails; an update that is refused is a result, not an error.
pub async fn take_in<A: Acceptor>(
    repository: &Repository,
    refs: &RefSnapshot,
    update: RefUpdate,
    pack: &[u8],
    limits: &ReceiveLimits,
    mut acceptor: A,
) -> Result<Accepted, ReceiveError> {
    let updates = vec![update.clone()];
    match acceptor.authorize(&updates).await.map(|answers| answers.into_iter().next()) {
        Ok(Some(Ok(()))) => {}
        Ok(Some(Err(words))) | Err(words) => return Ok(refused(words)),
        Ok(None) => return Ok(refused("nothing was said about the update".to_owned())),
    }
    let commands = vec![Command { name: update.name.as_str().to_owned(), update: Ok(update) }];
    let request = PushRequest { commands, ..PushRequest::default() };
    let mut body = pack;
    let quarantine = match receive_pack(repository, &request, &mut body, Ends::Body, limits, &mut acceptor).await? {
        Pack::None => None,
        Pack::Refused(words) => return Ok(refused(words)),
        // A pack without objects says that all were there.
        Pack::Indexing(quarantine, index, objects) => match index.finish().await {
            Ok(()) => Some(quarantine).filter(|_| objects != Some(0)),
            Err(error) => return Ok(refused(error.to_string())),
        },
    };
    let verdicts = connected::verdicts(repository, refs, &updates, quarantine.as_ref()).await;
    if let Some(words) = verdicts.into_iter().find_map(Result::err) {
        return Ok(refused(words));
    }
    Ok(acceptor.accept(VerifiedPush { updates, quarantine, push_options: Vec::new(), atomic: true }).await)
}

fn refused(words: Refused) -> Accepted {
    Accepted { results: vec![Err(words)], messages: Vec::new() }
}

//! Fresh proofs: that who acts is who signed in, and not whoever has their cookie.
//!
//! Kept in memory, by session: a restart asks everybody again. A proof is good for [`PROOF_AGE_MAX`] from when it was given, however
//! much is done in between: a sliding window would let whoever rides along stay.

use super::Site;
use crate::clock::now_us;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::people::factor::{authenticator_list, factors, signer};
use crate::people::proof::{Proof, Prove};
use crate::people::webauthn::Assertion;
use crate::people::{Principal, Proved};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a proof is good.
pub const PROOF_AGE_MAX: Duration = Duration::from_secs(15 * 60);
/// Proofs that are remembered at one time; beyond it people are asked again.
const PROOFS_MAX: usize = 10_000;

pub(super) const PROVE: &str = "prove";

/// When each session last proved itself.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Mutex<HashMap<u64, Instant>>);

impl Proofs {
    pub(super) fn note(&self, session: u64, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PROOFS_MAX {
            known.retain(|_, since| now.duration_since(*since) < PROOF_AGE_MAX);
        }
        if known.len() < PROOFS_MAX {
            known.insert(session, now);
        }
    }

    pub(super) fn is_fresh(&self, session: u64, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&session).is_some_and(|since| now.duration_since(*since) < PROOF_AGE_MAX)
    }
}

/// What somebody may prove themselves with.
#[derive(Clone, Debug)]
pub struct ProofWanted {
    /// The ids of their keys.
    pub keys: Vec<Vec<u8>>,
    /// What a key is to sign; None: they have none, or the site's address allows none.
    pub challenge: Option<[u8; 32]>,
    /// They have an app.
    pub app: bool,
}

/// What somebody shows besides, or instead of, their password.
#[derive(Clone, Debug, Default)]
pub struct Shows {
    /// A code of an app.
    pub code: String,
    /// The challenge a key signed.
    pub challenge: String,
    /// What it signed, as the pages' script gives it.
    pub answer: String,
    /// A recovery code.
    pub recovery: String,
}

impl Site {
    /// That somebody has proved lately that it is them.
    ///
    /// # Errors
    /// [`Error::ReauthRequired`] when they have not, and always for a token: a token manages no credentials.
    pub fn proved(&self, who: &Principal) -> Result<Proved, Error> {
        let session = who.session().and(who.credential()).ok_or(Error::ReauthRequired)?;
        let must_enrol = who.session().is_some_and(|session| session.must_enrol);
        if !must_enrol && self.proofs.is_fresh(session, Instant::now()) {
            return Ok(Proved(who.clone()));
        }
        Err(Error::ReauthRequired)
    }

    /// What somebody may prove themselves with.
    pub async fn proof_wanted(&self, who: &Principal) -> Result<ProofWanted, Error> {
        let session = who.credential().ok_or(Error::ReauthRequired)?;
        self.wanted_of(who.user(), PROVE, session).await
    }

    /// What an account has to show, with a challenge for this purpose.
    pub(super) async fn wanted_of(&self, account: u64, purpose: &str, subject: u64) -> Result<ProofWanted, Error> {
        let read = move |tx: &mut Tx| -> Result<_, DbError> {
            let keys = authenticator_list(tx, account)?;
            Ok((keys, factors(tx, account, now_us())?))
        };
        let (keys, factors) = self.db().read_async(read).await?;
        let keys: Vec<_> = keys.into_iter().filter(|key| key.is_good(now_us())).map(|key| key.credential).collect();
        let signs = !keys.is_empty() && self.relying_party().is_ok();
        let challenge = signs.then(|| self.tickets.challenge(purpose, subject, now_us())).transpose()?;
        Ok(ProofWanted { keys, challenge, app: factors.totps > 0 })
    }

    /// What is shown, as a proof; what is there of it decides. `alone`: no password was given.
    pub(super) fn shown(&self, shows: &Shows, purpose: &str, subject: u64, alone: bool) -> Result<Proof, Error> {
        let now = now_us();
        if !shows.answer.is_empty() {
            let rp = self.relying_party()?;
            let challenge = self.tickets.challenge_read(purpose, subject, &shows.challenge, now)?;
            let assertion = Assertion::from_json(&shows.answer)?;
            return Ok(Proof::Key { rp, challenge, assertion, alone });
        }
        Ok(match (shows.code.trim(), shows.recovery.trim()) {
            ("", "") => Proof::Password,
            ("", code) => Proof::Recovery(code.to_owned()),
            (code, _) => Proof::Totp(code.to_owned()),
        })
    }

    /// Uses up the challenge of a key's proof, once its signature was found to be good.
    pub(super) async fn use_challenge(&self, account: Option<u64>, proof: &Proof) -> Result<(), Error> {
        let Proof::Key { rp, challenge, assertion, .. } = proof.clone() else { return Ok(()) };
        let look = move |tx: &mut Tx| signer(tx, &rp, account, &challenge, &assertion, now_us());
        self.db().read_async(look).await?;
        self.tickets.challenge_use(challenge, now_us())
    }

    /// Proves that it is them who are signed in: with a key that verifies them, or with the password and, where the account has
    /// another factor, that one too. Never with a recovery code.
    pub async fn prove(&self, who: &Principal, password: &str, shows: &Shows) -> Result<(), Error> {
        let session = who.session().and(who.credential()).ok_or(Error::ReauthRequired)?;
        let alone = password.is_empty();
        let proof = self.shown(shows, PROVE, session, alone)?;
        if !matches!(proof, Proof::Key { alone: true, .. }) {
            let name = who.name().parse().map_err(|_| Error::internal("the account's name is none"))?;
            if !self.password_fits(&name, password).await? {
                return Err(Error::Unauthenticated("the password is not right".into()));
            }
        }
        self.attempts.begin_second(who.user(), Instant::now())?;
        self.use_challenge(Some(who.user()), &proof).await?;
        self.ledger().submit(who.submitter(), Prove { account: who.user(), proof }).await?;
        self.attempts.succeeded_second(who.user());
        self.proofs.note(session, Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_one_sessions_and_ends() {
        let (proofs, now) = (Proofs::default(), Instant::now());
        proofs.note(7, now);
        assert!(proofs.is_fresh(7, now + PROOF_AGE_MAX - Duration::from_secs(1)));
        assert!(!proofs.is_fresh(7, now + PROOF_AGE_MAX));
        assert!(!proofs.is_fresh(8, now));
        for session in 0..2 * PROOFS_MAX as u64 {
            proofs.note(session, now);
        }
        assert_eq!(proofs.0.lock().unwrap().len(), PROOFS_MAX);
        proofs.note(u64::MAX, now + PROOF_AGE_MAX);
        assert_eq!(proofs.0.lock().unwrap().len(), 1, "the old ones make room");
    }
}

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
/// Proofs that are remembered at one time; beyond it those whose proof is oldest are asked again.
const PROOFS_MAX: usize = 10_000;
/// Of them, those of one account: whoever signs in again and again takes nobody's.
const PROOFS_OWN_MAX: usize = 20;

pub(super) const PROVE: &str = "prove";

/// Whose session proved itself, and when.
#[derive(Debug)]
struct Given {
    account: u64,
    at: Instant,
}

impl Given {
    fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.at) < PROOF_AGE_MAX
    }
}

/// When each session last proved itself.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Mutex<HashMap<u64, Given>>);

impl Proofs {
    pub(super) fn note(&self, session: u64, account: u64, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, given| given.is_fresh(now));
        known.remove(&session);
        if known.values().filter(|given| given.account == account).count() >= PROOFS_OWN_MAX {
            forget_oldest(&mut known, |given| given.account == account);
        } else if known.len() >= PROOFS_MAX {
            forget_oldest(&mut known, |_| true);
        }
        known.insert(session, Given { account, at: now });
    }

    pub(super) fn is_fresh(&self, session: u64, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&session).is_some_and(|given| given.is_fresh(now))
    }
}

fn forget_oldest(known: &mut HashMap<u64, Given>, among: impl Fn(&Given) -> bool) {
    let oldest = known.iter().filter(|(_, given)| among(given)).min_by_key(|(_, given)| given.at).map(|(id, _)| *id);
    oldest.map(|session| known.remove(&session));
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
        self.proofs.note(session, who.user(), Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_one_sessions_and_ends() {
        let (proofs, now) = (Proofs::default(), Instant::now());
        proofs.note(7, 1, now);
        assert!(proofs.is_fresh(7, now + PROOF_AGE_MAX - Duration::from_secs(1)));
        assert!(!proofs.is_fresh(7, now + PROOF_AGE_MAX));
        assert!(!proofs.is_fresh(8, now));
    }

    #[test]
    fn nobody_is_kept_from_proving_themselves() {
        let (proofs, now) = (Proofs::default(), Instant::now());
        proofs.note(7, 1, now);
        for session in 1000..1000 + 2 * PROOFS_OWN_MAX as u64 {
            proofs.note(session, 2, now + Duration::from_millis(session));
        }
        assert_eq!(proofs.0.lock().unwrap().len(), 1 + PROOFS_OWN_MAX);
        assert!(proofs.is_fresh(7, now), "another account took it");
        assert!(proofs.is_fresh(999 + 2 * PROOFS_OWN_MAX as u64, now) && !proofs.is_fresh(1000, now));
        for account in 10..10 + PROOFS_MAX as u64 {
            proofs.note(10_000 + account, account, now + Duration::from_secs(60));
        }
        assert_eq!(proofs.0.lock().unwrap().len(), PROOFS_MAX);
        proofs.note(8, 1, now + Duration::from_secs(61));
        assert!(proofs.is_fresh(8, now + Duration::from_secs(61)), "who proves themselves has");
        proofs.note(9, 1, now + Duration::from_secs(61) + PROOF_AGE_MAX);
        assert_eq!(proofs.0.lock().unwrap().len(), 1, "the old ones make room");
    }
}

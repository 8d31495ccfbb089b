//! What somebody proves with that it is them, checked and used up by the writer.

use super::factor::recovery::recovery_code_use;
use super::factor::totp::totp_use;
use super::factor::{factors, signer};
use super::webauthn::{Assertion, RelyingParty};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::people::SignIn;
use crate::oidc::identity_fetch;
use crate::writer::{Command, Decide, Urgency};

/// What is given. A password was checked before: hashing is not for the writer's thread.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The password, and nothing else: of an account that has nothing else.
    Password,
    /// The password, and a code of an app.
    Totp(String),
    /// An authenticator's signature; with the password, or where `alone` without, if it verified its owner.
    Key {
        /// For whom.
        rp: RelyingParty,
        /// What was to be signed.
        challenge: [u8; 32],
        /// What was signed.
        assertion: Assertion,
        /// No password was given.
        alone: bool,
    },
    /// The password, and a recovery code.
    Recovery(String),
    /// A provider's word, which was checked before, instead of a password: of an account that has nothing else.
    Provider {
        /// The issuer.
        issuer: String,
        /// Whom it speaks of.
        subject: String,
    },
}

/// What came of a proof.
pub(super) struct Shown {
    pub(super) account: u64,
    pub(super) how: SignIn,
    pub(super) factor: Option<u64>,
    /// What uses it up.
    pub(super) used: Option<Event>,
}

impl Proof {
    /// Checks it, for this account; None: for the one whose key signed.
    pub(super) fn check(&self, tx: &mut Tx, account: Option<u64>, now_us: i64) -> Result<Shown, Error> {
        let known = || account.ok_or_else(|| Error::internal("a proof without an account"));
        match self {
            Self::Password => {
                let account = known()?;
                if factors(tx, account, now_us)?.any() {
                    return Err(Error::Unauthenticated("this account needs its second factor too".into()));
                }
                Ok(Shown { account, how: SignIn::Password, factor: None, used: None })
            }
            Self::Totp(code) => {
                let account = known()?;
                let (totp, used) = totp_use(tx, account, code, now_us)?;
                Ok(Shown { account, how: SignIn::Totp, factor: Some(totp), used: Some(used) })
            }
            Self::Key { rp, challenge, assertion, alone } => {
                let signer = signer(tx, rp, account, challenge, assertion, now_us)?;
                if *alone && !signer.user_verified {
                    return Err(Error::forbidden(
                        "this key did not check that it is you: use one with a PIN or a fingerprint, or your password too",
                    ));
                }
                let how = if signer.user_verified { SignIn::Passkey } else { SignIn::SecurityKey };
                let used = Some(signer.used());
                Ok(Shown { account: signer.account, how, factor: Some(signer.authenticator), used })
            }
            Self::Provider { issuer, subject } => {
                let account = known()?;
                let linked = identity_fetch(tx, issuer, subject)?.filter(|identity| identity.account == account);
                linked
                    .ok_or_else(|| Error::Unauthenticated("it is no longer linked with this account".into()))?
                    .must_be_awake(now_us)?;
                if factors(tx, account, now_us)?.any() {
                    return Err(Error::Unauthenticated("this account needs its second factor too".into()));
                }
                Ok(Shown { account, how: SignIn::Provider, factor: None, used: None })
            }
            Self::Recovery(code) => {
                let account = known()?;
                let used = Some(recovery_code_use(tx, account, code)?);
                Ok(Shown { account, how: SignIn::RecoveryCode, factor: None, used })
            }
        }
    }
}

/// Uses a proof up, for an act that somebody signed in wants to do. A recovery code is none.
#[derive(Debug)]
pub struct Prove {
    /// Who.
    pub account: u64,
    /// With what.
    pub proof: Proof,
}

impl Command for Prove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Founding;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        if matches!(self.proof, Proof::Recovery(_)) {
            return Err(Error::forbidden("a recovery code is for signing in alone"));
        }
        let shown = self.proof.check(tx, Some(self.account), ctx.now_us)?;
        Ok((shown.used.into_iter().collect(), ()))
    }
}

//! Second factors: adding, naming, removing them; and whose signature something is.

use super::Site;
use super::people::submitter;
use crate::clock::now_us;
use crate::error::Error;
use crate::event::people::SignIn;
use crate::names::UserName;
use crate::people::factor::{
    Authenticator, AuthenticatorAdd, FactorName, FactorRemove, FactorWake, Factors, RecoveryCode, RecoveryCodesMake,
    Signer, Totp, TotpAdd, TotpSecret, authenticator_list, factors, recovery_codes_left, signer, totp_list,
};
use crate::people::inventory::{Credential, InventoryFilter, inventory, inventory_since};
use crate::people::last_use::LastUse;
use crate::people::policy::{self, FactorsRequire};
use crate::people::principal::Session;
use crate::people::session::SessionRenew;
use crate::people::webauthn::{Assertion, Registration, RelyingParty};
use crate::people::{Principal, Proved, Scope, SessionSecret};
use sha2::{Digest as _, Sha256};
use std::time::Instant;

const REGISTER: &str = "register";
const ENROL: &str = "enrol an app";

/// What an account has besides its password, to be shown to its owner.
#[derive(Clone, Debug)]
pub struct FactorList {
    /// Its keys.
    pub keys: Vec<Authenticator>,
    /// Its apps.
    pub apps: Vec<Totp>,
    /// Its recovery codes that are still good.
    pub codes: u32,
}

/// What a browser is told to make a key with.
#[derive(Clone, Debug)]
pub struct KeyWanted {
    /// For whom.
    pub rp: RelyingParty,
    /// What it signs.
    pub challenge: [u8; 32],
    /// The account, as the authenticator knows it: opaque, and another on each site.
    pub user: [u8; 32],
    /// Keys it must not be.
    pub known: Vec<Vec<u8>>,
}

impl Site {
    /// The site as authenticators know it.
    ///
    /// # Errors
    /// [`Error::Invalid`] where browsers offer no WebAuthn: at an IP address or without https.
    pub fn relying_party(&self) -> Result<RelyingParty, Error> {
        RelyingParty::of(self.base_url()).ok_or_else(|| {
            Error::invalid("passkeys need an address with a name and https: set base_url to one (see README)")
        })
    }

    /// Which authenticator of this account signed this challenge, and whether it verified its owner.
    ///
    /// Only a look: a command that acts on a signature asks [`signer`] itself, in the transaction that acts.
    pub async fn signer(&self, account: u64, challenge: [u8; 32], assertion: Assertion) -> Result<Signer, Error> {
        let rp = self.relying_party()?;
        let look = move |tx: &mut crate::db::Tx| signer(tx, &rp, Some(account), &challenge, &assertion, now_us());
        self.db().read_async(look).await
    }

    /// What somebody has besides their password.
    pub async fn factor_list(&self, who: &Principal) -> Result<FactorList, Error> {
        let account = who.user();
        let read = move |tx: &mut crate::db::Tx| -> Result<_, Error> {
            let (keys, apps) = (authenticator_list(tx, account)?, totp_list(tx, account)?);
            Ok(FactorList { keys, apps, codes: recovery_codes_left(tx, account)? })
        };
        self.db().read_async(read).await
    }

    /// As [`factor_list`](Self::factor_list), counted.
    pub async fn factors(&self, who: &Principal) -> Result<Factors, Error> {
        let account = who.user();
        self.db().read_async(move |tx| Ok(factors(tx, account, now_us())?)).await
    }

    /// That somebody may add a factor: by a fresh proof, or because they must before anything else. A recovery code gives no more
    /// than that.
    pub fn may_enrol(&self, who: &Principal) -> Result<Proved, Error> {
        let by_code = |session: Session| session.must_enrol && session.how == SignIn::RecoveryCode;
        let fresh = who.credential().is_some_and(|id| self.proofs.is_fresh(id, Instant::now()));
        if who.session().is_some_and(|session| by_code(session) || fresh) {
            return Ok(Proved(who.clone()));
        }
        Err(Error::ReauthRequired)
    }

    /// What a browser is told to make a key with, for [`passkey_add`](Self::passkey_add).
    pub async fn passkey_wanted(&self, who: &Principal) -> Result<KeyWanted, Error> {
        let rp = self.relying_party()?;
        let known = self.factor_list(who).await?.keys.into_iter().map(|key| key.credential).collect();
        let challenge = self.tickets.challenge(REGISTER, who.credential().unwrap_or(0), now_us())?;
        let log = self.keys().origin().to_string();
        let user = Sha256::new().chain_update(log.as_bytes()).chain_update([0]).chain_update(who.user().to_be_bytes());
        Ok(KeyWanted { rp, challenge, user: user.finalize().into(), known })
    }

    /// Registers a key. When it verified its owner and is good at once, the session is begun anew with it: the secret for its cookie
    /// comes back.
    pub async fn passkey_add(
        &self,
        by: &Proved,
        name: &str,
        challenge: &str,
        answer: &str,
    ) -> Result<Option<SessionSecret>, Error> {
        let (who, now) = (by.who(), now_us());
        let session = who.credential().ok_or(Error::ReauthRequired)?;
        let challenge = self.tickets.challenge_read(REGISTER, session, challenge, now)?;
        let registered = Registration::from_json(answer)?.verify(&self.relying_party()?, &challenge)?;
        self.tickets.challenge_use(challenge, now)?;
        let verified = registered.user_verified;
        let add = AuthenticatorAdd { account: who.user(), name: name.to_owned(), registered };
        let (authenticator, awake) = self.change_rights(who.submitter(), add).await?.output;
        if !(verified && awake) {
            return Ok(None);
        }
        let secret = SessionSecret::generate()?;
        let renew = SessionRenew { session, owner: who.user(), authenticator, hash: secret.hash() };
        let renewed = self.change_rights(who.submitter(), renew).await?.output;
        self.proofs.note(renewed, who.user(), Instant::now());
        Ok(Some(secret))
    }

    /// A secret for an app, with the text that brings it back to [`app_add`](Self::app_add).
    pub fn app_secret(&self, by: &Proved) -> Result<(TotpSecret, String), Error> {
        let secret = TotpSecret::generate()?;
        let purpose = format!("{ENROL} {}", by.who().user());
        let ticket = self.tickets.seal(&purpose, secret.as_bytes(), now_us());
        Ok((secret, ticket))
    }

    /// The secret of such a text again.
    pub fn app_secret_again(&self, by: &Proved, ticket: &str) -> Result<TotpSecret, Error> {
        let purpose = format!("{ENROL} {}", by.who().user());
        Ok(TotpSecret::from_bytes(self.tickets.open(&purpose, ticket, now_us())?))
    }

    /// Enrols an app, by a code that it shows.
    pub async fn app_add(&self, by: &Proved, name: &str, ticket: &str, code: &str) -> Result<(), Error> {
        let secret = self.app_secret_again(by, ticket)?;
        let account = by.who().user();
        let add = TotpAdd { account, name: name.to_owned(), secret, code: code.to_owned() };
        self.change_rights(by.who().submitter(), add).await.map(drop)
    }

    /// Removes a key or an app.
    pub async fn factor_remove(&self, by: &Proved, factor: u64) -> Result<(), Error> {
        let remove = FactorRemove { factor, owner: by.who().user() };
        self.change_rights(by.who().submitter(), remove).await.map(drop)
    }

    /// Gives a key or an app another name.
    pub async fn factor_name(&self, by: &Proved, factor: u64, name: &str) -> Result<(), Error> {
        let set = FactorName { factor, owner: by.who().user(), name: name.to_owned() };
        self.ledger().submit(by.who().submitter(), set).await.map(drop)
    }

    /// Makes recovery codes; earlier ones are void. They are shown here and never again.
    pub async fn recovery_codes_make(&self, by: &Proved) -> Result<Vec<RecoveryCode>, Error> {
        let count = crate::people::factor::recovery::RECOVERY_CODES;
        let codes = (0..count).map(|_| RecoveryCode::generate()).collect::<Result<Vec<_>, _>>()?;
        let make = RecoveryCodesMake { account: by.who().user(), codes: codes.clone() };
        self.ledger().submit(by.who().submitter(), make).await?;
        Ok(codes)
    }

    /// Wakes a new factor of an officer's or operator's; another officer's act, in a session that a passkey began.
    pub async fn factor_wake(&self, by: &Proved, factor: u64) -> Result<(), Error> {
        if by.who().session().is_none_or(|session| session.role_asleep) {
            return Err(Error::forbidden("your role is asleep: sign in with your passkey"));
        }
        let wake = FactorWake { factor, officer: by.who().user() };
        self.change_rights(by.who().submitter(), wake).await.map(drop)
    }

    /// Every credential there is: for the command line, and an operator's token, everybody's; for others their own.
    pub async fn inventory(
        &self,
        by: Option<&Principal>,
        user: Option<&UserName>,
        filter: InventoryFilter,
    ) -> Result<Vec<(Credential, Option<LastUse>)>, Error> {
        let everybody = by.is_none_or(Principal::is_operator);
        if let Some(who) = by {
            who.needs(Scope::UserRead)?;
        }
        let account = match (by, user) {
            (_, Some(user)) if everybody => Some(self.user_fetch(user).await?.id),
            (Some(who), Some(user)) if !who.name().eq_ignore_ascii_case(user.as_str()) => {
                return Err(Error::not_found(user));
            }
            (Some(who), _) if !everybody => Some(who.user()),
            _ => None,
        };
        self.inventory_read(InventoryFilter { account, ..filter }).await
    }

    /// As [`inventory`](Self::inventory), everybody's, on a page for an officer or operator whose role is awake.
    pub async fn inventory_for_roles(
        &self,
        who: &Principal,
        filter: InventoryFilter,
    ) -> Result<Vec<(Credential, Option<LastUse>)>, Error> {
        let user = self.user_self(who).await?;
        let awake = who.session().is_some_and(|session| !session.role_asleep);
        if !(awake && (user.operator || user.officer)) {
            return Err(Error::forbidden("this is for officers and operators who signed in with a passkey"));
        }
        self.inventory_read(filter).await
    }

    async fn inventory_read(&self, filter: InventoryFilter) -> Result<Vec<(Credential, Option<LastUse>)>, Error> {
        let listed = self.db().read_async(move |tx| Ok::<_, Error>(inventory(tx, &filter)?)).await?;
        Ok(self.with_last_uses(listed))
    }

    /// Each credential that was made, used or ended since then, by the journal or by what was noted of uses, in no order.
    pub(crate) async fn inventory_since(&self, since_us: i64) -> Result<Vec<(Credential, Option<LastUse>)>, Error> {
        let (listed, acted) = self.db().read_async(move |tx| Ok::<_, Error>(inventory_since(tx, since_us)?)).await?;
        let mut listed = self.with_last_uses(listed);
        let used = |used: &Option<LastUse>| used.as_ref().is_some_and(|used| used.time_us >= since_us);
        listed.retain(|(made, last)| made.changed_since(since_us) || acted.contains(&made.id) || used(last));
        Ok(listed)
    }

    fn with_last_uses(&self, listed: Vec<Credential>) -> Vec<(Credential, Option<LastUse>)> {
        let with = |made: Credential| {
            let used = self.last_uses.get(made.id);
            (made, used)
        };
        listed.into_iter().map(with).collect()
    }

    /// Whether everybody must have a second factor.
    pub async fn factors_required(&self) -> Result<bool, Error> {
        self.db().read_async(|tx| Ok(policy::required(tx)?)).await
    }

    /// Requires a second factor of everybody from now on; an operator's act. `by` None: at the admin socket.
    pub async fn factors_require(&self, by: Option<&Proved>) -> Result<(), Error> {
        let by = by.map(Proved::who);
        by.map_or(Ok(()), Principal::needs_operator)?;
        self.change_rights(submitter(by), FactorsRequire).await.map(drop)
    }

    /// The name of an account, as an app shows it beside the site's.
    #[must_use]
    pub fn app_uri(&self, secret: &TotpSecret, name: &UserName) -> String {
        let host = self.base_url().split_once("://").map_or("outlast", |(_, rest)| rest);
        // A colon parts the site from the name in such a text.
        secret.uri(&host.replace(':', "%3A"), name.as_str())
    }
}

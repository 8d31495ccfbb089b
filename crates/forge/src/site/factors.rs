//! Second factors.

use super::Site;
use crate::error::Error;
use crate::people::authenticate::now_us;
use crate::people::factor::{Signer, signer};
use crate::people::webauthn::{Assertion, RelyingParty};

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
}

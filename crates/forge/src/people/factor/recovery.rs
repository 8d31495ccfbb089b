//! Recovery codes: the way in for who has lost every other factor. Each is good once, for a sign-in and nothing else.

use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::factor::{RecoveryCodeUsed, RecoveryCodesMade};
use crate::people::ticket::random;
use crate::people::{base32, query};
use crate::writer::{Command, Decide, Urgency};
use sha2::{Digest as _, Sha256};

/// Codes that are made at a time.
pub const RECOVERY_CODES: usize = 10;
/// Bytes of chance in one: 160 bits.
const CODE_BYTES: usize = 20;
/// Letters between two dashes.
const GROUP_CHARS: usize = 8;

/// A code. It shows itself only when it is revealed.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; CODE_BYTES]);

impl RecoveryCode {
    /// A new one.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = [0; CODE_BYTES];
        random(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// As people write it; None when it can be none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        base32::decode(&letters)?.try_into().ok().map(Self)
    }

    /// The code: to be shown to its owner, once.
    #[must_use]
    pub fn reveal(&self) -> String {
        let letters = base32::encode(&self.0).to_ascii_lowercase();
        let groups: Vec<_> = letters.as_bytes().chunks(GROUP_CHARS).map(String::from_utf8_lossy).collect();
        groups.join("-")
    }

    /// What is stored of it: of one account's alone, so that a code of somebody else's is none of theirs.
    #[must_use]
    pub fn hash(&self, account: u64) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"outlast recovery code\0")
            .chain_update(account.to_be_bytes())
            .chain_update(self.0)
            .finalize()
            .into()
    }
}

impl std::fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

/// How many of an account's codes are still good.
pub fn recovery_codes_left(tx: &mut Tx, account: u64) -> Result<u32, Error> {
    let sql = "SELECT count(*) FROM recovery_code WHERE account = ?1 AND used_us IS NULL";
    Ok(tx.query_one(sql, &[account.into()])?.get(0)?)
}

/// What is written when this code is let in by. To be called in the command that acts on it.
///
/// # Errors
/// [`Error::Unauthenticated`] when it is none of the account's, or was used.
pub fn recovery_code_use(tx: &mut Tx, account: u64, code: &str) -> Result<Event, Error> {
    let wrong = || Error::Unauthenticated("this is no recovery code of yours that is still good".into());
    let hash = RecoveryCode::parse(code).ok_or_else(wrong)?.hash(account);
    let sql = "SELECT used_us FROM recovery_code WHERE account = ?1 AND hash = ?2 AND used_us IS NULL";
    tx.query_opt(sql, &[account.into(), (&hash).into()])?.ok_or_else(wrong)?;
    Ok(RecoveryCodeUsed { account, hash: hash.to_vec() }.into())
}

/// Makes new codes for an account; the old ones are void.
#[derive(Debug)]
pub struct RecoveryCodesMake {
    /// Whose.
    pub account: u64,
    /// The codes.
    pub codes: Vec<RecoveryCode>,
}

impl Command for RecoveryCodesMake {
    type Output = ();
    const URGENCY: Urgency = Urgency::Founding;
    /// An intruder who knows a password would make himself a way in that stays.
    const DURING_LOCKDOWN: bool = false;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        query::user_by_id(tx, self.account)?.ok_or_else(|| Error::not_found("the account"))?;
        let hashes = self.codes.iter().map(|code| code.hash(self.account).to_vec().into()).collect();
        Ok((vec![RecoveryCodesMade { account: self.account, hashes }.into()], ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_typed_as_one_likes_and_is_one_accounts() {
        let code = RecoveryCode::generate().unwrap();
        let text = code.reveal();
        assert_eq!((text.len(), text.matches('-').count()), (35, 3));
        assert_eq!(RecoveryCode::parse(&text).unwrap(), code);
        assert_eq!(RecoveryCode::parse(&text.to_uppercase().replace('-', " ")).unwrap(), code);
        for bad in ["", &text[1..], &format!("{text}a"), "olp_0"] {
            assert!(RecoveryCode::parse(bad).is_none(), "{bad}");
        }
        assert_ne!(code.hash(1), code.hash(2));
        assert_eq!(format!("{code:?}"), "RecoveryCode(..)");
    }
}

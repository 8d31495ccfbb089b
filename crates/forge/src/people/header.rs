//! The `Authorization` header: how a token comes in.
//!
//! ```text
//! Basic base64(NAME:TOKEN)     git, curl -u        (the token says whose it is; clients put all kinds of words for NAME)
//! Basic base64(TOKEN:)         also base64(TOKEN:x-oauth-basic)
//! Bearer TOKEN                 token TOKEN
//! ```

use super::token::Token;
use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a header's value.
pub const HEADER_BYTES_MAX: usize = 4096;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A token.
    Token(Token),
    /// A name and something that is no token.
    Password {
        /// The name.
        name: String,
        /// What was given as the password.
        password: String,
    },
}

/// Reads the value of an `Authorization` header.
pub fn parse(value: &str) -> Result<Credential, Error> {
    let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value, ""));
    let rest = rest.trim();
    if value.len() > HEADER_BYTES_MAX {
        Err(Error::invalid("the Authorization header is too long"))
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic(rest)
    } else if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
        rest.parse().map(Credential::Token).map_err(|e| Error::Unauthenticated(format!("{e}")))
    } else {
        Err(Error::Unauthenticated("authenticate with Basic (the token as the password) or with Bearer".into()))
    }
}

fn basic(encoded: &str) -> Result<Credential, Error> {
    let bad = || Error::Unauthenticated("the Basic Authorization header is not base64 of NAME:TOKEN".into());
    let text = STANDARD.decode(encoded).ok().and_then(|b| String::from_utf8(b).ok()).ok_or_else(bad)?;
    let (name, password) = text.split_once(':').ok_or_else(bad)?;
    match password.parse().or_else(|_| name.parse()) {
        Ok(token) => Ok(Credential::Token(token)),
        Err(_) => Ok(Credential::Password { name: name.to_owned(), password: password.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic_of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_token_comes_in_five_ways() {
        let token = Token::generate().unwrap();
        let t = token.reveal();
        let expected = Credential::Token(token.clone());
        for value in [
            format!("Bearer {t}"),
            format!("bearer  {t} "),
            format!("token {t}"),
            basic_of(&format!("{t}:")),
            basic_of(&format!("{t}:x-oauth-basic")),
            basic_of(&format!("x-access-token:{t}")),
            basic_of(&format!(":{t}")),
            basic_of(&format!("ada:{t}")),
        ] {
            assert_eq!(parse(&value).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn what_is_no_token_is_a_password_or_an_error() {
        assert!(
            matches!(parse(&basic_of("ada:pass:word")), Ok(Credential::Password { password, .. }) if password == "pass:word")
        );
        let long = format!("Bearer {}", "x".repeat(5000));
        for bad in
            ["", "Basic", "Basic ???", "Bearer x", "Bearer", "Digest x", "Negotiate abc", &basic_of("nocolon"), &long]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!("Basic {}", STANDARD.encode([0xff, b':', 0xfe]))).is_err());
    }
}

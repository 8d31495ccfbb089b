//! The `Authorization` header: how a token comes in.
//!
//! ```text
//! Basic base64(NAME:TOKEN)     git, curl -u        (the token is the password; NAME must be its owner's, or say nothing)
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
    /// A token, and whose it is said to be.
    Token {
        /// The token.
        token: Token,
        /// The name given beside it, unless it says nothing.
        name: Option<String>,
    },
    /// A name and something that is no token.
    Password {
        /// The name.
        name: String,
        /// What was given as the password.
        password: String,
    },
}

/// Words that clients put where the name would be, or the password, when the other is the token.
const SAYS_NOTHING: &[&str] = &["", "x-oauth-basic", "x-access-token", "oauth2", "token", "git"];

/// Reads the value of an `Authorization` header.
pub fn parse(value: &str) -> Result<Credential, Error> {
    let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value, ""));
    let rest = rest.trim();
    if value.len() > HEADER_BYTES_MAX {
        Err(Error::invalid("the Authorization header is too long"))
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic(rest)
    } else if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
        Ok(Credential::Token { token: rest.parse().map_err(|e| Error::Unauthenticated(format!("{e}")))?, name: None })
    } else {
        Err(Error::Unauthenticated("authenticate with Basic (the token as the password) or with Bearer".into()))
    }
}

fn basic(encoded: &str) -> Result<Credential, Error> {
    let bad = || Error::Unauthenticated("the Basic Authorization header is not base64 of NAME:TOKEN".into());
    let text = STANDARD.decode(encoded).ok().and_then(|b| String::from_utf8(b).ok()).ok_or_else(bad)?;
    let (name, password) = text.split_once(':').ok_or_else(bad)?;
    let silent = |word: &str| SAYS_NOTHING.contains(&word);
    if let Ok(token) = password.parse() {
        return Ok(Credential::Token { token, name: (!silent(name)).then(|| name.to_owned()) });
    }
    match name.parse() {
        Ok(token) if silent(password) => Ok(Credential::Token { token, name: None }),
        _ => Ok(Credential::Password { name: name.to_owned(), password: password.to_owned() }),
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
        let anonymous = Credential::Token { token: token.clone(), name: None };
        for value in [
            format!("Bearer {t}"),
            format!("bearer  {t} "),
            format!("token {t}"),
            basic_of(&format!("{t}:")),
            basic_of(&format!("{t}:x-oauth-basic")),
            basic_of(&format!("x-access-token:{t}")),
            basic_of(&format!(":{t}")),
        ] {
            assert_eq!(parse(&value).unwrap(), anonymous, "{value}");
        }
        let named = Credential::Token { token: token.clone(), name: Some("ada".into()) };
        assert_eq!(parse(&basic_of(&format!("ada:{t}"))).unwrap(), named);
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

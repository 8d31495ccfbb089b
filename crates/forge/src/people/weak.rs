//! Passwords that everybody tries first (NIST SP 800-63B, 3.1.1.2): the common ones, one letter many times, rows of keys, the names of
//! account and site. No rules of what must be in one: they make passwords worse.

/// Those that leaked lists begin with and that have eight characters or more, without digits and signs around them.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "pa55word",
    "passwort",
    "passphrase",
    "mypassword",
    "thepassword",
    "newpassword",
    "changeme",
    "changeit",
    "letmein",
    "welcome",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "basketball",
    "superman",
    "batman",
    "trustno",
    "starwars",
    "whatever",
    "computer",
    "internet",
    "michelle",
    "jennifer",
    "jordan",
    "corvette",
    "mercedes",
    "maverick",
    "samantha",
    "danielle",
    "alexander",
    "christian",
    "elizabeth",
    "benjamin",
    "jonathan",
    "nicholas",
    "victoria",
    "veronica",
    "patricia",
    "champion",
    "liverpool",
    "chelsea",
    "manchester",
    "arsenal",
    "barcelona",
    "qwertyuiop",
    "qwerty",
    "asdfghjkl",
    "asdfasdf",
    "zxcvbnm",
    "qazwsxedc",
    "qazwsx",
    "qwaszx",
    "administrator",
    "admin",
    "administrador",
    "root",
    "toor",
    "secret",
    "topsecret",
    "default",
    "dragon",
    "monkey",
    "master",
    "shadow",
    "pokemon",
    "butterfly",
    "chocolate",
    "blahblah",
    "nothing",
    "anything",
    "something",
    "test",
    "testing",
    "testtest",
    "temporary",
    "temppass",
    "guest",
    "login",
    "access",
    "opensesame",
    "abcd",
    "abcdef",
    "abc",
    "fuckyou",
    "asshole",
    "jesus",
    "iloveu",
    "lovely",
    "babygirl",
    "pass",
    "user",
    "username",
    "spring",
    "summer",
    "autumn",
    "winter",
    "january",
    "february",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "friday",
    "hunter",
    "outlast",
    "github",
    "gitlab",
    "forgejo",
    "subversion",
    "developer",
    "devops",
    "jenkins",
    "docker",
    "kubernetes",
    "ubuntu",
    "debian",
    "windows",
];

/// Why a password is too easy to guess for an account of this name at a site of this host; None: nothing is known against it.
#[must_use]
pub(crate) fn weak(password: &str, name: &str, host: &str) -> Option<&'static str> {
    let lower = password.to_lowercase();
    let first = lower.chars().next()?;
    if lower.chars().all(|c| c == first) {
        return Some("it is one character many times");
    }
    let chars: Vec<u32> = lower.chars().map(u32::from).collect();
    let steps = |by: i64| chars.windows(2).all(|pair| i64::from(pair[1]) - i64::from(pair[0]) == by);
    if steps(1) || steps(-1) || lower.bytes().all(|b| b.is_ascii_digit()) && lower.len() < 12 {
        return Some("it is a row of digits or letters");
    }
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    let joined: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let common = |text: &str| COMMON.contains(&text);
    if common(core) || common(&joined) || common(&lower) {
        return Some("it is one that everybody tries first");
    }
    let site = host.split('.').find(|label| !label.is_empty() && *label != "www").unwrap_or(host);
    if [name, site, host].iter().any(|word| core == word.to_lowercase()) {
        return Some("it is the name of the account or of this site");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for bad in [
            "password",
            "Password1!",
            "12345678",
            "87654321",
            "1234567890",
            "aaaaaaaa",
            "abcdefgh",
            "qwertyuiop",
            "letmein2026",
            "!!welcome!!",
            "alice2026",
            "ALICE-1234",
            "example1",
            "code.example.org",
            "19471947",
            "p@ssw0rd",
        ] {
            let host = if bad.starts_with("code") { "code.example.org" } else { "example.org" };
            assert!(weak(bad, "alice", host).is_some(), "{bad}");
        }
        for good in
            ["the long password of alice", "alice's password", "tr0ub4dor&3x", "мой пароль дом", "8472910364519"]
        {
            assert_eq!(weak(good, "alice", "example.org"), None, "{good}");
        }
    }
}

//! What a pusher is told.

use crate::error::Error;

/// `outlast: held by eu, us (2 of 3), entry 41`
pub(super) fn held_line(held: &[String], vaults: usize, entry: u64) -> String {
    format!("outlast: held by {} ({} of {vaults}), entry {entry}", held.join(", "), held.len())
}

/// `outlast: receipt http://HOST/OWNER/NAME/-/receipts/41`
pub(super) fn receipt_line(base_url: &str, path: &str, entry: u64) -> String {
    format!("outlast: receipt {}/{path}/-/receipts/{entry}", base_url.trim_end_matches('/'))
}

/// Where the rules that refused a ref are said.
pub(super) fn rules_line(base_url: &str, path: &str) -> String {
    format!("outlast: refs are protected by rules: {}/{path}/-/settings/protections", base_url.trim_end_matches('/'))
}

/// Why a ref was refused, in one line: that is all git shows of it.
pub(super) fn refusal(error: &Error) -> String {
    let text = match error {
        Error::NotHeldYet { seq, .. } => {
            format!("applied as entry {seq}, NOT YET HELD: do not push again, fetch later")
        }
        Error::NoQuorum { missing } => format!("no quorum of vaults (missing: {})", missing.join(", ")),
        Error::NotFound(_) => "the repository is gone".to_owned(),
        other => other.to_string(),
    };
    one_line(&text)
}

/// The longer text, for the sideband.
pub(super) fn explanation(error: &Error) -> Option<String> {
    match error {
        Error::NotHeldYet { seq, missing, waited_s } => Some(format!(
            "outlast: your push is applied as entry {seq}, but NOT YET HELD by enough vaults after {waited_s} s (missing: {}). It \
             becomes visible by itself once they hold it. Do not push again; fetch later to see it.",
            missing.join(", ")
        )),
        Error::NoQuorum { .. } | Error::Frozen { .. } | Error::NoRoom(_) => {
            Some(one_line(&format!("outlast: {error}")))
        }
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_scripts_expect_them() {
        assert_eq!(held_line(&["eu".into(), "us".into()], 3, 41), "outlast: held by eu, us (2 of 3), entry 41");
        assert_eq!(receipt_line("http://h:1/", "a/b", 41), "outlast: receipt http://h:1/a/b/-/receipts/41");
    }

    #[test]
    fn what_is_applied_and_not_held_is_said_exactly() {
        let error = Error::NotHeldYet { seq: 7, waited_s: 10, missing: vec!["us".into()] };
        assert!(refusal(&error).contains("do not push again") && refusal(&error).contains("entry 7"));
        let text = explanation(&error).unwrap();
        assert!(text.contains("missing: us") && text.contains("Do not push again"));
        assert!(!refusal(&Error::internal("a\nb")).contains('\n'));
    }
}

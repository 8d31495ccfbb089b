//! Secrets are nowhere but with their owners.

use crate::common::{Browser, World, basic, request};
use std::path::{Path, PathBuf};

const PASSWORD: &str = "planted-password-4f1d0b7c";

fn files(below: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

/// object_store RUSTSEC-2024-0358 and every log that was ever leaked: passwords, tokens and cookies, good or bad, are in no log
/// and in no file of the site or of a vault.
#[test]
fn no_secret_is_in_a_log_or_a_file() {
    let mut world = World::new();
    let git = world.repository("one");
    world
        .site
        .cli_with(&["user", "create", "olga", "--email", "o@example.org", "--password-stdin"], PASSWORD)
        .success();
    let browser = Browser::sign_in(&world.site, "olga", PASSWORD);
    let answer = Browser::new(&world.site).post("/-/sign-in", &format!("name=olga&password={PASSWORD}"));
    let cookie = answer.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
    assert!(cookie.len() >= 20, "{cookie}");
    browser.post("/-/sign-in", "name=olga&password=planted-wrong-77aa12");
    // A password or a token where a name belongs, as people do.
    browser.post("/-/sign-in", "name=planted-as-name-c0ffee&password=x");
    world.push(&git, &["HEAD"]);
    let bad = "olp_planted0bad0token000000000000000000";
    for secret in [&world.token, bad, PASSWORD] {
        for path in ["/api/v1/user", "/ann/one.git/info/refs?service=git-receive-pack", "/ann/one"] {
            for login in
                [basic("ann", secret), basic(secret, ""), format!("Bearer {secret}"), format!("token {secret}")]
            {
                request(&world.site.address, "GET", path, &[("Authorization", &login)], b"").unwrap();
            }
            let separator = if path.contains('?') { '&' } else { '?' };
            let with = format!("{path}{separator}access_token={secret}&token={secret}");
            request(&world.site.address, "GET", &with, &[], b"").unwrap();
        }
    }
    world.site.stop();
    let planted =
        [PASSWORD, "planted-wrong-77aa12", "planted-as-name-c0ffee", bad, &world.token, &cookie].map(str::as_bytes);
    let mut all = Vec::new();
    files(&world.site.data, &mut all);
    for vault in &world.vaults {
        files(&world.path(&vault.name), &mut all);
    }
    all.push(world.site.log());
    assert!(all.len() > 20, "{all:?}");
    for path in all {
        let bytes = std::fs::read(&path).unwrap();
        for secret in planted {
            let there = bytes.windows(secret.len()).any(|part| part == secret);
            assert!(!there, "{} is in {}", String::from_utf8_lossy(secret), path.display());
        }
    }
}

//! A vault whose store is a bucket of a real S3 service: a site is held by it, burns, and is recovered from it alone.

use crate::common::{Git, Site, Vault, World, cli};
use std::time::Duration;

/// A place in the bucket of the service that scripts/with-radosgw.sh started, once it is there.
pub(crate) fn bucket(prefix: &str) -> Option<String> {
    let Ok(ready) = std::env::var("OUTLAST_TEST_S3_READY") else {
        assert!(std::env::var_os("OUTLAST_TEST_ALL").is_none(), "run it under scripts/with-radosgw.sh");
        eprintln!("skipped: no radosgw; run it under scripts/with-radosgw.sh");
        return None;
    };
    for _ in 0..1800 {
        if let Ok(text) = std::fs::read_to_string(&ready) {
            assert_eq!(text.trim(), "ready", "{text}");
            return Some(format!("{}/{prefix}", std::env::var("OUTLAST_TEST_S3").unwrap()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("radosgw was not ready after three minutes");
}

#[test]
fn a_site_is_recovered_from_a_bucket_alone() {
    let Some(url) = bucket("e2e") else { return };
    let probed = cli(["vault", "probe", &url]).success();
    assert!(probed.contains("fit for a vault") && probed.contains("missing  use its name again"), "{probed}");
    let mut world = World::with_vaults(|dir, name| match name {
        "eu" => Vault::start_in_bucket(dir, name, &url),
        _ => Vault::start(dir, name),
    });
    let one = world.repository("one");
    let tip = one.commit("kept", "in a bucket\n");
    world.push(&one, &["HEAD"]);
    world.await_caught_up("eu");
    let store = world.vault("eu").dir.join("store");
    assert!(!store.exists(), "the vault's directory holds keys and nothing else");
    let key = world.take_recovery_key();
    let verified = world.vault("eu").verify(Some(&key)).success();
    assert!(verified.contains("all opened with the key"), "{verified}");
    let attacked = cli(["vault", "probe", &world.vault("eu").recover_url()]).success();
    assert!(attacked.contains("fit for a vault"), "{attacked}");

    // Everything burns but the bucket and the vault's keys; the vault starts again over it.
    world.site.kill();
    for name in ["eu", "us", "asia"] {
        world.vault(name).kill();
    }
    world.vault("eu").resume(crate::common::VaultStart::Plain);
    let to = world.path("recovered");
    world.recover(&["eu"], &key, &to, &["--keep-credentials", "--full"]).success();
    world.vault("us").resume(crate::common::VaultStart::Plain);
    world.site = Site::start(&to, &[]);
    let clone = Git::at(&world.path("clone"));
    clone.run(["clone", "-q", &world.url("ann/one"), clone.dir.to_str().unwrap()]).success();
    assert_eq!(clone.run(["rev-parse", "HEAD"]).success(), tip);
}

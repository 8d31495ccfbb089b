//! A vault against whoever holds credentials: every method, every path, and afterwards every byte is where it was.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::{TestLog, TestVault, tree, until};
use journal::BlobName;
use vault::{ClientError, VaultClient};

/// A bare HTTP request over the vault's TLS, with curl, which knows every method.
fn curl(method: &str, url: &str, credential: Option<&str>, body: Option<&str>) -> String {
    let mut command = std::process::Command::new("curl");
    command.args(["-s", "-k", "--path-as-is", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, url]);
    if method == "HEAD" {
        command.arg("-I");
    }
    if let Some(credential) = credential {
        command.args(["-H", &format!("Authorization: Bearer {credential}")]);
    }
    if let Some(body) = body {
        command.args(["--data-binary", body]);
    }
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_with_any_credential_changes_what_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let log = TestLog::new(1);
    let large = log.spool(&vec![9; 400_000]);
    log.write_with(2, "kept", &[large], vec![]);
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 2).await;
    replicator.stop().await;
    let before = tree(&vault.dir.join("store"));

    let (append, recover) = (vault.url().credential.expose(), vault.recover_url().credential.expose());
    let wrong = "0".repeat(64);
    let credentials = [None, Some(wrong.as_str()), Some(append.as_str()), Some(recover.as_str())];
    let blob = format!("v1/blob/{large}");
    let paths = [
        "",
        "v1",
        "v1/state",
        "v1/enrol",
        "v1/epoch",
        "v1/append",
        "v1/batches?from=0",
        "v1/batches?from=0&delete=1",
        "v1/blobs",
        "v1/epochs",
        &blob,
        "v1/blob/",
        "v1/blob/../../FORMAT",
        "store/FORMAT",
        "../private/cosigner.seed",
        "v1/delete",
        "v1/prune",
        "%2e%2e/lock",
    ];
    let methods = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "MOVE", "COPY", "TRUNCATE"];
    let address = vault.url().address;
    for credential in credentials {
        for path in paths {
            for method in methods {
                let body = matches!(method, "PUT" | "POST" | "PATCH").then_some("other bytes");
                let status = curl(method, &format!("https://{address}/{path}"), credential, body);
                let good = status.starts_with('2');
                let known = credential == Some(&append) || credential == Some(&recover);
                let public = path.is_empty() && matches!(method, "GET" | "HEAD");
                assert!(!good || known || public, "{method} {path} answered {status} to a stranger");
                let reads = method == "GET" && (path.starts_with("v1/b") || path == blob);
                assert!(
                    !good || !reads || credential == Some(&recover),
                    "{method} {path} answered {status} to an appender"
                );
                assert!(
                    !good || !matches!(method, "DELETE" | "PATCH" | "MOVE" | "COPY" | "TRUNCATE"),
                    "{method} {path}: {status}"
                );
            }
        }
    }
    let after = tree(&vault.dir.join("store"));
    for (path, bytes) in &before {
        assert!(after.get(path) == Some(bytes), "{} was changed or is gone", path.display());
    }
    assert_eq!(after.len(), before.len(), "and nothing was added either: no body was what its name says");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_what_their_name_says_are_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let client = VaultClient::new(vault.url()).unwrap();
    let name = BlobName::of(b"the bytes");
    let refused = client.put_blob_bytes(&name, bytes::Bytes::from_static(b"other bytes")).await;
    assert!(matches!(refused, Err(ClientError::Refused { .. })));
    assert!(!client.has_blob(&name).await.unwrap());
    client.put_blob_bytes(&name, bytes::Bytes::from_static(b"the bytes")).await.unwrap();
    client.put_blob_bytes(&name, bytes::Bytes::from_static(b"again, with others")).await.unwrap();
    let mut back = Vec::new();
    VaultClient::new(vault.recover_url()).unwrap().blob(&name, &mut back).await.unwrap();
    assert_eq!(back, b"the bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_blobs_come_together_and_the_rest_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let log = TestLog::new(1);
    // Two batches of them, more than one answer holds and more than one request names.
    let small = |n: u32| [&n.to_be_bytes()[..], &vec![7; 4_000]].concat();
    let batches = [0..700, 700..1400].map(|range| range.map(small).collect::<Vec<_>>());
    let (large, filed) = (log.spool(&vec![9; 400_000]), log.spool(b"put by itself"));
    for blobs in &batches {
        log.write_with(2, "kept", &[large, filed], blobs.clone());
    }
    let put = VaultClient::new(vault.url()).unwrap();
    put.put_blob_bytes(&filed, bytes::Bytes::from_static(b"put by itself")).await.unwrap();
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 4).await;
    replicator.stop().await;

    let reader = VaultClient::new(vault.recover_url()).unwrap();
    assert_eq!(reader.small_blobs(&[]).await.unwrap().len(), 0);
    let all: Vec<Vec<u8>> = batches.concat();
    let mut names: Vec<BlobName> = all.iter().map(|bytes| BlobName::of(bytes)).collect();
    names.extend([large, BlobName::of(b"nowhere"), filed]);
    let found = reader.small_blobs(&names).await.unwrap();
    assert_eq!(found.len(), names.len());
    assert!(all.iter().zip(&found).all(|(bytes, found)| found.as_deref() == Some(bytes.as_slice())));
    let rest: Vec<_> = found[all.len()..].iter().map(|found| found.as_deref()).collect();
    assert_eq!(rest, [None, None, Some(&b"put by itself"[..])]);
    let mut back = Vec::new();
    assert!(reader.blob(&large, &mut back).await.unwrap() && back.len() == 400_000);

    let refused = put.small_blobs(&names).await.unwrap_err();
    assert!(refused.to_string().contains("reading needs"), "{refused}");
    let (url, recover) = (vault.url().address, vault.recover_url().credential.expose());
    let many = names.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for (body, status) in [("", "400"), ("no name", "400"), (&many[..], "413"), (&many[..64], "200")] {
        assert_eq!(curl("POST", &format!("https://{url}/v1/blobs"), Some(&recover), Some(body)), status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_was_changed_does_not_come_with_others() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let client = VaultClient::new(vault.recover_url()).unwrap();
    let blobs = [&b"one"[..], b"two"];
    let names = blobs.map(BlobName::of);
    for (name, bytes) in names.iter().zip(blobs) {
        client.put_blob_bytes(name, bytes::Bytes::from_static(bytes)).await.unwrap();
    }
    let hex = names[0].to_string();
    std::fs::write(vault.dir.join("store/blob").join(&hex[..2]).join(&hex), b"ONE").unwrap();
    let found = client.small_blobs(&names).await.unwrap();
    assert_eq!(found.iter().map(|found| found.as_deref()).collect::<Vec<_>>(), [None, Some(&b"two"[..])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_with_another_key_is_not_talked_to() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let mut url = vault.url();
    url.pin = journal::Hash::of(b"another key");
    let error = VaultClient::new(url).unwrap().state().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_rollbacks_and_forgeries_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let log = TestLog::new(1);
    let twin = log.copy();
    log.write(2, "kept");
    log.write(1, "kept too");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 3).await;
    replicator.stop().await;
    let client = VaultClient::new(vault.url()).unwrap();
    let refused = async |batches: Vec<bytes::Bytes>| client.append(&batches).await.unwrap_err().to_string();

    twin.write(2, "a fork");
    assert!(refused(twin.encoded()).await.contains("other entries"));
    twin.write(4, "a fork that is longer");
    assert!(refused(twin.encoded()).await.contains("other entries"));
    let gap = log.copy();
    gap.write(1, "x");
    gap.write(1, "y");
    assert!(refused(gap.encoded().split_off(3)).await.contains("has 3 entries"));
    let (mut wrong_root, _) = log.batch(1, "x", &[], vec![]);
    wrong_root.entries = log.batch(1, "y", &[], vec![]).0.entries;
    assert!(refused(vec![wrong_root.encode().unwrap().into()]).await.contains("root"));
    let stranger = TestLog::new(9);
    let (mut forged, _) = log.batch(1, "x", &[], vec![]);
    let checkpoint: journal::note::SignedNote = forged.checkpoint.parse().unwrap();
    forged.checkpoint = stranger.log_key().sign(checkpoint.text()).unwrap().to_string();
    assert!(refused(vec![forged.encode().unwrap().into()]).await.contains("not signed"));
    assert!(refused(vec![bytes::Bytes::from_static(b"junk")]).await.contains("malformed"));
    // What it has, it cosigns again: a site that missed the answer asks once more.
    assert_eq!(client.append(&log.encoded()).await.unwrap().len(), 2);
    assert_eq!(client.state().await.unwrap().size, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_has_less_than_was_signed_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = TestVault::start(dir.path(), "a").await;
    let log = TestLog::new(1);
    let client = VaultClient::new(vault.url()).unwrap();
    let (segments, copy) = (vault.dir.join("store/segment"), dir.path().join("segment"));
    log.write(2, "kept");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 2).await;
    let once = tree(&segments);
    log.write(3, "lost");
    replicator.committed();
    until("held, too", || *replicator.held().borrow() == 5).await;
    replicator.stop().await;
    let signed = vault.dir.join("private/signed");
    until("written down", || std::fs::read_to_string(&signed).is_ok_and(|text| text.lines().nth(1) == Some("5"))).await;
    vault.down().await;
    std::fs::rename(&segments, &copy).unwrap();
    std::fs::create_dir(&segments).unwrap();
    once.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    vault.up().await;
    let state = client.state().await.unwrap();
    assert!(state.damaged.is_some_and(|what| what.contains("less than the 5 entries")) && state.checkpoint.is_none());
    assert!(client.append(&log.encoded()).await.is_err(), "it could be signed for twice, with other entries");
    vault.down().await;
    std::fs::remove_dir_all(&segments).unwrap();
    std::fs::rename(&copy, &segments).unwrap();
    vault.up().await;
    assert_eq!(client.state().await.unwrap().damaged, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_do_not_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let _first = TestVault::start(dir.path(), "a").await;
    let config = vault::VaultServeConfig::new(dir.path().join("a"), "127.0.0.1:0", "a");
    assert!(matches!(vault::bind(config).await, Err(vault::ServeError::Locked)));
}

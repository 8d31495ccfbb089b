//! What a vault sees of its site, and whom it tells.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use bytes::Bytes;
use common::s3::{FakeS3, Lie};
use common::{TestLog, TestVault, until};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use journal::BlobName;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vault::{Budget, StoreKind, VaultClient, WatchConfig};

/// A place that takes alarms.
#[derive(Clone, Default)]
struct Sink {
    messages: Arc<Mutex<Vec<Value>>>,
}

impl Sink {
    async fn start() -> (Self, WatchConfig) {
        let sink = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let webhook = format!("http://{}/alarms?key=secret", listener.local_addr().unwrap()).parse().unwrap();
        let taking = sink.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let sink = taking.clone();
                let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let sink = sink.clone();
                    async move {
                        assert_eq!(request.uri(), "/alarms?key=secret");
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        sink.messages.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                        Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(Bytes::new())))
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        let status_listen = Some("127.0.0.1:0".to_owned());
        (sink, WatchConfig { webhook: Some(webhook), status_listen, ..WatchConfig::default() })
    }

    fn has(&self, alarm: &str, state: &str) -> bool {
        let messages = self.messages.lock().unwrap();
        messages.iter().any(|message| message["alarm"] == alarm && message["state"] == state && message["vault"] == "a")
    }
}

fn get(vault: &TestVault, path: &str) -> String {
    let url = format!("http://{}{path}", vault.status.as_ref().unwrap());
    let output = std::process::Command::new("curl").args(["-s", "-m", "10", &url]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn status(vault: &TestVault) -> Value {
    serde_json::from_str(&get(vault, "/status.json")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_slowed_down_and_told_and_entries_are_held() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, watch) = Sink::start().await;
    let watch = WatchConfig { budget: Budget { bytes_day_max: 100_000, objects_day_max: 1000 }, ..watch };
    let vault = TestVault::start_watching(dir.path(), "a", StoreKind::Dir, watch).await;
    let log = TestLog::new(1);
    let large = log.spool(&vec![9; 300_000]);
    log.write_with(1, "a flood", &[large], vec![]);
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 1).await;
    until("told", || sink.has("budget-spent", "open")).await;
    // What matters goes on.
    log.write(1, "a revocation");
    replicator.committed();
    until("held, too", || *replicator.held().borrow() == 2).await;
    until("the site knows", || replicator.status()[0].slowed_down).await;
    replicator.stop().await;
    assert_eq!(status(&vault)["slowed_down"], true);
    assert!(status(&vault)["bytes_today"].as_u64().unwrap() >= 300_000);
    let metrics = get(&vault, "/metrics");
    assert!(metrics.contains("outlast_vault_slowed_down 1"), "{metrics}");
    assert!(metrics.contains("outlast_vault_alarm_open{alarm=\"budget-spent\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_takes_no_room_from_what_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (_sink, watch) = Sink::start().await;
    let watch = WatchConfig { budget: Budget { bytes_day_max: 100_000, objects_day_max: 1000 }, ..watch };
    let vault = TestVault::start_watching(dir.path(), "a", StoreKind::Dir, watch).await;
    let log = TestLog::new(1);
    let client = vault::VaultClient::new(vault.url()).unwrap();
    let junk = bytes::Bytes::from(vec![9; 300_000]);
    assert!(client.append(std::slice::from_ref(&junk)).await.is_err());
    assert!(client.put_blob_bytes(&journal::BlobName::of(b"others"), junk).await.is_err());
    let told = status(&vault);
    assert_eq!((&told["bytes_today"], &told["slowed_down"]), (&Value::from(0), &Value::from(false)));
    log.write(1, "a revocation");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 1).await;
    replicator.stop().await;
    assert!(status(&vault)["bytes_today"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_old_epochs_and_forbidden_verbs_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, watch) = Sink::start().await;
    let vault = TestVault::start_watching(dir.path(), "a", StoreKind::Dir, watch).await;
    let log = TestLog::new(1);
    let twin = log.copy();
    log.write(2, "kept");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 2).await;
    replicator.stop().await;
    let client = VaultClient::new(vault.url()).unwrap();
    twin.write(2, "a fork");
    client.append(&twin.encoded()).await.unwrap_err();
    until("a fork is told", || sink.has("fork-refused", "open")).await;
    vault::probe_vault(&client).await.unwrap();
    until("an attack is told", || sink.has("forbidden-verb", "open")).await;
    let recovered = log.recovered(2);
    let record = recovered.epochs.last().unwrap();
    client.start_epoch(record).await.unwrap();
    log.write(1, "the lost site goes on");
    client.append(&log.encoded()[1..]).await.unwrap_err();
    until("a superseded site is told", || sink.has("old-epoch-refused", "open")).await;
    let open = status(&vault)["alarms"].as_array().unwrap().len();
    assert_eq!(open, 3);
    let page = get(&vault, "/");
    for words in ["fork-refused", "old-epoch-refused", "forbidden-verb", "2 entries"] {
        assert!(page.contains(words), "{words} in {page}");
    }
    for secret in [vault.url().credential.expose(), vault.recover_url().credential.expose(), "key=secret".to_owned()] {
        assert!(!page.contains(&secret) && !status(&vault).to_string().contains(&secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_site_is_told_and_so_is_its_return() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, watch) = Sink::start().await;
    let watch = WatchConfig { silent_after: Duration::from_millis(1500), ..watch };
    let vault = TestVault::start_watching(dir.path(), "a", StoreKind::Dir, watch).await;
    assert_eq!(status(&vault)["state"], "waits for its site");
    let log = TestLog::new(1);
    log.write(1, "kept");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 1).await;
    replicator.stop().await;
    until("silence is told", || sink.has("site-silent", "open")).await;
    assert!(status(&vault)["last_batch"].is_string());
    let client = VaultClient::new(vault.url()).unwrap();
    for _ in 0..600 {
        client.state().await.unwrap();
        if sink.has("site-silent", "over") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the return was not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_falls_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, watch) = Sink::start().await;
    let fake = FakeS3::start(Lie::Deletes);
    let vault = TestVault::start_watching(dir.path(), "a", fake.kind("v"), watch).await;
    until("the probe's finding is told", || sink.has("store", "open")).await;
    let status = status(&vault);
    assert_eq!((&status["well"], &status["state"]), (&Value::Bool(false), &Value::from("signs nothing")));
    assert!(status["probe"]["fell"].to_string().contains("delete it"), "{status}");
    assert!(get(&vault, "/metrics").contains("outlast_vault_signs 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_falls_while_it_is_served_is_found_and_nothing_is_signed_until_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, watch) = Sink::start().await;
    let (probe_every, probe_again) = (Duration::from_millis(300), Duration::from_millis(200));
    let watch = WatchConfig { probe_every, probe_again, ..watch };
    let fake = FakeS3::start(Lie::None);
    let vault = TestVault::start_watching(dir.path(), "a", fake.kind("v"), watch).await;
    let log = TestLog::new(1);
    log.write(1, "held");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 1).await;
    replicator.stop().await;
    fake.lie(Lie::Deletes);
    until("a later probe's finding is told", || sink.has("store", "open")).await;
    log.write(1, "more");
    let client = VaultClient::new(vault.url()).unwrap();
    let refused = client.append(&log.encoded()[1..]).await.unwrap_err().to_string();
    assert!(refused.contains("signs nothing"), "{refused}");
    fake.lie(Lie::None);
    until("it stands again, which is told", || sink.has("store", "over")).await;
    assert_eq!(client.append(&log.encoded()[1..]).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_are_renewed_at_every_start_and_it_is_told_when_they_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, watch) = Sink::start().await;
    let fake = FakeS3::start(Lie::None);
    let mut vault = TestVault::start_watching(dir.path(), "a", fake.kind("v"), watch).await;
    let log = TestLog::new(1);
    let large = log.spool(&vec![9; 300_000]);
    log.write_with(1, "held", &[large], vec![]);
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 1).await;
    replicator.stop().await;
    vault.down().await;
    fake.age();
    vault.up().await;
    let month = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(30 * 24);
    until("renewed", || fake.locked_until(&large.to_string()).unwrap() > month).await;
    vault.down().await;
    let often = Duration::from_millis(200);
    vault.watch.renewal_missing_after = Duration::from_millis(500);
    (vault.watch.probe_every, vault.watch.probe_again) = (often, often);
    vault.up().await;
    fake.lie(Lie::NoExtension);
    fake.age();
    until("told", || sink.has("renewal-missing", "open")).await;
    fake.lie(Lie::None);
    until("and when it is over", || sink.has("renewal-missing", "over")).await;
    assert!(fake.locked_until(&large.to_string()).unwrap() > month);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_goes_on_after_a_restart_and_the_page_needs_no_credential() {
    let dir = tempfile::tempdir().unwrap();
    let (_, watch) = Sink::start().await;
    let mut vault = TestVault::start_watching(dir.path(), "a", StoreKind::Dir, watch).await;
    let bytes = vec![7; 5000];
    let client = VaultClient::new(vault.url()).unwrap();
    client.put_blob_bytes(&BlobName::of(&bytes), bytes.clone().into()).await.unwrap();
    client.put_blob_bytes(&BlobName::of(&bytes), bytes.into()).await.unwrap();
    drop(client);
    vault.down().await;
    vault.up().await;
    let status = status(&vault);
    assert_eq!((&status["bytes_today"], &status["objects_today"]), (&Value::from(5000), &Value::from(1)));
    let url = format!("https://{}/status.json", vault.url().address);
    let output = std::process::Command::new("curl").args(["-sk", "-m", "10", &url]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"name\":\"a\""));
    assert!(get(&vault, "/v1/state").contains("nothing else"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_drill_and_missing_batches_are_told_and_a_drill_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, watch) = Sink::start().await;
    let watch = WatchConfig { overdue_after: Duration::from_secs(1), ..watch };
    let vault = TestVault::start_watching(dir.path(), "a", StoreKind::Dir, watch).await;
    let log = TestLog::new(1);
    log.write(1, "something");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 1).await;
    until("told", || sink.has("drill-missing", "open") && sink.has("batches-missing", "open")).await;
    replicator.stop().await;
    log.drilled(5_000_000, 2);
    log.write(1, "something else");
    let replicator = log.replicate(&[vault.url()]);
    // A site that has just started asks its vaults how they are, and shows them what they don't know.
    until("shown", || sink.has("drill-failed", "open")).await;
    let status = status(&vault);
    assert_eq!((&status["drill"]["differences"], &status["drill"]["answers_ms"]), (&2.into(), &1250.into()));
    assert!(get(&vault, "/").contains("answered after 1.2 s"), "{}", get(&vault, "/"));
    assert!(get(&vault, "/metrics").contains("outlast_vault_drill_differences 2"));
    replicator.stop().await;
    let client = VaultClient::new(vault.url()).unwrap();
    let forged = TestLog::new(2);
    forged.drilled(9_000_000, 0);
    let (_, report) = vault::JournalSource::drill(&*forged).unwrap();
    assert!(client.drill(&report).await.unwrap_err().to_string().contains("no key of this log signed it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_incidents_stands_on_the_vaults_page_also_when_the_site_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (_, watch) = Sink::start().await;
    let mut vault = TestVault::start_watching(dir.path(), "a", StoreKind::Dir, watch).await;
    let log = TestLog::new(1);
    log.write(1, "something");
    log.told(5, "Pushes are slow");
    let replicator = log.replicate(&[vault.url()]);
    until("told", || get(&vault, "/").contains("Pushes are slow")).await;
    log.told(6, "All is well");
    until("told again", || get(&vault, "/").contains("All is well")).await;
    assert!(!get(&vault, "/").contains("Pushes are slow"));
    replicator.stop().await;
    vault.down().await;
    vault.up().await;
    assert_eq!(status(&vault)["incidents"][0]["title"], "All is well");

    // An older word, and one of a site that was superseded, change nothing.
    let client = VaultClient::new(vault.url()).unwrap();
    log.told(4, "Older");
    client.incidents(&vault::JournalSource::incidents(&*log).unwrap().1).await.unwrap();
    let recovered = log.recovered(2);
    client.start_epoch(recovered.epochs.last().unwrap()).await.unwrap();
    log.told(u64::MAX, "A thief");
    let refused = client.incidents(&vault::JournalSource::incidents(&*log).unwrap().1).await.unwrap_err();
    assert!(refused.to_string().contains("did not sign it"), "{refused}");
    assert_eq!(status(&vault)["incidents"][0]["title"], "All is well");
    recovered.told(3, "Back again");
    client.incidents(&vault::JournalSource::incidents(&*recovered).unwrap().1).await.unwrap();
    assert_eq!(status(&vault)["incidents"][0]["title"], "Back again");
}

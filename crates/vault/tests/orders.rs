//! What a vault's owner lets officers order, and that nothing else does it: other recovery keys (the invariants are numbered at the
//! head of `orders.rs`).

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::{TestLog, TestVault, until};
use ed25519_dalek::{Signer as _, SigningKey};
use journal::Hash;
use journal::epoch::recovery_signing_key;
use journal::order::{ORDER_KIND, OfficerKey, RecoveryHalf, SignatureLine, SignedOrder, VaultAct, VaultOrder, Verb};
use std::path::Path;
use vault::{Officers, Orders, VaultClient};

const NOW_US: i64 = 1_800_000_000_000_000;
/// The recovery key that is to come.
const NEW: [u8; 32] = [77; 32];

fn officer(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn public(number: u8) -> OfficerKey {
    OfficerKey(officer(number).verifying_key().to_bytes())
}

fn line(number: u8, verb: Verb, order: &Hash) -> SignatureLine {
    let signature = officer(number).sign(&verb.message(&order.0)).to_bytes();
    SignatureLine { verb, hash: order.0, key: public(number), signature }
}

/// An order for these recovery keys, signed by these officers.
fn order(log: &TestLog, recovery: &[u8; 32], not_before_us: i64, signers: &[u8]) -> SignedOrder {
    let signing = *recovery_signing_key(recovery, &log.origin).verifier().as_bytes();
    let keys = vec![RecoveryHalf { recipient: log.identity.recipient(), signing }];
    let order = VaultOrder {
        kind: ORDER_KIND.to_owned(),
        site: log.origin.to_string(),
        act: VaultAct::RecoveryKeys { keys },
        not_before_us,
        expires_us: NOW_US * 2,
    };
    let bytes = minicbor::to_vec(&order).unwrap();
    let hash = Hash::of(&bytes);
    let lines = signers.iter().map(|number| line(*number, Verb::Approve, &hash)).collect();
    SignedOrder::new(bytes, lines).unwrap()
}

/// Two of Ann (with two keys), Bob and Cleo.
fn officers(dir: &Path, delay_s: u64) -> Orders {
    let keys = [("ann", 1), ("ann", 2), ("bob", 3), ("cleo", 4)];
    let keys = keys.iter().map(|(name, number)| ((*name).to_owned(), public(*number))).collect();
    Officers { needed: 2, delay_s, keys }.write(dir).unwrap();
    Orders::of(dir)
}

fn ran(dir: &Path, seconds: u64) {
    std::fs::create_dir_all(dir.join("private")).unwrap();
    std::fs::write(dir.join("private/meter"), format!("{seconds} 0 0 0\n")).unwrap();
}

#[test]
fn an_order_is_due_by_two_people_after_the_delay_in_uptime_unless_one_vetoes() {
    let dir = tempfile::tempdir().unwrap();
    let log = TestLog::new(1);
    ran(dir.path(), 1000);
    let text = |error: vault::OrdersError| error.to_string();
    let none = Orders::of(dir.path()).take(order(&log, &NEW, 0, &[1, 3]), NOW_US).map_err(text).unwrap_err();
    assert!(none.contains("no officers yet"), "{none}");
    let orders = officers(dir.path(), 3600);
    for signers in [&[][..], &[1], &[1, 2], &[1, 9], &[1, 1]] {
        let refused = orders.take(order(&log, &NEW, 0, signers), NOW_US).map_err(text).unwrap_err();
        assert!(refused.contains("of 2 officers"), "{signers:?}: {refused}");
    }
    let good = order(&log, &NEW, 0, &[2, 3]);
    let mut edited = good.clone();
    edited.bytes = order(&log, &[78; 32], 0, &[]).bytes;
    assert!(orders.take(edited, NOW_US).is_err(), "signatures are of the bytes");
    assert!(orders.take(good.clone(), NOW_US * 2).map_err(text).unwrap_err().contains("expired"));
    let more = [good.bytes.as_slice(), &[0]].concat();
    assert!(SignedOrder::new(more, Vec::new()).is_err(), "bytes left over");
    let carried: SignedOrder = format!("# by mail\n{good}").parse().unwrap();
    assert_eq!(carried, good);
    assert_eq!(orders.take(carried, NOW_US).unwrap().waits_s, 3600);

    let due = |uptime_s| orders.due(&good.hash(), uptime_s, NOW_US);
    assert!(due(1000 + 3599).map_err(text).unwrap_err().contains("1 s more of this vault's running"));
    assert_eq!(due(1000 + 3600).unwrap(), good);
    // Handed over again, it is as old as it was; the wall clock says nothing.
    ran(dir.path(), 3000);
    assert_eq!(orders.take(good.clone(), NOW_US).unwrap().waits_s, 1600);
    let early = order(&log, &NEW, NOW_US + 1, &[1, 3]);
    orders.take(early.clone(), NOW_US).unwrap();
    assert!(orders.due(&early.hash(), 9999, NOW_US).map_err(text).unwrap_err().contains("its time has not come"));

    assert!(orders.veto(line(9, Verb::Veto, &good.hash())).is_err(), "a stranger");
    orders.veto(line(4, Verb::Veto, &good.hash())).unwrap();
    assert!(due(99_999).map_err(text).unwrap_err().contains("vetoed"));
    assert!(orders.take(good.clone(), NOW_US).is_err(), "nor is it taken again");
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_keys_change_by_the_order_that_names_them_and_by_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = TestVault::start(dir.path(), "a").await;
    let log = TestLog::new(1);
    log.write(2, "before");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 2).await;
    let good = order(&log, &NEW, 0, &[1, 3]);
    let asks = async |log: &TestLog| {
        let client = VaultClient::new(vault.url()).unwrap();
        client.start_epoch(log.epochs.last().unwrap()).await.map_err(|error| error.to_string())
    };
    let rotated = log.rotated(2, NEW, good.hash());
    // The thief has all of the site, and a recovery key of his own.
    let refused = asks(&rotated).await.unwrap_err();
    assert!(refused.contains("keeps the recovery keys that it knows") && refused.contains("no officers"), "{refused}");
    let orders = officers(&vault.dir, 0);
    assert!(asks(&rotated).await.unwrap_err().contains("was not handed order"));
    orders.take(good.clone(), NOW_US).unwrap();
    let thief = log.rotated(2, [66; 32], good.hash());
    assert!(asks(&thief).await.unwrap_err().contains("names other recovery keys"));
    let elsewhere = TestLog::new(1).rotated(3, NEW, Hash::of(b"no order"));
    assert!(asks(&elsewhere).await.unwrap_err().contains("2 entries"), "nor a log cut short");
    asks(&rotated).await.unwrap();
    // The old key begins no epoch any more; the new one does, also when the vault has read its store again.
    assert!(asks(&log.recovered(3)).await.unwrap_err().contains("not signed"));
    drop(replicator);
    vault.down().await;
    vault.up().await;
    rotated.write(1, "after");
    let on = rotated.replicate(&[vault.url()]);
    until("the new epoch is held", || *on.held().borrow() == 3).await;
}

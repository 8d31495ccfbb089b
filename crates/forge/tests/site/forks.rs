//! Vaults that contradict one another: no recovery chooses between them by itself.

use crate::recovery::{recovered, request, sizes};
use crate::rig::{SiteRig, VaultRig, config, vaults};
use forge::Error;
use forge::keys::RecoveryKey;
use forge::people::command::WhichToken;
use forge::recover::{At, recover};
use journal::checkpoint::Checkpoint;
use journal::epoch::Epoch;
use journal::note::{KeyKind, SignedNote, SigningKey};
use journal::{BlobName, Hash, Origin};
use std::path::{Path, PathBuf};
use vault::VaultClient;
use vault::seal::{Recipients, seal_blob};

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

/// Two copies of one site: one ships what it acknowledges to two vaults, and somebody with the other ships more to the third.
async fn forked(dir: &Path, snapshot: bool) -> (Vec<VaultRig>, PathBuf, u64) {
    let mut vaults = vaults(dir).await;
    let site = dir.join("site");
    let rig = SiteRig::open(config(&site, &vaults)).await;
    rig.user("ada", "repo").await;
    for _ in 0..8 {
        rig.token("ada", "repo").await;
    }
    rig.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
    rig.stop().await;
    copy(&site, &dir.join("other"));
    vaults[2].stop().await;
    let rig = SiteRig::open(config(&site, &vaults)).await;
    rig.until("a quorum is there", |site| site.writability().is_ok()).await;
    rig.user("bob", "repo").await;
    if snapshot {
        rig.site.snapshot_take().await.unwrap();
    }
    rig.until("held", |site| site.held() == site.size()).await;
    let size = rig.site.size();
    rig.stop().await;
    for vault in &mut vaults[..2] {
        vault.stop().await;
    }
    vaults[2].start().await;
    let other = SiteRig::open(config(&dir.join("other"), &vaults)).await;
    for token in other.site.token_list(None, &"ada".parse().unwrap(), 0, 20).await.unwrap() {
        other.site.token_revoke(None, WhichToken::Id(token.id)).await.unwrap();
    }
    other.until("shipped", |site| site.vaults().iter().any(|v| v.size == site.size() && v.size > size)).await;
    other.stop().await;
    for vault in &mut vaults[..2] {
        vault.start().await;
    }
    let key = dir.join("key.txt");
    std::fs::rename(site.join("recovery-key.txt"), &key).unwrap();
    (vaults, key, size)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_log_is_not_believed_against_the_others() {
    for snapshot in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (vaults, key, size) = forked(dir.path(), snapshot).await;
        let (all, before) = (vaults.iter().collect::<Vec<_>>(), sizes(&vaults).await);
        let refused = recover(request(&all, &key, &dir.path().join("x")), &mut |_| {}).await.unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, Error::Conflict(_)) && text.contains("do not hold one log"), "{text}");
        assert!(text.contains("part 1, of 1 owners: vault jp") && text.contains("part 2, of 2 owners:"), "{text}");
        assert!(text.contains("parts from part 1 at entry") && text.contains("--vault"), "{text}");
        assert_eq!(sizes(&vaults).await, before, "no vault heard of it");
        let mut view = request(&all, &key, &dir.path().join("view"));
        view.at = Some(At::Entry(3));
        let seen = recovered(view).await;
        assert!(seen.warnings.iter().any(|warning| warning.contains("do not hold one log")), "{:?}", seen.warnings);
        let report = recovered(request(&all[..2], &key, &dir.path().join("y"))).await;
        assert_eq!((report.entries, report.epoch, report.snapshot.is_some()), (size, Some(2), snapshot));
    }
}

/// A vault in other hands shows a further epoch, made by somebody who names his own key and ours.
async fn make_up_epoch(vault: &mut VaultRig, ours: &RecoveryKey, seed: u8) {
    let (client, his) = (VaultClient::new(vault.site_url()).unwrap(), RecoveryKey::generate());
    let note: SignedNote = client.state().await.unwrap().checkpoint.unwrap().parse().unwrap();
    let at: Checkpoint = note.text().parse().unwrap();
    let origin: Origin = at.origin.clone();
    let recipients = Recipients::parse(&his.recipient(), &ours.recipient()).unwrap();
    let (data_key, sealed) = seal_blob(&recipients, &[seed; 32]).unwrap();
    client.put_blob_bytes(&data_key, sealed.into()).await.unwrap();
    let epoch = Epoch {
        origin: origin.clone(),
        epoch: 2,
        size: at.size,
        root: at.root,
        log_key: SigningKey::from_seed(origin.as_str(), KeyKind::Ed25519, &[seed; 32]).unwrap().verifier().clone(),
        data_key,
        recovery: vec![his.public(&origin), ours.public(&origin)],
        past: None::<BlobName>,
        order: Some(Hash::of(b"an order that nobody gave")),
    };
    let statement = epoch.sign(&his.signing_key(&origin)).unwrap().to_string();
    vault.stop().await;
    std::fs::write(vault.dir.join("store/epoch/00000002"), statement).unwrap();
    vault.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_one_vault_shows_gives_nobody_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let mut vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    rig.user("ada", "repo").await;
    rig.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
    rig.stop().await;
    let path = dir.path().join("site/recovery-key.txt");
    let key = RecoveryKey::read(&path).unwrap();
    make_up_epoch(&mut vaults[2], &key, 7).await;
    let before = sizes(&vaults).await;
    assert_eq!(before[2].0, 2, "it shows it");
    let all: Vec<_> = vaults.iter().collect();
    let refused = recover(request(&all, &path, &dir.path().join("x")), &mut |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("names other recovery keys") && refused.contains("only jp shows it"), "{refused}");
    make_up_epoch(&mut vaults[1], &key, 8).await;
    let all: Vec<_> = vaults.iter().collect();
    let refused = recover(request(&all, &path, &dir.path().join("y")), &mut |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("us and jp show two different epochs 2"), "{refused}");
    assert_eq!(sizes(&vaults).await[0], before[0], "the good one heard of nothing");
    let report = recovered(request(&all[..1], &path, &dir.path().join("z"))).await;
    assert_eq!(report.epoch, Some(2));
}

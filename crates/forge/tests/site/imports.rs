//! Repositories of another forge come in by their Git URL. The other forge is a site of ours, over the wire.

use crate::rig::{SiteRig, commit, config, git_ok, refs, vaults, work_tree};
use forge::Error;
use forge::event::repo::Visibility;
use forge::import::{Egress, ImportFrom};
use std::sync::atomic::Ordering;

fn from(url: &str, path: &str) -> ImportFrom {
    ImportFrom {
        url: url.parse().unwrap(),
        path: path.parse().unwrap(),
        visibility: Visibility::Private,
        egress: Egress::Any,
        bytes: std::sync::Arc::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_comes_in_whole_and_again_is_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.path().join("work")).await;
    git_ok(&work, &["branch", "-m", "trunk"]).await;
    let big: Vec<u8> = (0..200_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(work.join("big.bin"), big).unwrap();
    commit(&work, "large").await;
    git_ok(&work, &["tag", "-a", "v1", "-m", "tag"]).await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/there"), "trunk", "v1"]).await;
    let url = format!("{}/ada/there.git", rig.url);

    let refused = rig.site.import_from(None, from(&url, "ada/x")).await.unwrap_err();
    assert!(refused.to_string().contains("needs a token"), "{refused}");
    let mut public = from(&url, "ada/x");
    public.egress = Egress::Public;
    let refused = rig.site.import_from(None, public).await.unwrap_err();
    assert!(refused.to_string().contains("private network"), "{refused}");
    let nowhere = rig.site.import_from(None, from(&format!("{}/healthz", rig.url), "ada/x")).await;
    assert!(matches!(nowhere, Err(Error::Invalid(_))), "{nowhere:?}");
    let who = rig.site.authenticate(&format!("Bearer {token}")).await.unwrap();
    let left = rig.site.repo_fetch(Some(&who), &"ada/x".parse().unwrap()).await;
    assert!(matches!(left, Err(Error::NotFound(_))), "nothing half done is left: {left:?}");

    let mut wanted = from(&url, "ada/here");
    wanted.url = wanted.url.with_credential(Some(token.clone()));
    let bytes = wanted.bytes.clone();
    let imported = rig.site.import_from(None, wanted.clone()).await.unwrap();
    assert_eq!((imported.refs, imported.warnings.len()), (2, 0));
    assert!(bytes.load(Ordering::Relaxed) > 700_000);
    let clone = dir.path().join("clone");
    git_ok(dir.path(), &["clone", "-q", &rig.remote(&token, "ada/here"), "clone"]).await;
    git_ok(&clone, &["fsck", "--full"]).await;
    assert_eq!(refs(&clone).await, refs(&work).await, "the branch, the tag, and trunk as its HEAD");
    let again = rig.site.import_from(None, wanted).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "not over a repository that has something: {again:?}");
    rig.stop().await;
}

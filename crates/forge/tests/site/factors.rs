//! Second factors, with an authenticator in software.

use crate::rig::{SiteRig, config, vaults};
use forge::people::factor::{AuthenticatorAdd, authenticator_list};
use forge::people::webauthn::{Assertion, Registration};
use forge::writer::Submitter;
use forge::{Error, Site};

#[path = "../support/passkey.rs"]
mod passkey;
use passkey::Passkey;

async fn register(site: &Site, account: u64, key: &mut Passkey) -> u64 {
    let rp = site.relying_party().unwrap();
    let registered = Registration::from_json(&key.register(&[1; 32])).unwrap().verify(&rp, &[1; 32]).unwrap();
    let add = AuthenticatorAdd { account, name: String::new(), registered };
    site.ledger().submit(Submitter::default(), add).await.unwrap().output
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_signed_by_a_key_of_its_account() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    rig.user("ada", "repo").await;
    rig.user("bob", "repo").await;
    let id = async |name: &str| rig.site.user_fetch(&name.parse().unwrap()).await.unwrap().id;
    let (ada, bob) = (id("ada").await, id("bob").await);
    let origin = rig.site.relying_party().unwrap().origin;
    let (mut adas, mut unknown) = (Passkey::new(&origin), Passkey::new(&origin));
    let added = register(&rig.site, ada, &mut adas).await;

    let order = [42; 32];
    let signed = Assertion::from_json(&adas.sign(&order)).unwrap();
    let signer = rig.site.signer(ada, order, signed.clone()).await.unwrap();
    assert_eq!((signer.authenticator, signer.account, signer.user_verified), (added, ada, true));
    let refused = rig.site.signer(ada, [43; 32], signed.clone()).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "another order: {refused:?}");
    let refused = rig.site.signer(bob, order, signed).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "another account: {refused:?}");
    let strange = Assertion::from_json(&unknown.sign(&order)).unwrap();
    assert!(matches!(rig.site.signer(ada, order, strange).await, Err(Error::Forbidden(_))));
    adas.count = 0;
    let copied = Assertion::from_json(&adas.sign(&order)).unwrap();
    let refused = rig.site.signer(ada, order, copied).await;
    assert!(matches!(&refused, Err(Error::Forbidden(text)) if text.contains("copied")), "{refused:?}");
    let listed = rig.site.db().read(|tx| authenticator_list(tx, ada)).unwrap();
    assert_eq!((listed.len(), listed[0].name.as_str()), (1, "Security key"));
    rig.stop().await;
}

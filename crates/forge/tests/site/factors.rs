//! Second factors, with an authenticator in software.

use crate::rig::{SiteRig, config, new_user, vaults};
use forge::event::people::SignIn;
use forge::oidc::IdentityLink;
use forge::people::Proof;
use forge::people::factor::{
    AuthenticatorAdd, FactorWake, RecoveryCode, RecoveryCodesMake, TotpAdd, TotpSecret, authenticator_list,
};
use forge::people::proof::Prove;
use forge::people::session::SessionStart;
use forge::people::webauthn::{Assertion, Registration};
use forge::site::{Device, NewUser, Shows, SignInStep};
use forge::writer::Submitter;
use forge::{Error, Site};

#[path = "../support/passkey.rs"]
mod passkey;
pub(crate) use passkey::Passkey;

pub(crate) async fn register(site: &Site, account: u64, key: &mut Passkey) -> u64 {
    let rp = site.relying_party().unwrap();
    let registered = Registration::from_json(&key.register(&[1; 32])).unwrap().verify(&rp, &[1; 32]).unwrap();
    let add = AuthenticatorAdd { account, name: String::new(), registered };
    site.ledger().submit(Submitter::default(), add).await.unwrap().output.0
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

pub(crate) fn now_step() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 30
}

/// Fifty at the same time with the same proof, past every guard that stands before the writer. One gets in.
async fn fifty(site: &Site, account: u64, proof: impl Fn() -> Proof) {
    let start = |i: u8| SessionStart {
        account: Some(account),
        proof: proof(),
        hash: std::array::from_fn(|at| if at < 8 { account.to_le_bytes()[at] } else { i }),
        agent: String::new(),
        address: None,
    };
    let tries = (0..50).map(|i| site.ledger().submit(Submitter::default(), start(i)));
    let came = futures_util::future::join_all(tries).await;
    assert_eq!(came.iter().filter(|answer| answer.is_ok()).count(), 1, "{came:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_good_once_lets_one_of_fifty_in() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    for name in ["ada", "bob", "cat", "dan"] {
        rig.user(name, "repo").await;
    }
    let id = async |name: &str| rig.site.user_fetch(&name.parse().unwrap()).await.unwrap().id;
    let submit = async |add: TotpAdd| rig.site.ledger().submit(Submitter::default(), add).await;

    let (ada, secret) = (id("ada").await, TotpSecret::generate().unwrap());
    let code = secret.code(now_step());
    submit(TotpAdd { account: ada, name: String::new(), secret: secret.clone(), code }).await.unwrap();
    // The same code for all of them, however long they take.
    let code = secret.code(now_step() + 1);
    fifty(&rig.site, ada, || Proof::Totp(code.clone())).await;

    let (bob, code) = (id("bob").await, RecoveryCode::generate().unwrap());
    let make = RecoveryCodesMake { account: bob, codes: vec![code.clone()] };
    rig.site.ledger().submit(Submitter::default(), make).await.unwrap();
    let others = SessionStart {
        account: Some(ada),
        proof: Proof::Recovery(code.reveal()),
        hash: [0; 32],
        agent: String::new(),
        address: None,
    };
    rig.site.ledger().submit(Submitter::default(), others).await.unwrap_err();
    fifty(&rig.site, bob, || Proof::Recovery(code.reveal())).await;

    // An authenticator that counts is held to it by the writer; for one that does not, the challenge is used up before.
    let cat = id("cat").await;
    let rp = rig.site.relying_party().unwrap();
    let mut key = Passkey::new(&rp.origin);
    register(&rig.site, cat, &mut key).await;
    let assertion = Assertion::from_json(&key.sign(&[5; 32])).unwrap();
    let proof = || Proof::Key { rp: rp.clone(), challenge: [5; 32], assertion: assertion.clone(), alone: true };
    fifty(&rig.site, cat, proof).await;

    let dan = id("dan").await;
    let mut key = Passkey::new(&rp.origin);
    key.counts = false;
    register(&rig.site, dan, &mut key).await;
    let challenge = rig.site.passkey_challenge().unwrap();
    let shows = Shows {
        challenge: forge::people::ticket::challenge_text(&challenge),
        answer: key.sign(&challenge),
        ..Shows::default()
    };
    let from = Device::default();
    let came = futures_util::future::join_all((0..50).map(|_| rig.site.sign_in_passkey(&shows, &from))).await;
    assert_eq!(came.iter().filter(|answer| answer.is_ok()).count(), 1);
    rig.stop().await;
}

/// Who runs the site does so with a passkey: with a stolen password and a phished code one is a member.
#[tokio::test(flavor = "multi_thread")]
async fn an_operators_role_sleeps_without_a_passkey() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let mut new = crate::rig::new_user("olga");
    new.operator = true;
    rig.site.user_create(None, new).await.unwrap();
    let from = Device::default();
    let Ok(SignInStep::Done(secret)) = rig.site.sign_in("olga", "olga's password", &from).await else { panic!() };
    let olga = rig.site.session(&secret.reveal()).await.unwrap();
    assert!(!olga.is_operator() && olga.session().unwrap().role_asleep);

    // The first key is good at once, and the session counts as begun with it, under another secret.
    let by = rig.site.may_enrol(&olga).unwrap();
    let text = |challenge: &[u8; 32]| forge::people::ticket::challenge_text(challenge);
    let mut first = Passkey::new(&rig.site.relying_party().unwrap().origin);
    let wanted = rig.site.passkey_wanted(&olga).await.unwrap().challenge;
    let renewed = rig.site.passkey_add(&by, "first", &text(&wanted), &first.register(&wanted)).await.unwrap().unwrap();
    rig.site.session(&secret.reveal()).await.unwrap_err();
    let olga = rig.site.session(&renewed.reveal()).await.unwrap();
    assert!(olga.is_operator() && olga.session().unwrap().how == SignIn::Passkey);

    // Any other sleeps for a day, wakes no role and signs nobody in.
    let by = rig.site.proved(&olga).unwrap();
    let mut second = Passkey::new(&first.origin);
    let wanted = rig.site.passkey_wanted(&olga).await.unwrap().challenge;
    let renewed = rig.site.passkey_add(&by, "second", &text(&wanted), &second.register(&wanted)).await.unwrap();
    assert!(renewed.is_none());
    let challenge = rig.site.passkey_challenge().unwrap();
    let with =
        |key: &mut Passkey| Shows { challenge: text(&challenge), answer: key.sign(&challenge), ..Shows::default() };
    let refused = rig.site.sign_in_passkey(&with(&mut second), &from).await;
    assert!(matches!(&refused, Err(Error::Forbidden(text)) if text.contains("sleeps")), "{refused:?}");
    let listed = rig.site.factor_list(&olga).await.unwrap();
    let last = rig.site.factor_remove(&by, listed.keys[0].id).await;
    assert!(matches!(last, Err(Error::Forbidden(_))), "the last that is awake stays");

    // With the password and a code the role is asleep.
    let (secret, ticket) = rig.site.app_secret(&by).unwrap();
    rig.site.app_add(&by, "phone", &ticket, &secret.code(now_step())).await.unwrap();
    let Ok(SignInStep::Second(step)) = rig.site.sign_in("olga", "olga's password", &from).await else { panic!() };
    assert!(!step.wanted.app, "the app sleeps too");
    rig.site.sign_in_passkey(&with(&mut first), &from).await.unwrap();
    rig.stop().await;
}

/// Where a second factor is required, neither a session nor a token shows anything private without one.
#[tokio::test(flavor = "multi_thread")]
async fn a_required_factor_is_required_at_every_door() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo,user").await;
    let from = Device::default();
    let Ok(SignInStep::Done(secret)) = rig.site.sign_in("ada", "ada's password", &from).await else { panic!() };
    rig.site.ledger().submit(Submitter::default(), forge::people::policy::FactorsRequire).await.unwrap();
    let refused = rig.site.authenticate(&format!("Bearer {token}")).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{refused:?}");
    let ada = rig.site.session(&secret.reveal()).await.unwrap();
    assert!(ada.session().unwrap().must_enrol && ada.scopes().words().is_empty());
    assert!(matches!(rig.site.proved(&ada), Err(Error::ReauthRequired)));
    let by = rig.site.may_enrol(&ada).unwrap();
    let (app, ticket) = rig.site.app_secret(&by).unwrap();
    rig.site.app_add(&by, "phone", &ticket, &app.code(now_step())).await.unwrap();
    rig.site.authenticate(&format!("Bearer {token}")).await.unwrap();
    assert!(!rig.site.session(&secret.reveal()).await.unwrap().session().unwrap().must_enrol);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_an_officer_links_sleeps_until_another_officer_wakes_it() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let origin = rig.site.relying_party().unwrap().origin;
    let mut officers = Vec::new();
    for name in ["olga", "omar"] {
        officers.push(rig.site.user_create(None, NewUser { officer: true, ..new_user(name) }).await.unwrap().id);
    }
    let (olga, omar) = (officers[0], officers[1]);
    let who = rig.proved("olga").await.who().clone();
    register(&rig.site, olga, &mut Passkey::new(&origin)).await;
    let (issuer, subject) = ("https://id.example.org".to_owned(), "olga there".to_owned());
    let link = IdentityLink { by: who.clone(), issuer: issuer.clone(), subject: subject.clone(), label: String::new() };
    let identity = rig.site.ledger().submit(who.submitter(), link).await.unwrap().first_seq;
    let signs_in = async || {
        let proof = Proof::Provider { issuer: issuer.clone(), subject: subject.clone() };
        let prove = Prove { account: olga, proof };
        rig.site.ledger().submit(Submitter::default(), prove).await.unwrap_err().to_string()
    };
    assert!(signs_in().await.contains("sleeps"), "{}", signs_in().await);
    rig.site.ledger().submit(Submitter::default(), FactorWake { factor: identity, officer: omar }).await.unwrap();
    assert!(signs_in().await.contains("second factor"), "{}", signs_in().await);
    rig.stop().await;
}

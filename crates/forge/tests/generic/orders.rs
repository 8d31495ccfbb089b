//! The invariants of orders (numbered at the head of `orders.rs`), for every guarded act there is.

use crate::databases::{Databases, on_both};
use crate::rig::{Rig, Spool, founding};
use forge::Error;
use forge::event::factor::{FactorsRequired, OrgFactorsRequired, TotpAdded};
use forge::event::guard::{OfficerKeyAdded, OfficerRuleSet, RepoTrashed};
use forge::event::lockdown::LockdownStarted;
use forge::event::org::OrgCreated;
use forge::event::people::UserCreated;
use forge::event::protect::{Allowed, Protected, ProtectionSet};
use forge::event::push::{PackConsolidated, Pushed, RefMove};
use forge::event::repo::{Access, Format, RepoCreated, RepoKind, Visibility};
use forge::event::site::Part;
use forge::event::vault::VaultsChanged;
use forge::event::{Event, Oid};
use forge::ledger::LedgerLimits;
use forge::log;
use forge::orders::{
    Act, CONTENT_KINDS, DELAY_DEFAULT_US, FiledOrder, GUARDED, OfficerKey, OfficerRule, OfficerSecret, OfficersFound,
    Order, OrderFile, OrderSign, OrderVeto, OrdersSettle, RolesChange, RuleSet, Signing, State, TrashRestore,
    VaultsSettle, Verb, VetoBy, Wish, act_of, erase_list, order_fetch,
};
use forge::replay::TableHash;
use forge::writer::{Clock, Command, Submitter, WriterLimits};
use journal::BlobName;
use journal::note::{KeyKind, SigningKey};
use journal::order::RecoveryHalf;
use std::collections::BTreeSet;
use std::time::Duration;
use vault::seal::Identity;

const DELAY: Duration = Duration::from_micros(DELAY_DEFAULT_US as u64);
const MINUTE: Duration = Duration::from_secs(60);

/// Three officers, two of whom must sign; Pat, who runs the site; a repository.
struct Scene {
    rig: Rig,
    clock: Clock,
    officers: Vec<(u64, OfficerSecret)>,
    pat: u64,
    repo: u64,
    keys: Vec<u64>,
}

fn user(name: &str, officer: bool) -> Event {
    UserCreated { name: name.into(), email: None, password: None, officer, operator: !officer }.into()
}

impl Scene {
    fn new(databases: &Databases) -> Self {
        let mut scene = Self::without_rule(databases);
        scene.rig.write(vec![OfficerRuleSet { needed: 2, delay_us: DELAY_DEFAULT_US }.into()]);
        scene.keys.sort_unstable();
        scene
    }

    fn without_rule(databases: &Databases) -> Self {
        let clock = Clock::default();
        let writer = WriterLimits { clock: clock.clone(), ..WriterLimits::default() };
        let rig = Rig::on(databases.empty(), Spool::new(), &LedgerLimits { writer, ..LedgerLimits::default() });
        rig.write([founding(), rig.vaults.enrolled()].concat());
        let pat = rig.write(vec![user("pat", false)]);
        let mut scene = Self { rig, clock, officers: Vec::new(), pat, repo: 0, keys: Vec::new() };
        for name in ["olga", "omar", "otto"] {
            let (account, secret) = (scene.rig.write(vec![user(name, true)]), OfficerSecret::generate().unwrap());
            scene.keys.push(scene.enrol(account, &secret));
            scene.officers.push((account, secret));
        }
        scene.repo = scene.make(pat, "code");
        scene
    }

    fn enrol(&self, account: u64, secret: &OfficerSecret) -> u64 {
        let event = OfficerKeyAdded { account, name: "laptop".into(), public_key: secret.public().0 };
        self.rig.write(vec![event.into()])
    }

    fn submit<C: Command>(&self, by: Option<u64>, command: C) -> Result<C::Output, Error> {
        let by = Submitter { actor: by, credential: None };
        self.rig.runtime.block_on(self.rig.site.submit(by, command)).map(|answer| answer.output)
    }

    fn try_file(&self, by: Option<u64>, act: Act) -> Result<u64, Error> {
        let nonce = OfficerSecret::generate().unwrap().public().0[..16].try_into().unwrap();
        self.submit(by, OrderFile { site: "outlast/test".into(), act, nonce })
    }

    fn file(&self, act: &Act) -> u64 {
        self.try_file(Some(self.pat), act.clone()).unwrap()
    }

    fn order(&self, id: u64) -> FiledOrder {
        self.rig.site.db().read(|tx| order_fetch(tx, None, id)).unwrap().unwrap()
    }

    fn sign_with(&self, id: u64, secret: &OfficerSecret) -> Result<u64, Error> {
        let line = secret.sign(Verb::Approve, self.order(id).hash);
        self.submit(None, OrderSign { rp: None, order: id, with: Signing::Line(line) })
    }

    fn sign(&self, id: u64, officer: usize) -> Result<u64, Error> {
        self.sign_with(id, &self.officers[officer].1)
    }

    fn veto(&self, id: u64, officer: usize) -> Result<(), Error> {
        let line = self.officers[officer].1.sign(Verb::Veto, self.order(id).hash);
        self.submit(None, OrderVeto { order: id, by: VetoBy::Signature(line), reason: "no".into() })
    }

    /// Carries out what is due; the state of this order then.
    fn settled(&self, id: u64) -> State {
        let read = || self.rig.site.db().read(|tx| OrdersSettle::read(tx, None, self.clock.now_us())).unwrap();
        while self.submit(None, read()).unwrap() {}
        self.order(id).state
    }

    /// Every table but those of orders themselves.
    fn others(&self) -> Vec<TableHash> {
        // That an order was filed, signed or stopped is an alarm: telling of it is what these do.
        let own = ["filed_order", "order_signature", "alarm"];
        self.rig.hashes().into_iter().filter(|table| !own.contains(&table.table)).collect()
    }

    /// Una, a member, who has a repository.
    fn una(&self) -> (u64, u64) {
        let una = UserCreated { name: "una".into(), email: None, password: None, officer: false, operator: false };
        let una = self.rig.write(vec![una.into()]);
        (una, self.make(una, "things"))
    }

    /// An organisation of Pat's, which has a repository.
    fn guild(&self) -> (u64, u64) {
        let (full_name, description, visibility) = (None, Some("of lamps".into()), Visibility::Public);
        let made = OrgCreated { parent: 0, name: "guild".into(), full_name, description, visibility, owner: self.pat };
        let org = self.rig.write(vec![made.into()]);
        (org, self.make(org, "lamps"))
    }

    fn make(&self, namespace: u64, name: &str) -> u64 {
        let (kind, format, visibility) = (RepoKind::Git, Format::Sha1, Visibility::Private);
        let head = "refs/heads/main".to_owned();
        self.rig.write(vec![RepoCreated { namespace, name: name.into(), kind, format, visibility, head }.into()])
    }

    fn push(&self, name: &str, old: Option<&Oid>, new: Option<&Oid>) {
        let updates = vec![RefMove { name: name.into(), old: old.cloned(), new: new.cloned() }];
        self.rig.write(vec![Pushed { repo: self.repo, updates, pack: Vec::new(), options: Vec::new() }.into()]);
    }

    fn ref_at(&self, name: &str) -> Option<Vec<u8>> {
        let sql = "SELECT oid FROM ref WHERE repo = ?1 AND name = ?2";
        let row = self.rig.site.db().read(|tx| tx.query_opt(sql, &[self.repo.into(), name.into()])).unwrap();
        row.map(|row| row.get(0).unwrap())
    }

    fn push_packs(&self, repo: u64, blobs: &[&[u8]]) {
        let pack = blobs.iter().map(|bytes| Part { blob: BlobName::of(bytes), bytes: bytes.len() as u64 }).collect();
        self.rig.write(vec![Pushed { repo, updates: Vec::new(), pack, options: Vec::new() }.into()]);
    }

    /// The act that erases a deleted repository, as the operator at the machine asks for it.
    fn try_erase(&self, subject: &str) -> Result<Act, Error> {
        let wish = Wish { act: "erase".into(), subject: subject.into(), ..Wish::default() };
        self.rig.site.db().read(|tx| act_of(tx, None, &wish, &[]))
    }

    fn erase(&self, subject: &str) -> Act {
        self.try_erase(subject).unwrap()
    }

    /// A rule for main: who may rewrite it. Nobody deletes it.
    fn protect(&self, force: Allowed) -> u64 {
        let push = Allowed { role: Some(Access::Write), ..Allowed::default() };
        let (kind, pattern, delete) = (Protected::Branch, "main".into(), Allowed::default());
        let repo = self.repo;
        let set = ProtectionSet { id: None, repo, kind, pattern, push, force, delete, signed: None, paths: None };
        self.rig.write(vec![set.into()])
    }

    /// Files it, has two officers sign, lets the delay pass, and carries it out.
    fn carry_out(&self, act: &Act) -> State {
        let order = self.file(act);
        self.sign(order, 0).unwrap();
        self.sign(order, 1).unwrap();
        self.clock.advance(DELAY);
        self.settled(order)
    }

    /// One act of each kind, which could be done.
    fn example(&self, number: u32) -> Act {
        let (olga, _) = self.officers[0];
        let name = || "olga".to_owned();
        match number {
            1 => Act::RepoDelete { repo: self.repo, path: "pat/code".into() },
            2 => Act::RolesSet { account: self.pat, name: "pat".into(), officer: true, operator: true },
            3 => {
                let public_key = OfficerSecret::generate().unwrap().public().0;
                Act::KeyAdd { account: olga, name: name(), label: "spare".into(), public_key }
            }
            4 => Act::KeyRemove { key: self.enrol(olga, &OfficerSecret::generate().unwrap()), name: name() },
            5 => Act::RuleSet { needed: 2, delay_us: DELAY_DEFAULT_US / 2 },
            6 => {
                let (credentials, accounts) = (Vec::new(), Vec::new());
                let started = LockdownStarted { since_us: 0, credentials, accounts, spared: None };
                Act::LockdownLift { lockdown: self.rig.write(vec![started.into()]) }
            }
            7 => {
                let recipient = Identity::generate().recipient();
                Act::RecoveryKeys { keys: vec![RecoveryHalf { recipient, signing: self.officers[0].1.public().0 }] }
            }
            8 => Act::UserDelete { account: self.una().0, name: "una".into() },
            9 => Act::OrgDelete { org: self.guild().0, path: "guild".into() },
            10 => {
                let (_, repo) = self.una();
                self.rig.write(vec![RepoTrashed { repo, by: None }.into()]);
                Act::TrashEmpty { repo, path: "una/things".into() }
            }
            11 => {
                self.rig.write(vec![FactorsRequired { required: true }.into()]);
                Act::FactorsOptional {}
            }
            12 => {
                let (account, name, secret) = (self.pat, "phone".to_owned(), vec![7; 20]);
                let factor =
                    self.rig.write(vec![TotpAdded { account, name, secret, step: 1, sleeps_until_us: None }.into()]);
                Act::FactorRemove { factor, account, name: "pat".into(), label: "phone".into() }
            }
            13 => Act::Export { subject: "everything".into() },
            14 => {
                let (old, new) = (oid(1), oid(2));
                self.push("refs/heads/main", None, Some(&old));
                self.push("refs/heads/older", None, Some(&new));
                let (path, name) = ("pat/code".into(), "refs/heads/main".into());
                Act::RefRewrite { repo: self.repo, path, name, old, new: Some(new) }
            }
            15 => {
                let (_, repo) = self.una();
                self.push_packs(repo, &[b"first", b"second"]);
                self.rig.write(vec![RepoTrashed { repo, by: None }.into()]);
                self.erase(&repo.to_string())
            }
            16 => {
                let (name, domain) = ("new".to_owned(), "elsewhere".to_owned());
                Act::VaultEnrol { name, domain, vkey: vault_key(7), pin: "00".into() }
            }
            17 => Act::VaultRetire { name: "vault-3".into(), domain: "vault-3".into() },
            18 => {
                let (name, before) = ("vault-3".to_owned(), "vault-3".to_owned());
                Act::VaultDomain { name, before, domain: "elsewhere".into() }
            }
            19 => {
                let (org, _) = self.guild();
                self.rig.write(vec![OrgFactorsRequired { org, required: true }.into()]);
                Act::OrgFactorsOptional { org, path: "guild".into() }
            }
            20 => {
                let rule = self.protect(Allowed::default());
                let (path, what) = ("pat/code".into(), "the rule for main would be gone".into());
                Act::ProtectionLoosen {
                    repo: self.repo,
                    path,
                    id: Some(rule),
                    rule: None,
                    what,
                    rules: Some(vec![rule]),
                }
            }
            _ => panic!("no example of the guarded act {number}: write one"),
        }
    }
}

fn vault_key(n: u8) -> String {
    SigningKey::from_seed(&format!("key-{n}"), KeyKind::Cosignature, &[n; 32]).unwrap().verifier().to_string()
}

fn oid(n: u8) -> Oid {
    Oid::new(&[n; 20]).unwrap()
}

fn text<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    answer.unwrap_err().to_string()
}

on_both! {
    /// Invariants 2 and 3, for every act: nothing at M - 1, nothing before the delay, nothing after a veto; and then it is done.
    fn no_guarded_act_is_done_before_its_signatures_and_its_delay_or_after_a_veto(databases) {
        for guarded in GUARDED {
            let scene = Scene::new(databases);
            let act = scene.example(guarded.number);
            assert_eq!(act.number(), guarded.number);
            let before = scene.others();

            let lonely = scene.file(&act);
            scene.sign(lonely, 0).unwrap();
            scene.clock.advance(DELAY + MINUTE);
            assert_eq!(scene.settled(lonely), State::Pending, "{}: one of two has signed", guarded.name);
            scene.veto(lonely, 2).unwrap();
            assert!(text(scene.sign(lonely, 1)).contains("vetoed already"), "{}", guarded.name);
            assert_eq!(scene.settled(lonely), State::Vetoed);
            assert_eq!(scene.others(), before, "{}: after a veto", guarded.name);

            let order = scene.file(&act);
            scene.sign(order, 0).unwrap();
            if guarded.waits {
                scene.sign(order, 1).unwrap();
                scene.clock.advance(DELAY - MINUTE);
                assert_eq!(scene.settled(order), State::Pending, "{}: 71 h 59 min", guarded.name);
                assert_eq!(scene.others(), before, "{}: before its delay", guarded.name);
                scene.clock.advance(MINUTE);
            } else {
                assert_eq!(scene.settled(order), State::Pending, "{}: one of two", guarded.name);
                scene.sign(order, 1).unwrap();
            }
            assert_eq!(scene.settled(order), State::Executed, "{}", guarded.name);
            assert_ne!(scene.others(), before, "{}: it was done", guarded.name);
        }
    }
}

#[test]
fn a_veto_in_the_last_moment_wins() {
    let scene = Scene::new(&Databases::sqlite());
    let order = scene.file(&scene.example(1));
    scene.sign(order, 0).unwrap();
    scene.sign(order, 1).unwrap();
    scene.clock.advance(DELAY + MINUTE);
    // It is due, and the officer who signed first thinks better of it.
    scene.veto(order, 0).unwrap();
    assert_eq!(scene.settled(order), State::Vetoed);
}

#[test]
fn who_asks_does_not_count_nor_does_a_second_key() {
    let scene = Scene::new(&Databases::sqlite());
    let (olga, _) = scene.officers[0];
    let order = scene.try_file(Some(olga), scene.example(1)).unwrap();
    assert!(text(scene.sign(order, 0)).contains("who asks"));
    scene.sign(order, 1).unwrap();
    assert!(text(scene.sign(order, 1)).contains("counts once"));
    let second = OfficerSecret::generate().unwrap();
    scene.enrol(scene.officers[1].0, &second);
    assert!(text(scene.sign_with(order, &second)).contains("counts once"), "one person with two keys");
    let stranger = OfficerSecret::generate().unwrap();
    assert!(text(scene.sign_with(order, &stranger)).contains("no officer's key"));
    scene.enrol(scene.pat, &stranger);
    assert!(text(scene.sign_with(order, &stranger)).contains("no officer's key"), "a key of who is no officer");
    scene.clock.advance(DELAY);
    assert_eq!(scene.settled(order), State::Pending);
}

#[test]
fn a_signature_is_for_one_order_and_one_verb() {
    let scene = Scene::new(&Databases::sqlite());
    let (first, second) = (scene.file(&scene.example(1)), scene.file(&scene.example(2)));
    let replayed = scene.officers[0].1.sign(Verb::Approve, scene.order(first).hash);
    let answer = scene.submit(None, OrderSign { rp: None, order: second, with: Signing::Line(replayed) });
    assert!(text(answer).contains("another order"));
    let mut edited = scene.order(second).order;
    edited.act = scene.example(1);
    let over_edited = scene.officers[0].1.sign(Verb::Approve, Order::hash_of(&edited.encode()));
    let answer = scene.submit(None, OrderSign { rp: None, order: second, with: Signing::Line(over_edited) });
    assert!(text(answer).contains("edited"));
    let mut veto = scene.officers[0].1.sign(Verb::Veto, scene.order(second).hash);
    let with = Signing::Line(veto.clone());
    assert!(text(scene.submit(None, OrderSign { rp: None, order: second, with })).contains("vetoes"));
    // The word is signed too: it can't be changed afterwards.
    veto.verb = Verb::Approve;
    let answer = scene.submit(None, OrderSign { rp: None, order: second, with: Signing::Line(veto) });
    assert!(text(answer).contains("no officer's key"));
}

/// Invariant 1: what was right when it was signed is asked again when it is carried out.
#[test]
fn a_signature_whose_key_was_removed_or_edited_no_longer_counts() {
    let scene = Scene::new(&Databases::sqlite());
    let order = scene.file(&scene.example(1));
    scene.sign(order, 0).unwrap();
    scene.sign(order, 1).unwrap();
    let forged = vec![0u8; 64];
    let sql = "UPDATE order_signature SET signature = ?2 WHERE officer = ?1";
    scene.rig.site.db().write(|tx| tx.execute(sql, &[scene.officers[1].0.into(), forged.into()])).unwrap();
    scene.clock.advance(DELAY);
    assert_eq!(scene.settled(order), State::Pending, "a row that somebody edited");
    scene.sign(order, 2).unwrap();
    let sql = "UPDATE account SET officer = ?2 WHERE id = ?1";
    scene.rig.site.db().write(|tx| tx.execute(sql, &[scene.officers[2].0.into(), false.into()])).unwrap();
    assert_eq!(scene.settled(order), State::Pending, "no officer any more");
    scene.rig.site.db().write(|tx| tx.execute(sql, &[scene.officers[2].0.into(), true.into()])).unwrap();
    assert_eq!(scene.settled(order), State::Executed);
}

#[test]
fn an_order_expires_and_is_not_signed_afterwards() {
    let scene = Scene::new(&Databases::sqlite());
    let order = scene.file(&scene.example(1));
    scene.sign(order, 0).unwrap();
    scene.clock.advance(Duration::from_secs(14 * 24 * 3600));
    assert!(text(scene.sign(order, 1)).contains("expired"));
    assert_eq!(scene.settled(order), State::Expired);
    assert!(scene.order(order).reason.unwrap().contains("1 of 2"));
}

/// Invariant 4.
#[test]
fn officers_never_become_fewer_than_must_sign_and_one() {
    let scene = Scene::new(&Databases::sqlite());
    let (olga, omar) = (scene.officers[0].0, scene.officers[1].0);
    let dismiss = |account, name: &str| Act::RolesSet { account, name: name.into(), officer: false, operator: false };
    assert!(text(scene.try_file(None, dismiss(olga, "olga"))).contains("one more than that"));
    assert!(
        text(scene.try_file(None, Act::KeyRemove { key: scene.keys[0], name: "olga".into() })).contains("one more")
    );
    assert!(text(scene.try_file(None, Act::RuleSet { needed: 3, delay_us: 0 })).contains("one more than that"));
    assert!(text(scene.try_file(None, Act::RuleSet { needed: 1, delay_us: 0 })).contains("from 2"));
    // With a fourth one may go, and when both are asked for, the second has become impossible.
    let fourth = scene.rig.write(vec![user("oona", true)]);
    scene.enrol(fourth, &OfficerSecret::generate().unwrap());
    let orders = [scene.file(&dismiss(olga, "olga")), scene.file(&dismiss(omar, "omar"))];
    for order in orders {
        scene.sign(order, 1).unwrap();
        scene.sign(order, 2).unwrap();
    }
    scene.clock.advance(DELAY);
    assert_eq!(orders.map(|order| scene.settled(order)), [State::Executed, State::Expired]);
    assert!(scene.order(orders[1]).reason.unwrap().contains("no longer possible"));
}

/// Invariant 5.
#[test]
fn the_rule_comes_into_force_once_and_for_ever() {
    let scene = Scene::without_rule(&Databases::sqlite());
    assert!(text(scene.try_file(None, scene.example(1))).contains("no officers' rule"));
    let rule = OfficerRule { needed: 2, delay_us: 0 };
    let change = || RolesChange { name: "pat".parse().unwrap(), officer: None, operator: Some(false) };
    scene.submit(None, change()).unwrap();
    assert!(text(scene.submit(None, RuleSet(OfficerRule { needed: 3, ..rule }))).contains("this would leave 3"));
    scene.submit(None, RuleSet(rule)).unwrap();
    assert!(text(scene.submit(None, RuleSet(OfficerRule { needed: 2, delay_us: 1 }))).contains("needs an order"));
    assert!(text(scene.submit(None, change())).contains("needs an order"));
}

#[test]
fn the_same_is_not_asked_for_twice_and_nobody_buries_the_officers() {
    let scene = Scene::new(&Databases::sqlite());
    let order = scene.file(&scene.example(1));
    assert!(text(scene.try_file(None, scene.example(1))).contains(&format!("order {order} asks for this")));
    for delay in 1..forge::orders::ORDERS_PENDING_MAX {
        scene.file(&Act::RuleSet { needed: 2, delay_us: delay as i64 });
    }
    let more = || Act::RuleSet { needed: 2, delay_us: 1_000_000 };
    assert!(text(scene.try_file(Some(scene.pat), more())).contains("waiting"));
    scene.try_file(None, more()).unwrap();
}

on_both! {
    /// Deleted with all that it had, and brought back as it was: every row of every table.
    fn an_account_and_an_organisation_come_back_from_the_trash_whole(databases) {
        for number in [8, 9] {
            let scene = Scene::new(databases);
            let act = scene.example(number);
            let (id, name) = match &act {
                Act::UserDelete { account, name } => (*account, name.clone()),
                Act::OrgDelete { org, path } => (*org, path.clone()),
                _ => unreachable!(),
            };
            // What is told of the repository's way is no part of it.
            let kept = || scene.others().into_iter().filter(|table| table.table != "activity").collect::<Vec<_>>();
            let before = kept();
            assert_eq!(scene.carry_out(&act), State::Executed);
            let sql = "SELECT count(*) FROM repository WHERE namespace = ?1";
            let left: u64 =
                scene.rig.site.db().read(|tx| tx.query_one(sql, &[id.into()]).and_then(|row| row.get(0))).unwrap();
            assert_eq!(left, 0, "{name}");
            let path = scene.submit(None, TrashRestore { id, name: None, by: None }).unwrap();
            assert_eq!(path, name);
            assert_eq!(kept(), before, "{name}");
            assert!(text(scene.submit(None, TrashRestore { id, name: None, by: None })).contains("in the trash"));
        }
    }
}

#[test]
fn what_others_depend_on_is_not_deleted() {
    let scene = Scene::new(&Databases::sqlite());
    let (olga, _) = scene.officers[0];
    let delete = |account, name: &str| Act::UserDelete { account, name: name.into() };
    assert!(text(scene.try_file(None, delete(olga, "olga"))).contains("is an officer"));
    let (org, _) = scene.guild();
    assert!(text(scene.try_file(None, delete(scene.pat, "pat"))).contains("last owner of guild"));
    let (full_name, description, visibility) = (None, None, Visibility::Public);
    let inner = OrgCreated { parent: org, name: "north".into(), full_name, description, visibility, owner: scene.pat };
    scene.rig.write(vec![inner.into()]);
    let whole = Act::OrgDelete { org, path: "guild".into() };
    assert!(text(scene.try_file(None, whole)).contains("organisations lie in guild"));
}

/// Invariant 6, where what is read is a place: the ref moves from there, or not at all.
#[test]
fn a_protected_ref_moves_exactly_as_it_was_read() {
    let scene = Scene::new(&Databases::sqlite());
    let act = scene.example(14);
    assert_eq!(scene.carry_out(&act), State::Executed);
    assert_eq!(scene.ref_at("refs/heads/main"), Some(oid(2).as_bytes().to_vec()));
    let Act::RefRewrite { path, name, .. } = act else { unreachable!() };
    let again = |old, new| Act::RefRewrite { repo: scene.repo, path: path.clone(), name: name.clone(), old, new };
    assert!(text(scene.try_file(None, again(oid(1), Some(oid(2))))).contains("not at"), "it is elsewhere");
    assert!(text(scene.try_file(None, again(oid(2), Some(oid(9))))).contains("push it under another name"));
    let order = scene.file(&again(oid(2), None));
    scene.sign(order, 0).unwrap();
    scene.sign(order, 1).unwrap();
    scene.push("refs/heads/main", Some(&oid(2)), Some(&oid(3)));
    scene.clock.advance(DELAY);
    assert_eq!(scene.settled(order), State::Expired, "somebody pushed meanwhile");
    assert_eq!(scene.ref_at("refs/heads/main"), Some(oid(3).as_bytes().to_vec()));
}

/// Invariant 5: one act makes all of it.
#[test]
fn vaults_change_one_order_at_a_time_and_both_quorums_hold_the_order() {
    let scene = Scene::new(&Databases::sqlite());
    let quorum = || scene.rig.site.db().read(log::quorum).unwrap();
    let names = |policy: &journal::policy::Policy| {
        policy.witnesses().iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
    };
    let before = quorum();
    let first = scene.file(&scene.example(16));
    let second = scene.try_file(Some(scene.pat), scene.example(17));
    assert!(text(second).contains("one such order at a time"));
    scene.sign(first, 0).unwrap();
    scene.sign(first, 1).unwrap();
    scene.clock.advance(DELAY);
    assert_eq!(scene.settled(first), State::Executed);

    let changing = quorum();
    let (entry, next) = changing.next.clone().unwrap();
    assert_eq!(changing.policy, before.policy, "those before still count");
    assert_eq!(names(&next).len(), 4);
    assert!(text(scene.try_file(Some(scene.pat), scene.example(17))).contains("being changed"));
    let early = scene.rig.site.db().read(|tx| log::policy_at(tx, entry)).unwrap();
    assert_eq!(early, before.policy);

    // A step when both hold the order, and one when they hold that step: not before.
    let settle = |held| scene.submit(None, VaultsSettle { held }).unwrap();
    assert!(!settle(entry), "the order is not held");
    assert!(settle(entry + 1));
    assert_eq!(quorum(), changing, "confirmed, and both must hold it");
    let last = "SELECT max(seq) FROM journal";
    let confirmed: u64 = scene.rig.site.db().read(|tx| tx.query_one(last, &[]).and_then(|row| row.get(0))).unwrap();
    assert!(!settle(confirmed), "its confirmation is not held");
    assert!(text(scene.veto(first, 2)).contains("not taken back any more"));
    let done = confirmed + 1;
    assert!(settle(done) && !settle(done));
    assert_eq!((quorum().policy, quorum().next), (next.clone(), None));
    let at = |seq| scene.rig.site.db().read(|tx| log::policy_at(tx, seq)).unwrap();
    assert_eq!((at(done - 1), at(done), at(u64::MAX)), (before.policy, next.clone(), next));
    // It can be said once.
    let retired = scene.carry_out(&scene.example(17));
    assert_eq!(retired, State::Executed);
}

/// Until both quorums hold it, a change of the vaults is one that any officer stops: a vault that dies meanwhile stops no site for good.
#[test]
fn an_officer_takes_a_change_of_the_vaults_back_until_it_is_confirmed() {
    let scene = Scene::new(&Databases::sqlite());
    let quorum = || scene.rig.site.db().read(log::quorum).unwrap();
    let before = quorum();
    let order = scene.file(&scene.example(17));
    scene.sign(order, 0).unwrap();
    scene.sign(order, 1).unwrap();
    scene.clock.advance(DELAY);
    assert_eq!(scene.settled(order), State::Executed);
    let entry = quorum().next.unwrap().0;
    assert!(
        text(scene.submit(
            None,
            OrderVeto {
                order,
                by: VetoBy::Signature(OfficerSecret::generate().unwrap().sign(Verb::Veto, scene.order(order).hash)),
                reason: String::new(),
            }
        ))
        .contains("no officer's key")
    );
    let other = scene.carry_out(&Act::RuleSet { needed: 2, delay_us: DELAY_DEFAULT_US / 2 });
    assert_eq!(other, State::Executed);
    scene.veto(order, 2).unwrap();
    let kept = scene.order(order);
    assert_eq!(
        (kept.state, kept.closed_by.as_deref(), kept.reason.as_deref()),
        (State::Vetoed, Some("otto"), Some("no"))
    );
    assert_eq!(quorum(), before);
    assert!(!scene.submit(None, VaultsSettle { held: u64::MAX }).unwrap(), "nothing is under way");
    assert_eq!(scene.rig.site.db().read(|tx| log::policy_at(tx, entry)).unwrap(), before.policy);
    assert!(text(scene.veto(order, 1)).contains("vetoed already"));
    assert_eq!(scene.carry_out(&scene.example(17)), State::Executed, "it can be ordered again");
}

#[test]
fn no_order_leaves_fewer_trust_domains_than_must_hold_an_entry() {
    let scene = Scene::new(&Databases::sqlite());
    let retire = |name: &str| Act::VaultRetire { name: name.into(), domain: name.into() };
    assert_eq!(scene.carry_out(&retire("vault-3")), State::Executed);
    let (entry, _) = scene.rig.site.db().read(log::quorum).unwrap().next.unwrap();
    scene.rig.write(vec![VaultsChanged { ordered: entry }.into()]);
    let last = text(scene.try_file(Some(scene.pat), retire("vault-2")));
    assert!(last.contains("2 trust domains must hold an entry now, and 1 would be left"), "{last}");
    let (name, before) = ("vault-2".to_owned(), "vault-2".to_owned());
    let merged = Act::VaultDomain { name, before, domain: "vault-1".into() };
    assert!(text(scene.try_file(Some(scene.pat), merged)).contains("1 would be left"));
    assert!(text(scene.try_file(Some(scene.pat), retire("vault-9"))).contains("vault-9"));
}

#[test]
fn the_guard_is_founded_in_one_act_and_once() {
    let scene = Scene::without_rule(&Databases::sqlite());
    let una = scene.una();
    let key = || OfficerSecret::generate().unwrap().public();
    let rule = OfficerRule { needed: 2, delay_us: 0 };
    let found = |officers: Vec<(&str, OfficerKey)>| {
        let officers = officers.into_iter().map(|(name, key)| (name.parse().unwrap(), key)).collect();
        scene.submit(None, OfficersFound { officers, rule })
    };
    let same = key();
    assert!(text(found(vec![("olga", key()), ("una", key())])).contains("at least 3 are named"));
    assert!(text(found(vec![("olga", key()), ("una", key()), ("una", key())])).contains("named once"));
    assert!(text(found(vec![("olga", same), ("una", same), ("omar", key())])).contains("named once"));
    assert!(text(found(vec![("olga", key()), ("una", key()), ("nobody", key())])).contains("nobody"));
    found(vec![("olga", key()), ("una", key()), ("omar", key())]).unwrap();
    let officer = "SELECT officer FROM account WHERE id = ?1";
    let is: bool =
        scene.rig.site.db().read(|tx| tx.query_one(officer, &[una.0.into()]).and_then(|row| row.get(0))).unwrap();
    assert!(is, "Una was none before");
    assert!(text(found(vec![("olga", key()), ("una", key()), ("omar", key())])).contains("needs an order"));
}

/// What an order erases is what its list says, and what can be erased is what nobody can get back.
#[test]
fn an_erasure_is_of_a_deleted_repositorys_own_content_and_of_all_of_it() {
    let scene = Scene::new(&Databases::sqlite());
    let (_, repo) = scene.una();
    scene.push_packs(repo, &[b"first", b"second", b"shared"]);
    scene.push_packs(scene.repo, &[b"another's", b"shared"]);
    let alive = text(scene.try_erase("una/things"));
    assert!(alive.contains("deleted repository una/things"), "{alive}");
    scene.rig.write(vec![RepoTrashed { repo, by: None }.into()]);
    // The packs of before one that stands for all are in the vaults too.
    let whole = vec![Part { blob: BlobName::of(b"whole"), bytes: 5 }];
    scene.rig.write(vec![PackConsolidated { repo: scene.repo, through_seq: 1, pack: whole }.into()]);
    let act = scene.erase("una/things");
    assert_eq!(act, scene.erase(&repo.to_string()), "by its number or its path");
    let Act::Erase { blobs, bytes, .. } = &act else { unreachable!() };
    assert_eq!((*blobs, *bytes), (2, 11), "what another repository has too is not in it");
    let order = scene.file(&act);
    let list = |id| {
        let order = scene.order(id).order;
        scene.rig.site.db().read(|tx| erase_list(tx, &order)).unwrap()
    };
    let names = [b"first".as_slice(), b"second"].map(BlobName::of);
    assert_eq!(list(order).names(), names.into());

    // Brought back and deleted again: there may be more of it.
    scene.submit(None, TrashRestore { id: repo, name: None, by: None }).unwrap();
    scene.push_packs(repo, &[b"third"]);
    scene.clock.advance(MINUTE);
    scene.rig.write(vec![RepoTrashed { repo, by: None }.into()]);
    scene.sign(order, 0).unwrap();
    scene.sign(order, 1).unwrap();
    scene.clock.advance(DELAY);
    assert_eq!(scene.settled(order), State::Expired);
    assert!(scene.order(order).reason.unwrap().contains("brought back meanwhile"));

    // Forgotten first, or by the erasure itself.
    let again = scene.erase("una/things");
    let empty = Act::TrashEmpty { repo, path: "una/things".into() };
    let order = scene.file(&again);
    assert_eq!(scene.carry_out(&empty), State::Executed);
    scene.sign(order, 0).unwrap();
    scene.sign(order, 1).unwrap();
    assert_eq!(scene.settled(order), State::Executed);
    let names = [b"first".as_slice(), b"second", b"third"].map(BlobName::of);
    assert_eq!(list(order).names(), names.into(), "the list is there afterwards, for the vaults' owners");
    let erased = |name: &BlobName| {
        let sql = "SELECT 1 FROM erased_blob WHERE blob = ?1";
        scene.rig.site.db().read(|tx| tx.query_opt(sql, &[name.into()])).unwrap().is_some()
    };
    assert!(names.iter().all(erased) && !erased(&BlobName::of(b"shared")) && !erased(&BlobName::of(b"another's")));
    assert!(text(scene.try_erase(&repo.to_string())).contains("deleted repository"), "once");
    scene.rig.write(vec![RepoTrashed { repo: scene.make(scene.pat, "bare"), by: None }.into()]);
    assert!(text(scene.try_erase("pat/bare")).contains("nothing is erased"));
}

/// A kind of event whose blobs are somebody's content must be known to the erasure.
#[test]
fn every_event_with_content_is_found_by_an_erasure() {
    let others = ["EpochStarted", "SnapshotTaken"];
    let mut found = BTreeSet::new();
    for event in crate::generate::history(3, 4000) {
        if !event.blobs().is_empty() && !others.contains(&event.name()) {
            found.insert(event.kind());
        }
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), CONTENT_KINDS);
}

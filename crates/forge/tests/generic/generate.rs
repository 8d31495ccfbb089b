//! Histories: for every kind of event something that could have happened.

use forge::event::factor::{
    AuthenticatorAdded, AuthenticatorUsed, FactorNamed, FactorRemoved, RecoveryCodeUsed, RecoveryCodesMade, TotpAdded,
    TotpUsed,
};
use forge::event::guard::{
    OfficerKeyAdded, OfficerKeyRemoved, OfficerRuleSet, OrderExecuted, OrderExpired, OrderFiled, OrderSigned,
    OrderVetoed, RepoRestored, RepoTrashed, RolesSet,
};
use forge::event::people::{
    CredentialsRevoked, SessionEnded, SessionStarted, TokenCreated, TokenRevoked, UserCreated, UserPasswordSet,
    UserProfileSet,
};
use forge::event::proof::{DrillDone, DrillKind, RecoverySharesPublished};
use forge::event::push::{PackConsolidated, Pushed, RefMove};
use forge::event::repo::{
    Access, CollaboratorRemoved, CollaboratorSet, Format, HeadSet, RepoCreated, RepoDescribed, RepoKind, RepoRenamed,
    RepoVisibilitySet, Visibility,
};
use forge::event::site::{EpochStarted, Part, SiteStarted, SnapshotTaken};
use forge::event::ssh::{SshKeyAdded, SshKeyRemoved};
use forge::event::vault::VaultEnrolled;
use forge::event::{Event, KINDS, Oid};
use forge::orders::{Act, Effect, Order};
use journal::{BlobName, Hash};
use std::collections::{BTreeMap, BTreeSet};

type Generate = fn(&mut World, &mut Rng) -> Event;

/// One generator for each kind. A kind without one fails a test.
pub(crate) const GENERATORS: &[(u32, Generate)] = &[
    (1, site_started),
    (2, epoch_started),
    (3, snapshot_taken),
    // Vaults and settings.
    (20, vault_enrolled),
    // Accounts.
    (40, user_created),
    (41, user_password_set),
    (42, token_created),
    (43, token_revoked),
    (44, credentials_revoked),
    (45, session_started),
    (46, session_ended),
    (47, user_profile_set),
    // Repositories.
    (60, repo_created),
    (61, repo_visibility_set),
    (62, repo_renamed),
    (63, head_set),
    (64, collaborator_set),
    (65, collaborator_removed),
    (66, repo_described),
    // Git.
    (80, pushed),
    (81, pack_consolidated),
    // Access.
    // Factors.
    (140, authenticator_added),
    (141, authenticator_used),
    (142, totp_added),
    (143, totp_used),
    (144, factor_removed),
    (145, factor_named),
    (146, recovery_codes_made),
    (147, recovery_code_used),
    // SSH.
    (160, ssh_key_added),
    (161, ssh_key_removed),
    // Guarded acts.
    (180, officer_key_added),
    (181, officer_key_removed),
    (182, officer_rule_set),
    (183, roles_set),
    (184, order_filed),
    (185, order_signed),
    (186, order_vetoed),
    (187, order_executed),
    (188, order_expired),
    (189, repo_trashed),
    (190, repo_restored),
    // Subversion.
    // Proof.
    (250, drill_done),
    (251, recovery_shares_published),
];

/// Steele and Vigna's splitmix64: the same numbers from the same seed for ever.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn hash(&mut self) -> Hash {
        Hash::of(&self.next().to_be_bytes())
    }

    /// Text as people write it, and as they should not.
    fn text(&mut self) -> String {
        let odd = [
            "",
            "a",
            "it's; DROP TABLE ref",
            "zwölf Größen",
            "\u{1f30d}\u{202e}",
            "line\nbreak\ttab",
            "\\x00 ?1 $1 %",
            "A",
        ];
        format!("{}{}", self.pick(&odd), if self.one_in(2) { String::new() } else { self.next().to_string() })
    }
}

/// What there is so far, as far as later events need it.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) next_seq: u64,
    epoch: u64,
    accounts: Vec<u64>,
    tokens: Vec<u64>,
    sessions: Vec<u64>,
    authenticators: Vec<u64>,
    totps: Vec<u64>,
    codes: BTreeMap<u64, Vec<u8>>,
    ssh_keys: Vec<u64>,
    repos: Vec<u64>,
    collaborators: BTreeSet<(u64, u64)>,
    refs: BTreeMap<(u64, String), Oid>,
    pushes: BTreeMap<u64, u64>,
    officer_keys: Vec<u64>,
    orders: Vec<u64>,
    signed: BTreeSet<(u64, u64)>,
    trash: Vec<u64>,
}

impl World {
    /// The events every history begins with, so that each later kind has something to be about.
    pub(crate) fn beginning(&mut self, rng: &mut Rng) -> Vec<Event> {
        let mut events = crate::rig::founding();
        self.next_seq = events.len() as u64;
        self.epoch = 1;
        for kind in [40, 60, 42, 45, 64, 140, 142, 146, 160] {
            events.push(self.event(kind, rng));
        }
        events
    }

    /// An event of this kind; the next call's gets the next number.
    pub(crate) fn event(&mut self, kind: u32, rng: &mut Rng) -> Event {
        let (_, generate) = GENERATORS.iter().find(|(k, _)| *k == kind).expect("a generator for each kind");
        let event = generate(self, rng);
        self.next_seq += 1;
        event
    }

    pub(crate) fn any_event(&mut self, rng: &mut Rng) -> Event {
        // Pushes are most of a real journal.
        let kind = if rng.one_in(3) { 80 } else { rng.pick(KINDS).0 };
        // Removing needs somebody to remove.
        let kind = if kind == 65 && self.collaborators.is_empty() { 64 } else { kind };
        // So do the acts that need a key, an order, a repository to spare, or something in the trash.
        let kind = match kind {
            181 if self.officer_keys.is_empty() => 180,
            185..=188 if self.orders.is_empty() => 184,
            189 if self.repos.len() < 2 => 60,
            190 if self.trash.is_empty() => 60,
            kind => kind,
        };
        self.event(kind, rng)
    }
}

/// A history in the making.
pub(crate) struct History {
    world: World,
    rng: Rng,
}

impl History {
    /// Its beginning, and what makes the rest.
    pub(crate) fn begin(seed: u64) -> (Self, Vec<Event>) {
        let (mut world, mut rng) = (World::default(), Rng(seed));
        let events = world.beginning(&mut rng);
        (Self { world, rng }, events)
    }

    /// So many events more.
    pub(crate) fn more(&mut self, count: usize) -> Vec<Event> {
        (0..count).map(|_| self.world.any_event(&mut self.rng)).collect()
    }

    /// An entry was written that is not from here.
    pub(crate) fn skip_one(&mut self) {
        self.world.next_seq += 1;
    }
}

/// A whole history from one seed: the beginning, then as many events more.
pub(crate) fn history(seed: u64, more: usize) -> Vec<Event> {
    let (mut history, mut events) = History::begin(seed);
    events.extend(history.more(more));
    events
}

fn site_started(_: &mut World, rng: &mut Rng) -> Event {
    SiteStarted { origin: rng.text(), recovery_recipient: rng.text(), recovery_key: rng.text() }.into()
}

fn epoch_started(world: &mut World, rng: &mut Rng) -> Event {
    world.epoch += 1;
    let (data_key, site_recipient) = (BlobName(rng.hash()), rng.text());
    EpochStarted { epoch: world.epoch, statement: rng.text(), data_key, site_recipient }.into()
}

fn parts(rng: &mut Rng) -> Vec<Part> {
    (0..rng.below(4)).map(|_| Part { blob: BlobName(rng.hash()), bytes: rng.next() >> 30 }).collect()
}

fn snapshot_taken(world: &mut World, rng: &mut Rng) -> Event {
    let mut parts = parts(rng);
    parts.push(Part { blob: BlobName(rng.hash()), bytes: 1 });
    SnapshotTaken { through: world.next_seq, parts }.into()
}

fn vault_enrolled(_: &mut World, rng: &mut Rng) -> Event {
    let name = rng.pick(&["eu", "us", "asia"]).to_owned();
    VaultEnrolled { name, domain: rng.text(), vkey: rng.text(), pin: rng.hash().to_string() }.into()
}

fn user_created(world: &mut World, rng: &mut Rng) -> Event {
    world.accounts.push(world.next_seq);
    let (email, password) = ((!rng.one_in(3)).then(|| rng.text()), (!rng.one_in(3)).then(|| rng.text()));
    let name = format!("{}-{}", rng.pick(&["Ann", "bob", "Çelik"]), world.next_seq);
    UserCreated { name, email, password, officer: rng.one_in(2), operator: rng.one_in(2) }.into()
}

fn user_password_set(world: &mut World, rng: &mut Rng) -> Event {
    let password = (!rng.one_in(4)).then(|| format!("$argon2id${}", rng.text()));
    UserPasswordSet { account: rng.pick(&world.accounts), password }.into()
}

fn token_created(world: &mut World, rng: &mut Rng) -> Event {
    world.tokens.push(world.next_seq);
    let scopes = (0..rng.below(3)).map(|_| rng.pick(&["repo:read", "repo:write", "admin"]).to_owned()).collect();
    let expires_us = (!rng.one_in(2)).then(|| (rng.next() >> 12) as i64);
    let (account, hash) = (rng.pick(&world.accounts), rng.hash().0);
    TokenCreated { account, name: rng.text(), hash, scopes, expires_us }.into()
}

fn token_revoked(world: &mut World, rng: &mut Rng) -> Event {
    TokenRevoked { token: rng.pick(&world.tokens) }.into()
}

fn credentials_revoked(world: &mut World, rng: &mut Rng) -> Event {
    let account = rng.one_in(2).then(|| rng.pick(&world.accounts));
    CredentialsRevoked { account, reason: rng.text() }.into()
}

fn session_started(world: &mut World, rng: &mut Rng) -> Event {
    world.sessions.push(world.next_seq);
    let (account, hash, expires_us) = (rng.pick(&world.accounts), rng.hash().0, (rng.next() >> 12) as i64);
    let address = rng.one_in(2).then(|| rng.text());
    SessionStarted { account, hash, agent: rng.text(), address, expires_us }.into()
}

fn session_ended(world: &mut World, rng: &mut Rng) -> Event {
    SessionEnded { session: rng.pick(&world.sessions) }.into()
}

fn authenticator_added(world: &mut World, rng: &mut Rng) -> Event {
    world.authenticators.push(world.next_seq);
    AuthenticatorAdded {
        account: rng.pick(&world.accounts),
        name: rng.text(),
        credential: rng.hash().0.to_vec(),
        public_key: rng.hash().0[..rng.below(33)].to_vec(),
        sign_count: rng.next() as u32,
        user_verified: rng.one_in(2),
        backed_up: rng.one_in(2),
        sleeps_until_us: rng.one_in(2).then(|| (rng.next() >> 12) as i64),
    }
    .into()
}

fn authenticator_used(world: &mut World, rng: &mut Rng) -> Event {
    AuthenticatorUsed { authenticator: rng.pick(&world.authenticators), sign_count: rng.next() as u32 }.into()
}

fn totp_added(world: &mut World, rng: &mut Rng) -> Event {
    world.totps.push(world.next_seq);
    let (account, secret) = (rng.pick(&world.accounts), rng.hash().0[..20].to_vec());
    let sleeps_until_us = rng.one_in(2).then(|| (rng.next() >> 12) as i64);
    TotpAdded { account, name: rng.text(), secret, step: rng.next() >> 30, sleeps_until_us }.into()
}

fn totp_used(world: &mut World, rng: &mut Rng) -> Event {
    TotpUsed { totp: rng.pick(&world.totps), step: rng.next() >> 30 }.into()
}

fn a_factor(world: &World, rng: &mut Rng) -> u64 {
    if rng.one_in(2) { rng.pick(&world.totps) } else { rng.pick(&world.authenticators) }
}

fn factor_removed(world: &mut World, rng: &mut Rng) -> Event {
    FactorRemoved { factor: a_factor(world, rng) }.into()
}

fn factor_named(world: &mut World, rng: &mut Rng) -> Event {
    FactorNamed { factor: a_factor(world, rng), name: rng.text() }.into()
}

fn recovery_codes_made(world: &mut World, rng: &mut Rng) -> Event {
    let account = rng.pick(&world.accounts);
    let hashes: Vec<_> = (0..=rng.below(9)).map(|_| rng.hash().0.to_vec()).collect();
    world.codes.insert(account, hashes[0].clone());
    RecoveryCodesMade { account, hashes: hashes.into_iter().map(Into::into).collect() }.into()
}

fn recovery_code_used(world: &mut World, rng: &mut Rng) -> Event {
    let all: Vec<_> = world.codes.iter().collect();
    let (account, hash) = all[rng.below(all.len())];
    RecoveryCodeUsed { account: *account, hash: hash.clone() }.into()
}

fn user_profile_set(world: &mut World, rng: &mut Rng) -> Event {
    let (account, mut text) = (rng.pick(&world.accounts), || rng.one_in(2).then(|| rng.text()));
    UserProfileSet { account, full_name: text(), bio: text(), website: text() }.into()
}

fn ssh_key_added(world: &mut World, rng: &mut Rng) -> Event {
    world.ssh_keys.push(world.next_seq);
    let (account, repo) = (rng.pick(&world.accounts), rng.one_in(2).then(|| rng.pick(&world.repos)));
    let (writes, expires_us) = (rng.one_in(2), (rng.next() >> 12) as i64);
    SshKeyAdded { account, repo, writes, name: rng.text(), public_key: rng.hash().0.to_vec(), expires_us }.into()
}

fn ssh_key_removed(world: &mut World, rng: &mut Rng) -> Event {
    SshKeyRemoved { key: rng.pick(&world.ssh_keys) }.into()
}

fn repo_described(world: &mut World, rng: &mut Rng) -> Event {
    let (repo, mut text) = (rng.pick(&world.repos), || rng.one_in(2).then(|| rng.text()));
    RepoDescribed { repo, description: text(), website: text() }.into()
}

fn repo_created(world: &mut World, rng: &mut Rng) -> Event {
    world.repos.push(world.next_seq);
    RepoCreated {
        namespace: rng.pick(&world.accounts),
        name: format!("repo-{}", world.next_seq),
        kind: rng.pick(RepoKind::ALL),
        format: rng.pick(Format::ALL),
        visibility: rng.pick(Visibility::ALL),
        head: format!("refs/heads/{}", rng.text()),
    }
    .into()
}

fn repo_visibility_set(world: &mut World, rng: &mut Rng) -> Event {
    RepoVisibilitySet { repo: rng.pick(&world.repos), visibility: rng.pick(Visibility::ALL) }.into()
}

fn repo_renamed(world: &mut World, rng: &mut Rng) -> Event {
    let (repo, namespace) = (rng.pick(&world.repos), rng.pick(&world.accounts));
    RepoRenamed { repo, namespace, name: format!("renamed-{}", world.next_seq) }.into()
}

fn head_set(world: &mut World, rng: &mut Rng) -> Event {
    HeadSet { repo: rng.pick(&world.repos), target: format!("refs/heads/{}", rng.text()) }.into()
}

fn collaborator_set(world: &mut World, rng: &mut Rng) -> Event {
    let (repo, account) = (rng.pick(&world.repos), rng.pick(&world.accounts));
    world.collaborators.insert((repo, account));
    CollaboratorSet { repo, account, access: rng.pick(Access::ALL) }.into()
}

fn collaborator_removed(world: &mut World, rng: &mut Rng) -> Event {
    let all: Vec<_> = world.collaborators.iter().copied().collect();
    let (repo, account) = rng.pick(&all);
    world.collaborators.remove(&(repo, account));
    CollaboratorRemoved { repo, account }.into()
}

fn pushed(world: &mut World, rng: &mut Rng) -> Event {
    let repo = rng.pick(&world.repos);
    world.pushes.insert(repo, world.next_seq);
    let names: BTreeSet<String> = (0..rng.below(4)).map(|_| format!("refs/heads/{}", rng.below(12))).collect();
    let updates = names.into_iter().map(|name| ref_move(world, rng, repo, name)).collect();
    let options = (0..rng.below(2)).map(|_| rng.text()).collect();
    Pushed { repo, updates, pack: parts(rng), options }.into()
}

fn ref_move(world: &mut World, rng: &mut Rng, repo: u64, name: String) -> RefMove {
    let key = (repo, name.clone());
    let old = world.refs.get(&key).cloned();
    let (hash, len) = (rng.hash(), rng.pick(&[20, 32]));
    let new = (old.is_none() || !rng.one_in(4)).then(|| Oid::new(&hash.0[..len]).expect("a length it can have"));
    match &new {
        Some(oid) => world.refs.insert(key, oid.clone()),
        None => world.refs.remove(&key),
    };
    RefMove { name, old, new }
}

fn pack_consolidated(world: &mut World, rng: &mut Rng) -> Event {
    let repo = rng.pick(&world.repos);
    let through_seq = world.pushes.get(&repo).copied().unwrap_or(repo);
    PackConsolidated { repo, through_seq, pack: parts(rng) }.into()
}

fn drill_done(world: &mut World, rng: &mut Rng) -> Event {
    DrillDone {
        kind: rng.pick(DrillKind::ALL),
        through: world.next_seq,
        started_us: (rng.next() >> 12) as i64,
        answers_ms: rng.next() >> 40,
        whole_ms: rng.next() >> 40,
        data_age_ms: rng.next() >> 40,
        repositories: rng.next() >> 50,
        differences: rng.next() >> 50,
        vaults: vec!["eu".to_owned(), "us".to_owned()],
        report: rng.text(),
    }
    .into()
}

fn recovery_shares_published(_: &mut World, rng: &mut Rng) -> Event {
    let digests = (0..2 + rng.below(4)).map(|_| rng.hash().to_string()).collect();
    let recipient = rng.pick(&["age1one", "age1other"]).to_owned();
    RecoverySharesPublished { recipient, threshold: 2 + rng.below(2) as u8, digests }.into()
}

fn officer_key_added(world: &mut World, rng: &mut Rng) -> Event {
    world.officer_keys.push(world.next_seq);
    OfficerKeyAdded { account: rng.pick(&world.accounts), name: rng.text(), public_key: rng.hash().0 }.into()
}

fn officer_key_removed(world: &mut World, rng: &mut Rng) -> Event {
    OfficerKeyRemoved { key: rng.pick(&world.officer_keys) }.into()
}

fn officer_rule_set(_: &mut World, rng: &mut Rng) -> Event {
    OfficerRuleSet { needed: 2 + rng.below(3) as u32, delay_us: (rng.next() >> 30) as i64 }.into()
}

fn roles_set(world: &mut World, rng: &mut Rng) -> Event {
    RolesSet { account: rng.pick(&world.accounts), officer: rng.one_in(2), operator: rng.one_in(2) }.into()
}

fn order_filed(world: &mut World, rng: &mut Rng) -> Event {
    world.orders.push(world.next_seq);
    let act = match rng.below(5) {
        0 => Act::RepoDelete { repo: rng.pick(&world.repos), path: rng.text() },
        1 => Act::RolesSet { account: 1, name: rng.text(), officer: rng.one_in(2), operator: rng.one_in(2) },
        2 => Act::KeyAdd { account: 1, name: rng.text(), label: rng.text(), public_key: rng.hash().0 },
        3 => Act::KeyRemove { key: rng.next() >> 40, name: rng.text() },
        _ => Act::RuleSet { needed: 3, delay_us: (rng.next() >> 30) as i64 },
    };
    let effects = (0..rng.below(3)).map(|_| Effect { what: rng.text(), count: rng.next() >> 40 }).collect();
    let mut nonce = [0; 16];
    nonce.copy_from_slice(&rng.hash().0[..16]);
    let mut time = || (rng.next() >> 12) as i64;
    let (created_us, not_before_us, expires_us) = (time(), time(), time());
    let requester = rng.one_in(2).then(|| rng.pick(&world.accounts));
    let (kind, site) = (Order::KIND.to_owned(), "outlast/test".to_owned());
    let order = Order { kind, site, act, effects, nonce, created_us, not_before_us, expires_us, requester };
    OrderFiled { order: order.encode() }.into()
}

fn order_signed(world: &mut World, rng: &mut Rng) -> Event {
    let order = rng.pick(&world.orders);
    // An officer signs once: with more accounts than this nobody is asked for twice.
    let officer = (1_000_000..).find(|officer| !world.signed.contains(&(order, *officer))).unwrap_or_default();
    world.signed.insert((order, officer));
    let signature = rng.text().into_bytes();
    OrderSigned { order, officer, key: rng.next() >> 40, hash: rng.hash().0, signature, passkey: rng.one_in(2) }.into()
}

fn order_vetoed(world: &mut World, rng: &mut Rng) -> Event {
    let (order, officer) = (rng.pick(&world.orders), rng.pick(&world.accounts));
    OrderVetoed { order, officer, reason: rng.text() }.into()
}

fn order_executed(world: &mut World, rng: &mut Rng) -> Event {
    OrderExecuted { order: rng.pick(&world.orders) }.into()
}

fn order_expired(world: &mut World, rng: &mut Rng) -> Event {
    OrderExpired { order: rng.pick(&world.orders), reason: rng.text() }.into()
}

fn repo_trashed(world: &mut World, rng: &mut Rng) -> Event {
    let repo = rng.pick(&world.repos);
    world.repos.retain(|other| *other != repo);
    world.trash.push(repo);
    RepoTrashed { repo, by: Some(rng.pick(&world.accounts)) }.into()
}

fn repo_restored(world: &mut World, rng: &mut Rng) -> Event {
    let repo = rng.pick(&world.trash);
    world.trash.retain(|other| *other != repo);
    world.repos.push(repo);
    RepoRestored { repo, namespace: rng.pick(&world.accounts), name: format!("back-{}", world.next_seq) }.into()
}

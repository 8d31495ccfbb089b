//! Histories: for every kind of event something that could have happened.

use forge::event::alarm::{
    AlarmAcknowledged, AlarmHookAdded, AlarmHookRemoved, AlarmRaised, AlarmRule, CanaryKind, CanaryMade, CanaryRemoved,
};
use forge::event::certificate::{SshAuthorityAdded, SshAuthorityRemoved, SshCertificateSeen, SshCertificatesRevoked};
use forge::event::erase::RepoErased;
use forge::event::factor::{
    AuthenticatorAdded, AuthenticatorUsed, FactorNamed, FactorRemoved, FactorWoken, FactorsRequired,
    OrgFactorsRequired, RecoveryCodeUsed, RecoveryCodesMade, TotpAdded, TotpUsed,
};
use forge::event::guard::{
    OfficerKeyAdded, OfficerKeyRemoved, OfficerRuleSet, OrderExecuted, OrderExpired, OrderFiled, OrderSigned,
    OrderVetoed, RepoRestored, RepoTrashed, RolesSet,
};
use forge::event::incident::{IncidentNoted, IncidentOpened};
use forge::event::lockdown::{AccountFrozen, AccountUnfrozen, LockdownLifted, LockdownStarted};
use forge::event::mail::{MailSecurity, MailSet};
use forge::event::oidc::{IdentityLinked, IdentityUnlinked, OidcProviderRemoved, OidcProviderSet};
use forge::event::openpgp::{OpenPgpKeyAdded, OpenPgpKeyRemoved};
use forge::event::org::{
    OrgCreated, OrgMemberRemoved, OrgMemberSet, OrgMemberShown, OrgRenamed, OrgRole, OrgSet, TeamCreated,
    TeamMemberAdded, TeamMemberRemoved, TeamRemoved, TeamRepoAdded, TeamRepoRemoved, TeamSet,
};
use forge::event::people::{
    CredentialsRevoked, SessionEnded, SessionStarted, SignIn, TokenCreated, TokenRevoked, UserCreated, UserPasswordSet,
    UserProfileSet,
};
use forge::event::proof::{DrillDone, DrillKind, RecoveryKeysOrdered, RecoverySharesPublished};
use forge::event::protect::{Allowed, PathsProtected, Protected, ProtectionRemoved, ProtectionSet};
use forge::event::push::{PackConsolidated, Pushed, RefMove};
use forge::event::repo::{
    Access, CollaboratorRemoved, CollaboratorSet, Format, HeadSet, RepoCreated, RepoDescribed, RepoKind, RepoRenamed,
    RepoVisibilitySet, Visibility,
};
use forge::event::reset::{PasswordResetEnded, PasswordResetMade};
use forge::event::role::{QuotaSet, SiteRole, SiteRoleGranted, SiteRoleRevoked};
use forge::event::setting::SettingSet;
use forge::event::site::{EpochStarted, Part, SiteStarted, SnapshotTaken};
use forge::event::skipped::SkipStatement;
use forge::event::ssh::{SshKeyAdded, SshKeyRemoved};
use forge::event::svn::{
    SvnBegun, SvnCommitted, SvnFile, SvnLoaded, SvnLocked, SvnRevision, SvnRevpropsSet, SvnUnlocked,
};
use forge::event::svn_mail::SvnMailSet;
use forge::event::svn_rules::{Actor, PathAccess, PathRule, SvnCommitRulesSet, SvnPathRulesSet};
use forge::event::svn_view::SvnLayoutSet;
use forge::event::trash::{ExportAllowed, OrgRestored, OrgTrashed, TrashEmptied, UserRestored, UserTrashed};
use forge::event::vault::{VaultEnrolled, VaultMember, VaultsChanged, VaultsConfirmed, VaultsKept, VaultsOrdered};
use forge::event::{Event, KINDS, Oid};
use forge::orders::{Act, Effect, Order};
use forge::replay::Skips;
use journal::epoch::recovery_signing_key;
use journal::order::RecoveryHalf;
use journal::{BlobName, Hash};
use std::collections::{BTreeMap, BTreeSet};

/// Repositories that are in the trash from the beginning.
const TRASHED: usize = 13;

type Generate = fn(&mut World, &mut Rng) -> Event;

/// One generator for each kind. A kind without one fails a test.
pub(crate) const GENERATORS: &[(u32, Generate)] = &[
    (1, site_started),
    (2, epoch_started),
    (3, snapshot_taken),
    (4, entries_skipped),
    // Vaults and settings.
    (20, vault_enrolled),
    (30, setting_set),
    (31, openpgp_key_added),
    (32, openpgp_key_removed),
    (33, password_reset_made),
    (34, password_reset_ended),
    (35, mail_set),
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
    (100, org_created),
    (101, org_set),
    (102, org_renamed),
    (103, org_member_set),
    (104, org_member_removed),
    (105, org_member_shown),
    (106, team_created),
    (107, team_set),
    (108, team_removed),
    (109, team_member_added),
    (110, team_member_removed),
    (111, team_repo_added),
    (112, team_repo_removed),
    (120, protection_set),
    (121, protection_removed),
    (125, site_role_granted),
    (126, site_role_revoked),
    (130, quota_set),
    // Factors.
    (140, authenticator_added),
    (141, authenticator_used),
    (142, totp_added),
    (143, totp_used),
    (144, factor_removed),
    (145, factor_named),
    (146, recovery_codes_made),
    (147, recovery_code_used),
    (148, factors_required),
    (149, factor_woken),
    (150, org_factors_required),
    (151, oidc_provider_set),
    (152, oidc_provider_removed),
    (153, identity_linked),
    (154, identity_unlinked),
    // SSH.
    (160, ssh_key_added),
    (161, ssh_key_removed),
    (162, ssh_authority_added),
    (163, ssh_authority_removed),
    (164, ssh_certificate_seen),
    (165, ssh_certificates_revoked),
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
    (191, lockdown_started),
    (192, lockdown_lifted),
    (193, account_frozen),
    (194, account_unfrozen),
    (195, alarm_raised),
    (196, alarm_acknowledged),
    (197, alarm_hook_added),
    (198, alarm_hook_removed),
    (199, canary_made),
    (200, canary_removed),
    (201, user_trashed),
    (202, user_restored),
    (203, org_trashed),
    (204, org_restored),
    (205, trash_emptied),
    (206, export_allowed),
    (207, vaults_ordered),
    (208, vaults_changed),
    (209, vaults_confirmed),
    (210, vaults_kept),
    // Subversion.
    (220, svn_begun),
    (221, svn_committed),
    (222, svn_revprops_set),
    (223, svn_locked),
    (224, svn_unlocked),
    (225, svn_path_rules_set),
    (226, svn_commit_rules_set),
    (227, svn_loaded),
    (228, svn_mail_set),
    (229, svn_layout_set),
    // Proof.
    (250, drill_done),
    (251, recovery_shares_published),
    (252, incident_opened),
    (253, incident_noted),
    (254, recovery_keys_ordered),
    (260, repo_erased),
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
    ssh_authorities: Vec<u64>,
    openpgp_keys: Vec<u64>,
    resets: Vec<u64>,
    repos: Vec<u64>,
    collaborators: BTreeSet<(u64, u64)>,
    refs: BTreeMap<(u64, String), Oid>,
    pushes: BTreeMap<u64, u64>,
    orgs: Vec<u64>,
    org_members: BTreeSet<(u64, u64)>,
    teams: Vec<u64>,
    team_members: BTreeSet<(u64, u64)>,
    team_repos: BTreeSet<(u64, u64)>,
    protections: Vec<(u64, u64)>,
    site_roles: BTreeSet<u64>,
    officer_keys: Vec<u64>,
    incidents: Vec<u64>,
    orders: Vec<u64>,
    alarms: Vec<u64>,
    hooks: Vec<u64>,
    canaries: Vec<u64>,
    signed: BTreeSet<(u64, u64)>,
    trash: Vec<u64>,
    /// Forgotten, and not erased.
    emptied: Vec<u64>,
    accounts_gone: Vec<u64>,
    orgs_gone: Vec<u64>,
    described: Option<u64>,
    profiled: Option<u64>,
    org_described: Option<u64>,
    /// Repositories of Subversion and their newest revisions.
    svn: BTreeMap<u64, u64>,
    locks: BTreeSet<(u64, String)>,
    mailed: BTreeSet<(u64, u64)>,
    /// What can be said to be so or not is said to be so.
    adding: bool,
    lockdowns: Vec<u64>,
    providers: BTreeSet<String>,
    identities: Vec<u64>,
    frozen: BTreeSet<u64>,
    requiring: BTreeSet<u64>,
    vaults_ordered: Option<u64>,
}

impl World {
    /// The events every history begins with, so that each later kind has something to be about.
    pub(crate) fn beginning(&mut self, rng: &mut Rng) -> Vec<Event> {
        let mut events = crate::rig::founding();
        self.next_seq = events.len() as u64;
        self.epoch = 1;
        for kind in [40, 60, 42, 45, 64, 100, 106, 103, 109, 111, 120, 125, 130, 140, 142, 146, 160, 220, 221] {
            events.push(self.event(kind, rng));
        }
        // As many as are forgotten in the longest walk over all kinds.
        for _ in 0..TRASHED {
            events.push(self.event(60, rng));
            let repo = self.repos.pop().expect("it was made");
            self.trash.push(repo);
            self.next_seq += 1;
            events.push(RepoTrashed { repo, by: None }.into());
        }
        events.push(self.event(205, rng));
        events
    }

    /// An event of this kind; the next call's gets the next number.
    pub(crate) fn event(&mut self, kind: u32, rng: &mut Rng) -> Event {
        let (_, generate) = GENERATORS.iter().find(|(k, _)| *k == kind).expect("a generator for each kind");
        let event = generate(self, rng);
        self.next_seq += 1;
        event
    }

    /// It ends, confirms or takes back a change of vaults, and there is none.
    pub(crate) fn lacks_order_of_vaults(&self, kind: u32) -> bool {
        (208..=210).contains(&kind) && self.vaults_ordered.is_none()
    }

    pub(crate) fn any_event(&mut self, rng: &mut Rng) -> Event {
        // Pushes are most of a real journal.
        let kind = if rng.one_in(3) { 80 } else { rng.pick(KINDS).0 };
        self.possible(kind, rng)
    }

    /// An event of this kind, or of another that must come first.
    fn possible(&mut self, kind: u32, rng: &mut Rng) -> Event {
        // Removing leaves one of each.
        let kind = match kind {
            65 if self.collaborators.is_empty() => 64,
            104 | 105 if self.org_members.len() < 2 => 103,
            108 if self.teams.len() < 2 => 106,
            110 if self.team_members.len() < 2 => 109,
            112 if self.team_repos.len() < 2 => 111,
            126 if self.site_roles.len() < 2 => 125,
            121 if self.protections.len() < 2 => 120,
            // So do the acts that need a key, an order, a repository to spare, or something in the trash.
            196 if self.alarms.is_empty() => 195,
            198 if self.hooks.is_empty() => 197,
            200 if self.canaries.is_empty() => 199,
            181 if self.officer_keys.is_empty() => 180,
            253 if self.incidents.is_empty() => 252,
            185..=188 if self.orders.is_empty() => 184,
            189 if self.repos.len() < 2 => 60,
            32 if self.openpgp_keys.is_empty() => 31,
            34 if self.resets.is_empty() => 33,
            kind if self.lacks_order_of_vaults(kind) => 207,
            210 if self.orders.is_empty() => 184,
            152 if self.providers.is_empty() => 151,
            154 if self.identities.is_empty() => 153,
            190 | 205 if self.trash.is_empty() => 60,
            260 if self.emptied.is_empty() && self.trash.is_empty() => 60,
            260 if self.emptied.is_empty() => 205,
            201 if self.accounts.len() < 2 => 40,
            202 if self.accounts_gone.is_empty() => 40,
            203 if self.orgs.len() < 2 => 100,
            204 if self.orgs_gone.is_empty() => 100,
            163..=165 if self.ssh_authorities.is_empty() => 162,
            192 if self.lockdowns.is_empty() => 191,
            194 if self.frozen.is_empty() => 193,
            kind => kind,
        };
        let kind = match kind {
            221..=229 if !self.svn.keys().any(|repo| self.repos.contains(repo)) => 220,
            224 if self.locks.is_empty() => 223,
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

    /// One of each kind that puts something into a table: no table is empty after them.
    pub(crate) fn each_that_adds(&mut self) -> Vec<Event> {
        let takes = [
            "Removed",
            "Restored",
            "Emptied",
            "Unlocked",
            "Unfrozen",
            "Revoked",
            "Ended",
            "Used",
            "VaultsChanged",
            "VaultsKept",
        ];
        // It takes away by what it adds.
        let revocation = "SshCertificatesRevoked";
        let adds = |(_, name): &&(u32, &str)| *name == revocation || !takes.iter().any(|word| name.ends_with(word));
        self.world.adding = true;
        let events = KINDS.iter().filter(adds).map(|(kind, _)| self.world.possible(*kind, &mut self.rng)).collect();
        self.world.adding = false;
        events
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

/// No entries of this history: those have been applied.
fn entries_skipped(world: &mut World, rng: &mut Rng) -> Event {
    let first = (1 << 40) + 100 * world.next_seq;
    let ranges = [(first, first), (first + 2, first + 2 + rng.below(50) as u64)];
    let (origin, skips) = (crate::rig::origin(), Skips::of(&ranges));
    let key = recovery_signing_key(&[5; 32], &origin);
    SkipStatement { origin, epoch: world.epoch, skips }.sign(&key).unwrap().into()
}

fn vault_enrolled(_: &mut World, rng: &mut Rng) -> Event {
    let name = rng.pick(&["eu", "us", "asia"]).to_owned();
    VaultEnrolled { name, domain: rng.text(), vkey: rng.text(), pin: rng.hash().to_string() }.into()
}

fn vaults_ordered(world: &mut World, rng: &mut Rng) -> Event {
    world.vaults_ordered = Some(world.next_seq);
    let mut vaults = Vec::new();
    for name in ["asia", "eu", "us"].into_iter().skip(rng.below(2)) {
        let (domain, vkey, pin) = (rng.text(), rng.text(), rng.hash().to_string());
        vaults.push(VaultMember { name: name.to_owned(), domain, vkey, pin });
    }
    VaultsOrdered { vaults }.into()
}

fn vaults_changed(world: &mut World, _: &mut Rng) -> Event {
    VaultsChanged { ordered: world.vaults_ordered.take().expect("ordered before") }.into()
}

fn vaults_confirmed(world: &mut World, _: &mut Rng) -> Event {
    VaultsConfirmed { ordered: world.vaults_ordered.expect("ordered before") }.into()
}

fn vaults_kept(world: &mut World, rng: &mut Rng) -> Event {
    let ordered = world.vaults_ordered.take().expect("ordered before");
    let (order, officer) = (rng.pick(&world.orders), rng.pick(&world.accounts));
    VaultsKept { ordered, order, officer, reason: rng.text() }.into()
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
    let repos = rng.one_in(2).then(|| (0..rng.below(3)).map(|_| rng.pick(&world.repos)).collect());
    let sleeps_until_us = rng.one_in(2).then(|| (rng.next() >> 12) as i64);
    TokenCreated { account, name: rng.text(), hash, scopes, expires_us, repos, sleeps_until_us }.into()
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
    let how = rng.one_in(2).then(|| rng.pick(SignIn::ALL));
    let factor = rng.one_in(2).then(|| rng.pick(&world.accounts));
    let new_place = rng.one_in(2).then(|| rng.one_in(2));
    SessionStarted { account, hash, agent: rng.text(), address, expires_us, how, factor, new_place }.into()
}

fn password_reset_made(world: &mut World, rng: &mut Rng) -> Event {
    world.resets.push(world.next_seq);
    let (account, hash) = (rng.pick(&world.accounts), rng.hash().0);
    PasswordResetMade { account, hash, expires_us: (rng.next() >> 12) as i64 }.into()
}

fn password_reset_ended(world: &mut World, rng: &mut Rng) -> Event {
    PasswordResetEnded { reset: rng.pick(&world.resets) }.into()
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

fn factor_woken(world: &mut World, rng: &mut Rng) -> Event {
    FactorWoken { factor: a_factor(world, rng) }.into()
}

fn factors_required(_: &mut World, rng: &mut Rng) -> Event {
    FactorsRequired { required: rng.one_in(2) }.into()
}

fn org_factors_required(world: &mut World, rng: &mut Rng) -> Event {
    let org = rng.pick(&world.orgs);
    // One organisation at least goes on requiring it.
    let required = !rng.one_in(4) || world.requiring.iter().all(|other| *other == org);
    if required {
        world.requiring.insert(org)
    } else {
        world.requiring.remove(&org)
    };
    OrgFactorsRequired { org, required }.into()
}

fn oidc_provider_set(world: &mut World, rng: &mut Rng) -> Event {
    let name = format!("provider-{}", rng.below(3));
    world.providers.insert(name.clone());
    OidcProviderSet {
        name,
        label: rng.text(),
        issuer: "https://id.example.org".into(),
        client_id: rng.text(),
        secret: Some(vec![1, 2, 3]),
        registers: rng.one_in(2),
        hosts: vec!["keys.example.org".into()],
    }
    .into()
}

fn oidc_provider_removed(world: &mut World, _: &mut Rng) -> Event {
    OidcProviderRemoved { name: world.providers.pop_first().unwrap() }.into()
}

fn identity_linked(world: &mut World, rng: &mut Rng) -> Event {
    world.identities.push(world.next_seq);
    let (account, subject, label) = (rng.pick(&world.accounts), rng.text(), rng.text());
    let sleeps_until_us = rng.one_in(2).then(|| (rng.next() >> 12) as i64);
    IdentityLinked { account, issuer: "https://id.example.org".into(), subject, label, sleeps_until_us }.into()
}

fn identity_unlinked(world: &mut World, rng: &mut Rng) -> Event {
    IdentityUnlinked { identity: rng.pick(&world.identities) }.into()
}

fn user_profile_set(world: &mut World, rng: &mut Rng) -> Event {
    let (account, mut text) = (rng.pick(&world.accounts), || rng.one_in(2).then(|| rng.text()));
    let set = UserProfileSet { account, full_name: text(), bio: text(), website: text() };
    world.profiled = Some(account);
    set.into()
}

fn ssh_key_added(world: &mut World, rng: &mut Rng) -> Event {
    world.ssh_keys.push(world.next_seq);
    let (account, repo) = (rng.pick(&world.accounts), rng.one_in(2).then(|| rng.pick(&world.repos)));
    let (writes, expires_us) = (rng.one_in(2), (rng.next() >> 12) as i64);
    let sleeps_until_us = rng.one_in(2).then(|| (rng.next() >> 12) as i64);
    let (name, public_key) = (rng.text(), rng.hash().0.to_vec());
    SshKeyAdded { account, repo, writes, name, public_key, expires_us, sleeps_until_us }.into()
}

fn ssh_key_removed(world: &mut World, rng: &mut Rng) -> Event {
    SshKeyRemoved { key: rng.pick(&world.ssh_keys) }.into()
}

fn ssh_authority_added(world: &mut World, rng: &mut Rng) -> Event {
    world.ssh_authorities.push(world.next_seq);
    let (org, age_max_us) = (rng.one_in(2).then(|| rng.pick(&world.orgs)), (rng.next() >> 12) as i64);
    SshAuthorityAdded { org, name: rng.text(), public_key: rng.hash().0.to_vec(), age_max_us }.into()
}

fn ssh_authority_removed(world: &mut World, rng: &mut Rng) -> Event {
    SshAuthorityRemoved { authority: rng.pick(&world.ssh_authorities) }.into()
}

fn ssh_certificate_seen(world: &mut World, rng: &mut Rng) -> Event {
    let (account, authority) = (rng.pick(&world.accounts), rng.pick(&world.ssh_authorities));
    let (serial, expires_us) = (rng.next() % 4, (rng.next() >> 12) as i64);
    let digest = rng.hash().0.to_vec();
    SshCertificateSeen { account, authority, serial, key_id: rng.text(), digest, expires_us }.into()
}

fn ssh_certificates_revoked(world: &mut World, rng: &mut Rng) -> Event {
    let (authority, serial) = (rng.pick(&world.ssh_authorities), rng.one_in(2).then(|| rng.next() % 4));
    let key_id = serial.is_none().then(|| rng.text());
    SshCertificatesRevoked { authority, serial, key_id }.into()
}

fn repo_described(world: &mut World, rng: &mut Rng) -> Event {
    let (repo, mut text) = (rng.pick(&world.repos), || rng.one_in(2).then(|| rng.text()));
    world.described = Some(repo);
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

fn recovery_keys_ordered(_: &mut World, rng: &mut Rng) -> Event {
    let key = |recipient: &str, rng: &mut Rng| RecoveryHalf { recipient: recipient.to_owned(), signing: rng.hash().0 };
    let keys = ["age1one", "age1other"][..1 + rng.below(2)].iter().map(|name| key(name, rng)).collect();
    RecoveryKeysOrdered { keys }.into()
}

fn incident_opened(world: &mut World, rng: &mut Rng) -> Event {
    world.incidents.push(world.next_seq);
    IncidentOpened { title: rng.text(), text: rng.text() }.into()
}

fn incident_noted(world: &mut World, rng: &mut Rng) -> Event {
    IncidentNoted { incident: rng.pick(&world.incidents), text: rng.text(), resolved: rng.below(2) == 0 }.into()
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
    let act = match rng.below(14) {
        13 => {
            let (path, list) = (rng.text(), rng.hash().0);
            let (blobs, bytes, trashed_us) = (rng.next() >> 40, rng.next() >> 30, (rng.next() >> 12) as i64);
            Act::Erase { repo: rng.next() >> 40, path, list, blobs, bytes, trashed_us }
        }
        6 => Act::UserDelete { account: 1, name: rng.text() },
        7 => Act::OrgDelete { org: 1, path: rng.text() },
        8 => Act::TrashEmpty { repo: rng.next() >> 40, path: rng.text() },
        9 => Act::FactorsOptional {},
        10 => Act::FactorRemove { factor: rng.next() >> 40, account: 1, name: rng.text(), label: rng.text() },
        11 => Act::Export { subject: rng.text() },
        12 => {
            let (old, new) =
                (Oid::new(&rng.hash().0).unwrap(), rng.one_in(2).then(|| Oid::new(&rng.hash().0).unwrap()));
            Act::RefRewrite { repo: rng.next() >> 40, path: rng.text(), name: rng.text(), old, new }
        }
        5 => Act::LockdownLift { lockdown: rng.next() >> 40 },
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
    // One that was described, so that there is something of everything to keep.
    let described = world.described.filter(|repo| world.repos.contains(repo));
    let repo = described.unwrap_or_else(|| rng.pick(&world.repos));
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

/// One that says something of itself, so that there is something of everything to keep.
fn user_trashed(world: &mut World, rng: &mut Rng) -> Event {
    let profiled = world.profiled.filter(|account| world.accounts.contains(account));
    let account = profiled.unwrap_or_else(|| rng.pick(&world.accounts));
    world.accounts.retain(|other| *other != account);
    world.accounts_gone.push(account);
    UserTrashed { account, by: Some(rng.pick(&world.accounts)) }.into()
}

fn user_restored(world: &mut World, _: &mut Rng) -> Event {
    let account = world.accounts_gone.pop().expect("one in the trash");
    world.accounts.push(account);
    UserRestored { account }.into()
}

fn org_trashed(world: &mut World, rng: &mut Rng) -> Event {
    let described = world.org_described.filter(|org| world.orgs.contains(org));
    let org = described.unwrap_or_else(|| rng.pick(&world.orgs));
    world.orgs.retain(|other| *other != org);
    world.orgs_gone.push(org);
    OrgTrashed { org, by: Some(rng.pick(&world.accounts)) }.into()
}

fn org_restored(world: &mut World, _: &mut Rng) -> Event {
    let org = world.orgs_gone.pop().expect("one in the trash");
    world.orgs.push(org);
    OrgRestored { org }.into()
}

fn trash_emptied(world: &mut World, rng: &mut Rng) -> Event {
    let repo = rng.pick(&world.trash);
    world.trash.retain(|other| *other != repo);
    world.protections.retain(|(_, of)| *of != repo);
    world.team_repos.retain(|(_, of)| *of != repo);
    world.collaborators.retain(|(of, _)| *of != repo);
    world.locks.retain(|(of, _)| *of != repo);
    world.emptied.push(repo);
    TrashEmptied { repo }.into()
}

fn repo_erased(world: &mut World, rng: &mut Rng) -> Event {
    let repo = rng.pick(&world.emptied);
    world.emptied.retain(|other| *other != repo);
    let blobs = (0..=rng.below(4)).flat_map(|_| rng.hash().0).collect();
    RepoErased { repo, list: rng.hash().0, blobs }.into()
}

fn export_allowed(_: &mut World, rng: &mut Rng) -> Event {
    ExportAllowed { subject: rng.text(), until_us: (rng.next() >> 12) as i64 }.into()
}

fn org_created(world: &mut World, rng: &mut Rng) -> Event {
    let parent = if world.orgs.is_empty() || rng.one_in(2) { 0 } else { rng.pick(&world.orgs) };
    let owner = rng.pick(&world.accounts);
    world.orgs.push(world.next_seq);
    world.org_members.insert((world.next_seq, owner));
    let name = format!("Guild-{}", world.next_seq);
    let (full_name, description) = (rng.one_in(2).then(|| rng.text()), rng.one_in(2).then(|| rng.text()));
    OrgCreated { parent, name, full_name, description, visibility: rng.pick(Visibility::ALL), owner }.into()
}

fn org_set(world: &mut World, rng: &mut Rng) -> Event {
    let org = rng.pick(&world.orgs);
    world.org_described = Some(org);
    let mut text = || rng.one_in(2).then(|| rng.text());
    let (full_name, description, website) = (text(), text(), text());
    let base = rng.one_in(2).then(|| rng.pick(Access::ALL));
    let (visibility, members_create) = (rng.pick(Visibility::ALL), rng.one_in(2));
    OrgSet { org, full_name, description, website, visibility, base, members_create }.into()
}

fn org_renamed(world: &mut World, rng: &mut Rng) -> Event {
    OrgRenamed { org: rng.pick(&world.orgs), name: format!("guild-renamed-{}", world.next_seq) }.into()
}

fn org_member_set(world: &mut World, rng: &mut Rng) -> Event {
    let (org, account) = (rng.pick(&world.orgs), rng.pick(&world.accounts));
    world.org_members.insert((org, account));
    OrgMemberSet { org, account, role: rng.pick(OrgRole::ALL) }.into()
}

/// One of these pairs.
fn one_of(pairs: &BTreeSet<(u64, u64)>, rng: &mut Rng) -> (u64, u64) {
    let all: Vec<_> = pairs.iter().copied().collect();
    rng.pick(&all)
}

fn org_member_removed(world: &mut World, rng: &mut Rng) -> Event {
    let (org, account) = one_of(&world.org_members, rng);
    world.org_members.remove(&(org, account));
    // Which team is whose is not kept here: what the event takes along may not be named again.
    world.team_members.retain(|(_, member)| *member != account);
    OrgMemberRemoved { org, account }.into()
}

fn org_member_shown(world: &mut World, rng: &mut Rng) -> Event {
    let (org, account) = one_of(&world.org_members, rng);
    OrgMemberShown { org, account, shown: !rng.one_in(3) }.into()
}

fn team_created(world: &mut World, rng: &mut Rng) -> Event {
    world.teams.push(world.next_seq);
    let (org, access) = (rng.pick(&world.orgs), rng.pick(Access::ALL));
    let (name, description) = (rng.text(), rng.one_in(2).then(|| rng.text()));
    TeamCreated { org, name, description, access, all_repos: rng.one_in(2), create_repos: rng.one_in(2) }.into()
}

fn team_set(world: &mut World, rng: &mut Rng) -> Event {
    let (team, access) = (rng.pick(&world.teams), rng.pick(Access::ALL));
    let (name, description) = (rng.text(), rng.one_in(2).then(|| rng.text()));
    TeamSet { team, name, description, access, all_repos: rng.one_in(2), create_repos: rng.one_in(2) }.into()
}

fn team_removed(world: &mut World, rng: &mut Rng) -> Event {
    let team = world.teams.swap_remove(rng.below(world.teams.len()));
    world.team_members.retain(|(of, _)| *of != team);
    world.team_repos.retain(|(of, _)| *of != team);
    TeamRemoved { team }.into()
}

fn team_member_added(world: &mut World, rng: &mut Rng) -> Event {
    let (team, account) = (rng.pick(&world.teams), rng.pick(&world.accounts));
    world.team_members.insert((team, account));
    TeamMemberAdded { team, account }.into()
}

fn team_member_removed(world: &mut World, rng: &mut Rng) -> Event {
    let (team, account) = one_of(&world.team_members, rng);
    world.team_members.remove(&(team, account));
    TeamMemberRemoved { team, account }.into()
}

fn team_repo_added(world: &mut World, rng: &mut Rng) -> Event {
    let (team, repo) = (rng.pick(&world.teams), rng.pick(&world.repos));
    world.team_repos.insert((team, repo));
    TeamRepoAdded { team, repo }.into()
}

fn team_repo_removed(world: &mut World, rng: &mut Rng) -> Event {
    let (team, repo) = one_of(&world.team_repos, rng);
    world.team_repos.remove(&(team, repo));
    TeamRepoRemoved { team, repo }.into()
}

fn allowed(world: &World, rng: &mut Rng) -> Allowed {
    let role = rng.one_in(2).then(|| rng.pick(Access::ALL));
    let people = (0..rng.below(3)).map(|_| rng.pick(&world.accounts)).collect();
    let teams = (0..rng.below(2)).map(|_| rng.pick(&world.teams)).collect();
    Allowed { role, people, teams }
}

fn protection_set(world: &mut World, rng: &mut Rng) -> Event {
    let old = (!world.protections.is_empty() && rng.one_in(2)).then(|| rng.pick(&world.protections));
    let repo = old.map_or_else(|| rng.pick(&world.repos), |(_, repo)| repo);
    if old.is_none() {
        world.protections.push((world.next_seq, repo));
    }
    let pattern = rng.pick(&["main", "release/*", "**", "v?"]).to_owned();
    let kind = rng.pick(Protected::ALL);
    let (push, force, delete) = (allowed(world, rng), allowed(world, rng), allowed(world, rng));
    let (signed, id) = (rng.one_in(2).then_some(true), old.map(|(id, _)| id));
    let patterns = vec!["docs/".to_owned(), "**/*.rs".to_owned()];
    let paths = (world.adding || rng.one_in(2)).then(|| allowed(world, rng)).map(|change| {
        let role = change.role.or(Some(Access::Write));
        PathsProtected { patterns, change: Allowed { role, ..change } }
    });
    ProtectionSet { id, repo, kind, pattern, push, force, delete, signed, paths }.into()
}

fn protection_removed(world: &mut World, rng: &mut Rng) -> Event {
    let (id, _) = world.protections.swap_remove(rng.below(world.protections.len()));
    ProtectionRemoved { id }.into()
}

fn site_role_granted(world: &mut World, rng: &mut Rng) -> Event {
    let account = rng.pick(&world.accounts);
    world.site_roles.insert(account);
    SiteRoleGranted { account, role: SiteRole::Auditor }.into()
}

fn site_role_revoked(world: &mut World, rng: &mut Rng) -> Event {
    let all: Vec<_> = world.site_roles.iter().copied().collect();
    let account = rng.pick(&all);
    world.site_roles.remove(&account);
    SiteRoleRevoked { account, role: SiteRole::Auditor }.into()
}

fn mail_set(_: &mut World, rng: &mut Rng) -> Event {
    let mut maybe = |text: String| (!rng.one_in(3)).then_some(text);
    let (host, login) = (maybe("mail.example.org".into()), maybe("outlast".into()));
    let secret = maybe(String::new()).map(|_| rng.text().into_bytes());
    let security = rng.pick(&[MailSecurity::Tls, MailSecurity::StartTls, MailSecurity::Plain]);
    MailSet { host, port: 25, security, login, secret, sender: rng.text() }.into()
}

fn quota_set(world: &mut World, rng: &mut Rng) -> Event {
    let subject = rng.pick(&[0, world.accounts[0], world.repos[0]]);
    let mut bound = || (!rng.one_in(3)).then(|| rng.next() >> 20);
    QuotaSet { subject, repos: bound(), bytes: bound(), repo_bytes: bound() }.into()
}

fn openpgp_key_added(world: &mut World, rng: &mut Rng) -> Event {
    world.openpgp_keys.push(world.next_seq);
    let fingerprints = vec![rng.hash().to_string(), rng.hash().to_string()];
    let (account, name, packets) = (rng.pick(&world.accounts), rng.text(), rng.text().into_bytes());
    OpenPgpKeyAdded { account, name, packets, fingerprints }.into()
}

fn openpgp_key_removed(world: &mut World, rng: &mut Rng) -> Event {
    OpenPgpKeyRemoved { key: rng.pick(&world.openpgp_keys) }.into()
}

fn setting_set(world: &mut World, rng: &mut Rng) -> Event {
    let name = rng.pick(&["site.name", "sessions.days", "a.later.release's"]).to_owned();
    let gone = rng.one_in(3) && !world.adding;
    SettingSet { name, value: (!gone).then(|| rng.text()) }.into()
}

fn svn_begun(world: &mut World, rng: &mut Rng) -> Event {
    let free = |repo: &u64| !world.svn.contains_key(repo);
    let repo = world.repos.iter().copied().find(free).unwrap_or(world.repos[0]);
    world.svn.entry(repo).or_insert(0);
    let mut file = |name: &str| SvnFile { name: name.to_owned(), bytes: rng.text().into_bytes() };
    SvnBegun { repo, files: vec![file("format"), file("db/uuid"), file("db/revprops/0/0")] }.into()
}

fn svn_repo(world: &World, rng: &mut Rng) -> u64 {
    let repos: Vec<_> = world.svn.keys().copied().filter(|repo| world.repos.contains(repo)).collect();
    rng.pick(&repos)
}

fn svn_committed(world: &mut World, rng: &mut Rng) -> Event {
    let repo = svn_repo(world, rng);
    let youngest = world.svn.entry(repo).or_insert(0);
    *youngest += 1;
    let rev = *youngest;
    SvnCommitted { repo, rev, file: parts(rng), hash: rng.hash().0, properties: rng.text().into_bytes() }.into()
}

fn svn_loaded(world: &mut World, rng: &mut Rng) -> Event {
    let repo = svn_repo(world, rng);
    let one = |rng: &mut Rng| SvnRevision { file: parts(rng), hash: rng.hash().0, properties: rng.text().into_bytes() };
    let revisions: Vec<_> = (0..1 + rng.below(3)).map(|_| one(rng)).collect();
    let youngest = world.svn.entry(repo).or_insert(0);
    let first = *youngest + 1;
    *youngest += revisions.len() as u64;
    SvnLoaded { repo, first, revisions }.into()
}

fn svn_revprops_set(world: &mut World, rng: &mut Rng) -> Event {
    let repo = svn_repo(world, rng);
    let rev = rng.below(world.svn[&repo] as usize + 1) as u64;
    SvnRevpropsSet { repo, rev, properties: rng.text().into_bytes() }.into()
}

fn svn_locked(world: &mut World, rng: &mut Rng) -> Event {
    let (repo, name) = (svn_repo(world, rng), format!("{:032x}", rng.below(20)));
    world.locks.insert((repo, name.clone()));
    SvnLocked { repo, name, lock: rng.text().into_bytes() }.into()
}

fn svn_unlocked(world: &mut World, rng: &mut Rng) -> Event {
    let all: Vec<_> = world.locks.iter().cloned().collect();
    let (repo, name) = all[rng.below(all.len())].clone();
    world.locks.remove(&(repo, name.clone()));
    SvnUnlocked { repo, name }.into()
}

fn svn_path_rules_set(world: &mut World, rng: &mut Rng) -> Event {
    let repo = svn_repo(world, rng);
    let rules = (0..rng.below(4)).map(|n| {
        let (actor, id) = match rng.pick(Actor::ALL) {
            Actor::Anyone => (Actor::Anyone, 0),
            Actor::Person => (Actor::Person, rng.pick(&world.accounts)),
            Actor::Team => (Actor::Team, rng.pick(&world.teams)),
        };
        PathRule { path: format!("/trunk/{n}"), actor, id, access: rng.pick(PathAccess::ALL) }
    });
    SvnPathRulesSet { repo, rules: rules.collect() }.into()
}

fn svn_mail_set(world: &mut World, rng: &mut Rng) -> Event {
    let (repo, account) = (svn_repo(world, rng), rng.pick(&world.accounts));
    let on = world.adding || !world.mailed.remove(&(repo, account));
    if on {
        world.mailed.insert((repo, account));
    }
    SvnMailSet { repo, account, on }.into()
}

fn svn_layout_set(world: &mut World, rng: &mut Rng) -> Event {
    let layout = rng.pick(&["detect", "root", "trunk=a/trunk\tbranches=a/branches"]).to_owned();
    SvnLayoutSet { repo: svn_repo(world, rng), layout }.into()
}

fn svn_commit_rules_set(world: &mut World, rng: &mut Rng) -> Event {
    SvnCommitRulesSet {
        repo: svn_repo(world, rng),
        message_chars_min: rng.below(20) as u64,
        message_pattern: rng.text(),
        file_bytes_max: rng.one_in(2).then(|| rng.next() >> 20),
        forbidden_names: rng.text(),
        no_case_clashes: rng.one_in(2),
        tags_fixed: rng.one_in(2),
        message_by: rng.one_in(2).then(|| rng.pick(Access::ALL)),
        author_changes: rng.one_in(2),
    }
    .into()
}

fn lockdown_started(world: &mut World, rng: &mut Rng) -> Event {
    world.lockdowns.push(world.next_seq);
    let credentials = (0..rng.below(4)).map(|_| rng.pick(&world.tokens)).collect();
    let account = rng.pick(&world.accounts);
    world.frozen.insert(account);
    let spared = rng.one_in(2).then(|| rng.pick(&world.sessions));
    LockdownStarted { since_us: (rng.next() >> 12) as i64, credentials, accounts: vec![account], spared }.into()
}

fn lockdown_lifted(world: &mut World, rng: &mut Rng) -> Event {
    LockdownLifted { lockdown: rng.pick(&world.lockdowns) }.into()
}

fn account_frozen(world: &mut World, rng: &mut Rng) -> Event {
    let account = rng.pick(&world.accounts);
    world.frozen.insert(account);
    AccountFrozen { account, reason: rng.text() }.into()
}

fn alarm_raised(world: &mut World, rng: &mut Rng) -> Event {
    world.alarms.push(world.next_seq);
    AlarmRaised { rule: rng.pick(AlarmRule::ALL), subject: rng.text(), about: rng.text() }.into()
}

fn alarm_acknowledged(world: &mut World, rng: &mut Rng) -> Event {
    AlarmAcknowledged { alarm: rng.pick(&world.alarms) }.into()
}

fn alarm_hook_added(world: &mut World, rng: &mut Rng) -> Event {
    world.hooks.push(world.next_seq);
    AlarmHookAdded { host: rng.text(), sealed: rng.text().into_bytes() }.into()
}

fn alarm_hook_removed(world: &mut World, _: &mut Rng) -> Event {
    AlarmHookRemoved { hook: world.hooks.pop().expect("a webhook") }.into()
}

fn canary_made(world: &mut World, rng: &mut Rng) -> Event {
    world.canaries.push(world.next_seq);
    CanaryMade { kind: rng.pick(CanaryKind::ALL), hash: rng.hash().0, note: rng.text() }.into()
}

fn canary_removed(world: &mut World, _: &mut Rng) -> Event {
    CanaryRemoved { canary: world.canaries.pop().expect("a canary") }.into()
}

fn account_unfrozen(world: &mut World, _: &mut Rng) -> Event {
    AccountUnfrozen { account: world.frozen.pop_first().expect("a frozen account") }.into()
}

//! `restore` puts back every ref and every row that an account changed, whatever kind of thing it is.

use crate::databases::{Databases, on_both};
use crate::rig::{Rig, Write, founding};
use forge::event::guard::RepoTrashed;
use forge::event::org::{
    OrgCreated, OrgMemberRemoved, OrgMemberSet, OrgRole, OrgSet, TeamCreated, TeamMemberAdded, TeamMemberRemoved,
    TeamRepoAdded, TeamRepoRemoved, TeamSet,
};
use forge::event::people::{TokenCreated, UserCreated};
use forge::event::protect::{Allowed, Protected, ProtectionRemoved, ProtectionSet};
use forge::event::push::{Pushed, RefMove};
use forge::event::repo::{
    Access, CollaboratorRemoved, CollaboratorSet, Format, HeadSet, RepoCreated, RepoDescribed, RepoKind, RepoRenamed,
    RepoVisibilitySet, Visibility,
};
use forge::event::role::{SiteRole, SiteRoleGranted};
use forge::event::setting::SettingSet;
use forge::event::ssh::SshKeyAdded;
use forge::event::svn::{SvnBegun, SvnCommitted, SvnLocked, SvnRevpropsSet};
use forge::event::svn_mail::SvnMailSet;
use forge::event::svn_rules::{Actor, PathAccess, PathRule, SvnCommitRulesSet, SvnPathRulesSet};
use forge::event::svn_view::SvnLayoutSet;
use forge::event::trash::{OrgTrashed, UserTrashed};
use forge::event::{Event, Oid};
use forge::restore::{Acts, Restore, Restored, Selection};
use forge::writer::Submitter;

/// What must be as it was: all that somebody reads of these tables. Left out are the entries that made a row, and what is only told.
const KEPT: &[&str] = &[
    "SELECT id, namespace, name, kind, visibility, head, description, website FROM repository ORDER BY id",
    "SELECT repo, name, oid FROM ref ORDER BY repo, name",
    "SELECT repo, account, access FROM collaborator ORDER BY repo, account",
    "SELECT repo, kind, pattern, push_role, force_role, delete_role FROM protection ORDER BY repo, pattern",
    "SELECT p.pattern, a.act, a.kind, a.actor FROM protection_actor a JOIN protection p ON p.id = a.protection
     ORDER BY p.pattern, a.act, a.kind, a.actor",
    "SELECT id, full_name, description, website, visibility, base, members_create FROM organisation ORDER BY id",
    "SELECT organisation, account, role FROM org_member ORDER BY organisation, account",
    "SELECT id, organisation, name, description, access, all_repos, create_repos FROM team ORDER BY id",
    "SELECT team, account FROM team_member ORDER BY team, account",
    "SELECT team, repo FROM team_repo ORDER BY team, repo",
    "SELECT account, role FROM site_role ORDER BY account, role",
    "SELECT name, value FROM setting WHERE value IS NOT NULL ORDER BY name",
    "SELECT repo, path, actor, actor_id, access FROM svn_path_rule ORDER BY repo, place",
    "SELECT repo, tags_fixed, message_by FROM svn_commit_rules ORDER BY repo",
    "SELECT repo, layout FROM svn_layout ORDER BY repo",
    "SELECT repo, account FROM svn_mail ORDER BY repo, account",
    "SELECT repo, rev, properties FROM svn_revision ORDER BY repo, rev",
    "SELECT repo, name FROM svn_lock ORDER BY repo, name",
    "SELECT id FROM token WHERE revoked_us IS NULL ORDER BY id",
    "SELECT id FROM ssh_key WHERE removed_us IS NULL ORDER BY id",
    "SELECT id, email, officer, operator FROM account WHERE id NOT IN (SELECT account FROM frozen_account) ORDER BY id",
    "SELECT id FROM trashed_repository ORDER BY id",
    "SELECT id FROM trashed_account ORDER BY id",
    "SELECT id FROM trashed_organisation ORDER BY id",
];

struct Scene {
    rig: Rig,
}

impl Scene {
    fn by(&self, actor: u64, event: impl Into<Event>) -> u64 {
        let by = Submitter { actor: Some(actor), credential: None };
        self.rig.runtime.block_on(self.rig.site.submit(by, Write(vec![event.into()]))).unwrap().first_seq
    }

    fn user(&self, name: &str) -> u64 {
        let user = UserCreated { name: name.into(), email: None, password: None, officer: false, operator: false };
        self.by(1, user)
    }

    fn org(&self, name: &str, owner: u64) -> u64 {
        let (full_name, description, visibility) = (None, None, Visibility::Internal);
        self.by(owner, OrgCreated { parent: 0, name: name.into(), full_name, description, visibility, owner })
    }

    fn repo(&self, by: u64, namespace: u64, name: &str) -> u64 {
        let (kind, format, visibility) = (RepoKind::Git, Format::Sha1, Visibility::Private);
        let head = "refs/heads/main".to_owned();
        self.by(by, RepoCreated { namespace, name: name.into(), kind, format, visibility, head })
    }

    /// A repository of Subversion with one revision.
    fn svn(&self, by: u64, namespace: u64, name: &str) -> u64 {
        let (kind, format, visibility, head) = (RepoKind::Svn, Format::Sha1, Visibility::Private, String::new());
        let repo = self.by(by, RepoCreated { namespace, name: name.into(), kind, format, visibility, head });
        self.by(by, SvnBegun { repo, files: Vec::new() });
        let properties = b"K 7\nsvn:log\nV 5\nfirst\nEND\n".to_vec();
        self.by(by, SvnCommitted { repo, rev: 1, file: Vec::new(), hash: [1; 32], properties });
        repo
    }

    fn push(&self, by: u64, repo: u64, moves: &[(&str, Option<u8>, Option<u8>)]) {
        let oid = |n: &Option<u8>| n.map(|n| Oid::new(&[n; 20]).unwrap());
        let moves = moves.iter().map(|(name, old, new)| RefMove { name: (*name).into(), old: oid(old), new: oid(new) });
        self.by(by, Pushed { repo, updates: moves.collect(), pack: Vec::new(), options: Vec::new() });
    }

    fn kept(&self) -> Vec<String> {
        let rows = |sql: &'static &'static str| {
            let rows = self.rig.site.db().read(|tx| tx.query(sql, &[])).unwrap();
            let rows: Vec<_> = rows.iter().map(|row| format!("{:?}", row.values())).collect();
            format!("{sql}\n{}", rows.join("\n"))
        };
        KEPT.iter().map(rows).collect()
    }

    /// As often as it says that there is more.
    fn restore(&self, account: u64) -> Vec<Restored> {
        let mut all = Vec::new();
        loop {
            let selection = Selection { acts: vec![Acts::Account(account)], since_us: 0 };
            let done = self.rig.submit(Restore { selection, by: None }).unwrap().output;
            let more = done.more;
            all.push(done);
            if !more {
                return all;
            }
        }
    }
}

fn paths(repo: u64, access: PathAccess) -> SvnPathRulesSet {
    SvnPathRulesSet { repo, rules: vec![PathRule { path: "/".into(), actor: Actor::Anyone, id: 0, access }] }
}

fn commits(repo: u64, tags_fixed: bool) -> SvnCommitRulesSet {
    SvnCommitRulesSet {
        repo,
        message_chars_min: 0,
        message_pattern: String::new(),
        file_bytes_max: None,
        forbidden_names: String::new(),
        no_case_clashes: false,
        tags_fixed,
        message_by: None,
        author_changes: false,
    }
}

fn rule(id: Option<u64>, repo: u64, pattern: &str, mia: u64) -> ProtectionSet {
    let only = |people: &[u64]| Allowed { role: None, people: people.to_vec(), teams: Vec::new() };
    let (kind, pattern) = (Protected::Branch, pattern.into());
    let (push, force, delete) = (only(&[mia]), only(&[]), only(&[]));
    ProtectionSet { id, repo, kind, pattern, push, force, delete, signed: None, paths: None }
}

on_both! {
    fn every_ref_and_every_row_is_as_it_was_before(databases) {
        every(databases);
    }
}

fn every(databases: &Databases) {
    let scene = Scene { rig: Rig::new(databases.empty()) };
    scene.rig.write([founding(), scene.rig.vaults.enrolled()].concat());
    let (owner, mia, una, thief) = (scene.user("owner"), scene.user("mia"), scene.user("una"), scene.user("thief"));
    let (guild, other) = (scene.org("guild", owner), scene.org("other", owner));
    scene.by(owner, OrgMemberSet { org: guild, account: mia, role: OrgRole::Member });
    let (description, access) = (Some("on duty".to_owned()), Access::Write);
    let made =
        TeamCreated { org: guild, name: "keepers".into(), description, access, all_repos: false, create_repos: true };
    let team = scene.by(owner, made);
    scene.by(owner, TeamMemberAdded { team, account: mia });
    let repos = [scene.repo(owner, guild, "lamps"), scene.repo(owner, guild, "horns"), scene.repo(una, una, "things")];
    let repo = repos[0];
    scene.by(owner, TeamRepoAdded { team, repo });
    scene.by(owner, CollaboratorSet { repo, account: mia, access: Access::Read });
    scene.by(owner, RepoDescribed { repo, description: Some("which lamp".into()), website: None });
    let kept = scene.by(owner, rule(None, repo, "main", mia));
    let gone = scene.by(owner, rule(None, repo, "release/*", owner));
    scene.by(owner, SettingSet { name: "site.name".into(), value: Some("Lamps".into()) });
    let paper = scene.svn(owner, guild, "paper");
    scene.by(owner, paths(paper, PathAccess::Read));
    scene.by(owner, commits(paper, true));
    scene.by(owner, SvnLayoutSet { repo: paper, layout: "root".into() });
    scene.by(owner, SvnMailSet { repo: paper, account: owner, on: true });
    scene.by(owner, SvnMailSet { repo: paper, account: mia, on: true });
    for repo in repos {
        scene.push(owner, repo, &[("refs/heads/main", None, Some(1)), ("refs/heads/next", None, Some(2))]);
    }
    let before = scene.kept();

    // What a thief does who has everything: refs, settings, people, rights, spare ways in, the trash.
    let (main, next) = ("refs/heads/main", "refs/heads/next");
    scene.push(thief, repo, &[(main, Some(1), Some(9)), (next, Some(2), None), ("refs/heads/pay", None, Some(9))]);
    scene.push(thief, repos[1], &[(main, Some(1), None)]);
    scene.by(thief, RepoVisibilitySet { repo, visibility: Visibility::Public });
    scene.by(thief, HeadSet { repo, target: "refs/heads/pay".into() });
    scene.by(
        thief,
        RepoDescribed { repo, description: Some("pay me".into()), website: Some("https://x.example".into()) },
    );
    scene.by(thief, RepoRenamed { repo, namespace: guild, name: "mine".into() });
    scene.by(thief, CollaboratorRemoved { repo, account: mia });
    scene.by(thief, CollaboratorSet { repo, account: thief, access: Access::Admin });
    scene.by(thief, rule(Some(kept), repo, "main", thief));
    scene.by(thief, ProtectionRemoved { id: gone });
    scene.by(thief, rule(None, repo, "**", thief));
    let (full_name, description, website) = (Some("Mine".into()), None, None);
    let (visibility, base, members_create) = (Visibility::Public, Some(Access::Admin), true);
    scene.by(thief, OrgSet { org: other, full_name, description, website, visibility, base, members_create });
    scene.by(thief, OrgMemberSet { org: guild, account: thief, role: OrgRole::Owner });
    scene.by(thief, TeamMemberRemoved { team, account: mia });
    scene.by(thief, TeamMemberAdded { team, account: thief });
    scene.by(thief, TeamRepoRemoved { team, repo });
    let (name, access) = ("thieves".to_owned(), Access::Admin);
    scene.by(thief, TeamSet { team, name, description: None, access, all_repos: true, create_repos: true });
    scene.by(thief, OrgMemberRemoved { org: guild, account: mia });
    scene.by(thief, paths(paper, PathAccess::Write));
    scene.by(thief, commits(paper, false));
    scene.by(thief, SvnLayoutSet { repo: paper, layout: "detect".into() });
    scene.by(thief, SvnMailSet { repo: paper, account: mia, on: false });
    scene.by(thief, SvnMailSet { repo: paper, account: thief, on: true });
    let properties = b"K 7\nsvn:log\nV 3\npay\nEND\n".to_vec();
    scene.by(thief, SvnRevpropsSet { repo: paper, rev: 1, properties });
    let lock = b"K 4\npath\nV 6\n/trunk\nEND\n".to_vec();
    scene.by(thief, SvnLocked { repo: paper, name: "0".repeat(32), lock });
    scene.by(thief, SiteRoleGranted { account: thief, role: SiteRole::Auditor });
    scene.by(thief, SettingSet { name: "site.name".into(), value: Some("Pay me".into()) });
    scene.by(thief, SettingSet { name: "site.announcement".into(), value: Some("Pay me".into()) });
    let (name, scopes) = ("spare".to_owned(), vec!["admin".to_owned()]);
    scene.by(
        thief,
        TokenCreated {
            account: thief,
            name,
            hash: [7; 32],
            scopes,
            expires_us: None,
            repos: None,
            sleeps_until_us: None,
        },
    );
    let public_key = vec![7; 51];
    let key = SshKeyAdded {
        account: thief,
        repo: None,
        writes: false,
        name: "spare".into(),
        public_key,
        expires_us: 9,
        sleeps_until_us: None,
    };
    scene.by(thief, key);
    scene.by(thief, UserCreated { name: "x".into(), email: None, password: None, officer: false, operator: true });
    scene.by(thief, RepoTrashed { repo: repos[1], by: Some(thief) });
    scene.by(thief, UserTrashed { account: una, by: Some(thief) });
    scene.by(thief, RepoTrashed { repo: repos[2], by: Some(thief) });
    scene.by(thief, OrgTrashed { org: other, by: Some(thief) });
    assert_ne!(scene.kept(), before);

    let told = scene.restore(thief);
    for (now, before) in scene.kept().iter().zip(&before) {
        assert_eq!(now, before, "{told:#?}");
    }
    assert!(told.iter().all(|told| told.kept.is_empty() && told.by_hand.is_empty()), "{told:#?}");
    let again = scene.restore(thief);
    assert!(again.iter().all(|told| told.done.is_empty()), "doing it twice changes nothing: {again:#?}");
}

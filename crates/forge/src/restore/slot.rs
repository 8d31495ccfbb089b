//! What can be put back besides refs: each slot is one fact that events set as a whole, and its value is the event that sets
//! it. To put it back is to write that event again, or the one that takes the fact away.
//!
//! Credentials are only taken away, never given back: whoever had one taken by an intruder asks for it again, and nobody gets
//! a stolen key back by this.

use crate::db::{Tx, Value};
use crate::error::Error;
use crate::event::Event;
use crate::event::certificate::SshAuthorityRemoved;
use crate::event::factor::FactorRemoved;
use crate::event::lockdown::AccountFrozen;
use crate::event::oidc::{IdentityUnlinked, OidcProviderRemoved};
use crate::event::openpgp::OpenPgpKeyRemoved;
use crate::event::org::{
    OrgCreated, OrgMemberRemoved, OrgMemberSet, OrgRole, OrgSet, TeamMemberRemoved, TeamRemoved, TeamRepoRemoved,
    TeamSet,
};
use crate::event::people::TokenRevoked;
use crate::event::protect::{ProtectionRemoved, ProtectionSet};
use crate::event::repo::{CollaboratorRemoved, HeadSet, RepoDescribed, RepoRenamed, RepoVisibilitySet};
use crate::event::role::{SiteRole, SiteRoleRevoked};
use crate::event::setting::SettingSet;
use crate::event::ssh::SshKeyRemoved;
use crate::event::svn::SvnUnlocked;
use crate::event::svn_mail::SvnMailSet;
use crate::event::svn_rules::SvnPathRulesSet;
use crate::event::svn_view::SvnLayoutSet;
use crate::svn::{CommitRules, LAYOUT_DEFAULT};
use std::fmt;

/// Why an account that the selected acts made does nothing any more.
const FROZEN: &str = "made by acts that were undone";

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Visibility(u64),
    Head(u64),
    Words(u64),
    Place(u64),
    Collaborator(u64, u64),
    Protection(u64),
    OrgSettings(u64),
    OrgMember(u64, u64),
    Team(u64),
    TeamMember(u64, u64),
    TeamRepo(u64, u64),
    SiteRole(u64, SiteRole),
    Account(u64),
    Token(u64),
    SshKey(u64),
    SshAuthority(u64),
    Identity(u64),
    Provider(String),
    OpenPgpKey(u64),
    Factor(u64),
    Setting(String),
    SvnPathRules(u64),
    SvnCommitRules(u64),
    SvnLayout(u64),
    SvnMail(u64, u64),
    SvnLock(u64, String),
    /// A revision's properties. Filled for those that the selected acts changed.
    SvnProperties(u64, u64),
}

/// A slot and what an event sets it to; None: the fact is no more.
pub(super) type Set = (Slot, Option<Event>);

/// What an event sets.
pub(super) fn slots(seq: u64, event: &Event) -> Vec<Set> {
    let own = |slot| vec![(slot, Some(event.clone()))];
    match event {
        Event::RepoCreated(e) => vec![
            (Slot::Visibility(seq), Some(RepoVisibilitySet { repo: seq, visibility: e.visibility }.into())),
            (Slot::Head(seq), Some(HeadSet { repo: seq, target: e.head.clone() }.into())),
            (Slot::Words(seq), Some(RepoDescribed { repo: seq, description: None, website: None }.into())),
            (Slot::Place(seq), Some(RepoRenamed { repo: seq, namespace: e.namespace, name: e.name.clone() }.into())),
        ],
        Event::RepoVisibilitySet(e) => own(Slot::Visibility(e.repo)),
        Event::HeadSet(e) => own(Slot::Head(e.repo)),
        Event::RepoDescribed(e) => own(Slot::Words(e.repo)),
        Event::RepoRenamed(e) => own(Slot::Place(e.repo)),
        Event::CollaboratorSet(e) => own(Slot::Collaborator(e.repo, e.account)),
        Event::CollaboratorRemoved(e) => vec![(Slot::Collaborator(e.repo, e.account), None)],
        Event::ProtectionSet(e) => {
            let id = e.id.unwrap_or(seq);
            vec![(Slot::Protection(id), Some(ProtectionSet { id: Some(id), ..e.clone() }.into()))]
        }
        Event::ProtectionRemoved(e) => vec![(Slot::Protection(e.id), None)],
        Event::OrgCreated(e) => vec![
            (Slot::OrgSettings(seq), Some(settings(seq, e).into())),
            (
                Slot::OrgMember(seq, e.owner),
                Some(OrgMemberSet { org: seq, account: e.owner, role: OrgRole::Owner }.into()),
            ),
        ],
        Event::OrgSet(e) => own(Slot::OrgSettings(e.org)),
        Event::OrgMemberSet(e) => own(Slot::OrgMember(e.org, e.account)),
        Event::OrgMemberRemoved(e) => vec![(Slot::OrgMember(e.org, e.account), None)],
        Event::TeamCreated(e) => vec![(Slot::Team(seq), Some(team(seq, e).into()))],
        Event::TeamSet(e) => own(Slot::Team(e.team)),
        Event::TeamRemoved(e) => vec![(Slot::Team(e.team), None)],
        Event::TeamMemberAdded(e) => own(Slot::TeamMember(e.team, e.account)),
        Event::TeamMemberRemoved(e) => vec![(Slot::TeamMember(e.team, e.account), None)],
        Event::TeamRepoAdded(e) => own(Slot::TeamRepo(e.team, e.repo)),
        Event::TeamRepoRemoved(e) => vec![(Slot::TeamRepo(e.team, e.repo), None)],
        Event::SiteRoleGranted(e) => own(Slot::SiteRole(e.account, e.role)),
        Event::SiteRoleRevoked(e) => vec![(Slot::SiteRole(e.account, e.role), None)],
        Event::UserCreated(_) => own(Slot::Account(seq)),
        Event::TokenCreated(_) => own(Slot::Token(seq)),
        Event::TokenRevoked(e) => vec![(Slot::Token(e.token), None)],
        Event::SshKeyAdded(_) => own(Slot::SshKey(seq)),
        Event::SshKeyRemoved(e) => vec![(Slot::SshKey(e.key), None)],
        Event::SshAuthorityAdded(_) => own(Slot::SshAuthority(seq)),
        Event::SshAuthorityRemoved(e) => vec![(Slot::SshAuthority(e.authority), None)],
        Event::IdentityLinked(_) => own(Slot::Identity(seq)),
        Event::IdentityUnlinked(e) => vec![(Slot::Identity(e.identity), None)],
        Event::OidcProviderSet(e) => own(Slot::Provider(e.name.clone())),
        Event::OidcProviderRemoved(e) => vec![(Slot::Provider(e.name.clone()), None)],
        Event::OpenPgpKeyAdded(_) => own(Slot::OpenPgpKey(seq)),
        Event::OpenPgpKeyRemoved(e) => vec![(Slot::OpenPgpKey(e.key), None)],
        Event::SettingSet(e) => {
            vec![(Slot::Setting(e.name.clone()), e.value.is_some().then(|| event.clone()))]
        }
        Event::AuthenticatorAdded(_) | Event::TotpAdded(_) => own(Slot::Factor(seq)),
        Event::FactorRemoved(e) => vec![(Slot::Factor(e.factor), None)],
        // To have no rules is to have those of a repository that was never given any.
        Event::SvnPathRulesSet(e) => {
            vec![(Slot::SvnPathRules(e.repo), (!e.rules.is_empty()).then(|| event.clone()))]
        }
        Event::SvnCommitRulesSet(e) => {
            let is_none = *e == CommitRules::default().event(e.repo);
            vec![(Slot::SvnCommitRules(e.repo), (!is_none).then(|| event.clone()))]
        }
        Event::SvnLayoutSet(e) => {
            vec![(Slot::SvnLayout(e.repo), (e.layout != LAYOUT_DEFAULT).then(|| event.clone()))]
        }
        Event::SvnMailSet(e) => vec![(Slot::SvnMail(e.repo, e.account), e.on.then(|| event.clone()))],
        Event::SvnLocked(e) => own(Slot::SvnLock(e.repo, e.name.clone())),
        Event::SvnUnlocked(e) => vec![(Slot::SvnLock(e.repo, e.name.clone()), None)],
        _ => Vec::new(),
    }
}

/// What an organisation is when it is made.
fn settings(seq: u64, e: &OrgCreated) -> OrgSet {
    OrgSet {
        org: seq,
        full_name: e.full_name.clone(),
        description: e.description.clone(),
        website: None,
        visibility: e.visibility,
        base: None,
        members_create: false,
    }
}

fn team(seq: u64, e: &crate::event::org::TeamCreated) -> TeamSet {
    TeamSet {
        team: seq,
        name: e.name.clone(),
        description: e.description.clone(),
        access: e.access,
        all_repos: e.all_repos,
        create_repos: e.create_repos,
    }
}

/// Acts that leave nothing behind, or nothing that could be undone or should be: sessions, uses, the site's own work.
pub(super) fn leaves_nothing(event: &Event) -> bool {
    matches!(
        event,
        Event::SessionStarted(_)
            | Event::SessionEnded(_)
            | Event::PasswordResetEnded(_)
            | Event::TotpUsed(_)
            | Event::AuthenticatorUsed(_)
            | Event::SnapshotTaken(_)
            | Event::PackConsolidated(_)
            | Event::DrillDone(_)
            | Event::CredentialsRevoked(_)
            | Event::SvnBegun(_)
    )
}

impl Slot {
    /// The event that takes the fact away; None: it is one that is always something.
    pub(super) fn absence(&self) -> Option<Event> {
        Some(match *self {
            Self::Collaborator(repo, account) => CollaboratorRemoved { repo, account }.into(),
            Self::Protection(id) => ProtectionRemoved { id }.into(),
            Self::OrgMember(org, account) => OrgMemberRemoved { org, account }.into(),
            Self::Team(team) => TeamRemoved { team }.into(),
            Self::TeamMember(team, account) => TeamMemberRemoved { team, account }.into(),
            Self::TeamRepo(team, repo) => TeamRepoRemoved { team, repo }.into(),
            Self::SiteRole(account, role) => SiteRoleRevoked { account, role }.into(),
            Self::Account(account) => AccountFrozen { account, reason: FROZEN.to_owned() }.into(),
            Self::Token(token) => TokenRevoked { token }.into(),
            Self::SshKey(key) => SshKeyRemoved { key }.into(),
            Self::SshAuthority(authority) => SshAuthorityRemoved { authority }.into(),
            Self::Identity(identity) => IdentityUnlinked { identity }.into(),
            Self::Provider(ref name) => OidcProviderRemoved { name: name.clone() }.into(),
            Self::OpenPgpKey(key) => OpenPgpKeyRemoved { key }.into(),
            Self::Setting(ref name) => SettingSet { name: name.clone(), value: None }.into(),
            Self::Factor(factor) => FactorRemoved { factor }.into(),
            Self::SvnPathRules(repo) => SvnPathRulesSet { repo, rules: Vec::new() }.into(),
            Self::SvnCommitRules(repo) => CommitRules::default().event(repo).into(),
            Self::SvnLayout(repo) => SvnLayoutSet { repo, layout: LAYOUT_DEFAULT.to_owned() }.into(),
            Self::SvnMail(repo, account) => SvnMailSet { repo, account, on: false }.into(),
            Self::SvnLock(repo, ref name) => SvnUnlocked { repo, name: name.clone() }.into(),
            Self::Visibility(_)
            | Self::Head(_)
            | Self::Words(_)
            | Self::Place(_)
            | Self::OrgSettings(_)
            | Self::SvnProperties(..) => {
                return None;
            }
        })
    }

    /// The event that makes it as it was. `there` is whether the fact is there now. None: it can't or must not be given back
    /// like this.
    pub(super) fn again(&self, before: Event, there: bool) -> Option<Event> {
        match (self, before) {
            (Self::Protection(_), Event::ProtectionSet(e)) if !there => Some(ProtectionSet { id: None, ..e }.into()),
            (Self::Team(_), _) if !there => None,
            (Self::SiteRole(..) | Self::Account(_) | Self::Token(_), _) => None,
            (Self::SshKey(_) | Self::SshAuthority(_) | Self::Identity(_), _) => None,
            (Self::OpenPgpKey(_) | Self::Factor(_) | Self::SvnLock(..), _) => None,
            (_, before) => Some(before),
        }
    }

    /// The repository it is of, for those that are of one.
    pub(super) fn repo(&self) -> Option<u64> {
        match *self {
            Self::Visibility(repo)
            | Self::Head(repo)
            | Self::Words(repo)
            | Self::Place(repo)
            | Self::Collaborator(repo, _)
            | Self::SvnPathRules(repo)
            | Self::SvnCommitRules(repo)
            | Self::SvnLayout(repo)
            | Self::SvnMail(repo, _)
            | Self::SvnLock(repo, _)
            | Self::SvnProperties(repo, _) => Some(repo),
            _ => None,
        }
    }

    /// Whether the tables have it now: some facts go when another does.
    pub(super) fn is_there(&self, tx: &mut Tx) -> Result<bool, Error> {
        let (sql, values): (&str, Vec<Value>) = match self {
            Self::Visibility(id) | Self::Head(id) | Self::Words(id) | Self::Place(id) => {
                ("SELECT id FROM repository WHERE id = ?1", vec![(*id).into()])
            }
            Self::Collaborator(repo, account) => (
                "SELECT account FROM collaborator WHERE repo = ?1 AND account = ?2",
                vec![(*repo).into(), (*account).into()],
            ),
            Self::Protection(id) => ("SELECT id FROM protection WHERE id = ?1", vec![(*id).into()]),
            Self::OrgSettings(id) => ("SELECT id FROM organisation WHERE id = ?1", vec![(*id).into()]),
            Self::OrgMember(org, account) => (
                "SELECT account FROM org_member WHERE organisation = ?1 AND account = ?2",
                vec![(*org).into(), (*account).into()],
            ),
            Self::Team(id) => ("SELECT id FROM team WHERE id = ?1", vec![(*id).into()]),
            Self::TeamMember(team, account) => (
                "SELECT account FROM team_member WHERE team = ?1 AND account = ?2",
                vec![(*team).into(), (*account).into()],
            ),
            Self::TeamRepo(team, repo) => {
                ("SELECT repo FROM team_repo WHERE team = ?1 AND repo = ?2", vec![(*team).into(), (*repo).into()])
            }
            Self::SiteRole(account, role) => (
                "SELECT account FROM site_role WHERE account = ?1 AND role = ?2",
                vec![(*account).into(), role.as_str().into()],
            ),
            Self::Account(id) => (
                "SELECT id FROM account WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM frozen_account WHERE account = ?1)",
                vec![(*id).into()],
            ),
            Self::Token(id) => ("SELECT id FROM token WHERE id = ?1 AND revoked_us IS NULL", vec![(*id).into()]),
            Self::SshKey(id) => ("SELECT id FROM ssh_key WHERE id = ?1 AND removed_us IS NULL", vec![(*id).into()]),
            Self::SshAuthority(id) => {
                ("SELECT id FROM ssh_authority WHERE id = ?1 AND removed_us IS NULL", vec![(*id).into()])
            }
            Self::Identity(id) => {
                ("SELECT id FROM oidc_identity WHERE id = ?1 AND removed_us IS NULL", vec![(*id).into()])
            }
            Self::Provider(name) => ("SELECT name FROM oidc_provider WHERE name = ?1", vec![name.into()]),
            Self::OpenPgpKey(id) => {
                ("SELECT id FROM openpgp_key WHERE id = ?1 AND removed_us IS NULL", vec![(*id).into()])
            }
            Self::SvnPathRules(id) | Self::SvnCommitRules(id) | Self::SvnLayout(id) => {
                ("SELECT id FROM repository WHERE id = ?1", vec![(*id).into()])
            }
            Self::SvnMail(repo, account) => (
                "SELECT account FROM svn_mail WHERE repo = ?1 AND account = ?2",
                vec![(*repo).into(), (*account).into()],
            ),
            Self::SvnLock(repo, name) => {
                ("SELECT name FROM svn_lock WHERE repo = ?1 AND name = ?2", vec![(*repo).into(), name.into()])
            }
            Self::SvnProperties(repo, _) => ("SELECT repo FROM svn_repository WHERE repo = ?1", vec![(*repo).into()]),
            Self::Setting(name) => ("SELECT name FROM setting WHERE name = ?1", vec![name.into()]),
            Self::Factor(id) => (
                "SELECT id FROM authenticator WHERE id = ?1 AND removed_us IS NULL
                 UNION SELECT id FROM totp WHERE id = ?1 AND removed_us IS NULL",
                vec![(*id).into()],
            ),
        };
        Ok(tx.query_opt(sql, &values)?.is_some())
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Visibility(_) => write!(f, "visibility"),
            Self::Head(_) => write!(f, "default branch"),
            Self::Words(_) => write!(f, "description"),
            Self::Place(_) => write!(f, "name and owner"),
            Self::Collaborator(_, account) => write!(f, "collaborator {account}"),
            Self::Protection(id) => write!(f, "protection {id}"),
            Self::OrgSettings(id) => write!(f, "settings of organisation {id}"),
            Self::OrgMember(org, account) => write!(f, "account {account} in organisation {org}"),
            Self::Team(id) => write!(f, "team {id}"),
            Self::TeamMember(team, account) => write!(f, "account {account} in team {team}"),
            Self::TeamRepo(team, repo) => write!(f, "repository {repo} of team {team}"),
            Self::SiteRole(account, role) => write!(f, "role {role} of account {account}"),
            Self::Account(id) => write!(f, "account {id}"),
            Self::Token(id) => write!(f, "token {id}"),
            Self::SshKey(id) => write!(f, "SSH key {id}"),
            Self::SshAuthority(id) => write!(f, "SSH authority {id}"),
            Self::Identity(id) => write!(f, "linked sign-in {id}"),
            Self::Provider(name) => write!(f, "sign-in provider {name}"),
            Self::OpenPgpKey(id) => write!(f, "OpenPGP key {id}"),
            Self::Factor(id) => write!(f, "second factor {id}"),
            Self::Setting(name) => write!(f, "setting {name} of the site"),
            Self::SvnPathRules(_) => write!(f, "rules of paths"),
            Self::SvnCommitRules(_) => write!(f, "rules for commits"),
            Self::SvnLayout(_) => write!(f, "what Git has as branches and tags"),
            Self::SvnMail(_, account) => write!(f, "mail of commits to account {account}"),
            Self::SvnLock(_, name) => write!(f, "lock {name}"),
            Self::SvnProperties(_, rev) => write!(f, "log message and other properties of revision {rev}"),
        }
    }
}

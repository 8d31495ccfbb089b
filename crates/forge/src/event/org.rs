//! Organisations: namespaces of many people, their teams, and what those may do.

use super::repo::{Access, Visibility};
use super::{ApplyError, Payload, Stamp, must_change_one, wire};
use crate::db::{Tx, Value};
use crate::event::people::NamespaceKind;
use minicbor::{Decode, Encode};

wire::words! {
    /// What somebody is in an organisation.
    OrgRole {
        /// Belongs to it.
        0 Member = "member",
        /// Decides everything in it.
        1 Owner = "owner",
    }
}

/// An organisation was made, and with it the namespace of its name. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrgCreated {
    /// The organisation it lies in; 0: none.
    #[n(0)]
    pub parent: u64,
    /// Its name in addresses.
    #[n(1)]
    pub name: String,
    /// The name as people write it.
    #[n(2)]
    pub full_name: Option<String>,
    /// What it is, in a few words.
    #[n(3)]
    pub description: Option<String>,
    /// Who may see that it is there.
    #[n(4)]
    pub visibility: Visibility,
    /// The account that is its first owner.
    #[n(5)]
    pub owner: u64,
}

impl Payload for OrgCreated {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO namespace (id, parent, name, kind) VALUES (?1, ?2, ?3, ?4)";
        let kind = NamespaceKind::Group.as_str();
        tx.execute(sql, &[at.seq.into(), self.parent.into(), (&self.name).into(), kind.into()])?;
        let sql = "INSERT INTO organisation
                   (id, full_name, description, website, visibility, base, members_create, created_us)
                   VALUES (?1, ?2, ?3, NULL, ?4, NULL, ?5, ?6)";
        let values: [Value; 6] = [
            at.seq.into(),
            self.full_name.as_ref().into(),
            self.description.as_ref().into(),
            self.visibility.as_str().into(),
            false.into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        member_put(tx, at.seq, self.owner, OrgRole::Owner, at)
    }
}

/// What an organisation says of itself, and what belonging to it gives, was set.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrgSet {
    /// The organisation.
    #[n(0)]
    pub org: u64,
    /// The name as people write it.
    #[n(1)]
    pub full_name: Option<String>,
    /// What it is, in a few words.
    #[n(2)]
    pub description: Option<String>,
    /// Where there is more, http or https.
    #[n(3)]
    pub website: Option<String>,
    /// Who may see that it is there.
    #[n(4)]
    pub visibility: Visibility,
    /// The role of every member in every repository; None: none.
    #[n(5)]
    pub base: Option<Access>,
    /// Whether members may make repositories.
    #[n(6)]
    pub members_create: bool,
}

impl Payload for OrgSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE organisation SET full_name = ?2, description = ?3, website = ?4, visibility = ?5, base = ?6,
                   members_create = ?7 WHERE id = ?1";
        let values: [Value; 7] = [
            self.org.into(),
            self.full_name.as_ref().into(),
            self.description.as_ref().into(),
            self.website.as_ref().into(),
            self.visibility.as_str().into(),
            self.base.map(Access::as_str).into(),
            self.members_create.into(),
        ];
        must_change_one(tx.execute(sql, &values)?, "organisation", at)
    }
}

/// An organisation got another name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrgRenamed {
    /// The organisation.
    #[n(0)]
    pub org: u64,
    /// Its name from now on.
    #[n(1)]
    pub name: String,
}

impl Payload for OrgRenamed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE namespace SET name = ?2 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.org.into(), (&self.name).into()])?, "organisation", at)
    }
}

/// Somebody belongs to an organisation, or is from now on something else in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrgMemberSet {
    /// The organisation.
    #[n(0)]
    pub org: u64,
    /// The account.
    #[n(1)]
    pub account: u64,
    /// What it is there.
    #[n(2)]
    pub role: OrgRole,
}

impl Payload for OrgMemberSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        member_put(tx, self.org, self.account, self.role, at)
    }
}

fn member_put(tx: &mut Tx, org: u64, account: u64, role: OrgRole, at: &Stamp) -> Result<(), ApplyError> {
    let sql = "INSERT INTO org_member (organisation, account, role, shown, seq) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (organisation, account) DO UPDATE SET role = excluded.role, seq = excluded.seq";
    tx.execute(sql, &[org.into(), account.into(), role.as_str().into(), false.into(), at.seq.into()])?;
    Ok(())
}

/// Somebody no longer belongs to an organisation, nor to any team of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrgMemberRemoved {
    /// The organisation.
    #[n(0)]
    pub org: u64,
    /// The account.
    #[n(1)]
    pub account: u64,
}

impl Payload for OrgMemberRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "DELETE FROM team_member WHERE account = ?2
                   AND team IN (SELECT id FROM team WHERE organisation = ?1)";
        tx.execute(sql, &[self.org.into(), self.account.into()])?;
        let sql = "DELETE FROM org_member WHERE organisation = ?1 AND account = ?2";
        must_change_one(tx.execute(sql, &[self.org.into(), self.account.into()])?, "member", at)
    }
}

/// Somebody lets everybody see that they belong to an organisation, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrgMemberShown {
    /// The organisation.
    #[n(0)]
    pub org: u64,
    /// The account.
    #[n(1)]
    pub account: u64,
    /// Whether everybody sees it.
    #[n(2)]
    pub shown: bool,
}

impl Payload for OrgMemberShown {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE org_member SET shown = ?3, seq = ?4 WHERE organisation = ?1 AND account = ?2";
        let values = [self.org.into(), self.account.into(), self.shown.into(), at.seq.into()];
        must_change_one(tx.execute(sql, &values)?, "member", at)
    }
}

/// A team was made in an organisation. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TeamCreated {
    /// The organisation.
    #[n(0)]
    pub org: u64,
    /// Its name there.
    #[n(1)]
    pub name: String,
    /// What it is for.
    #[n(2)]
    pub description: Option<String>,
    /// The role of its members in its repositories.
    #[n(3)]
    pub access: Access,
    /// Whether those are all of the organisation's, also of those that lie in it.
    #[n(4)]
    pub all_repos: bool,
    /// Whether its members may make repositories.
    #[n(5)]
    pub create_repos: bool,
}

impl Payload for TeamCreated {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO team (id, organisation, name, description, access, all_repos, create_repos, seq)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?1)";
        let values: [Value; 7] = [
            at.seq.into(),
            self.org.into(),
            (&self.name).into(),
            self.description.as_ref().into(),
            self.access.as_str().into(),
            self.all_repos.into(),
            self.create_repos.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// What a team is was changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TeamSet {
    /// The team.
    #[n(0)]
    pub team: u64,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// What it is for.
    #[n(2)]
    pub description: Option<String>,
    /// The role of its members in its repositories.
    #[n(3)]
    pub access: Access,
    /// Whether those are all of the organisation's.
    #[n(4)]
    pub all_repos: bool,
    /// Whether its members may make repositories.
    #[n(5)]
    pub create_repos: bool,
}

impl Payload for TeamSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql =
            "UPDATE team SET name = ?2, description = ?3, access = ?4, all_repos = ?5, create_repos = ?6, seq = ?7
                   WHERE id = ?1";
        let values: [Value; 7] = [
            self.team.into(),
            (&self.name).into(),
            self.description.as_ref().into(),
            self.access.as_str().into(),
            self.all_repos.into(),
            self.create_repos.into(),
            at.seq.into(),
        ];
        must_change_one(tx.execute(sql, &values)?, "team", at)
    }
}

/// A team is no more.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TeamRemoved {
    /// The team.
    #[n(0)]
    pub team: u64,
}

impl Payload for TeamRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        tx.execute("DELETE FROM team_member WHERE team = ?1", &[self.team.into()])?;
        tx.execute("DELETE FROM team_repo WHERE team = ?1", &[self.team.into()])?;
        must_change_one(tx.execute("DELETE FROM team WHERE id = ?1", &[self.team.into()])?, "team", at)
    }
}

/// Events that put one thing into a team or take it out.
macro_rules! of_team {
    ($($(#[$doc:meta])* $name:ident($field:ident: $field_doc:literal, $what:literal) = $sql:literal, [$($seq:ident)?];)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
        #[cbor(map)]
        pub struct $name {
            /// The team.
            #[n(0)]
            pub team: u64,
            #[doc = $field_doc]
            #[n(1)]
            pub $field: u64,
        }

        impl Payload for $name {
            fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
                let values = [self.team.into(), self.$field.into(), $(at.$seq.into())?];
                must_change_one(tx.execute($sql, &values)?, $what, at)
            }
        }
    )*};
}

of_team! {
    /// Somebody is in a team.
    TeamMemberAdded(account: "The account.", "member") =
        "INSERT INTO team_member (team, account, seq) VALUES (?1, ?2, ?3)
         ON CONFLICT (team, account) DO UPDATE SET seq = excluded.seq", [seq];
    /// Somebody is no longer in a team.
    TeamMemberRemoved(account: "The account.", "member") =
        "DELETE FROM team_member WHERE team = ?1 AND account = ?2", [];
    /// A team uses a repository.
    TeamRepoAdded(repo: "The repository.", "repository") =
        "INSERT INTO team_repo (team, repo, seq) VALUES (?1, ?2, ?3)
         ON CONFLICT (team, repo) DO UPDATE SET seq = excluded.seq", [seq];
    /// A team no longer uses a repository.
    TeamRepoRemoved(repo: "The repository.", "repository") =
        "DELETE FROM team_repo WHERE team = ?1 AND repo = ?2", [];
}

//! What can be done to organisations and who is in them.

use super::query;
use crate::access::{self, Know, OrgProof, Own};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::org::{OrgCreated, OrgMemberRemoved, OrgMemberSet, OrgMemberShown, OrgRenamed, OrgRole, OrgSet};
use crate::event::people::NamespaceKind;
use crate::event::repo::{Access, Visibility};
use crate::names::{NAMESPACE_DEPTH_MAX, OwnerPath, UserName, plain_text, website};
use crate::people::query::{namespace_fetch, user_fetch};
use crate::people::{Principal, Scope};
use crate::repo::command::{DESCRIPTION_CHARS_MAX, runs_site};
use crate::settings::{self, Name};
use crate::writer::{Command, Decide, Urgency};

/// Organisations one account owns at one time.
pub const ORGS_OWNED_MAX: u64 = 1_000;
/// Characters of the name as people write it.
const FULL_NAME_CHARS_MAX: usize = 100;

/// Makes an organisation. Gives its id.
#[derive(Debug)]
pub struct OrgCreate {
    /// Where: its name, below those it lies in.
    pub path: OwnerPath,
    /// The name as people write it.
    pub full_name: String,
    /// A few words.
    pub description: String,
    /// Who may see that it is there.
    pub visibility: Visibility,
    /// Its first owner.
    pub owner: UserName,
    /// Who makes it; None: the site's operator, at the admin socket.
    pub by: Option<Principal>,
}

impl Command for OrgCreate {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        let owner = user_fetch(tx, &self.owner)?.ok_or_else(|| Error::not_found(&self.owner))?.id;
        let (above, name) = self.path.split();
        let parent = match above {
            [] => 0,
            above => parent_of(tx, above, self.by.as_ref())?,
        };
        if let Some(who) = &self.by {
            who.needs(Scope::OrgWrite)?;
            if parent == 0 && settings::text(tx, Name::OrgsMadeBy)? == "operators" && !runs_site(tx, who)? {
                return Err(Error::forbidden("on this site only operators make organisations: ask one"));
            }
        }
        name_is_free(tx, parent, name, None)?;
        let sql = "SELECT count(*) FROM org_member WHERE account = ?1 AND role = 'owner'";
        let owned: u64 = tx.query_one(sql, &[owner.into()])?.get(0)?;
        if owned >= ORGS_OWNED_MAX {
            return Err(Error::invalid(format!("{} owns {owned} organisations and takes no more", self.owner)));
        }
        let event = OrgCreated {
            parent,
            name: name.as_str().to_owned(),
            full_name: plain_text("a name", &self.full_name, FULL_NAME_CHARS_MAX)?,
            description: plain_text("a description", &self.description, DESCRIPTION_CHARS_MAX)?,
            visibility: self.visibility,
            owner,
        };
        Ok((vec![event.into()], ctx.id(0)))
    }
}

/// Organisations lie in organisations, and only their owners make one there.
fn parent_of(tx: &mut Tx, above: &[UserName], by: Option<&Principal>) -> Result<u64, Error> {
    let path = OwnerPath::from_names(above.to_vec());
    if above.len() >= NAMESPACE_DEPTH_MAX {
        return Err(Error::invalid(format!("organisations nest {NAMESPACE_DEPTH_MAX} deep and no deeper")));
    }
    if let Some(who) = by {
        return Ok(access::authorize_org::<Own>(tx, Some(who), &path)?.org().id);
    }
    match namespace_fetch(tx, above)? {
        Some((id, NamespaceKind::Group)) if !crate::orders::in_trash(tx, id)? => Ok(id),
        _ => Err(Error::not_found(path)),
    }
}

/// No namespace and no repository has the name already: an address means one thing.
fn name_is_free(tx: &mut Tx, parent: u64, name: &UserName, but: Option<u64>) -> Result<(), Error> {
    let lower = name.as_str().to_ascii_lowercase();
    let sql = "SELECT id FROM namespace WHERE parent = ?1 AND lower(name) = ?2";
    let other = tx.query_opt(sql, &[parent.into(), (&lower).into()])?.map(|row| row.get::<u64>(0)).transpose()?;
    let sql = "SELECT id FROM repository WHERE namespace = ?1 AND lower(name) = ?2";
    let repo = tx.query_opt(sql, &[parent.into(), (&lower).into()])?;
    if other.is_some_and(|id| but != Some(id)) || repo.is_some() {
        return Err(Error::conflict(format!("the name {name} is taken")));
    }
    Ok(())
}

/// What may be changed of an organisation; None: stays.
#[derive(Clone, Debug, Default)]
pub struct OrgChange {
    /// Its name in addresses.
    pub name: Option<UserName>,
    /// The name as people write it; empty: none.
    pub full_name: Option<String>,
    /// A few words; empty: none.
    pub description: Option<String>,
    /// Where there is more; empty: nowhere.
    pub website: Option<String>,
    /// Who may see that it is there.
    pub visibility: Option<Visibility>,
    /// The role of every member in every repository.
    pub base: Option<Option<Access>>,
    /// Whether members may make repositories.
    pub members_create: Option<bool>,
}

/// Changes an organisation.
#[derive(Debug)]
pub struct OrgPut {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// What.
    pub change: OrgChange,
}

impl Command for OrgPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let org = self.proof.recheck(tx, ctx)?;
        let OrgChange { name, full_name, description, website: site, visibility, base, members_create } = self.change;
        let text = |what: &str, new: Option<String>, old: &Option<String>, max| match new {
            None => Ok(old.clone()),
            Some(text) => plain_text(what, &text, max),
        };
        let event = OrgSet {
            org: org.id,
            full_name: text("a name", full_name, &org.full_name, FULL_NAME_CHARS_MAX)?,
            description: text("a description", description, &org.description, DESCRIPTION_CHARS_MAX)?,
            website: site.map_or(Ok(org.website.clone()), |text| website(&text))?,
            visibility: visibility.unwrap_or(org.visibility),
            base: base.unwrap_or(org.base),
            members_create: members_create.unwrap_or(org.members_create),
        };
        let as_it_is = OrgSet {
            org: org.id,
            full_name: org.full_name,
            description: org.description,
            website: org.website,
            visibility: org.visibility,
            base: org.base,
            members_create: org.members_create,
        };
        let mut events: Vec<Event> = Vec::new();
        events.extend((event != as_it_is).then(|| event.into()));
        if let Some(name) = name.filter(|name| name.as_str() != org.name) {
            name_is_free(tx, org.parent, &name, Some(org.id))?;
            events.push(OrgRenamed { org: org.id, name: name.as_str().to_owned() }.into());
        }
        Ok((events, ()))
    }
}

/// Makes somebody a member or an owner of an organisation. One who was its last owner stays it.
#[derive(Debug)]
pub struct MemberPut {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// Who.
    pub user: UserName,
    /// What they are from now on.
    pub role: OrgRole,
}

impl Command for MemberPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let org = self.proof.recheck(tx, ctx)?.id;
        let account = user_fetch(tx, &self.user)?.ok_or_else(|| Error::not_found(&self.user))?.id;
        let is = query::member_fetch(tx, org, account)?.map(|member| member.role);
        if is == Some(OrgRole::Owner) && self.role != OrgRole::Owner {
            keeps_an_owner(tx, org)?;
        }
        let event = OrgMemberSet { org, account, role: self.role };
        Ok(((is != Some(self.role)).then(|| event.into()).into_iter().collect(), ()))
    }
}

fn keeps_an_owner(tx: &mut Tx, org: u64) -> Result<(), Error> {
    if query::owners(tx, org)? > 1 {
        return Ok(());
    }
    Err(Error::invalid("an organisation keeps at least one owner: make somebody else one first"))
}

/// The right to take somebody out of an organisation: an owner's, or their own.
#[derive(Debug)]
pub enum Removing {
    /// An owner's.
    Owner(OrgProof<Own>),
    /// One who leaves.
    Self_(OrgProof<Know>),
}

/// Takes somebody out of an organisation and its teams, with or without vaults.
#[derive(Debug)]
pub struct MemberRemove {
    /// The right to.
    pub proof: Removing,
    /// Who.
    pub user: UserName,
}

impl Command for MemberRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let account = user_fetch(tx, &self.user)?.ok_or_else(|| Error::not_found(&self.user))?.id;
        let org = match &self.proof {
            Removing::Owner(proof) => proof.recheck(tx, ctx)?.id,
            Removing::Self_(proof) if proof.submitter().actor == Some(account) => proof.recheck(tx, ctx)?.id,
            Removing::Self_(_) => return Err(Error::forbidden("only an owner may take others out")),
        };
        let Some(member) = query::member_fetch(tx, org, account)? else { return Ok((Vec::new(), ())) };
        if member.role == OrgRole::Owner {
            keeps_an_owner(tx, org)?;
        }
        Ok((vec![OrgMemberRemoved { org, account }.into()], ()))
    }
}

/// Shows everybody that oneself belongs to an organisation, or no longer.
#[derive(Debug)]
pub struct MemberShow {
    /// The right to.
    pub proof: OrgProof<Know>,
    /// Whether.
    pub shown: bool,
}

impl Command for MemberShow {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let org = self.proof.recheck(tx, ctx)?;
        let account = self.proof.submitter().actor.unwrap_or_default();
        let member = query::member_fetch(tx, org.id, account)?;
        let member = member.ok_or_else(|| Error::not_found(format!("a member of {} that you are", org.path)))?;
        let event = OrgMemberShown { org: org.id, account, shown: self.shown };
        Ok(((member.shown != self.shown).then(|| event.into()).into_iter().collect(), ()))
    }
}

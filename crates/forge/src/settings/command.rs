//! Setting.

use super::{Name, Settings};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::role::QuotaSet;
use crate::event::setting::SettingSet;
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::quota::quota_of_everybody;
use crate::writer::{Command, Decide};

/// Sets some of the site's settings, all of them or none. What would stay as it is makes no entry.
#[derive(Debug)]
pub struct SettingsPut {
    /// The operator; None: at the admin socket.
    pub by: Option<Principal>,
    /// Which, and to what; None: the default again.
    pub changes: Vec<(Name, Option<String>)>,
}

impl Command for SettingsPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        if let Some(who) = &self.by {
            who.needs_operator()?;
            if !still_good(tx, who.credential(), ctx.now_us)? {
                return Err(Error::Unauthenticated("you are signed out: sign in again".into()));
            }
        }
        let now = Settings::load(tx)?;
        let before = quota_of_everybody(tx)?;
        let mut quota = before;
        let mut events: Vec<Event> = Vec::new();
        for (name, value) in self.changes {
            let setting = name.setting();
            let explain = |error: Error| Error::invalid(format!("{}: {error}", setting.word));
            let value = value.map(|value| setting.kind.parse(&value)).transpose().map_err(explain)?;
            let same = match &value {
                Some(value) => now.text(name) == value,
                None => !now.is_set(name),
            };
            if same {
                continue;
            }
            let number = || value.as_ref().and_then(|value| value.parse().ok());
            match name {
                Name::OwnerRepos => quota.repos = number(),
                Name::OwnerBytes => quota.bytes = number(),
                Name::RepoBytes => quota.repo_bytes = number(),
                _ => events.push(SettingSet { name: setting.word.to_owned(), value }.into()),
            }
        }
        if quota != before {
            let (repos, bytes, repo_bytes) = (quota.repos, quota.bytes, quota.repo_bytes);
            events.push(QuotaSet { subject: 0, repos, bytes, repo_bytes }.into());
        }
        Ok((events, ()))
    }
}

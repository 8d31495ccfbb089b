//! The site's settings: kept beside the database, because every page asks for them.

use super::Site;
use crate::db::Tx;
use crate::error::Error;
use crate::people::{Principal, Proved};
use crate::settings::command::SettingsPut;
use crate::settings::{Name, Settings};
use crate::writer::Submitter;
use std::sync::{Arc, PoisonError, RwLock};

/// The settings in force, for who may not wait for the database.
#[derive(Debug, Default)]
pub(crate) struct Held {
    now: RwLock<Arc<Settings>>,
    /// Held from a change until it is read again, so that the last one to read is the last one that changed.
    turn: tokio::sync::Mutex<()>,
}

impl Held {
    pub(super) fn new(settings: Settings) -> Self {
        Self { now: RwLock::new(Arc::new(settings)), turn: tokio::sync::Mutex::default() }
    }
}

/// Who gave a setting the value it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetBy {
    /// Which.
    pub name: Name,
    /// Who; None: at the machine, or the journal of this database does not reach back so far.
    pub who: Option<String>,
    /// When, microseconds since 1970; None: as above.
    pub time_us: Option<i64>,
}

impl Site {
    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who set what is set, for operators; `by` None: at the admin socket.
    pub async fn settings_set_by(&self, by: Option<&Principal>) -> Result<Vec<SetBy>, Error> {
        by.map_or(Ok(()), Principal::needs_operator)?;
        self.db().read_async(set_by).await
    }

    /// Changes settings, in force when it returns. `by` None: at the admin socket.
    pub async fn settings_put(&self, by: Option<&Proved>, changes: Vec<(Name, Option<String>)>) -> Result<(), Error> {
        let who = by.map(Proved::who);
        let submitter = who.map(Principal::submitter).unwrap_or_default();
        self.settings_change(submitter, SettingsPut { by: who.cloned(), changes }).await
    }

    /// Does what changes settings and reads them again.
    pub(super) async fn settings_change<C>(&self, by: Submitter, command: C) -> Result<(), Error>
    where
        C: crate::writer::Command<Output = ()> + 'static,
    {
        let _turn = self.settings.turn.lock().await;
        self.ledger.submit(by, command).await?;
        self.settings_load().await
    }

    /// Reads the settings again, after something else has changed them.
    pub(super) async fn settings_read(&self) -> Result<(), Error> {
        let _turn = self.settings.turn.lock().await;
        self.settings_load().await
    }

    async fn settings_load(&self) -> Result<(), Error> {
        let settings = self.db().read_async(|tx| Ok::<_, Error>(Settings::load(tx)?)).await?;
        *self.settings.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        Ok(())
    }
}

fn set_by(tx: &mut Tx) -> Result<Vec<SetBy>, Error> {
    let sql = "SELECT s.name, n.name, j.time_us FROM (
                   SELECT name, seq FROM setting
                   UNION ALL SELECT 'quota.owner_repositories', seq FROM quota WHERE subject = 0 AND repos IS NOT NULL
                   UNION ALL SELECT 'quota.owner_bytes', seq FROM quota WHERE subject = 0 AND bytes IS NOT NULL
                   UNION ALL SELECT 'quota.repository_bytes', seq FROM quota WHERE subject = 0 AND repo_bytes IS NOT NULL) s
               LEFT JOIN journal j ON j.seq = s.seq LEFT JOIN namespace n ON n.id = j.actor";
    let mut all = Vec::new();
    for row in tx.query(sql, &[])? {
        let Some(name) = Name::from_word(&row.get::<String>(0)?) else { continue };
        all.push(SetBy { name, who: row.get(1)?, time_us: row.get(2)? });
    }
    Ok(all)
}

//! Witnesses (c2sp.org/tlog-witness): outsiders who are shown what is held, and sign that the log goes on from what they saw
//! before. They keep nothing, so they count for no quorum; whoever makes a second log of this site's, with all its keys and
//! vaults, still can't show it to them.

use crate::egress::{Egress, HookUrl, Post};
use crate::error::Error;
use crate::log::Log;
use crate::site::Site;
use journal::note::{KeyKind, VerifierKey};
use journal::witness::{ANSWER_BYTES_MAX, Answer, answer, request};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use vault::VaultUrl;

/// How often witnesses are shown what is new.
pub const WITNESS_EVERY: Duration = Duration::from_secs(60);
/// How often one that there is nothing new for is asked all the same.
const AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);
/// The first look after a start.
const FIRST_AFTER: Duration = Duration::from_secs(1);
/// Witnesses of a site.
pub const WITNESSES_MAX: usize = 16;

/// A witness, as the operator names it.
#[derive(Clone, Debug)]
pub struct Witness {
    url: HookUrl,
    key: VerifierKey,
}

impl Witness {
    /// `url` is what its owner calls the submission prefix, `key` its key in the form `NAME+ID+BASE64`.
    ///
    /// # Errors
    /// When either is not of this form.
    pub fn new(url: &str, key: &str) -> Result<Self, Error> {
        let bad = |what: &dyn std::fmt::Display| Error::invalid(format!("the witness {url}: {what}"));
        let post = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        let key: VerifierKey = key.parse().map_err(|error| bad(&format!("its key: {error}")))?;
        if key.kind() != KeyKind::Cosignature {
            return Err(bad(&"its key is none for cosignatures (Ed25519, kind 4)"));
        }
        Ok(Self { url: post.parse().map_err(|error| bad(&error))?, key })
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }
}

/// Why a witness does not sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It saw another log under this one's name, or more of it than there is here.
    Disagrees,
    /// It was not told of this log, or of the key that signs it now.
    Unknown,
    /// It does not answer, or not as a witness does.
    Failed(String),
}

/// How it stands with a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStatus {
    /// The key's name.
    pub name: String,
    /// The host that is asked.
    pub host: String,
    /// Entries below the largest checkpoint that it signed; 0: none.
    pub size: u64,
    /// When it signed last, seconds since 1970, by its own clock; None: not since the start.
    pub signed_s: Option<u64>,
    /// What is wrong.
    pub trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Watched {
    witness: Witness,
    status: Mutex<WitnessStatus>,
    asked: Mutex<Option<Instant>>,
}

impl Watched {
    fn status(&self) -> MutexGuard<'_, WitnessStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, Option<Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A site's witnesses.
#[derive(Debug)]
pub(crate) struct Witnesses {
    all: Vec<Watched>,
    egress: Arc<Egress>,
}

impl Witnesses {
    /// Names them to the log, too. Blocks.
    ///
    /// # Errors
    /// When two have one name, or there are more than [`WITNESSES_MAX`].
    pub(crate) fn new(
        witnesses: Vec<Witness>,
        vaults: &[VaultUrl],
        log: &Log,
        egress: Arc<Egress>,
    ) -> Result<Self, Error> {
        if witnesses.len() > WITNESSES_MAX {
            return Err(Error::invalid(format!("there can be {WITNESSES_MAX} witnesses at most")));
        }
        let mut names = witnesses.iter().map(|witness| witness.key.name()).collect::<Vec<_>>();
        names.extend(vaults.iter().map(|vault| vault.name.as_str()));
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::invalid(format!("two witnesses or vaults are called {}", twice[0])));
        }
        log.set_witnesses(witnesses.iter().map(|witness| witness.key.clone()).collect());
        let watched = |witness: Witness| {
            let (name, host) = (witness.key.name().to_owned(), witness.url.host().to_owned());
            let status = WitnessStatus { size: log.witnessed(&name)?, name, host, signed_s: None, trouble: None };
            Ok(Watched { witness, status: Mutex::new(status), asked: Mutex::default() })
        };
        Ok(Self { all: witnesses.into_iter().map(watched).collect::<Result<_, Error>>()?, egress })
    }

    pub(crate) fn statuses(&self) -> Vec<WitnessStatus> {
        self.all.iter().map(|watched| watched.status().clone()).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// Shows the witnesses what is held, until the site stops.
pub(crate) async fn watching(site: Weak<Site>) {
    let mut wait = FIRST_AFTER;
    loop {
        tokio::time::sleep(wait).await;
        let Some(site) = site.upgrade() else { return };
        wait = site.limits().witness_every;
        let witnesses = site.witnesses();
        futures_util::future::join_all(witnesses.all.iter().map(|watched| show(&site, watched))).await;
    }
}

async fn show(site: &Site, watched: &Watched) {
    let trouble = match sign(site, watched).await {
        Ok(trouble) => trouble,
        Err(error) => Some(Trouble::Failed(error.to_string())),
    };
    let mut status = watched.status();
    if status.trouble != trouble {
        if let Some(trouble) = &trouble {
            tracing::warn!(witness = status.name, ?trouble, "a witness does not sign");
        }
        status.trouble = trouble;
    }
}

/// Has what is new signed. What keeps the witness from it.
async fn sign(site: &Site, watched: &Watched) -> Result<Option<Trouble>, Error> {
    let mut old = watched.status().size;
    let egress = &site.witnesses().egress;
    // The second time from where the witness says that it is.
    for _ in 0..2 {
        let (log, held) = (site.ledger().log().clone(), site.held());
        let shown = tokio::task::spawn_blocking(move || log.show_from(held, old)).await;
        let Some(shown) = shown.map_err(|error| Error::internal(error.to_string()))?? else {
            // Less is held than the witness signed: so soon after a start, or for good.
            return Ok((old > site.ledger().log().size()).then_some(Trouble::Disagrees));
        };
        let asked_lately = watched.asked().is_some_and(|at| at.elapsed() < AGAIN_AFTER);
        if shown.size == old && asked_lately {
            return Ok(watched.status().trouble.clone());
        }
        let body = request(old, &shown.proof, &shown.note);
        let post = Post { content_type: "text/plain", headers: &[], body, answer_bytes_max: ANSWER_BYTES_MAX };
        let answered = egress.post(&watched.witness.url, post).await?;
        let key = &watched.witness.key;
        match answer(key, &shown.note, answered.status.as_u16(), &answered.content_type, &answered.body) {
            Answer::Cosigned(line, time_s) => {
                site.ledger().log().keep_cosignature(key.name(), shown.size, &line.to_string());
                *watched.asked() = Some(Instant::now());
                let mut status = watched.status();
                (status.size, status.signed_s) = (shown.size, Some(time_s));
                return Ok(None);
            }
            Answer::Behind(size) if size != old => old = size,
            Answer::Behind(_) => return Ok(Some(Trouble::Failed("it contradicts itself".to_owned()))),
            Answer::Disagrees => return Ok(Some(Trouble::Disagrees)),
            Answer::Unknown => return Ok(Some(Trouble::Unknown)),
            Answer::Failed(why) => return Ok(Some(Trouble::Failed(why))),
        }
    }
    Ok(Some(Trouble::Failed("it signs from two places at once".to_owned())))
}

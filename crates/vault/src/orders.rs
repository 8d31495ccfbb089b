//! Orders at a vault: what its owner lets the officers of a site demand. The only things that a site's own credentials can't ask
//! for, and that no request brings: the owner carries each order here.
//!
//! ```text
//! owner writes down the officers -> hands over a signed order -> the vault's uptime runs for the delay -> due
//!                                        '--an officer's veto, handed over until then--> never
//! ```
//! Invariants:
//! 1. An order is due only when M distinct officers, whom the owner wrote down here, have signed its exact bytes; none has vetoed
//!    it; its own time has come; and this vault has run for the delay since it was handed over.
//! 2. The delay is measured in this vault's uptime, over all its starts. No clock that somebody sets makes it shorter.
//! 3. Officers, orders and their ages are files that only the owner writes; nothing of the protocol touches them.

use crate::ward::{Budget, Meter};
use journal::Hash;
use journal::epoch::RecoveryPublic;
use journal::erasure::EraseList;
use journal::order::{OfficerKey, SignatureLine, SignedOrder, VaultAct, Verb};
use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How long an order waits at a vault by default, seconds of its running.
pub const ORDER_DELAY_S: u64 = 72 * 3600;
/// The most officers that a vault knows.
pub const OFFICERS_MAX: usize = 64;

/// Why an order is not taken, or not due.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// Whoever hands it over can do something about it.
    #[error("{0}")]
    Refused(String),
    /// The directory can't be read or written.
    #[error("the vault's directory: {0}")]
    Io(#[from] io::Error),
}

fn refused<T>(text: impl Into<String>) -> Result<T, OrdersError> {
    Err(OrdersError::Refused(text.into()))
}

/// Whom a vault's owner takes orders from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officers {
    /// How many must sign.
    pub needed: usize,
    /// How long an order waits, in seconds of this vault's running.
    pub delay_s: u64,
    /// Each officer's name and key; one with two keys counts once.
    pub keys: Vec<(String, OfficerKey)>,
}

impl Officers {
    /// Checks that they are enough.
    ///
    /// # Errors
    /// When fewer are there than must sign, or none must.
    pub fn check(&self) -> Result<(), OrdersError> {
        let mut names: Vec<_> = self.keys.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        if names.iter().any(|name| name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic())) {
            return refused("an officer's name is of plain letters, without spaces");
        }
        if self.needed == 0 || names.len() < self.needed || self.keys.len() > OFFICERS_MAX {
            return refused(format!("{} must sign, and {} are named", self.needed, names.len()));
        }
        Ok(())
    }

    /// Those the owner wrote down; None: nobody yet.
    ///
    /// # Errors
    /// When the file can't be read or is none of these.
    pub fn read(dir: &Path) -> Result<Option<Self>, OrdersError> {
        match std::fs::read_to_string(dir.join("private/officers")) {
            Ok(text) => text.parse().map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes them down, instead of those before.
    ///
    /// # Errors
    /// When they are too few, or the directory can't be written.
    pub fn write(&self, dir: &Path) -> Result<(), OrdersError> {
        self.check()?;
        Ok(put(&dir.join("private"), "officers", &self.to_string())?)
    }

    /// How many distinct officers have signed, and whether one has vetoed.
    fn signed(&self, order: &SignedOrder) -> (usize, bool) {
        let names = |verb| {
            let keys = order.signed(verb, self.keys.iter().map(|(_, key)| key));
            let mut names: Vec<_> =
                self.keys.iter().filter(|(_, key)| keys.contains(&key)).map(|(name, _)| name).collect();
            names.sort_unstable();
            names.dedup();
            names.len()
        };
        (names(Verb::Approve), names(Verb::Veto) > 0)
    }

    /// Whether enough of them have signed an order, and none has vetoed it.
    ///
    /// # Errors
    /// What is lacking.
    pub fn approve(&self, order: &SignedOrder) -> Result<(), OrdersError> {
        match self.signed(order) {
            (_, true) => refused("an officer has vetoed this order"),
            (signed, _) if signed < self.needed => {
                let needed = self.needed;
                refused(format!(
                    "{signed} of {needed} officers whom this vault's owner wrote down have signed this order"
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether an order that was handed over when the vault had run `since_s` is to be carried out. Invariant 1.
    ///
    /// # Errors
    /// What is lacking.
    pub fn due(&self, order: &SignedOrder, since_s: u64, (uptime_s, now_us): (u64, i64)) -> Result<(), OrdersError> {
        self.approve(order)?;
        let (hash, waits_s) = (order.hash(), (since_s + self.delay_s).saturating_sub(uptime_s));
        if waits_s > 0 {
            return refused(format!("order {hash} waits here for {waits_s} s more of this vault's running"));
        }
        if now_us < order.order.not_before_us {
            return refused(format!("order {hash} says itself that its time has not come"));
        }
        Ok(())
    }

    /// An erasure that is to be carried out, as of [`Officers::due`], with its list.
    ///
    /// # Errors
    /// What is lacking, or that the order names another list.
    pub fn erasure(
        &self,
        order: SignedOrder,
        list: EraseList,
        since_s: u64,
        now: (u64, i64),
    ) -> Result<Erasure, OrdersError> {
        self.due(&order, since_s, now)?;
        list.check(&order).map_err(|error| OrdersError::Refused(error.to_string()))?;
        Ok(Erasure { order, list })
    }
}

/// An erasure that is due: made by [`Officers::erasure`] alone, so that nothing can be erased without it.
#[derive(Debug, Clone)]
pub struct Erasure {
    order: SignedOrder,
    list: EraseList,
}

impl Erasure {
    /// Who ordered it.
    pub fn order(&self) -> &SignedOrder {
        &self.order
    }

    /// What is to go.
    pub fn list(&self) -> &EraseList {
        &self.list
    }
}

impl fmt::Display for Officers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "needed {}\ndelay {}", self.needed, self.delay_s)?;
        self.keys.iter().try_for_each(|(name, key)| writeln!(f, "officer {name} {key}"))
    }
}

impl FromStr for Officers {
    type Err = OrdersError;

    fn from_str(text: &str) -> Result<Self, OrdersError> {
        let bad = || {
            OrdersError::Refused("private/officers is malformed: write it again with `outlast vault officers`".into())
        };
        let mut lines = text.lines();
        let mut number = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok();
        let needed = number("needed").and_then(|n| usize::try_from(n).ok()).ok_or_else(bad)?;
        let delay_s = number("delay").ok_or_else(bad)?;
        let officer = |line: &str| {
            let (name, key) = line.strip_prefix("officer ")?.split_once(' ')?;
            Some((name.to_owned(), key.parse().ok()?))
        };
        let keys = lines.map(officer).collect::<Option<Vec<_>>>().ok_or_else(bad)?;
        let officers = Self { needed, delay_s, keys };
        officers.check().map(|()| officers)
    }
}

/// The orders that were handed over to the vault in a directory.
#[derive(Debug, Clone)]
pub struct Orders {
    dir: PathBuf,
}

/// An order, and how long it still waits.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The order.
    pub order: SignedOrder,
    /// Seconds of the vault's running; 0: its time has come here.
    pub waits_s: u64,
}

impl Orders {
    /// Those of the vault in this directory.
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    fn path(&self, hash: &Hash) -> PathBuf {
        self.dir.join("private/orders").join(hash.to_string())
    }

    fn officers(&self) -> Result<Officers, OrdersError> {
        let none =
            "this vault's owner wrote down no officers yet: outlast vault officers --dir DIR --needed M NAME=KEY ...";
        Officers::read(&self.dir)?.map_or_else(|| refused(none), Ok)
    }

    /// Seconds that this vault has run, over all its starts, as last written down.
    pub fn uptime_s(&self) -> u64 {
        let text = std::fs::read_to_string(self.dir.join("private/meter")).ok();
        text.and_then(|text| Meter::parse(Budget::default(), &text)).map_or(0, |meter| meter.uptime_s)
    }

    /// Takes an order that the owner hands over. Handed over again with more signatures, those are added; its age stays.
    ///
    /// # Errors
    /// When too few of the officers have signed it, one has vetoed it, or it has expired.
    pub fn take(&self, mut order: SignedOrder, now_us: i64) -> Result<Taken, OrdersError> {
        let officers = self.officers()?;
        let since_s = match self.kept(&order.hash())? {
            Some((kept, since_s)) => {
                order.signatures.extend(kept.signatures.into_iter().filter(|line| line.verb == Verb::Veto));
                since_s
            }
            None if now_us >= order.order.expires_us => return refused("this order has expired: file it anew"),
            None => self.uptime_s(),
        };
        officers.approve(&order)?;
        if matches!(order.order.act, VaultAct::Erase { .. }) {
            self.list(&order.hash())?;
        }
        self.keep(&order, since_s)?;
        let waits_s = (since_s + officers.delay_s).saturating_sub(self.uptime_s());
        Ok(Taken { order, waits_s })
    }

    /// Takes an order for an erasure, with its list.
    ///
    /// # Errors
    /// As of [`Orders::take`], or when the list is not the one that the order names.
    pub fn take_with(&self, order: SignedOrder, list: &EraseList, now_us: i64) -> Result<Taken, OrdersError> {
        list.check(&order).map_err(|error| OrdersError::Refused(error.to_string()))?;
        let name = format!("{}.list", order.hash());
        self.officers()?.approve(&order)?;
        put(&self.dir.join("private/orders"), &name, &list.to_string())?;
        self.take(order, now_us)
    }

    /// What the order with this hash erases.
    ///
    /// # Errors
    /// When its list was not handed over.
    pub fn list(&self, order: &Hash) -> Result<EraseList, OrdersError> {
        match std::fs::read_to_string(self.path(order).with_extension("list")) {
            Ok(text) => {
                text.parse().map_err(|error| OrdersError::Refused(format!("private/orders/{order}.list: {error}")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                refused(format!("the list of order {order} is not here: hand it over with the order, --list FILE"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// An officer's veto: the order is never carried out here.
    ///
    /// # Errors
    /// When the order was not handed over, or no officer made the signature.
    pub fn veto(&self, line: SignatureLine) -> Result<(), OrdersError> {
        let Some((mut order, since_s)) = self.kept(&Hash(line.hash))? else {
            return refused("this vault has no such order");
        };
        order.signatures.push(line);
        match self.officers()?.signed(&order) {
            (_, true) => Ok(self.keep(&order, since_s)?),
            _ => refused("no officer whom this vault's owner wrote down made this veto"),
        }
    }

    /// The order with this hash, when it is to be carried out. Invariant 1.
    ///
    /// # Errors
    /// What is lacking.
    pub fn due(&self, hash: &Hash, uptime_s: u64, now_us: i64) -> Result<SignedOrder, OrdersError> {
        let (officers, order, since_s) = self.handed(hash)?;
        officers.due(&order, since_s, (uptime_s, now_us))?;
        Ok(order)
    }

    /// The erasure that the order with this hash demands, when it is to be carried out.
    ///
    /// # Errors
    /// What is lacking.
    pub fn erasure(&self, hash: &Hash, uptime_s: u64, now_us: i64) -> Result<Erasure, OrdersError> {
        let (officers, order, since_s) = self.handed(hash)?;
        officers.erasure(order, self.list(hash)?, since_s, (uptime_s, now_us))
    }

    fn handed(&self, hash: &Hash) -> Result<(Officers, SignedOrder, u64), OrdersError> {
        let officers = self.officers()?;
        let Some((order, since_s)) = self.kept(hash)? else {
            return refused(format!(
                "this vault's owner was not handed order {hash}: outlast vault order FILE --dir DIR, on the vault's machine"
            ));
        };
        Ok((officers, order, since_s))
    }

    /// Whether the recovery keys of a log may become these, by the order with this hash.
    ///
    /// # Errors
    /// What is lacking.
    pub fn allows(
        &self,
        site: &str,
        hash: &Hash,
        keys: &[RecoveryPublic],
        (uptime_s, now_us): (u64, i64),
    ) -> Result<(), OrdersError> {
        let order = self.due(hash, uptime_s, now_us)?;
        let named = order.recovery().map_err(|error| OrdersError::Refused(error.to_string()))?;
        let same = named.len() == keys.len() && keys.iter().all(|key| named.contains(key));
        if same && order.order.site == site {
            Ok(())
        } else {
            refused(format!("order {hash} names other recovery keys than these"))
        }
    }

    fn kept(&self, hash: &Hash) -> Result<Option<(SignedOrder, u64)>, OrdersError> {
        let text = match std::fs::read_to_string(self.path(hash)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let bad = || OrdersError::Refused(format!("private/orders/{hash} is malformed"));
        let (since, order) = text.split_once('\n').ok_or_else(bad)?;
        let since_s = since.strip_prefix("# since ").and_then(|n| n.parse().ok()).ok_or_else(bad)?;
        let order: SignedOrder = order.parse().map_err(|_| bad())?;
        if order.hash() == *hash { Ok(Some((order, since_s))) } else { Err(bad()) }
    }

    fn keep(&self, order: &SignedOrder, since_s: u64) -> io::Result<()> {
        let hash = order.hash().to_string();
        put(&self.dir.join("private/orders"), &hash, &format!("# since {since_s}\n{order}"))
    }
}

/// A file that only its owner reads, whole or not at all.
fn put(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let beside = dir.join(format!("{name}.new"));
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, dir.join(name))?;
    File::open(dir)?.sync_all()
}

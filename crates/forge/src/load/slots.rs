//! The connections of one door.
//!
//! ```text
//! enter -> nobody yet --known()--> somebody -> left (dropped)
//!              '-- too many: the oldest is cut
//! ```

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// How many connections a door has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotLimits {
    /// All of them.
    pub connections_max: usize,
    /// Those from one network (/24, /56).
    pub network_connections_max: usize,
    /// Those that are nobody yet.
    pub unknown_max: usize,
    /// Those of them from one network.
    pub network_unknown_max: usize,
}

/// The connections of one door.
#[derive(Debug)]
pub struct Slots {
    limits: SlotLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// By when they came.
    open: BTreeMap<u64, Open>,
    networks: HashMap<IpAddr, Count>,
    unknown: usize,
    evicted: u64,
    refused: u64,
}

#[derive(Debug)]
struct Open {
    network: IpAddr,
    known: bool,
    cut: CancellationToken,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    all: usize,
    unknown: usize,
}

impl State {
    fn count(&mut self, network: IpAddr) -> &mut Count {
        self.networks.entry(network).or_default()
    }

    /// Takes a connection out of the books.
    fn remove(&mut self, id: u64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        let count = self.count(open.network);
        count.all -= 1;
        count.unknown -= usize::from(!open.known);
        if count.all == 0 {
            self.networks.remove(&open.network);
        }
        self.unknown -= usize::from(!open.known);
        Some(open)
    }

    /// Cuts the oldest that is nobody yet; of this network, if one is named. False when there is none.
    fn evict(&mut self, network: Option<IpAddr>) -> bool {
        let oldest = self.open.iter().find(|(_, open)| !open.known && network.is_none_or(|n| n == open.network));
        let Some((&id, _)) = oldest else { return false };
        if let Some(open) = self.remove(id) {
            open.cut.cancel();
            self.evicted += 1;
        }
        true
    }
}

impl Slots {
    /// A door without connections.
    #[must_use]
    pub fn new(limits: SlotLimits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// A connection came from this address. None: there is no room, and nobody who could leave; it is to be closed.
    #[must_use]
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let (network, limits) = (network(address), self.limits);
        let mut state = self.lock();
        let count = *state.count(network);
        let room = (count.unknown < limits.network_unknown_max || state.evict(Some(network)))
            && (count.all < limits.network_connections_max || state.evict(Some(network)))
            && (state.unknown < limits.unknown_max || state.evict(None))
            && (state.open.len() < limits.connections_max || state.evict(None));
        if !room {
            state.refused += 1;
            if state.count(network).all == 0 {
                state.networks.remove(&network);
            }
            return None;
        }
        let (id, cut) = (state.next, CancellationToken::new());
        state.next += 1;
        let count = state.count(network);
        count.all += 1;
        count.unknown += 1;
        state.unknown += 1;
        state.open.insert(id, Open { network, known: false, cut: cut.clone() });
        Some(Slot { slots: self.clone(), id, cut })
    }

    /// Cuts all of them.
    pub fn cut_all(&self) {
        self.lock().open.values().for_each(|open| open.cut.cancel());
    }

    /// How many are open, and how many of them are nobody yet.
    #[must_use]
    pub fn open(&self) -> (usize, usize) {
        let state = self.lock();
        (state.open.len(), state.unknown)
    }

    /// How many were cut for others, and how many were not let in, since the start.
    #[must_use]
    pub fn turned_away(&self) -> (u64, u64) {
        let state = self.lock();
        (state.evicted, state.refused)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place; dropped when it ends.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    id: u64,
    cut: CancellationToken,
}

impl Slot {
    /// It has shown a good credential: it is not cut for others any more.
    pub fn known(&self) {
        let mut state = self.slots.lock();
        let Some(open) = state.open.get_mut(&self.id).filter(|open| !open.known) else { return };
        open.known = true;
        let network = open.network;
        state.count(network).unknown -= 1;
        state.unknown -= 1;
    }

    /// Cancelled when the connection must end.
    #[must_use]
    pub fn cut(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().remove(self.id);
    }
}

/// What counts as one source: an IPv4 /24, an IPv6 /56.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 72 << 72)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots() -> Arc<Slots> {
        Slots::new(SlotLimits {
            connections_max: 4,
            network_connections_max: 3,
            unknown_max: 3,
            network_unknown_max: 2,
        })
    }

    fn from(slots: &Arc<Slots>, address: &str) -> Option<Slot> {
        slots.enter(address.parse().unwrap())
    }

    #[test]
    fn the_oldest_that_is_nobody_leaves_for_a_new_one_of_its_network() {
        let slots = slots();
        let first = from(&slots, "192.0.2.1").unwrap();
        let elsewhere = from(&slots, "198.51.100.1").unwrap();
        let second = from(&slots, "192.0.2.2").unwrap();
        assert_eq!(slots.open(), (3, 3));
        let third = from(&slots, "192.0.2.3").unwrap();
        assert!(first.cut().is_cancelled() && !second.cut().is_cancelled() && !third.cut().is_cancelled());
        assert!(!elsewhere.cut().is_cancelled(), "another network's");
        drop((first, second, third, elsewhere));
        assert_eq!(slots.open(), (0, 0));
        assert!(slots.lock().networks.is_empty());
    }

    #[test]
    fn who_is_known_stays_and_is_what_fills_the_house() {
        let slots = slots();
        let known: Vec<_> = (1..=3).map(|i| from(&slots, &format!("192.0.{i}.1")).unwrap()).collect();
        known.iter().for_each(Slot::known);
        known.iter().for_each(Slot::known);
        let stranger = from(&slots, "203.0.113.1").unwrap();
        let another = from(&slots, "203.0.113.2").unwrap();
        assert!(stranger.cut().is_cancelled());
        another.known();
        assert!(from(&slots, "203.0.113.3").is_none(), "all are known");
        assert!(known.iter().all(|slot| !slot.cut().is_cancelled()));
        assert_eq!((slots.open(), slots.turned_away()), ((4, 0), (1, 1)));
        drop(known);
        assert!(from(&slots, "203.0.113.3").is_some());
    }

    #[test]
    fn one_network_can_not_fill_the_house_with_those_it_knows() {
        let slots = slots();
        let enter = |i| from(&slots, &format!("2001:db8:0:1{i}::1")).inspect(Slot::known).unwrap();
        let known: Vec<_> = (1..=3).map(enter).collect();
        assert!(from(&slots, "2001:db8:0:1f::9").is_none(), "the same /56");
        assert!(from(&slots, "2001:db8:0:200::1").is_some());
        slots.cut_all();
        assert!(known.iter().all(|slot| slot.cut().is_cancelled()));
    }
}

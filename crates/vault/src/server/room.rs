//! Room for connections. Those that showed a good credential have most of it; what strangers take of the rest, they take from each other.
//!
//! ```text
//!   comes --seat--> nobody yet --showed_credential--> known, for as long as it likes
//!                      |  its time is over, or one that comes needs its room
//!                      +--ends--> cut
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Connections that a vault keeps open at once of those that showed a good credential.
pub(crate) const CONNECTIONS_MAX: usize = 256;
/// Connections that showed none yet, besides.
pub(crate) const STRANGERS_MAX: usize = 128;
/// Of these, from one network (/24, /56).
pub(crate) const NETWORK_STRANGERS_MAX: usize = 32;
/// How long a connection may stay that shows no good credential.
pub(crate) const STRANGER_TIME_MAX: Duration = Duration::from_secs(60);

/// All connections of a vault.
#[derive(Default)]
pub(super) struct Room(Mutex<Seats>);

#[derive(Default)]
struct Seats {
    next: u64,
    /// Who showed no credential yet, the oldest first.
    strangers: BTreeMap<u64, Stranger>,
    known: usize,
}

struct Stranger {
    network: IpAddr,
    cut: Arc<Notify>,
}

/// One connection's place. Given back when it is dropped.
pub(super) struct Seat {
    room: Arc<Room>,
    number: u64,
    cut: Arc<Notify>,
    known: AtomicBool,
}

impl Room {
    /// A seat for one that comes. There always is one: a stranger makes room.
    pub(super) fn seat(self: &Arc<Self>, from: IpAddr) -> Seat {
        let (network, cut) = (network_of(from), Arc::new(Notify::new()));
        let mut seats = self.seats();
        if let Some(stranger) = seats.makes_room(network).and_then(|number| seats.strangers.remove(&number)) {
            stranger.cut.notify_one();
        }
        let number = seats.next;
        seats.next += 1;
        seats.strangers.insert(number, Stranger { network, cut: cut.clone() });
        Seat { room: self.clone(), number, cut, known: AtomicBool::new(false) }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// Who goes when one comes from this network: its oldest when it has its share, and when all is taken the oldest of the network
    /// that has most. The oldest of all would be the wrong one: a flood from a few places would cut everybody else.
    fn makes_room(&self, network: IpAddr) -> Option<u64> {
        let mut networks: HashMap<IpAddr, (usize, u64)> = HashMap::new();
        for (number, stranger) in &self.strangers {
            networks.entry(stranger.network).or_insert((0, *number)).0 += 1;
        }
        match networks.get(&network) {
            Some((count, oldest)) if *count >= NETWORK_STRANGERS_MAX => Some(*oldest),
            _ if self.strangers.len() < STRANGERS_MAX => None,
            _ => networks.values().max_by_key(|(count, oldest)| (*count, Reverse(*oldest))).map(|(_, oldest)| *oldest),
        }
    }
}

impl Seat {
    /// It showed a good credential. While all seats of such are taken it stays nobody, and is served all the same.
    pub(super) fn showed_credential(&self) {
        let mut seats = self.room.seats();
        if seats.known < CONNECTIONS_MAX && seats.strangers.remove(&self.number).is_some() {
            seats.known += 1;
            self.known.store(true, Ordering::Relaxed);
        }
    }

    /// Resolves when the connection is to be cut.
    pub(super) async fn ends(&self) {
        let too_long = async {
            tokio::time::sleep(STRANGER_TIME_MAX).await;
            if self.known.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.cut.notified() => {}
            () = too_long => {}
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.room.seats();
        seats.strangers.remove(&self.number);
        seats.known -= usize::from(*self.known.get_mut());
    }
}

fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(four) => Ipv4Addr::from_bits(four.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 72)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::VaultClient;
    use crate::server::{VaultServeConfig, bind};
    use crate::tls::{self, SERVER_NAME};
    use crate::url::VaultUrl;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    fn is_cut(seat: &Seat) -> bool {
        !seat.room.seats().strangers.contains_key(&seat.number) && !seat.known.load(Ordering::Relaxed)
    }

    #[test]
    fn a_network_that_has_its_share_cuts_its_own_and_a_full_room_the_network_with_most() {
        let room = Arc::new(Room::default());
        let site = room.seat("192.0.2.1".parse().unwrap());
        let few = |network: u8, host: u8| room.seat(IpAddr::from([198, 51, network, host]));
        let mut flood: Vec<_> = (0..NETWORK_STRANGERS_MAX).map(|host| few(0, host as u8)).collect();
        flood.push(few(0, 200));
        assert!(is_cut(&flood[0]) && !is_cut(&flood[1]) && !is_cut(&site));
        let others: Vec<_> = (1..=100).map(|n| few(n, 1)).collect();
        assert!(!is_cut(&site) && others.iter().all(|seat| !is_cut(seat)), "the flood made room");
        assert_eq!(room.seats().strangers.len(), STRANGERS_MAX);
        let (four, mapped) = ("192.0.2.7".parse().unwrap(), "::ffff:192.0.2.9".parse().unwrap());
        assert_eq!(network_of(four), network_of(mapped));
        drop((site, flood, others));
        assert!(room.seats().strangers.is_empty());
    }

    #[test]
    fn who_showed_a_credential_makes_room_for_nobody_and_gives_its_seat_back() {
        let room = Arc::new(Room::default());
        let address = "192.0.2.1".parse().unwrap();
        let known: Vec<_> =
            (0..=CONNECTIONS_MAX).map(|_| room.seat(address)).inspect(Seat::showed_credential).collect();
        let crowd: Vec<_> = (0..STRANGERS_MAX).map(|_| room.seat(address)).collect();
        assert!(known[..CONNECTIONS_MAX].iter().all(|seat| !is_cut(seat)));
        assert!(is_cut(&known[CONNECTIONS_MAX]) && !is_cut(&crowd[STRANGERS_MAX - 1]), "there was no seat left");
        drop(known);
        assert_eq!(room.seats().known, 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_vault_serves_its_site_however_many_strangers_hold_on_to_connections() {
        let dir = tempfile::tempdir().unwrap();
        let running = bind(VaultServeConfig::new(dir.path(), "127.0.0.1:0", "a")).await.unwrap();
        let address = running.address();
        tokio::spawn(running.run(std::future::pending()));
        let url = VaultUrl::from_arg(dir.path().join("site.url").to_str().unwrap()).unwrap();
        let client = VaultClient::new(url.clone()).unwrap();
        client.state().await.unwrap();
        let tls = tokio_rustls::TlsConnector::from(tls::client(url.pin).unwrap());
        let crowd = async {
            let mut crowd = Vec::new();
            for _ in 0..CONNECTIONS_MAX + STRANGERS_MAX {
                // A body that never comes, behind the one request that tells who asks by its body alone.
                let stream = TcpStream::connect(address).await.unwrap();
                let mut stream = tls.connect(SERVER_NAME.try_into().unwrap(), stream).await.unwrap();
                stream.write_all(b"POST /audit HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n").await.unwrap();
                crowd.push(stream);
            }
            crowd
        };
        let mut crowd = tokio::time::timeout(Duration::from_secs(100), crowd).await.expect("it goes on accepting");
        client.state().await.unwrap();
        VaultClient::new(url).unwrap().state().await.unwrap();
        assert!(crowd[0].read(&mut [0; 64]).await.map_or(true, |count| count == 0), "the first made room");
    }
}

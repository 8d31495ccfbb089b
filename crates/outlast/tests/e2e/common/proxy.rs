//! A TCP proxy between a site and a vault: the network's weather, made at will. The vault's key is pinned, so that all
//! it can do is what a network can do.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the network does to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// It passes them on.
    Fair,
    /// Each read of up to 16 KiB is passed on after this long.
    Slow(Duration),
    /// It keeps connections open and passes nothing on.
    Silent,
    /// It closes every connection.
    Cut,
}

/// A listening proxy, for as long as the test runs.
pub(crate) struct Proxy {
    pub(crate) address: String,
    weather: Arc<Mutex<Weather>>,
}

impl Proxy {
    /// Listens on a free port and passes connections on to `target`.
    pub(crate) fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let weather = Arc::new(Mutex::new(Weather::Fair));
        let (target, shared) = (target.to_owned(), weather.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if *shared.lock().unwrap() == Weather::Cut {
                    continue;
                }
                if let Ok(server) = TcpStream::connect(&target) {
                    join(client, server, &shared);
                }
            }
        });
        Self { address, weather }
    }

    pub(crate) fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }
}

fn join(client: TcpStream, server: TcpStream, weather: &Arc<Mutex<Weather>>) {
    let ends = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
    for (from, to) in ends {
        let (Ok(from), Ok(to)) = (from, to) else { return };
        let weather = weather.clone();
        std::thread::spawn(move || pass(from, to, &weather));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, weather: &Mutex<Weather>) {
    let mut buffer = vec![0; 16 << 10];
    from.set_nodelay(true).ok();
    to.set_nodelay(true).ok();
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        let pause = Duration::from_millis(20);
        let mut now = *weather.lock().unwrap();
        while now == Weather::Silent {
            std::thread::sleep(pause);
            now = *weather.lock().unwrap();
        }
        match now {
            Weather::Cut => break,
            Weather::Slow(delay) => std::thread::sleep(delay),
            Weather::Fair | Weather::Silent => {}
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

//! Maintenance while pushes come in: never a missing object.

use crate::client::Client;
use crate::server::Server;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn pushes_and_clones_go_on_while_packs_are_consolidated() {
    let server = Server::new();
    let pushers: Vec<Client> = (0..3).map(|_| Client::new(&server)).collect();
    let done = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let maintaining = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) || rounds < 2 {
                server.runtime.block_on(server.state.repository.maintain()).unwrap();
                rounds += 1;
            }
            rounds
        });
        let pushing: Vec<_> = pushers
            .iter()
            .enumerate()
            .map(|(place, client)| {
                scope.spawn(move || {
                    for n in 0..12 {
                        client.commit(&format!("{place}-{n}"));
                        let words =
                            client.run(["push", "-q", "-f", "origin", &format!("main:refs/heads/{place}/{}", n % 4)]);
                        assert!(words.status.success(), "{}", crate::client::stderr(&words));
                    }
                })
            })
            .collect();
        for push in pushing {
            push.join().unwrap();
            Client::clone(&server, &[], &["--mirror"]).sound();
        }
        done.store(true, Ordering::Relaxed);
        maintaining.join().unwrap()
    });
    assert!(rounds >= 2);
    let stock = std::process::Command::new("git")
        .arg("-C")
        .arg(server.path())
        .args(["fsck", "--full", "--strict"])
        .output()
        .unwrap();
    assert!(stock.status.success(), "{}", crate::client::stderr(&stock));
    let bitmaps = std::fs::read_dir(server.path().join("objects/pack")).unwrap();
    let names: Vec<_> = bitmaps.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.ends_with(".bitmap")), "{names:?}");
    assert!(server.path().join("packed-refs").exists());
    for (place, client) in pushers.iter().enumerate() {
        let listed = client.listed();
        assert!(listed.contains(&format!("{}\trefs/heads/{place}/3", client.id("HEAD"))), "{listed}");
    }
    assert_eq!(server.leftovers(), Vec::<String>::new());
}

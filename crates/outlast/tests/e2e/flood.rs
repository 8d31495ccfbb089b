//! A flood of strangers, from many addresses, while members work. What is asserted are counts, never times.

use crate::common::{Browser, Git, Ssh, World, held, request, wait_until};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SOURCES: u32 = 300;
const REQUESTS_MAX: u32 = 20_000;
const TIME_MAX: Duration = Duration::from_secs(60);
const STRANGERS: u32 = 24;
/// More than makes a flood (`FLOOD_SHED_MIN`).
const SHED_MIN: u32 = 150;
const PUSHES: u32 = 12;
/// Wrong passwords, and then one waits (`ATTEMPTS_MAX`).
const ATTEMPTS: u32 = 10;

/// A connection from the `n`th of many networks of this machine.
fn connect_from(n: u32, to: &str) -> Option<TcpStream> {
    let n = n % SOURCES;
    let from = Ipv4Addr::new(127, 1 + (n / 250) as u8, 1 + (n % 250) as u8, 7);
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).ok()?;
    bind(&fd, &SocketAddrV4::new(from, 0)).ok()?;
    let to: SocketAddrV4 = to.parse().unwrap();
    connect(&fd, &to).ok()?;
    let stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    Some(stream)
}

/// What strangers were told.
#[derive(Default)]
struct Told {
    sent: AtomicU32,
    served: AtomicU32,
    shed: AtomicU32,
    /// Answers that are none of these, and connections that ended without one.
    else_: AtomicU32,
    sources: AtomicUsize,
}

impl Told {
    fn ask(&self, n: u32, to: &str, method: &str, path: &str, body: &str) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.sources.fetch_max((n % SOURCES) as usize + 1, Ordering::Relaxed);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = connect_from(n, to).and_then(|mut stream| {
            stream.write_all(head.as_bytes()).ok()?;
            let mut text = Vec::new();
            stream.read_to_end(&mut text).ok()?;
            Some(String::from_utf8_lossy(&text).into_owned())
        });
        let status = answer.as_deref().and_then(|text| text.split(' ').nth(1)?.parse::<u16>().ok());
        let polite = || answer.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains("\r\nretry-after: "));
        let counter = match status {
            Some(503) if polite() => &self.shed,
            Some(200..=499) => &self.served,
            _ => &self.else_,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn members_push_while_strangers_flood_and_every_stranger_is_answered() {
    let world = World::new();
    let ssh = Ssh::new(&world, "ann", &[]);
    ssh.add_to(&world, "ann");
    world.site.cli(&["repo", "create", "ann/open", "--public"]).success();
    let work = Git::init(&world.path("work"), "sha1").over(&ssh);
    for n in 0..60 {
        work.commit("story", &(0..200).map(|line| format!("{}\n", line * (n + 7) % 97)).collect::<String>());
    }
    work.run(["push", "-q", &world.url("ann/open"), "main"]).success();

    let (told, over) = (Arc::new(Told::default()), Arc::new(AtomicBool::new(false)));
    let began = Instant::now();
    let half_open: Vec<_> = (0..200)
        .filter_map(|n| {
            let mut stream = connect_from(n, &world.site.address)?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: slow\r\n").ok()?;
            Some(stream)
        })
        .chain((0..100).filter_map(|n| connect_from(n, &world.site.ssh)))
        .collect();
    let strangers: Vec<_> = (0..STRANGERS)
        .map(|thread| {
            let (told, over, to) = (told.clone(), over.clone(), world.site.address.clone());
            std::thread::spawn(move || {
                let mut n = thread;
                while !over.load(Ordering::Relaxed) && began.elapsed() < TIME_MAX && n < REQUESTS_MAX {
                    match n % 5 {
                        0 => told.ask(n, &to, "POST", "/-/sign-in", &format!("name=ann&password=guess-{n}")),
                        1 | 2 => told.ask(n, &to, "GET", "/ann/open/-/blame/main/story", ""),
                        3 => told.ask(n, &to, "GET", "/ann/open/-/log/main/story", ""),
                        _ => told.ask(n, &to, "GET", "/ann/open", ""),
                    }
                    n += STRANGERS;
                }
            })
        })
        .collect();
    wait_until("strangers are turned away", 30, || told.shed.load(Ordering::Relaxed) > 0);

    let mut failed = Vec::new();
    for n in 0..PUSHES {
        work.commit("story", &format!("push {n}\n"));
        let url = if n % 2 == 0 { world.url("ann/open") } else { ssh.url("ann/open") };
        let pushed = work.run(["push", &url, "main"]);
        if !pushed.ok || held(&pushed.stderr).is_none() {
            failed.push(pushed.stderr);
        }
        let fetched = work.run(["ls-remote", &url]);
        if !fetched.ok {
            failed.push(fetched.stderr);
        }
        let health = request(&world.site.address, "GET", "/healthz", &[], b"").unwrap();
        if health.status != 200 {
            failed.push(health.text());
        }
    }
    let come = || told.sources.load(Ordering::Relaxed) >= 250 && told.shed.load(Ordering::Relaxed) >= SHED_MIN;
    wait_until("all sources have come, and enough were turned away", 45, come);
    over.store(true, Ordering::Relaxed);
    strangers.into_iter().for_each(|thread| thread.join().unwrap());
    drop(half_open);

    let count = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
    println!(
        "strangers: {} asked from {} networks, {} served, {} shed, {} something else",
        count(&told.sent),
        told.sources.load(Ordering::Relaxed),
        count(&told.served),
        count(&told.shed),
        count(&told.else_)
    );
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(count(&told.shed) > 0 && count(&told.served) > 0);
    assert_eq!(count(&told.else_), 0, "every stranger is answered");
    assert_eq!(count(&told.sent), count(&told.served) + count(&told.shed));
    let heard = || world.site.cli(&["--json", "alarms", "list"]).success().contains("\"flood\"");
    wait_until("the officers hear of it", 90, heard);
    let shed = world.metric("outlast_load_shed", "stranger_work").unwrap();
    assert!(shed > 0.0 && world.metric("outlast_load_shed", "class=\"member_write\"") == Some(0.0));
}

/// Who begins to send and never ends holds nobody's turn: not in signing in, not in looking, not in fetching.
#[test]
fn a_body_that_never_ends_keeps_nobody_waiting() {
    const PASSWORD: &str = "a password of some length";
    let world = World::new();
    world
        .site
        .cli_with(&["user", "create", "olga", "--email", "o@example.org", "--password-stdin"], PASSWORD)
        .success();
    for (name, visibility) in [("open", "--public"), ("closed", "--private")] {
        world.site.cli(&["repo", "create", &format!("ann/{name}"), visibility]).success();
    }
    let (form, fetch) = ("application/x-www-form-urlencoded", "application/x-git-upload-pack-request");
    let mut begun = Vec::new();
    for (path, kind, count) in
        [("/-/sign-in", form, 4), ("/-/theme", form, 32), ("/ann/open.git/git-upload-pack", fetch, 32)]
    {
        for n in 0..count {
            let mut stream = connect_from(n, &world.site.address).unwrap();
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {kind}\r\n\
                 Content-Length: 50\r\n\r\n0",
                world.site.address
            );
            stream.write_all(head.as_bytes()).unwrap();
            begun.push(stream);
        }
    }
    let git = Git::init(&world.path("asks"), "sha1");
    for _ in 0..3 {
        Browser::sign_in(&world.site, "olga", PASSWORD);
        assert_eq!(world.site.get("/-/explore").status, 200);
        for name in ["open", "closed"] {
            git.run(["ls-remote", &world.url(&format!("ann/{name}"))]).success();
        }
    }
    drop(begun);
}

/// Who guesses passwords for an account shuts out strangers, and not the browser that its owner has signed in with before.
#[test]
fn who_guesses_passwords_does_not_shut_out_the_owners_browser() {
    const PASSWORD: &str = "a password of some length";
    let mut world = World::new();
    for name in ["olga", "oleg"] {
        let made = ["user", "create", name, "--email", &format!("{name}@example.org"), "--password-stdin"];
        world.site.cli_with(&made, PASSWORD).success();
    }
    let guess = |browser: &Browser, password: &str| {
        browser.post("/-/sign-in", &format!("name=olga&password={}", password.replace(' ', "+")))
    };
    let hers = Browser::sign_in(&world.site, "olga", PASSWORD);
    let his = Browser::sign_in(&world.site, "oleg", PASSWORD);
    assert_eq!(hers.post("/-/sign-out", "").status, 303);
    assert_eq!(his.post("/-/sign-out", "").status, 303);
    let stranger = Browser::new(&world.site);
    for n in 0..ATTEMPTS {
        assert_eq!(guess(&stranger, &format!("guess {n}")).status, 422);
    }
    for (whose, browser) in [("a stranger's", &stranger), ("another account's", &his)] {
        let answer = guess(browser, PASSWORD);
        assert!(answer.status == 422 && answer.text().contains("too many wrong tries"), "{whose}: {}", answer.text());
    }
    assert_eq!(guess(&hers, PASSWORD).status, 303);
    // Her browser has no more tries than a stranger, and is known after a restart.
    world.site.stop();
    world.site.resume();
    let hers = hers.at(&world.site);
    for n in 0..ATTEMPTS {
        assert_eq!(guess(&hers, &format!("guess {n}")).status, 422);
    }
    let answer = guess(&hers, PASSWORD);
    assert!(answer.status == 422 && answer.text().contains("too many wrong tries"), "{}", answer.text());
    assert_eq!(guess(&Browser::new(&world.site), PASSWORD).status, 303, "a stranger's tries are others");
    let turns = world.metric("outlast_load_admitted", "sign_in_known").unwrap();
    assert!(turns >= f64::from(ATTEMPTS), "{turns} in turns of their own");
}

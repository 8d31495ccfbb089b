//! Witnesses (c2sp.org/tlog-witness), with one that checks as the specification says.

use crate::common::{Site, World, cli, wait_until};
use crate::trouble::copy_dir;
use journal::checkpoint::Checkpoint;
use journal::cosignature;
use journal::merkle::verify_consistency;
use journal::note::{KeyKind, SignedNote, SigningKey, VerifierKey};
use journal::witness::SIZE_TYPE;
use journal::{Hash, Origin};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the witness knows: the log's keys, and what it signed last.
struct Known {
    key: SigningKey,
    origin: Option<Origin>,
    logs: Vec<VerifierKey>,
    signed: Option<(u64, Hash)>,
}

struct Witness {
    address: String,
    known: Arc<Mutex<Known>>,
}

type Answer = (u16, &'static str, String);

impl Known {
    /// `add-checkpoint`, section by section.
    fn add(&mut self, body: &str) -> Option<Answer> {
        let refuse = |status| Some((status, "text/plain", String::new()));
        let (head, note) = body.split_once("\n\n")?;
        let mut lines = head.lines();
        let old: u64 = lines.next()?.strip_prefix("old ")?.parse().ok()?;
        let proof = lines.map(Hash::from_base64).collect::<Option<Vec<_>>>()?;
        let note: SignedNote = note.parse().ok()?;
        let told: Checkpoint = note.text().parse().ok()?;
        if self.origin.as_ref() != Some(&told.origin) {
            return refuse(404);
        }
        if !self.logs.iter().any(|key| note.verify(key).is_ok()) {
            return refuse(403);
        }
        if old > told.size {
            return refuse(400);
        }
        let (size, root) = self.signed.unwrap_or((0, Hash::of(b"")));
        if old != size {
            return Some((409, SIZE_TYPE, format!("{size}\n")));
        }
        if old == told.size && root != told.root {
            return refuse(409);
        }
        let goes_on =
            old == 0 && proof.is_empty() || verify_consistency(old, told.size, &root, &told.root, &proof).is_ok();
        if !goes_on {
            return refuse(422);
        }
        self.signed = Some((told.size, told.root));
        let stranger = SigningKey::from_seed("stranger.example/w", KeyKind::Cosignature, &[8; 32]).unwrap();
        let lines = [&stranger, &self.key].map(|key| cosignature::cosign(key, note.text(), 1_790_000_000).to_string());
        Some((200, "text/plain", format!("{}\n{}\n", lines[0], lines[1])))
    }
}

fn answer(mut stream: TcpStream, known: &Mutex<Known>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).ok()?;
    assert!(line.starts_with("POST /of/outlast/add-checkpoint HTTP/1.1"), "{line}");
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let added = known.lock().unwrap().add(&String::from_utf8(body).ok()?);
    let (status, kind, text) = added.unwrap_or((400, "text/plain", String::new()));
    let head = format!("HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", text.len());
    stream.write_all(format!("{head}{text}").as_bytes()).ok()
}

impl Witness {
    fn start() -> Self {
        let key = SigningKey::from_seed("witness.example/w", KeyKind::Cosignature, &[7; 32]).unwrap();
        let known = Arc::new(Mutex::new(Known { key, origin: None, logs: Vec::new(), signed: None }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let knows = Arc::clone(&known);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &knows);
            }
        });
        Self { address, known }
    }

    /// Tells it of the log that this site writes.
    fn is_told(&self, world: &World) {
        let policy = world.site.get("/log/policy").text();
        let policy: journal::policy::Policy = policy.parse().unwrap();
        let mut known = self.known.lock().unwrap();
        known.origin = Some(policy.logs()[0].name().parse().unwrap());
        known.logs = policy.logs().to_vec();
    }

    fn signed(&self) -> u64 {
        self.known.lock().unwrap().signed.map_or(0, |(size, _)| size)
    }

    /// Puts it into the site's configuration, and starts the site again.
    fn named_in(&self, world: &mut World) {
        let key = self.known.lock().unwrap().key.verifier().to_string();
        let config = world.path("outlast.toml");
        let text = format!(
            "egress_allow = ['127.0.0.1']\n[[witnesses]]\nurl = 'http://{}/of/outlast'\nkey = '{key}'\n[limits]\nwitness_every_s = 1\n",
            self.address
        );
        std::fs::write(&config, text).unwrap();
        world.site.stop();
        world.site.options = vec!["--config".to_owned(), config.to_str().unwrap().to_owned()];
        world.site.resume();
    }
}

/// What the doctor finds about the witness.
fn finding(site: &Site) -> Value {
    let said = site.cli(&["--json", "doctor"]).stdout;
    let found: Value = serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{error}: {said}"));
    let findings = found.as_array().or_else(|| found["findings"].as_array()).unwrap();
    findings.iter().find(|finding| finding["id"] == "witness").unwrap_or_else(|| panic!("{said}")).clone()
}

#[test]
fn what_a_witness_signed_is_in_receipts_and_another_log_is_refused() {
    let (mut world, witness) = (World::new(), Witness::start());
    let one = world.repository("one");
    let first = world.push(&one, &["HEAD"]);
    witness.named_in(&mut world);
    wait_until("the doctor hears that it is a stranger", 20, || finding(&world.site)["colour"] == "yellow");
    let told = finding(&world.site)["remedy"].as_str().unwrap().to_owned();

    witness.is_told(&world);
    let key = witness.known.lock().unwrap().logs.last().unwrap().to_string();
    assert!(told.contains(&key), "the owner of the witness is to be told {key}: {told}");
    wait_until("it signs", 20, || witness.signed() > first.entry);
    one.commit("a", "and on\n");
    let second = world.push(&one, &["HEAD"]);
    wait_until("it signs what is new", 20, || witness.signed() > second.entry);
    wait_until("the doctor is content", 20, || finding(&world.site)["colour"] == "green");
    for (entry, name) in [(first.entry, "first.txt"), (second.entry, "second.txt")] {
        wait_until("its signature is in the receipt", 20, || {
            let receipt = world.receipt(entry, name);
            cli(["verify", receipt.to_str().unwrap()]).success().contains("seen by witness.example/w")
        });
        let path = world.path(name);
        let said: Value = serde_json::from_str(&cli(["--json", "verify", path.to_str().unwrap()]).success()).unwrap();
        assert_eq!(said["witnessed"][0]["witness"], "witness.example/w");
        assert!(said["cosigned"].as_array().unwrap().iter().all(|vault| vault["vault"] != "witness.example/w"));
    }
    // It is known after a restart how far it is, and receipts still have its word.
    world.site.stop();
    world.site.resume();
    let receipt = world.receipt(second.entry, "again.txt");
    assert!(cli(["verify", receipt.to_str().unwrap()]).success().contains("seen by witness.example/w"));

    // The site and all its vaults are set back together, and another history is written: only an outsider can tell.
    world.site.stop();
    world.vaults.iter_mut().for_each(crate::common::Vault::stop);
    let places = ["site", "eu", "us", "asia"];
    places.iter().for_each(|name| copy_dir(&world.path(name), &world.path(&format!("old-{name}"))));
    let start = |world: &mut World| {
        world.vaults.iter_mut().for_each(|vault| vault.resume(crate::common::VaultStart::Plain));
        world.site.resume();
        wait_until("a quorum answers", 20, || world.site.get("/healthz").status == 200);
    };
    start(&mut world);
    one.commit("a", "what shall not have been\n");
    let gone = world.push(&one, &["HEAD"]);
    wait_until("it signs what will be gone", 20, || witness.signed() > gone.entry);
    world.site.stop();
    world.vaults.iter_mut().for_each(crate::common::Vault::stop);
    for name in places {
        std::fs::remove_dir_all(world.path(name)).unwrap();
        copy_dir(&world.path(&format!("old-{name}")), &world.path(name));
    }
    start(&mut world);
    one.run(["commit", "-q", "--amend", "-m", "another history"]).success();
    for n in 0..9 {
        one.commit("b", &format!("{n}\n"));
        world.push(&one, &["--force", "HEAD"]);
    }
    wait_until("the doctor says what the witness saw", 30, || finding(&world.site)["colour"] == "red");
    wait_until("it is an alarm", 30, || {
        world.site.cli(&["--json", "alarms", "list"]).stdout.contains("witness-disagrees")
    });
}

#[test]
fn a_witness_that_can_t_be_one_is_refused_at_the_start() {
    let world = World::new();
    let config = world.path("outlast.toml");
    let good = SigningKey::from_seed("w.example", KeyKind::Cosignature, &[7; 32]).unwrap().verifier().to_string();
    let log = SigningKey::from_seed("w.example", KeyKind::Ed25519, &[7; 32]).unwrap().verifier().to_string();
    let vault = SigningKey::from_seed("eu", KeyKind::Cosignature, &[7; 32]).unwrap().verifier().to_string();
    let mut site = world.site;
    site.stop();
    for (url, key, says) in [
        ("https://w.example", "nonsense", "key"),
        ("https://w.example", log.as_str(), "none for cosignatures"),
        ("ftp://w.example", good.as_str(), "looks like"),
        ("https://w.example", vault.as_str(), "called eu"),
    ] {
        std::fs::write(&config, format!("[[witnesses]]\nurl = '{url}'\nkey = '{key}'\n")).unwrap();
        let data = site.data.to_str().unwrap();
        let said = cli([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--ssh-listen",
            "off",
            "--data",
            data,
            "--config",
            config.to_str().unwrap(),
        ]);
        assert!(!said.ok && said.stderr.contains(says), "{says}: {said:?}");
    }
}

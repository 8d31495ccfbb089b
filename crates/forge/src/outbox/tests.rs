use super::*;
use crate::event::people::UserCreated;
use crate::writer::{Command, Decide, Submitter};
use std::collections::BTreeMap;

struct AddUser(String);

impl Command for AddUser {
    type Output = ();

    fn decide(self, _: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let (name, email) = (self.0.clone(), Some(format!("{}@example.org", self.0)));
        Ok((vec![UserCreated { name, email, password: None, officer: false, operator: false }.into()], ()))
    }
}

/// Tells who was made, and refuses some.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<BTreeMap<(u64, String), u32>>>, Arc<Mutex<Option<&'static str>>>);

impl Said {
    fn of(&self, name: &str) -> u32 {
        self.0.lock().unwrap().iter().filter(|((_, to), _)| to.starts_with(name)).map(|(_, times)| times).sum()
    }

    fn refuse(&self, whom: Option<&'static str>) {
        *self.1.lock().unwrap() = whom;
    }
}

impl Channel for Said {
    const NAME: &'static str = "said";

    fn recipients(&self, _: &mut Tx, _: &Stamp, event: &Event) -> Result<Vec<String>, Error> {
        Ok(match event {
            Event::UserCreated(user) => user.email.clone().into_iter().collect(),
            _ => Vec::new(),
        })
    }

    async fn send(&self, entry: u64, to: &str) -> Result<(), Error> {
        *self.0.lock().unwrap().entry((entry, to.to_owned())).or_default() += 1;
        let refused = self.1.lock().unwrap().is_some_and(|whom| to.starts_with(whom));
        if refused { Err(Error::conflict("not today")) } else { Ok(()) }
    }
}

struct Rig {
    dir: tempfile::TempDir,
    ledger: Arc<Ledger>,
    said: Said,
}

const LIMITS: OutboxLimits = OutboxLimits { tries_max: 3, first_wait: Duration::from_secs(10) };
const SECOND: i64 = 1_000_000;

impl Rig {
    fn new() -> Self {
        let (dir, ledger) = crate::writer::tests::ledger();
        Self { dir, ledger, said: Said::default() }
    }

    async fn add(&self, name: &str) {
        self.ledger.writer().submit(Submitter::default(), AddUser(name.into())).await.unwrap();
    }

    /// The outbox as it is found when the process starts.
    fn open(&self) -> Outbox<Said> {
        Outbox::open(self.dir.path(), Arc::clone(&self.ledger), self.said.clone(), LIMITS).unwrap()
    }
}

#[tokio::test]
async fn each_is_told_once_and_what_was_before_is_not() {
    let rig = Rig::new();
    rig.add("old").await;
    let mut outbox = rig.open();
    rig.add("ann").await;
    rig.add("bob").await;
    outbox.step(SECOND).await.unwrap();
    outbox.step(SECOND).await.unwrap();
    assert_eq!((rig.said.of("old"), rig.said.of("ann"), rig.said.of("bob")), (0, 1, 1));
    // Another process, at the same place.
    rig.add("cid").await;
    drop(outbox);
    let mut outbox = rig.open();
    outbox.step(SECOND).await.unwrap();
    assert_eq!((rig.said.of("ann"), rig.said.of("cid")), (1, 1));
    assert_eq!(outbox.status().lock().unwrap().sent, 1);
    // A place without the file: of a recovered site.
    std::fs::remove_dir_all(rig.dir.path().join("outbox")).unwrap();
    rig.open().step(SECOND).await.unwrap();
    assert_eq!((rig.said.of("ann"), rig.said.of("cid")), (1, 1));
}

#[tokio::test]
async fn who_takes_nothing_is_asked_later_holds_up_nobody_and_is_given_up() {
    let rig = Rig::new();
    let mut outbox = rig.open();
    rig.said.refuse(Some("ann"));
    rig.add("ann").await;
    rig.add("bob").await;
    outbox.step(0).await.unwrap();
    assert_eq!((rig.said.of("ann"), rig.said.of("bob")), (1, 1));
    outbox.step(9 * SECOND).await.unwrap();
    assert_eq!(rig.said.of("ann"), 1, "too early");
    // What waits, waits through the end of a process.
    let mut outbox = rig.open();
    outbox.step(10 * SECOND).await.unwrap();
    assert_eq!(rig.said.of("ann"), 2);
    outbox.step(29 * SECOND).await.unwrap();
    assert_eq!(rig.said.of("ann"), 2, "twice as long");
    outbox.step(30 * SECOND).await.unwrap();
    assert_eq!(rig.said.of("ann"), 3);
    let status = outbox.status().lock().unwrap().clone();
    assert_eq!((status.waiting, status.given_up), (0, 1));
    assert!(status.last_error.unwrap().contains("not today"));
    outbox.step(1000 * SECOND).await.unwrap();
    assert_eq!(rig.said.of("ann"), 3, "given up");
}

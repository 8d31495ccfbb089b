//! Sessions of Subversion over SSH: no account has all of them, and none is open for ever.

use crate::rig::{SiteRig, config, vaults};
use forge::event::repo::RepoKind;
use forge::people::Principal;
use forge::site::NewRepo;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;

const ADDRESS: &str = "svn+ssh://host/ada/project.svn";

pub(crate) struct Client {
    near: DuplexStream,
    served: JoinHandle<io::Result<()>>,
}

impl Client {
    /// A client that has said where it wants to go, and asks for the newest revision.
    pub(crate) async fn begin(rig: &SiteRig, who: &Principal) -> Self {
        let (near, far) = tokio::io::duplex(64 << 10);
        let (site, who) = (rig.site.clone(), who.clone());
        let served = tokio::spawn(async move { site.svn_over_ssh(&who, far).await });
        let mut client = Self { near, served };
        let words = format!("( 2 ( edit-pipeline ) {}:{ADDRESS} ) ( EXTERNAL ( 0: ) ) ", ADDRESS.len());
        client.near.write_all(words.as_bytes()).await.unwrap();
        client.ask().await;
        client
    }

    async fn ask(&mut self) {
        self.say("( get-latest-rev ( ) ) ").await;
    }

    pub(crate) async fn say(&mut self, words: &str) {
        // Who was refused may be gone.
        let _ = self.near.write_all(words.as_bytes()).await;
    }

    /// What it is told until this is in it, or to the end.
    pub(crate) async fn told(&mut self, what: &str) -> String {
        let (mut said, mut piece) = (String::new(), [0; 4096]);
        while !said.contains(what) {
            let reading = tokio::time::timeout(Duration::from_secs(20), self.near.read(&mut piece));
            let n = reading.await.expect("nothing is said").unwrap();
            if n == 0 {
                break;
            }
            said.push_str(&String::from_utf8_lossy(&piece[..n]));
        }
        said
    }
}

const NEWEST: &str = "( success ( 0 ) )";

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_and_one_that_is_idle_ends() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let mut config = config(&dir.path().join("site"), &vaults);
    config.limits.svn.account_sessions_max = 2;
    config.limits.svn.session_idle_max = Duration::from_secs(3);
    let rig = SiteRig::open(config).await;
    let header = format!("Bearer {}", rig.user("ada", "repo").await);
    let ada = rig.site.authenticate(&header).await.unwrap();
    let new = NewRepo { kind: RepoKind::Svn, ..NewRepo::new("ada/project".parse().unwrap()) };
    rig.site.repo_create(Some(&ada), new).await.unwrap();

    let mut busy = Client::begin(&rig, &ada).await;
    assert!(busy.told(NEWEST).await.contains(NEWEST));
    let mut idle = Client::begin(&rig, &ada).await;
    assert!(idle.told(NEWEST).await.contains(NEWEST));
    let refused = Client::begin(&rig, &ada).await.told("sessions of ada").await;
    assert!(refused.contains("2 sessions of ada are open at once"), "{refused}");
    // One goes on and the other says nothing.
    for _ in 0..300 {
        busy.ask().await;
        assert!(busy.told(NEWEST).await.contains(NEWEST), "it was used");
        tokio::time::sleep(Duration::from_millis(200)).await;
        if idle.served.is_finished() {
            break;
        }
    }
    assert!(idle.served.is_finished(), "it is open still");
    let ended = idle.served.await.unwrap();
    assert!(ended.unwrap_err().to_string().contains("nothing moved"));
    assert!(!busy.served.is_finished());
    let mut again = Client::begin(&rig, &ada).await;
    assert!(again.told(NEWEST).await.contains(NEWEST), "its place is free");
    drop((busy, again));
    rig.stop().await;
}

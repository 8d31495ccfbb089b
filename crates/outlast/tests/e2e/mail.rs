//! Mail, taken by somebody else's mail server.

use crate::common::{Browser, Process, Site, World, provided, request, wait_until};
use crate::guarded::found;
use crate::settings::operator;
use crate::svn::{Svn, create, layout};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mail server that wants STARTTLS and a password.
pub(crate) struct Sink {
    dir: PathBuf,
    port: String,
    _process: Process,
}

const PASSWORD: &str = "a password for mail alone";

impl Sink {
    /// None: the tests' Python is not there, which CI does not let pass.
    pub(crate) fn start(dir: &Path) -> Option<Self> {
        let python = provided("OUTLAST_TEST_PYTHON")?;
        std::fs::create_dir_all(dir).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/smtp_sink.py");
        let mut command = Command::new(python);
        command.arg(script).arg(dir).arg(PASSWORD);
        let mut process = Process::start(command, &dir.join("log"));
        let port = process.await_ready(|| std::fs::read_to_string(dir.join("port")).ok());
        Some(Self { dir: dir.to_owned(), port, _process: process })
    }

    /// The site trusts the sink, and sends by it.
    pub(crate) fn serve(&self, site: &mut Site) {
        site.env.push(("SSL_CERT_FILE", self.dir.join("ca.pem")));
        site.stop();
        site.resume();
        self.set(site, PASSWORD);
    }

    fn set(&self, site: &Site, password: &str) {
        let server = ["mail", "set", "--host", "127.0.0.1", "--port", &self.port, "--security", "starttls"];
        let more = ["--login", "outlast", "--password-stdin", "--from", "outlast@example.org"];
        site.cli_with(&[server.as_slice(), &more].concat(), password).success();
    }

    /// The texts, headers and all, of what came for somebody.
    pub(crate) fn mail(&self, to: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.join("mail")).unwrap_or_default();
        // One without an end is still being written.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let own = lines.filter(|line| line["to"][0] == to);
        own.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits for something that came for somebody.
    pub(crate) fn await_mail(&self, to: &str, what: &str) {
        wait_until(&format!("{to} is told: {what}"), 60, || self.mail(to).iter().any(|mail| mail.contains(what)));
    }

    fn refuses(&self, yes: bool) {
        let file = self.dir.join("refuse");
        if yes { std::fs::write(file, "").unwrap() } else { std::fs::remove_file(file).unwrap() }
    }
}

fn waiting(site: &Site) -> u64 {
    let shown: Value = serde_json::from_str(&site.cli(&["--json", "mail", "show"]).success()).unwrap();
    shown["waiting"].as_u64().unwrap()
}

/// Whether a file below `dir` holds these bytes.
fn holds(dir: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).any(|path| {
        let read = || std::fs::read(&path).unwrap_or_default();
        if path.is_dir() { holds(&path, bytes) } else { read().windows(bytes.len()).any(|part| part == bytes) }
    })
}

#[test]
fn people_are_told_by_mail_through_a_kill_and_not_again_after_a_recovery() {
    let mut world = World::new();
    let Some(sink) = Sink::start(&world.path("sink")) else { return };
    let ann = "ann@example.org";
    sink.serve(&mut world.site);
    sink.set(&world.site, "another password");
    let refused = world.site.cli(&["mail", "test", "--to", ann]).failure();
    assert!(refused.contains("the mail was not taken"), "{refused}");
    sink.set(&world.site, PASSWORD);
    let took = world.site.cli(&["mail", "test", "--to", ann]).success();
    assert!(took.contains("took a message"), "{took}");
    sink.await_mail(ann, "to see whether mail arrives");
    assert!(!holds(&world.site.data, PASSWORD.as_bytes()), "the password is sealed");

    let token = |site: &Site, name: &str| {
        site.cli(&["token", "create", "ann", "--scope", "repo:read", "--name", name]).success();
    };
    token(&world.site, "one");
    sink.await_mail(ann, "\"one\"");
    let mail = sink.mail(ann).pop().unwrap();
    assert!(mail.contains("Auto-Submitted: auto-generated") && mail.contains("From: outlast@example.org"), "{mail}");

    // The mail server takes nothing, and the site is killed: it is told all the same, later.
    sink.refuses(true);
    token(&world.site, "two");
    wait_until("it waits", 30, || waiting(&world.site) == 1);
    world.site.kill();
    world.site.resume();
    assert_eq!(waiting(&world.site), 1);
    sink.refuses(false);
    sink.await_mail(ann, "\"two\"");
    wait_until("nothing waits", 30, || waiting(&world.site) == 0);

    // A recovered site can still sign in at the mail server, and tells nobody anything again.
    for vault in ["eu", "us"] {
        world.await_caught_up(vault);
    }
    let (key, to, before) = (world.take_recovery_key(), world.path("risen"), sink.mail(ann).len());
    world.site.kill();
    world.recover(&["eu", "us"], &key, &to, &[]).success();
    let mut risen = Site::stopped(&to);
    risen.env = world.site.env.clone();
    risen.resume();
    wait_until("it writes", 60, || risen.cli(&["user", "create", "ned", "--email", "ned@example.org"]).ok);
    token(&risen, "three");
    sink.await_mail(ann, "\"three\"");
    assert_eq!(sink.mail(ann).len(), before + 1, "{:#?}", sink.mail(ann));
    risen.stop();
}

#[test]
fn commits_to_subversion_are_told_to_who_asked_and_may_read_them() {
    let mut world = World::new();
    let Some(sink) = Sink::start(&world.path("sink")) else { return };
    sink.serve(&mut world.site);
    let (password, svn) = ("a long enough phrase for these two", Svn::of(&world));
    let url = create(&world, "project");
    let bearer = format!("Bearer {}", world.token);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let put = |path: &str, body: &str| {
        let path = format!("/api/v1{path}");
        let answer = request(&world.site.address, "PUT", &path, &headers, body.as_bytes()).unwrap();
        assert!(answer.status < 300, "{}", answer.text());
    };
    for name in ["bob", "carol"] {
        let email = format!("{name}@example.org");
        let made = ["user", "create", name, "--email", email.as_str(), "--password-stdin"];
        world.site.cli_with(&made, password).success();
        put(&format!("/repos/ann/project/collaborators/{name}"), r#"{"permission":"read"}"#);
        let browser = Browser::sign_in(&world.site, name, password);
        assert!(browser.get("/ann/project/-/activity").text().contains("Mail me each commit"));
        assert_eq!(browser.post("/ann/project/-/activity/mail", "on=on").status, 303);
        assert!(browser.get("/ann/project/-/activity").text().contains("Stop mail of commits"));
    }
    let wc = layout(&svn, &world, &url);
    std::fs::write(wc.join("plan"), "a plan\n").unwrap();
    svn.ok(&wc, &["add", "-q", "plan"]);
    svn.ok(&wc, &["commit", "-q", "-m", "The plan\n\nIn full."]);
    for to in ["bob@example.org", "carol@example.org"] {
        sink.await_mail(to, "ann/project r2: The plan");
        let mail = sink.mail(to).pop().unwrap();
        assert!(mail.contains("In full.") && mail.contains("A /trunk/plan"), "{mail}");
    }
    // Who may not read all of it any more is not told, and who wants no more.
    put(
        "/outlast/repos/ann/project/svn_rules",
        r#"{"paths":[{"path":"/trunk/plan","who":"*","access":"none"},{"path":"/trunk/plan","who":"carol","access":"read"},
            {"path":"/trunk/plan","who":"ann","access":"write"}]}"#,
    );
    std::fs::write(wc.join("plan"), "another plan\n").unwrap();
    svn.ok(&wc, &["commit", "-q", "-m", "Another plan"]);
    sink.await_mail("carol@example.org", "r3: Another plan");
    let carol = Browser::sign_in(&world.site, "carol", password);
    assert_eq!(carol.post("/ann/project/-/activity/mail", "").status, 303);
    std::fs::write(wc.join("plan"), "the last plan\n").unwrap();
    svn.ok(&wc, &["commit", "-q", "-m", "The last plan"]);
    wait_until("nothing waits", 30, || waiting(&world.site) == 0);
    let (bob, carol) = (sink.mail("bob@example.org"), sink.mail("carol@example.org"));
    assert!(
        !bob.iter().any(|mail| mail.contains("nother plan")) && !carol.iter().any(|mail| mail.contains("last plan"))
    );
}

#[test]
fn a_link_for_a_password_goes_to_its_owner_and_what_ends_mail_is_told_by_it() {
    let mut world = World::new();
    let Some(sink) = Sink::start(&world.path("sink")) else { return };
    sink.serve(&mut world.site);
    let opal = operator(&world);
    world.site.cli(&["user", "create", "wil", "--email", "wil@example.org"]).success();
    let world = found(world, &["--delay", "1s"]);
    let act = || opal.post("/-/admin/users/wil", "act=reset");

    let made = act();
    assert!(made.status == 200 && made.text().contains("was mailed"), "{}", made.text());
    assert!(!made.text().contains("/-/sign-in/reset/"), "{}", made.text());
    sink.await_mail("olga@example.org", "Alarm: reset-link");
    let link = sink.mail("wil@example.org").iter().find_map(|mail| {
        let (_, secret) = mail.split_once("/-/sign-in/reset/")?;
        Some(format!("/-/sign-in/reset/{}", secret.split(|c: char| !c.is_ascii_hexdigit()).next()?))
    });
    assert_eq!(opal.get(&link.unwrap()).status, 200);

    // Switched off, it says so as its last.
    world.site.cli(&["mail", "off"]).success();
    sink.await_mail("olga@example.org", "no mail is sent");
    let refused = act();
    assert!(refused.status == 422 && refused.text().contains("no mail server is set"), "{}", refused.text());
    let shown = world.site.cli(&["user", "reset-password", "wil"]).success();
    assert!(shown.contains("/-/sign-in/reset/"), "{shown}");
}

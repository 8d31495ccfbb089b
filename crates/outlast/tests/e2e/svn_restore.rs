//! `outlast restore` in a repository of Subversion: what somebody committed is taken back by one new revision, as the stock client
//! then sees it.

use crate::common::{Ssh, World, request};
use crate::svn::{Svn, admin, create, layout, on_disk, youngest};
use forge::restore::SvnRevisions;
use std::fs;
use std::path::Path;

const PASSWORD: &str = "a long enough phrase for these two";

struct Scene {
    world: World,
    url: String,
    ann: Svn,
    eve: Svn,
    since: String,
}

/// All files with what is in them, and all properties, as the client has them.
fn tree(svn: &Svn, world: &World, url: &str, at: &str, name: &str) -> String {
    let to = world.path(name);
    svn.ok(world.dir.path(), &["export", "-q", &format!("{url}/trunk@{at}"), to.to_str().unwrap()]);
    let mut all = Vec::new();
    files(&to, &to, &mut all);
    all.sort();
    fs::remove_dir_all(&to).unwrap();
    let properties = svn.ok(world.dir.path(), &["proplist", "-v", "-R", "--xml", &format!("{url}@{at}")]);
    let targets = properties.split("<target").map(|target| target.replace("</properties>", "").trim().to_owned());
    let mut targets: Vec<_> = targets.collect();
    targets.sort_unstable();
    format!("{all:#?}\n{}", targets.join("<target"))
}

fn files(root: &Path, dir: &Path, all: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files(root, &path, all);
            all.push((name, "a directory".to_owned()));
        } else {
            let bytes = fs::read(&path).unwrap();
            let sum = bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
            all.push((name, format!("{} bytes, {sum:x}", bytes.len())));
        }
    }
}

/// A history of Ann's, and Eve, who may write.
fn scene() -> Scene {
    let world = World::new();
    let url = create(&world, "project");
    let ann = Svn::of(&world);
    let wc = layout(&ann, &world, &url);
    fs::create_dir_all(wc.join("dir/inner")).unwrap();
    fs::create_dir(wc.join("shape")).unwrap();
    for name in ["text", "noted", "dir/a", "dir/inner/b", "ä b+c.txt", "shape/in", "both", "quiet", "moved"] {
        fs::write(wc.join(name), format!("{name} as it was\n")).unwrap();
    }
    fs::write(wc.join("large"), (0..300_000_u32).map(|n| ((n * 7) >> 5) as u8).collect::<Vec<_>>()).unwrap();
    fs::write(wc.join("empty"), "").unwrap();
    ann.ok(&wc, &["add", "-q", "--force", "."]);
    ann.ok(&wc, &["propset", "-q", "colour", "red", "noted", "dir"]);
    ann.ok(&wc, &["commit", "-q", "-m", "as it was"]);
    world
        .site
        .cli_with(&["user", "create", "eve", "--email", "eve@example.org", "--password-stdin"], PASSWORD)
        .success();
    let ssh = Ssh::new(&world, "ann", &[]);
    ssh.add_to(&world, "ann");
    ssh.api(&world, "PUT", "/api/v1/repos/ann/project/collaborators/eve", r#"{"permission":"write"}"#);
    let token = world.site.cli(&["token", "create", "eve", "--scope", "repo:read,repo:write"]).success();
    let eve = ann.named("eve", token.trim());
    let since = crate::svn::jiff_now();
    std::thread::sleep(std::time::Duration::from_millis(20));
    Scene { world, url, ann, eve, since }
}

impl Scene {
    fn checkout(&self, svn: &Svn, name: &str) -> std::path::PathBuf {
        let wc = self.world.path(name);
        svn.ok(self.world.dir.path(), &["checkout", "-q", &self.url, wc.to_str().unwrap()]);
        wc
    }

    fn restore(&self, more: &[&str]) -> String {
        self.world.site.cli(&[&["restore", "--actor", "eve", "--since", &self.since], more].concat()).success()
    }

    /// What Eve does in five revisions: of every kind of change, some of it twice, some of it undone again by herself.
    fn harm(&self) {
        let (eve, wc) = (&self.eve, self.checkout(&self.eve, "eve"));
        let trunk = wc.join("trunk");
        fs::write(trunk.join("text"), "pay\n").unwrap();
        fs::write(trunk.join("both"), "pay\n").unwrap();
        fs::write(trunk.join("large"), "").unwrap();
        fs::write(trunk.join("empty"), "no more\n").unwrap();
        eve.ok(&trunk, &["propset", "-q", "colour", "black", "noted"]);
        eve.ok(&trunk, &["propdel", "-q", "colour", "dir"]);
        eve.ok(&trunk, &["propset", "-q", "svn:ignore", "*", "."]);
        eve.ok(&wc, &["commit", "-q", "-m", "one"]);
        fs::write(trunk.join("text"), "pay more\n").unwrap();
        fs::write(trunk.join("dir/inner/b"), "pay\n").unwrap();
        eve.ok(&trunk, &["move", "-q", "moved", "taken"]);
        eve.ok(&trunk, &["rm", "-q", "ä b+c.txt"]);
        eve.ok(&wc, &["commit", "-q", "-m", "two"]);
        eve.ok(&wc, &["update", "-q"]);
        eve.ok(&trunk, &["rm", "-q", "dir", "shape"]);
        eve.ok(&wc, &["commit", "-q", "-m", "three"]);
        eve.ok(&wc, &["update", "-q"]);
        fs::write(trunk.join("shape"), "a file\n").unwrap();
        fs::create_dir_all(trunk.join("notes/deep")).unwrap();
        fs::write(trunk.join("notes/deep/ransom"), "pay\n").unwrap();
        fs::create_dir(trunk.join("dir")).unwrap();
        fs::write(trunk.join("dir/a"), "another\n").unwrap();
        eve.ok(&trunk, &["add", "-q", "shape", "notes", "dir"]);
        eve.ok(&wc, &["commit", "-q", "-m", "four"]);
        eve.ok(&wc, &["update", "-q"]);
        eve.ok(
            &trunk,
            &["copy", "-q", "-m", "a branch", &format!("{}/trunk", self.url), &format!("{}/branches/eve", self.url)],
        );
        eve.ok(&trunk, &["lock", "-q", "-m", "mine", "text"]);
        eve.ok(&wc, &["propset", "-q", "--revprop", "-r", "2", "svn:log", "pay"]);
    }
}

#[test]
fn what_somebody_committed_is_taken_back_by_one_revision() {
    let scene = scene();
    let Scene { world, url, ann, .. } = &scene;
    let old = scene.checkout(ann, "old");
    let (before, newest) = (tree(ann, world, url, "HEAD", "before"), youngest(&world.site.data));
    scene.harm();
    let harmed = youngest(&world.site.data);
    assert_ne!(tree(ann, world, url, "HEAD", "harmed"), before);

    let looked = scene.restore(&["--dry-run"]);
    let said = format!("paths of revisions {} to {harmed}, by ", newest + 1);
    assert!(looked.contains(&format!("{said}a new revision")), "{looked}");
    assert_eq!(youngest(&world.site.data), harmed, "only looked");
    let told = scene.restore(&[]);
    assert!(told.contains(&format!("{said}revision {}", harmed + 1)), "{told}");
    assert!(told.contains("3 put back") && !told.contains("not put back"), "and the log message, and the lock: {told}");
    let counted = |said: &str| {
        said.lines().find(|line| line.contains("paths of")).unwrap().split(" paths").next().unwrap().to_owned()
    };
    assert_eq!(counted(&looked), counted(&told));

    assert_eq!(tree(ann, world, url, "HEAD", "after"), before);
    assert_eq!(youngest(&world.site.data), harmed + 1);
    let log = ann.ok(world.dir.path(), &["log", "-v", "-r", "HEAD", url]);
    assert!(log.contains("(operator)") && log.contains("of eve."), "{log}");
    let history = ann.ok(world.dir.path(), &["log", "-q", &format!("{url}/trunk/dir/inner/b")]);
    assert!(history.contains("r2 | ann"), "it came back with its history:\n{history}");
    let message = ann.ok(world.dir.path(), &["log", "-r", "2", url]);
    assert!(message.contains("as it was") && !message.contains("pay"), "{message}");
    let info = ann.ok(world.dir.path(), &["info", &format!("{url}/trunk/text")]);
    assert!(!info.contains("Lock Token"), "her lock is gone: {info}");
    admin(&["verify", "-q", on_disk(&world.site.data).to_str().unwrap()]);

    // A working copy from before is where it was, and goes on.
    ann.ok(&old, &["update", "-q"]);
    assert_eq!(ann.ok(&old, &["status"]), "");
    fs::write(old.join("trunk/text"), "on we go\n").unwrap();
    ann.ok(&old, &["commit", "-q", "-m", "on we go"]);
    let again = scene.restore(&[]);
    assert!(again.contains("0 put back") && !again.contains("not put back"), "doing it twice changes nothing: {again}");
    assert_eq!(youngest(&world.site.data), harmed + 2);

    // An officer's act is the officer's, in the repository and in the journal.
    scene.eve.ok(world.dir.path(), &["rm", "-q", "-m", "again", &format!("{url}/trunk")]);
    world
        .site
        .cli_with(&["user", "create", "olga", "--email", "olga@example.org", "--officer", "--password-stdin"], PASSWORD)
        .success();
    let token = world.site.cli(&["token", "create", "olga", "--scope", "admin"]).success();
    let bearer = format!("Bearer {}", token.trim());
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let body = format!(r#"{{"actor":"eve","since":"{}"}}"#, scene.since);
    let answer = request(&world.site.address, "POST", "/api/v1/outlast/restore", &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(ann.ok(world.dir.path(), &["cat", &format!("{url}/trunk/text")]).contains("on we go"));
    let log = ann.ok(world.dir.path(), &["log", "-q", "-r", "HEAD", url]);
    assert!(log.contains("| olga |"), "{log}");
    let audit = world.site.cli(&["audit", "--actor", "olga", "--json"]).success();
    assert!(audit.contains("SvnCommitted"), "{audit}");
}

#[test]
fn what_others_made_of_it_stays_and_what_to_do_by_hand_is_said() {
    let scene = scene();
    let Scene { world, url, ann, .. } = &scene;
    let newest = youngest(&world.site.data);
    scene.harm();
    let harmed = youngest(&world.site.data);
    // Ann goes on where Eve was, and elsewhere.
    let wc = scene.checkout(ann, "ann");
    fs::write(wc.join("trunk/both"), "Ann's own\n").unwrap();
    fs::write(wc.join("trunk/quiet"), "Ann's too\n").unwrap();
    fs::write(wc.join("trunk/notes/answer"), "never\n").unwrap();
    ann.ok(&wc, &["add", "-q", "trunk/notes/answer"]);
    ann.ok(&wc, &["commit", "-q", "-m", "on"]);

    // The commands that are told where nothing can be committed: as a person would use them.
    let revisions = (newest + 1..=harmed).collect();
    let told = SvnRevisions { repo: 0, path: "ann/project".into(), revisions };
    let by_hand = scene.checkout(ann, "by-hand");
    for command in told.commands() {
        let words: Vec<_> = command.split(' ').skip(1).collect();
        ann.ok(&by_hand, &[&words[..], &["--accept", "working"]].concat());
    }
    assert_eq!(fs::read_to_string(by_hand.join("trunk/text")).unwrap(), "text as it was\n");
    assert!(by_hand.join("trunk/dir/inner/b").is_file() && !by_hand.join("branches/eve").exists());

    let said = scene.restore(&[]);
    for kept in ["trunk/both: somebody else changed it", "trunk/notes: somebody else changed it"] {
        assert!(said.contains(kept), "{said}");
    }
    let at = |name: &str| ann.ok(world.dir.path(), &["cat", &format!("{url}/trunk/{name}")]);
    assert_eq!((at("both"), at("quiet")), ("Ann's own\n".into(), "Ann's too\n".into()));
    assert_eq!((at("text"), at("notes/answer")), ("text as it was\n".into(), "never\n".into()));
    admin(&["verify", "-q", on_disk(&world.site.data).to_str().unwrap()]);

    // A lock of somebody else's stands before it: nothing is taken back, and it is said how to.
    fs::write(wc.join("trunk/quiet"), "Ann again\n").unwrap();
    let eve = scene.checkout(&scene.eve, "eve-again");
    fs::write(eve.join("trunk/quiet"), "pay\n").unwrap();
    scene.eve.ok(&eve, &["commit", "-q", "-m", "once more"]);
    let last = youngest(&world.site.data);
    ann.ok(&wc, &["revert", "-q", "trunk/quiet"]);
    ann.ok(&wc, &["update", "-q"]);
    ann.ok(&wc, &["lock", "-q", "-m", "mine", "trunk/quiet"]);
    let said = scene.restore(&[]);
    assert!(said.contains("not put back by this") && said.contains(&format!("svn merge -r {last}:")), "{said}");
    assert_eq!(youngest(&world.site.data), last);
}

#[test]
fn rules_that_an_administrator_loosened_are_as_they_were() {
    let scene = scene();
    let Scene { world, .. } = &scene;
    let bearer = format!("Bearer {}", world.token);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let path = "/api/v1/outlast/repos/ann/project/svn_rules";
    let put = |body: &str| {
        let answer = request(&world.site.address, "PUT", path, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    let get = || request(&world.site.address, "GET", path, &headers, b"").unwrap().text();
    let nothing = get();
    let restore = |since: &str| world.site.cli(&["restore", "--actor", "ann", "--since", since]).success();
    let now = || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        crate::svn::jiff_now()
    };
    let strictly = r#"{"paths":[{"path":"/trunk/dir","who":"*","access":"none"}],"commits":{"message_chars_min":5}}"#;
    let since = now();
    put(strictly);
    let strict = get();
    assert_ne!(strict, nothing);
    let said = restore(&since);
    assert!(said.contains("2 put back") && said.contains("rules of paths: taken away again"), "{said}");
    assert_eq!(get(), nothing);
    assert!(restore(&since).contains("0 put back"));

    put(strictly);
    let since = now();
    put(r#"{"paths":[],"commits":{"message_chars_min":0}}"#);
    let said = restore(&since);
    assert!(said.contains("rules of paths: as it was") && said.contains("rules for commits: as it was"), "{said}");
    assert_eq!(get(), strict);
}

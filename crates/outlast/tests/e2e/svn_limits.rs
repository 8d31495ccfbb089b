//! What would cost a Subversion server much is bounded, and Git and the pages answer meanwhile.

use crate::common::{Answer, World, basic, freeze, request, wait_until};
use crate::svn::{Svn, create, layout, work};
use crate::svn_crashes::children;
use crate::svn_import::much;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// As in the table of limits: turns of one account at one repository's server.
const ACCOUNT_TURNS: usize = 12;

fn ask(world: &World, login: &str, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> Answer {
    let headers = [&[("Authorization", login)], more].concat();
    request(&world.site.address, method, path, &headers, body).unwrap()
}

/// Git, the pages and another repository of Subversion answer.
fn the_rest_answers(world: &World, svn: &Svn, other: &str) {
    let refs = crate::common::Git::at(world.dir.path()).refs_of(&world.url("ann/code"));
    assert!(refs.contains("refs/heads/main"), "{refs}");
    assert_eq!(world.site.get("/healthz").status, 200);
    assert_eq!(world.site.get("/-/sign-in").status, 200);
    assert!(svn.ok(world.dir.path(), &["info", other]).contains("Revision: 1"));
}

struct Scene {
    world: World,
    svn: Svn,
    url: String,
    other: String,
    login: String,
}

fn scene() -> Scene {
    let world = World::new();
    let svn = Svn::of(&world);
    let git = world.repository("code");
    world.push(&git, &["main"]);
    let other = create(&world, "other");
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "x", &format!("{other}/trunk")]);
    let url = create(&world, "project");
    let login = basic("ann", &world.token);
    Scene { world, svn, url, other, login }
}

#[test]
fn requests_for_everything_are_refused_or_wait_their_turn() {
    let Scene { world, svn, url, other, login } = scene();
    let wc = layout(&svn, &world, &url);
    work(&svn, &wc, &url, 30);
    let xml = [("Content-Type", "text/xml")];
    for depth in [&[("Depth", "infinity")][..], &[]] {
        assert_eq!(ask(&world, &login, "PROPFIND", "/ann/project.svn/", depth, b"").status, 403, "{depth:?}");
    }
    let mut entries = "<!ENTITY a0 \"ha\">".to_owned();
    for n in 1..40 {
        entries.push_str(&format!("<!ENTITY a{n} \"&a{0};&a{0};\">", n - 1));
    }
    let bomb = format!("<?xml version=\"1.0\"?><!DOCTYPE b [{entries}]><x>&a39;</x>");
    assert_eq!(ask(&world, &login, "REPORT", "/ann/project.svn/!svn/me", &xml, bomb.as_bytes()).status, 400);
    let deep = format!("<?xml version=\"1.0\"?>{}", "<a>".repeat(2_000_000));
    let huge = format!("<?xml version=\"1.0\"?><S:x xmlns:S=\"svn:\">{}</S:x>", " ".repeat(33 << 20));
    for body in [deep, huge] {
        let headers = [("Authorization", login.as_str()), xml[0]];
        let path = "/ann/project.svn/!svn/me";
        // The server may have refused it, and closed, before all of it was sent.
        if let Ok(answer) = request(&world.site.address, "REPORT", path, &headers, body.as_bytes()) {
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
    }
    the_rest_answers(&world, &svn, &other);

    // Much more than there are turns for, all of it allowed: merge information, who wrote each line, the log with all its paths.
    let heavy: [&[&str]; 4] = [
        &["mergeinfo", "--show-revs", "eligible", "-R", "URL/trunk", "URL/branches"],
        &["propget", "-R", "svn:mergeinfo", "URL"],
        &["blame", "-g", "URL/trunk/dir1/file1"],
        &["log", "-v", "-g", "URL"],
    ];
    let mut children = Vec::new();
    for n in 0..48 {
        let arguments = heavy[n % heavy.len()].iter().map(|word| word.replace("URL", &url));
        let mut command = Command::new("svn");
        command.args(["--non-interactive", "--no-auth-cache", "--username", "ann", "--password", &world.token]);
        command.args(arguments).current_dir(world.dir.path()).stdout(Stdio::null()).stderr(Stdio::piped());
        children.push(command.spawn().unwrap());
    }
    the_rest_answers(&world, &svn, &other);
    for child in children {
        let ended = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success() || words.contains("503") || words.contains("is busy"), "{words}");
    }
    svn.ok(world.dir.path(), &["log", "-q", &url]);
}

#[test]
fn who_reads_slowly_or_opens_many_connections_hinders_nobody_else() {
    let Scene { world, svn, url, other, login } = scene();
    let wc = layout(&svn, &world, &url);
    // Much to read, little to keep.
    fs::write(wc.join("large"), vec![0; 96 << 20]).unwrap();
    svn.ok(&wc, &["add", "-q", "large"]);
    svn.ok(&wc, &["commit", "-q", "-m", "much to read"]);
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    let bearer = format!("Bearer {}", world.token);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let path = "/api/v1/repos/ann/project/collaborators/bob";
    let put = request(&world.site.address, "PUT", path, &headers, br#"{"permission":"read"}"#).unwrap();
    assert!(put.status < 300, "{}", put.text());
    let token = world.site.cli(&["token", "create", "bob", "--scope", "repo:read"]).success().trim().to_owned();
    let bob = svn.named("bob", &token);

    let begin = |path: &str| {
        let mut stream = TcpStream::connect(&world.site.address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {login}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        stream
    };
    let slow: Vec<_> = (0..ACCOUNT_TURNS).map(|_| begin("/ann/project.svn/trunk/large")).collect();
    let more = ask(&world, &login, "GET", "/ann/project.svn/trunk/", &[], b"");
    assert!(more.status == 503 && more.text().contains("other requests of yours"), "{}", more.text());
    assert!(bob.ok(world.dir.path(), &["ls", &format!("{url}/trunk")]).contains("large"));
    the_rest_answers(&world, &svn, &other);
    // Pages read for themselves.
    assert_eq!(
        request(&world.site.address, "GET", "/api/v1/repos/ann/project", &headers[..1], b"").unwrap().status,
        200
    );
    drop(slow);
    assert!(svn.ok(world.dir.path(), &["ls", &format!("{url}/trunk")]).contains("large"));

    // Connections that have asked for something and are kept open, each with one behind it.
    let kept: Vec<_> = (0..200).map(|_| begin("/ann/project.svn/trunk/")).collect();
    assert!(bob.ok(world.dir.path(), &["ls", &format!("{url}/trunk")]).contains("large"));
    the_rest_answers(&world, &svn, &other);
    drop(kept);
}

/// Starts the site again with other limits.
pub(crate) fn limited(world: &mut World, limits: &str) {
    let config = world.path("outlast.toml");
    fs::write(&config, format!("[limits]\n{limits}\n")).unwrap();
    world.site.stop();
    world.site.options = vec!["--config".to_owned(), config.to_str().unwrap().to_owned()];
    world.site.resume();
}

/// A repository with a file of zeros that is too large to be taken from the server at once.
fn large(limits: &str) -> (World, Svn, String) {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let wc = layout(&svn, &world, &url);
    fs::write(wc.join("large"), vec![0; 96 << 20]).unwrap();
    svn.ok(&wc, &["add", "-q", "large"]);
    svn.ok(&wc, &["commit", "-q", "-m", "much to read"]);
    limited(&mut world, limits);
    let url = format!("http://{}/ann/project.svn", world.site.address);
    (world, svn, url)
}

/// Begins to read the large file.
fn reads(world: &World) -> TcpStream {
    reads_as(world, &basic("ann", &world.token))
}

fn reads_as(world: &World, login: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&world.site.address).unwrap();
    let head =
        format!("GET /ann/project.svn/trunk/large HTTP/1.1\r\nHost: localhost\r\nAuthorization: {login}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Rights are read again every two seconds: within this they are, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// How much comes until the connection ends.
fn rest(mut stream: TcpStream) -> usize {
    let (mut piece, mut all) = (vec![0; 1 << 20], 0);
    loop {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return all,
            Ok(count) => all += count,
        }
    }
}

/// As [`rest`], at a pace at which all of it takes [`PATIENCE`]; what is left then comes at once.
fn slowly(mut stream: TcpStream) -> usize {
    const PIECES: u32 = 500;
    let (began, mut piece, mut all) = (Instant::now(), vec![0; (96 << 20) / PIECES as usize], 0);
    for _ in 0..PIECES {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return all,
            Ok(count) => all += count,
        }
        std::thread::sleep(PATIENCE / PIECES);
        if began.elapsed() > PATIENCE {
            break;
        }
    }
    all + rest(stream)
}

#[test]
fn who_takes_nothing_of_an_answer_is_cut_off() {
    let (world, svn, url) = large("svn_reader_wait_s = 3");
    assert!(rest_with_end(&world) > 96 << 20, "who reads gets all of it");
    let mut idle = reads(&world);
    idle.read_exact(&mut [0; 1024]).unwrap();
    std::thread::sleep(Duration::from_secs(10));
    let came = 1024 + rest(idle);
    assert!(came < 96 << 20, "{came} bytes came to one who took none for 10 s");
    assert!(svn.ok(world.dir.path(), &["ls", &format!("{url}/trunk")]).contains("large"));
}

#[test]
fn who_loses_the_right_to_read_is_cut_off_in_the_middle_of_it() {
    let (world, svn, url) = large("");
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    let bearer = format!("Bearer {}", world.token);
    let send = |method: &str, path: &str, body: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let path = format!("/api/v1/{path}");
        assert!(request(&world.site.address, method, &path, &headers, body.as_bytes()).unwrap().status < 300, "{path}");
    };
    let role =
        |word: &str| send("PUT", "repos/ann/project/collaborators/bob", &format!("{{\"permission\":\"{word}\"}}"));
    role("read");
    let token = world.site.cli(&["token", "create", "bob", "--scope", "repo:read"]).success().trim().to_owned();
    let login = basic("bob", &token);
    // Each way to lose it; and somebody who keeps it.
    let rules = |rules: &str| send("PUT", "outlast/repos/ann/project/svn_rules", &format!("{{\"paths\":[{rules}]}}"));
    let hidden = r#"{"path":"/trunk/large","who":"bob","access":"none"}"#;
    let begin_again = r#"{"path":"/elsewhere","who":"bob","access":"none"}"#;
    let losses: [(&str, &dyn Fn()); 4] = [
        ("nothing", &|| {}),
        ("a path", &|| rules(&[begin_again, hidden].join(","))),
        ("the role", &|| send("DELETE", "repos/ann/project/collaborators/bob", "")),
        ("the token", &|| drop(world.site.cli_with(&["token", "revoke", "-"], &token).success())),
    ];
    for (what, lose) in losses {
        role("read");
        rules(begin_again);
        let mut reading = reads_as(&world, &login);
        reading.read_exact(&mut [0; 1024]).unwrap();
        lose();
        let came = 1024 + slowly(reading);
        assert_eq!(came < 96 << 20, what != "nothing", "{came} bytes came to one who lost {what}");
    }
    assert!(svn.ok(world.dir.path(), &["ls", &format!("{url}/trunk")]).contains("large"));
}

/// All of an answer, by one who asks for the connection to end with it.
fn rest_with_end(world: &World) -> usize {
    let login = basic("ann", &world.token);
    let mut stream = TcpStream::connect(&world.site.address).unwrap();
    let head = format!(
        "GET /ann/project.svn/trunk/large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {login}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    rest(stream)
}

#[test]
fn an_answer_that_takes_too_long_is_cut_off_though_it_is_read() {
    let (world, svn, url) = large("svn_answer_time_s = 2");
    let mut slow = reads(&world);
    let (began, mut piece, mut came) = (Instant::now(), vec![0; 64 << 10], 0);
    // At this pace it would take half a minute.
    while began.elapsed() < Duration::from_secs(20) {
        match slow.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => came += count,
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = began.elapsed();
    assert!(came < 96 << 20 && took < Duration::from_secs(20), "{came} bytes in {took:?}");
    assert!(svn.ok(world.dir.path(), &["ls", &format!("{url}/trunk")]).contains("large"));
}

/// Stops the processes of this name that a site has started, and those that one of them started before it stood still.
fn stop_all(site: u32, name: &str) -> Vec<u32> {
    let mut stopped = Vec::new();
    loop {
        let found: Vec<u32> = children(site, name).into_iter().filter(|pid| !stopped.contains(pid)).collect();
        if found.is_empty() {
            return stopped;
        }
        freeze(&found);
        stopped.extend(found);
    }
}

#[test]
fn a_server_that_says_nothing_is_ended_and_another_answers() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "x", &format!("{url}/trunk")]);
    limited(&mut world, "svn_silence_s = 5");
    let url = format!("http://{}/ann/project.svn", world.site.address);
    let login = basic("ann", &world.token);
    let begun = ask(&world, &login, "GET", "/ann/project.svn/trunk/", &[], b"");
    assert_eq!(begun.status, 200, "{}", begun.text());
    let site = world.site.process().pid();
    let stuck = stop_all(site, "apache2");
    assert!(!stuck.is_empty());
    let began = Instant::now();
    let answer = ask(&world, &login, "GET", "/ann/project.svn/trunk/", &[], b"");
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("too much for one request"), "{}", answer.text());
    assert!((5..60).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert!(svn.ok(world.dir.path(), &["ls", &url]).contains("trunk"));
    assert!(children(site, "apache2").iter().all(|pid| !stuck.contains(pid)), "what said nothing is gone");
}

#[test]
fn a_git_view_is_bounded_and_says_how_far_it_is() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let wc = layout(&svn, &world, &url);
    work(&svn, &wc, &url, 5);
    // It takes long enough that it is not made before anybody has begun to wait.
    let dump = much(&world, 600, 1 << 9);
    world.site.cli(&["import", "--svn-dump", dump.to_str().unwrap(), "--to", "ann/much"]).success();
    let git = crate::common::Git::init(&world.path("asks"), "sha1");
    limited(&mut world, "svn_view_bytes_max = 1000");
    let said = git.run(["ls-remote", &world.url("ann/project")]).failure();
    assert!(said.contains("too large for a Git view: more than 1000 bytes"), "{said}");
    limited(&mut world, "svn_view_wait_s = 0");
    let said = git.run(["ls-remote", &world.url("ann/much")]).failure();
    assert!(said.contains("is being made") && said.contains("revisions are done; try again"), "{said}");
    wait_until("it is made meanwhile", 60, || git.run(["ls-remote", &world.url("ann/much")]).ok);
}

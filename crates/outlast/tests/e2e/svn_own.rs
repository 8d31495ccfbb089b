//! Files of Subversion that our own reader answers: as its server would, and only where that would.

use crate::common::{Answer, World, basic, request};
use crate::svn::{Svn, create};
use std::fs;

/// A file with this condition is the server's to answer, and is another for no client.
const UNLESS: (&str, &str) = ("If-None-Match", "\"another\"");

struct Files {
    world: World,
    login: String,
}

impl Files {
    fn get(&self, path: &str, besides: &[(&str, &str)]) -> Answer {
        let headers = [&[("Authorization", self.login.as_str())], besides].concat();
        request(&self.world.site.address, "GET", &format!("/ann/project.svn/{path}"), &headers, b"").unwrap()
    }

    /// How many were answered here.
    fn own(&self) -> f64 {
        self.world.metric("outlast_operations_total{", "operation=\"svn\",outcome=\"own\"").unwrap_or(0.0)
    }
}

#[test]
fn a_file_of_a_revision_is_the_same_from_our_reader_as_from_the_server() {
    let world = World::new();
    let url = create(&world, "project");
    let (svn, wc) = (Svn::of(&world), world.path("wc"));
    svn.ok(world.dir.path(), &["checkout", "-q", &url, wc.to_str().unwrap()]);
    let noise: Vec<u8> = (0..50_000_u32).map(|i| (i.wrapping_mul(77) >> 7) as u8).collect();
    let files: [(&str, &str, &[u8]); 5] = [
        ("plain", "plain", b"plain\n"),
        ("of a type", "of%20a%20type", &noise),
        ("\u{e9}t\u{e9}.c", "%C3%A9t%C3%A9.c", b"int \xff;\n"),
        ("empty", "empty", b""),
        ("keywords", "keywords", b"$Id$\n"),
    ];
    for (name, _, content) in files {
        fs::write(wc.join(name), content).unwrap();
        svn.ok(&wc, &["add", "-q", name]);
    }
    svn.ok(&wc, &["propset", "-q", "svn:mime-type", "image/x-thing", "of a type"]);
    svn.ok(&wc, &["propset", "-q", "svn:keywords", "Id", "keywords"]);
    svn.ok(&wc, &["commit", "-q", "-m", "all"]);
    fs::write(wc.join("plain"), "changed\n").unwrap();
    svn.ok(&wc, &["commit", "-q", "-m", "one"]);
    svn.ok(&wc, &["copy", "-q", "-m", "a copy", &format!("{url}/plain"), &format!("{url}/copied")]);
    let files = Files { login: basic("ann", &world.token), world };

    let said = |answer: &Answer| {
        let headers =
            ["content-type", "etag", "accept-ranges", "cache-control", "content-length", "content-security-policy"];
        headers.map(|name| answer.header(name).map(str::to_owned))
    };
    let names = ["plain", "of%20a%20type", "%C3%A9t%C3%A9.c", "empty", "keywords"];
    let asked = names.map(|name| format!("!svn/rvr/1/{name}")).into_iter();
    for path in asked.chain(["!svn/rvr/2/plain", "!svn/rvr/3/plain", "!svn/rvr/3/copied"].map(str::to_owned)) {
        let before = files.own();
        let (own, theirs) = (files.get(&path, &[]), files.get(&path, &[UNLESS]));
        assert_eq!((own.status, theirs.status), (200, 200), "{path}");
        assert_eq!(said(&own), said(&theirs), "{path}");
        assert_eq!(own.header("vary"), Some("X-SVN-VR-Base, Accept-Encoding"), "{path}");
        assert!(own.body == theirs.body, "{path}");
        assert!((files.own() - before - 1.0).abs() < 0.1, "{path}: one of the two was answered here");
    }
    // What makes it of what the client has: as the server would say it, and here too.
    let of = |base: &'static str| {
        [("X-SVN-VR-Base", base), ("Accept-Encoding", "gzip,svndiff2;q=0.9,svndiff1;q=0.8,svndiff;q=0.7")]
    };
    for (path, base) in [
        ("!svn/rvr/2/plain", "/ann/project.svn/!svn/rvr/1/plain"),
        ("!svn/rvr/3/copied", "/ann/project.svn/!svn/rvr/1/plain"),
        ("!svn/rvr/3/copied", "/ann/project.svn/!svn/rvr/1/of%20a%20type"),
        ("!svn/rvr/1/of%20a%20type", "/ann/project.svn/!svn/rvr/1/empty"),
        ("!svn/rvr/1/empty", "/ann/project.svn/!svn/rvr/1/plain"),
    ] {
        let before = files.own();
        let (own, theirs) = (files.get(path, &of(base)), files.get(path, &[of(base).as_slice(), &[UNLESS]].concat()));
        let about = |answer: &Answer| {
            ["content-type", "etag", "accept-ranges", "cache-control", "x-svn-vr-base"]
                .map(|name| answer.header(name).map(str::to_owned))
        };
        assert_eq!(about(&own), about(&theirs), "{path} of {base}");
        // A cache between gives it to nobody who has something else, whoever has answered.
        assert_eq!(own.header("vary"), Some("X-SVN-VR-Base, Accept-Encoding"), "{path} of {base}");
        assert!(theirs.header("vary").is_some_and(|vary| vary.contains("X-SVN-VR-Base")), "{path} of {base}");
        assert_eq!((own.status, &own.body[..4]), (200, b"SVN\x02".as_slice()), "{path} of {base}");
        assert!((files.own() - before - 1.0).abs() < 0.1, "{path} of {base}: one of the two was answered here");
    }
    // What is not there, or not a file, is the server's to say.
    let before = files.own();
    for base in ["/ann/project.svn/!svn/rvr/1/copied", "/ann/other.svn/!svn/rvr/1/plain", "plain"] {
        let theirs = files.get("!svn/rvr/2/plain", &[of(base).as_slice(), &[UNLESS]].concat());
        assert_eq!(files.get("!svn/rvr/2/plain", &of(base)).status, theirs.status, "{base}");
    }
    for (path, status) in [("!svn/rvr/1/copied", 404), ("!svn/rvr/4/plain", 404), ("!svn/rvr/1/", 200), ("plain", 200)]
    {
        assert_eq!(files.get(path, &[]).status, status, "{path}");
    }
    assert!((files.own() - before).abs() < 0.1);
    // What somebody may not read, they do not read here either; nor what it stands beside.
    let rules = r#"{"paths":[{"path":"/empty","who":"ann","access":"none"}]}"#;
    let headers = [("Authorization", files.login.as_str()), ("Content-Type", "application/json")];
    let path = "/api/v1/outlast/repos/ann/project/svn_rules";
    let put = request(&files.world.site.address, "PUT", path, &headers, rules.as_bytes()).unwrap();
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(files.get("!svn/rvr/1/empty", &[]).status, 403);
    assert_eq!(files.get("!svn/rvr/1/plain", &[]).status, 200);
    assert!((files.own() - before).abs() < 0.1, "the server, which has the rules, is asked");
    // Nor does anybody else.
    let stranger = request(&files.world.site.address, "GET", "/ann/project.svn/!svn/rvr/1/plain", &[], b"").unwrap();
    assert_eq!(stranger.status, 401);
}

/// What an update brings is checked by the client: each file has a checksum.
#[test]
fn an_update_is_answered_by_our_reader_and_clients_get_what_was_committed() {
    let world = World::new();
    let url = create(&world, "project");
    let (svn, wc) = (Svn::of(&world), world.path("wc"));
    svn.ok(world.dir.path(), &["checkout", "-q", &url, wc.to_str().unwrap()]);
    let mut state = 7_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let sizes = [0, 1, 63, 64, 5_000, 102_399, 102_400, 102_401, 300_000, (1 << 20) + 5_000];
    let mut contents: Vec<Vec<u8>> = sizes.map(|size| (0..size).map(|_| random() as u8 % 40 + 48).collect()).into();
    let write = |contents: &[Vec<u8>]| {
        for (at, content) in contents.iter().enumerate() {
            fs::write(wc.join(format!("f{at}")), content).unwrap();
        }
    };
    write(&contents);
    for at in 0..sizes.len() {
        svn.ok(&wc, &["add", "-q", &format!("f{at}")]);
    }
    svn.ok(&wc, &["commit", "-q", "-m", "all"]);
    let behind = world.path("behind");
    svn.ok(world.dir.path(), &["checkout", "-q", &url, behind.to_str().unwrap()]);
    let before = world.metric("outlast_operations_total{", "operation=\"svn\",outcome=\"own\"").unwrap_or(0.0);
    for round in 0..4 {
        for content in &mut contents {
            // Something in the middle is another, shorter or longer.
            let at = random() as usize % (content.len() + 1);
            let end = (at + random() as usize % 300).min(content.len());
            content.splice(at..end, (0..=random() % 300).map(|n| n as u8));
        }
        write(&contents);
        svn.ok(&wc, &["commit", "-q", "-m", &format!("round {round}")]);
        svn.ok(&behind, &["update", "-q"]);
        for (at, content) in contents.iter().enumerate() {
            assert!(fs::read(behind.join(format!("f{at}"))).unwrap() == *content, "f{at} in round {round}");
        }
    }
    let own = world.metric("outlast_operations_total{", "operation=\"svn\",outcome=\"own\"").unwrap_or(0.0) - before;
    // All but the one that is too large for it, which is the server's to answer, each time.
    assert!((own - 36.0).abs() < 0.1, "{own} were answered here");
}

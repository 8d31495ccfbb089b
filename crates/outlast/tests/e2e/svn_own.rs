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
        assert!(own.body == theirs.body, "{path}");
        assert!((files.own() - before - 1.0).abs() < 0.1, "{path}: one of the two was answered here");
    }
    // What is not there, or not a file, is the server's to say.
    let before = files.own();
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

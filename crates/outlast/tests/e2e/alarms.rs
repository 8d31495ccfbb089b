//! Alarms on every channel, and canaries on the doors.

use crate::common::{Git, World, request, wait_until};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What was posted to a webhook: headers and body.
type Posted = Arc<Mutex<Vec<(String, String)>>>;

/// A webhook, and what is posted to it.
fn webhook() -> (String, Posted) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let posted = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&posted);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).unwrap_or(0) > 2 {
                head.push_str(&line.to_ascii_lowercase());
                line.clear();
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            let mut body = vec![0; length.trim().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            keep.lock().unwrap().push((head, String::from_utf8(body).unwrap()));
            let _ = reader.into_inner().write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (url, posted)
}

fn alarms(world: &World) -> Vec<Value> {
    let text = world.site.cli(&["--json", "alarms", "list"]).success();
    serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().clone()
}

#[test]
fn alarms_reach_a_webhook_and_canaries_are_refused_as_strangers() {
    let mut world = World::new();
    let (url, posted) = webhook();
    world.site.cli(&["alarms", "webhook-add", &url]).success();
    world.site.cli(&["user", "create", "opal", "--email", "o@example.org", "--operator"]).success();
    wait_until("an operator is an alarm", 30, || alarms(&world).iter().any(|alarm| alarm["alarm"] == "role-changed"));
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(posted.lock().unwrap().is_empty(), "this machine is no address outside");

    // As the operator's configuration lists it, it is.
    world.site.stop();
    world.site.options = vec!["--egress-allow".into(), "127.0.0.1".into()];
    world.site.resume();
    let found = |word: &str| posted.lock().unwrap().iter().find(|(_, body)| body.contains(word)).cloned();
    wait_until("the webhook is told", 90, || found("\"role-changed\"").is_some());
    let (head, body) = found("\"role-changed\"").unwrap();
    assert!(head.contains("x-outlast-signature: sha256=") && head.contains("x-outlast-delivery: "), "{head}");
    assert!(body.contains("opal operator"), "{body}");

    let canary = world.site.cli(&["canary", "make", "--note", "in a private repository"]).success();
    let canary = canary.trim();
    let unknown = format!("{}A", "olp_00000000000000000000000000000000000");
    let ask = |token: &str| {
        let header = format!("Bearer {token}");
        let answer = request(&world.site.address, "GET", "/api/v1/user", &[("Authorization", &header)], b"").unwrap();
        (answer.status, answer.text())
    };
    let spent = world.site.cli(&["token", "create", "ann", "--scope", "user:read"]).success().trim().to_owned();
    let listed = world.site.cli(&["--json", "audit", "--kind", "TokenCreated"]).success();
    let last: Value = serde_json::from_str(listed.trim().lines().last().unwrap()).unwrap();
    world.site.cli(&["token", "revoke", &last["entry"].to_string()]).success();
    assert_eq!(ask(canary), ask(&spent), "a canary is refused as any token that is nobody's");
    assert_eq!(ask(&unknown).0, 401);
    let about = |alarm: &Value, word: &str| alarm["about"].as_str().unwrap_or_default().contains(word);
    let touched = || {
        let of_the_token = |alarm: &Value| alarm["alarm"] == "canary-used" && about(alarm, "in a private repository");
        alarms(&world).into_iter().find(of_the_token)
    };
    wait_until("the canary is heard", 30, || touched().is_some());
    assert!(about(&touched().unwrap(), "127.0.0.1"), "{:?}", touched());
    let git = Git::init(&world.path("thief"), "sha1");
    assert!(!git.run(["ls-remote", &world.site.url("ann/code", Some(("ann", canary)))]).ok);

    // An SSH key.
    let key = world.site.cli(&["canary", "make", "--kind", "ssh-key", "--note", "in ~/.ssh"]).success();
    let file = world.path("canary-key");
    std::fs::write(&file, key).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let public = std::process::Command::new("ssh-keygen").args(["-y", "-f"]).arg(&file).output().unwrap();
    assert!(public.status.success(), "ssh-keygen reads it: {}", String::from_utf8_lossy(&public.stderr));
    let (host, port) = world.site.ssh.rsplit_once(':').unwrap();
    let tried = std::process::Command::new("ssh")
        .args([
            "-F",
            "none",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "BatchMode=yes",
        ])
        .args(["-o", "IdentitiesOnly=yes", "-p", port, "-i"])
        .arg(&file)
        .args([&format!("git@{host}"), "git-upload-pack", "ann/code"])
        .output()
        .unwrap();
    assert!(!tried.status.success());
    let heard = || alarms(&world).iter().any(|alarm| about(alarm, "~/.ssh"));
    wait_until("the key is heard", 30, heard);

    // Seen, it is no longer open.
    let id = touched().unwrap()["id"].to_string();
    world.site.cli(&["alarms", "seen", &id]).success();
    assert!(touched().is_none());
    wait_until("the vaults are told", 30, || {
        let log = std::fs::read_to_string(world.path("eu.log")).unwrap_or_default();
        log.contains("canary-used") && log.contains("role-changed")
    });
}

#[test]
fn an_officer_from_a_new_place_and_a_reader_of_everything_are_alarms() {
    let world = World::new();
    let secret = "the long password of olga";
    let olga = ["user", "create", "olga", "--email", "o@example.org", "--officer", "--password-stdin"];
    world.site.cli_with(&olga, secret).success();
    let heard = |word: &str| alarms(&world).iter().any(|alarm| alarm["alarm"] == word);
    let sign_in = |agent: &str| {
        let headers = [
            ("Sec-Fetch-Site", "same-origin"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("User-Agent", agent),
        ];
        let body = format!("name=olga&password={}", crate::common::encoded(secret));
        let answer = request(&world.site.address, "POST", "/-/sign-in", &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text());
    };
    sign_in("Firefox/1 (X11; Linux)");
    sign_in("curl/8 (a machine that nobody knows)");
    wait_until("a new place is heard", 30, || heard("new-place"));

    for n in 0..21 {
        world.site.cli(&["repo", "create", &format!("ann/private{n}")]).success();
        assert!(!heard("bulk-read"), "{n} are few");
        let git = Git::at(&world.path("thief"));
        git.run(["ls-remote", &world.url(&format!("ann/private{n}"))]).success();
    }
    wait_until("a reader of everything is heard", 30, || heard("bulk-read"));
}

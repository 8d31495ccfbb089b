//! Behind a proxy: nginx, as docs/configuration.md has it.

use crate::common::{Git, Process, World, basic};
use crate::svn::Svn;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../../../docs/configuration.md");

/// The page's own words on what nginx does with each request, but before a site that listens elsewhere.
fn location(site: &str) -> String {
    let (_, from) = PAGE.split_once("        location / {\n").expect("the page shows a location");
    let (location, _) = from.split_once("        }\n").expect("and its end");
    assert!(location.contains("http://127.0.0.1:8080"), "{location}");
    location.replace("127.0.0.1:8080", site)
}

fn nginx(dir: &Path, site: &str) -> (Process, String) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let own: String = own.iter().map(|kind| format!("{kind}_temp_path {}/{kind};\n", dir.display())).collect();
    // One process: a master that is killed leaves its workers.
    let config = format!(
        "daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.log warn;\nevents {{}}\nhttp {{\naccess_log off;\n{own}\
         server {{\nlisten 127.0.0.1:{port};\nclient_max_body_size 0;\nlocation / {{\n{location}}}\n}}\n}}\n",
        dir = dir.display(),
        location = location(site),
    );
    let file = dir.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("nginx");
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").arg("-p").arg(dir).arg("-e").arg(dir.join("nginx.log"));
    command.arg("-c").arg(file);
    let mut process = Process::start(command, &dir.join("nginx.out"));
    let address = format!("127.0.0.1:{port}");
    process.await_ready(|| std::net::TcpStream::connect(&address).ok());
    (process, address)
}

/// The address from which `outlast credentials` says that Ann's token was used last.
fn last_used_from(world: &World) -> String {
    let listed = world.site.cli(&["credentials", "--user", "ann", "--json"]).success();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let token = rows.iter().find(|row| row["kind"] == "token").unwrap();
    token["last_used_from"].as_str().unwrap_or_default().to_owned()
}

/// A request from another of this machine's addresses.
fn from(address: &str, url: &str, headers: &[&str]) -> String {
    let mut command = Command::new("curl");
    command.args(["-sS", "-o", "-", "-w", "%{http_code}", "--interface", address]);
    for header in headers {
        command.args(["-H", header]);
    }
    let output = command.arg(url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn git_and_subversion_pass_and_the_address_is_the_clients() {
    let mut world = World::new();
    let config = world.path("outlast.toml");
    std::fs::write(&config, "trusted_proxies = ['127.0.0.1']\nmetrics_allow = ['127.0.0.1', '127.0.0.3']\n").unwrap();
    world.site.stop();
    world.site.options = ["--config".to_owned(), config.to_str().unwrap().to_owned()].into();
    world.site.resume();
    let (_nginx, proxy) = nginx(world.dir.path(), &world.site.address);

    // Git.
    world.site.cli(&["repo", "create", "ann/one"]).success();
    let git = Git::init(&world.path("work"), "sha1");
    git.generate(200);
    let url = format!("http://ann:{}@{proxy}/ann/one.git", world.token);
    git.run(["remote", "add", "origin", &url]).success();
    world.push(&git, &["HEAD:refs/heads/main"]);
    Git::mirror(&url, &world.path("mirror")).fsck();

    // Subversion, whose copies name an address of the proxy's.
    world.site.cli(&["repo", "create", "ann/two", "--svn"]).success();
    let svn = Svn::of(&world);
    let root = format!("http://{proxy}/ann/two.svn");
    svn.ok(world.dir.path(), &["mkdir", "-m", "layout", &format!("{root}/trunk"), &format!("{root}/tags")]);
    svn.ok(world.dir.path(), &["copy", "-m", "tag", &format!("{root}/trunk"), &format!("{root}/tags/1")]);
    assert_eq!(svn.ok(world.dir.path(), &["list", &format!("{root}/tags")]).trim(), "1/");

    // Who asks is whom the proxy saw; what they say of themselves is not believed.
    let login = format!("Authorization: {}", basic("ann", &world.token));
    let user = |host: &str| format!("http://{host}/api/v1/user");
    for forged in ["", "10.9.8.7", "10.9.8.7, 127.0.0.1"] {
        let forged = format!("X-Forwarded-For: {forged}");
        from("127.0.0.9", &user(&proxy), &[&login, &forged]);
        assert_eq!(last_used_from(&world), "127.0.0.9", "{forged}");
        from("127.0.0.8", &user(&world.site.address), &[&login, &forged]);
        assert_eq!(last_used_from(&world), "127.0.0.8", "without the proxy, {forged}");
    }

    // And monitoring is for whom the operator names.
    let metrics = |host: &str| format!("http://{host}/metrics");
    assert!(from("127.0.0.3", &metrics(&proxy), &[]).ends_with("200"));
    assert!(from("127.0.0.1", &metrics(&world.site.address), &[]).ends_with("200"));
    let closed = from("127.0.0.4", &metrics(&proxy), &["X-Forwarded-For: 127.0.0.3"]);
    assert!(closed.ends_with("404") && !closed.contains("outlast_"), "{closed}");
}

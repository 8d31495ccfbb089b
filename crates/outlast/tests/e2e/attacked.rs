//! The API attacked by schemathesis, which makes requests of what the description says of them, and of what it does not.

use crate::common::{World, provided, request};
use std::process::Command;

/// How long each attack goes on.
const SECONDS: &str = "9";

struct Scene {
    world: World,
    python: std::path::PathBuf,
}

impl Scene {
    fn token(&self, user: &str) -> String {
        let scopes = "repo:read,repo:write,repo:create,user:read,user:write,org:write,access";
        self.world.site.cli(&["token", "create", user, "--scope", scopes]).success().trim().to_owned()
    }

    /// Attacks as whoever has this token, with what is chosen by these arguments.
    fn attack(&self, who: &str, token: Option<&str>, arguments: &[&str]) {
        let mut command = Command::new(&self.python);
        let config = self.world.path("schemathesis.toml");
        command.current_dir(&self.world.dir).args(["-m", "schemathesis.cli"]).arg("--config-file").arg(config);
        let document = format!("http://{}/api/v1/openapi.json", self.world.site.address);
        let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
        command.args(["run", &document, "--checks", checks, "--phases", "coverage,fuzzing", "--max-time", SECONDS]);
        command.args(["--max-examples", "20", "--seed", "20261126", "--suppress-health-check", "all", "--no-shrink"]);
        command.args(["--warnings", "off", "--continue-on-failure", "--generation-database", "none"]).args(arguments);
        if let Some(token) = token {
            command.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        let output = command.env("NO_COLOR", "1").env("PYTHONHASHSEED", "0").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "as {who}: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn no_request_makes_the_api_fail_or_answer_otherwise_than_it_says() {
    let Some(python) = provided("OUTLAST_TEST_PYTHON") else { return };
    let scene = Scene { world: World::new(), python };
    let world = &scene.world;
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    let (owner, member) = (scene.token("ann"), scene.token("bob"));
    let bearer = format!("Bearer {owner}");
    for (method, path, body) in [
        ("POST", "/api/v1/orgs", r#"{"username":"crew"}"#),
        ("PUT", "/api/v1/orgs/crew/memberships/bob", r#"{"role":"member"}"#),
        // Named as the account, because one word stands for both in addresses.
        ("POST", "/api/v1/user/repos", r#"{"name":"ann"}"#),
        ("PUT", "/api/v1/repos/ann/ann/collaborators/bob", r#"{"permission":"write"}"#),
    ] {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer = request(&world.site.address, method, path, &headers, body.as_bytes()).unwrap();
        assert!(answer.status < 300, "{method} {path}: {}", answer.text());
    }
    let work = world.repository("code");
    let url = world.site.url("ann/ann", Some(("ann", &owner)));
    work.run(["push", "-q", &url, "main"]).success();
    let known = "[parameters]\n\"path.owner\" = \"ann\"\n\"path.name\" = \"ann\"\n\"path.org\" = \"crew\"\n\"path.user\" = \"bob\"\n";
    std::fs::write(world.path("schemathesis.toml"), known).unwrap();

    // What takes away what the others are asked about comes last.
    let last = ["delete-repos-owner-name", "patch-repos-owner-name", "delete-users-name-tokens-id"];
    let others: Vec<_> = last.iter().flat_map(|name| ["--exclude-operation-id", *name]).collect();
    scene.attack("nobody", None, &others);
    scene.attack("a member", Some(&member), &others);
    scene.attack("the owner", Some(&owner), &others);
    let those: Vec<_> = last.iter().flat_map(|name| ["--include-operation-id", *name]).collect();
    scene.attack("the owner, at last", Some(&owner), &those);
    assert_eq!(world.site.get("/healthz").status, 200);
}

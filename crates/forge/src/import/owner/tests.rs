use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// As docs.github.com shows "List repositories for a user", with most of its fields; the address is the stand-in's.
const GITHUB: &str = r#"{"id":1296269,"node_id":"MDEwOlJlcG9zaXRvcnkxMjk2MjY5","name":"NAME","full_name":"octocat/NAME",
"owner":{"login":"octocat","id":1,"type":"User","site_admin":false},"private":PRIVATE,
"html_url":"https://github.com/octocat/NAME","description":"This your first repo!","fork":false,
"url":"https://api.github.com/repos/octocat/NAME","clone_url":"http://HOST/octocat/NAME.git",
"mirror_url":"git:git.example.com/octocat/NAME","homepage":"https://github.com","language":null,"forks_count":9,
"size":108,"default_branch":"master","open_issues_count":0,"is_template":false,"topics":["octocat","atom"],
"has_issues":true,"has_projects":true,"has_wiki":true,"archived":false,"disabled":false,"visibility":"VISIBILITY",
"pushed_at":"2011-01-26T19:06:43Z","permissions":{"admin":false,"push":false,"pull":true}}"#;
/// As Gitea's and Forgejo's /api/swagger describes a Repository.
const GITEA: &str = r#"{"id":7,"owner":{"id":2,"login":"ada","email":"","avatar_url":""},"name":"tool","full_name":"ada/tool",
"description":"A tool","empty":false,"private":true,"fork":false,"template":false,"parent":null,"mirror":false,"size":24,
"clone_url":"http://elsewhere.example/ada/tool.git","ssh_url":"git@HOST:ada/tool.git","website":"","stars_count":0,
"open_issues_count":3,"default_branch":"main","archived":false,"has_issues":true,"internal":false,"object_format_name":"sha1"}"#;

/// A forge that gives these answers, one a connection, and what it was asked.
async fn forge(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let own = host.clone();
    let serving = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            asked.push(String::from_utf8(request).unwrap());
            stream.write_all(answer.replace("HOST", &own).as_bytes()).await.unwrap();
        }
        asked
    });
    (host, serving)
}

fn json(body: &str) -> String {
    answer("200 OK", "", body)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n{body}")
}

fn hub(name: &str, private: bool, visibility: &str) -> String {
    GITHUB.replace("NAME", name).replace("PRIVATE", &private.to_string()).replace("VISIBILITY", visibility)
}

#[tokio::test]
async fn github_is_asked_for_every_page_waits_when_told_to_and_the_credential_stays_at_its_place() {
    let page = |repos: &[String]| json(&format!("[{}]", repos.join(",")));
    let (host, serving) = forge(vec![
        answer("404 Not Found", "", r#"{"message":"Not Found"}"#),
        answer("403 Forbidden", "x-ratelimit-remaining: 0\r\nretry-after: 1\r\n", r#"{"message":"rate limit"}"#),
        page(&[hub("Hello-World", false, "public"), hub("secret", true, "private")]),
        page(&[hub("shared", true, "internal"), hub("..", false, "public")]),
        page(&[]),
    ])
    .await;
    let owner: GitUrl = format!("http://octocat:token@{host}/octocat").parse().unwrap();
    let list = list(Egress::Any, &owner, Some(ForgeApi::GitHub)).await.unwrap();
    let seen: Vec<_> = list.repos.iter().map(|repo| (repo.name.as_str(), repo.visibility)).collect();
    let (public, internal) = (Visibility::Public, Visibility::Internal);
    assert_eq!(seen, [("Hello-World", public), ("secret", Visibility::Private), ("shared", internal)]);
    assert_eq!(
        (list.repos[0].description.as_str(), list.repos[0].website.as_str()),
        ("This your first repo!", "https://github.com")
    );
    assert_eq!(list.repos[0].url.credential.as_deref(), Some("octocat:token"));
    assert!(list.warnings.len() == 1 && list.warnings[0].contains("\"..\" is not taken in"), "{:?}", list.warnings);
    let asked = serving.await.unwrap();
    let lines: Vec<_> = asked.iter().map(|request| request.lines().next().unwrap()).collect();
    assert!(lines[0].starts_with("GET /api/v3/orgs/octocat/repos?"), "{lines:?}");
    assert!(
        lines[1] == lines[2] && lines[2].contains("/users/octocat/repos?") && lines[3].contains("page=2"),
        "{lines:?}"
    );
    assert!(asked.iter().all(|request| request.to_lowercase().contains("authorization: basic ")), "{asked:?}");
}

#[tokio::test]
async fn gitea_says_what_has_no_place_here_and_names_another_host_that_gets_no_credential() {
    let (host, serving) = forge(vec![json(&format!("[{GITEA}]")), json(&format!("[{GITEA}]"))]).await;
    let owner: GitUrl = format!("http://ada:token@{host}/ada").parse().unwrap();
    let list = list(Egress::Any, &owner, None).await.unwrap();
    assert_eq!(list.repos.len(), 1, "the same page again is the end");
    assert_eq!((list.repos[0].visibility, list.repos[0].url.credential.clone()), (Visibility::Private, None));
    assert!(list.warnings[0].contains("3 open issues"), "{:?}", list.warnings);
    assert!(serving.await.unwrap()[0].starts_with("GET /api/v1/users/ada/repos?"));
}

#[tokio::test]
async fn what_is_no_list_says_so_and_nothing_inside_is_asked() {
    let (host, _serving) = forge(vec![answer("200 OK", "", "<html>")]).await;
    let owner: GitUrl = format!("http://{host}/ada").parse().unwrap();
    let wrong = list(Egress::Any, &owner, None).await.unwrap_err().to_string();
    assert!(wrong.contains("no list of repositories"), "{wrong}");
    let refused = list(Egress::Public, &owner, None).await.unwrap_err().to_string();
    assert!(refused.contains("private network"), "{refused}");
    let deep: GitUrl = "https://host.example/a/b".parse().unwrap();
    assert!(list(Egress::Public, &deep, None).await.unwrap_err().to_string().contains("no owner's address"));
}

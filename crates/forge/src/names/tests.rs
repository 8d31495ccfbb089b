use super::*;
use proptest::prelude::*;

/// Names that must not pass, whatever they are names of.
const HOSTILE: &[&str] = &[
    "",
    ".",
    "..",
    "-",
    "-x",
    "--upload-pack=x",
    ".git",
    ".ssh",
    "a/b",
    "a\\b",
    "a b",
    "a\tb",
    "a\nb",
    "a\0b",
    "a%00b",
    "a%2fb",
    "../x",
    "x/..",
    "a..b",
    "x.",
    "x.git",
    "X.GIT",
    "x.svn",
    "x.Lock",
    "x.wiki",
    "a\u{202e}b",
    "a\u{200b}b",
    "\u{430}dmin",
    "a\u{0301}",
    "é",
    "a~1",
    "a:b",
    "a;b",
    "$(id)",
    "`id`",
    "<script>",
    "'",
    "\"",
    "a@b",
    "a{b}",
    "*",
    "?",
    "[x]",
    "^",
    "a#b",
    "a&b",
    "\u{feff}a",
    "CON\u{0}",
    "a\u{1b}[31m",
    "\u{ff0e}\u{ff0e}",
    "\u{2215}etc",
];

#[test]
fn hostile_names_are_refused_with_a_harmless_message() {
    for name in HOSTILE {
        let user = name.parse::<UserName>().unwrap_err().to_string();
        let repo = name.parse::<RepoName>().unwrap_err().to_string();
        assert!(user.chars().all(is_harmless) && repo.chars().all(is_harmless), "{name:?}");
    }
}

#[test]
fn ordinary_names_pass() {
    for name in ["a", "Ada", "x-1", "a.b", "a_b", "0", "z".repeat(40).as_str(), "git2", "my.git.tools"] {
        assert_eq!(name.parse::<UserName>().unwrap().as_str(), name);
    }
    assert!("z".repeat(41).parse::<UserName>().is_err());
    assert!("z".repeat(100).parse::<RepoName>().is_ok());
    assert!("z".repeat(101).parse::<RepoName>().is_err());
}

#[test]
fn the_sites_own_addresses_are_no_accounts() {
    for name in ["api", "API", "login", "admin", "log", "healthz", "metrics", "assets", "explore", "settings", "new"] {
        assert!(name.parse::<UserName>().is_err(), "{name}");
        assert!(name.parse::<RepoName>().is_ok(), "{name}");
    }
}

#[test]
fn paths_nest_and_show_themselves() {
    let path: RepoPath = "group/sub/x".parse().unwrap();
    assert_eq!(path.to_string(), "group/sub/x");
    assert_eq!(path.owner_text(), "group/sub");
    assert_eq!(path.name().as_str(), "x");
    assert!("group/settings/x".parse::<RepoPath>().is_ok(), "only the first part can be one of the site's own");
    for bad in ["x", "/x", "x/", "a//b", "a/b/", "/a/b", "a/-/b", "settings/x", "a/b.git", "a/../b"] {
        assert!(bad.parse::<RepoPath>().is_err(), "{bad}");
    }
    assert!(format!("{}x", "a/".repeat(NAMESPACE_DEPTH_MAX)).parse::<RepoPath>().is_ok());
    assert!(format!("{}x", "a/".repeat(NAMESPACE_DEPTH_MAX + 1)).parse::<RepoPath>().is_err());
}

#[test]
fn mail_addresses() {
    for good in ["a@b", "ada@example.org", "a.b+c@x-y.example", "ü@exämple.de"] {
        assert_eq!(good.parse::<Email>().unwrap().as_str(), good);
    }
    for bad in [
        "",
        "a",
        "@b",
        "a@",
        "a@b@c",
        "a b@c",
        "a@b..c",
        "a@-b",
        "a\n@b",
        "<a@b>",
        "a@b\u{202e}",
        "a@b c",
        "a@[1.2.3.4]",
    ] {
        assert!(bad.parse::<Email>().is_err(), "{bad:?}");
    }
    assert!(format!("a@{}.org", "b.".repeat(140)).parse::<Email>().is_err());
}

#[test]
fn names_of_tokens() {
    assert_eq!(" laptop ".parse::<TokenName>().unwrap().as_str(), "laptop");
    assert_eq!("mein Rechner (Büro)".parse::<TokenName>().unwrap().as_str(), "mein Rechner (Büro)");
    for bad in ["", "  ", "a\nb", "a\u{202e}b", "\u{200b}"] {
        assert!(bad.parse::<TokenName>().is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_name_or_an_error(text in ".{0,60}") {
        let _ = text.parse::<Email>();
        if let Ok(path) = text.parse::<RepoPath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }
}

#[test]
fn addresses_of_subversion_are_a_repository_and_the_rest() {
    let parsed = |text: &str| RepoPath::split_svn(text).map(|(path, end)| (path.to_string(), text[end..].to_owned()));
    assert_eq!(parsed("/a/b.svn"), Some(("a/b".into(), String::new())));
    assert_eq!(parsed("/a/b.svn/!svn/me"), Some(("a/b".into(), "/!svn/me".into())));
    assert_eq!(parsed("/g/sub/b.svn/trunk/x.svn/y"), Some(("g/sub/b".into(), "/trunk/x.svn/y".into())));
    for nothing in ["/", "/b.svn", "/a/b", "/a/b.svnx", "/a/b/-/file/main/x.svn", "/a/b.git/info/refs"] {
        assert_eq!(parsed(nothing), None, "{nothing}");
    }
}

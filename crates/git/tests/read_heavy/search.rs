//! Text and names.

use crate::support::Made;
use code::{CodePath, ReadError, Search, SearchHit, Source};
use git::ObjectFormat;

/// A commit of these files.
pub(crate) fn made(format: ObjectFormat, files: &[(&str, &str)]) -> Made {
    let made = Made::new(format);
    let who = "A U Thor <a@example.com> 1700000000 +0000";
    let mut stream = format!("commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata 2\nc\n");
    for (path, text) in files {
        stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len()));
    }
    made.import(stream.as_bytes());
    made
}

fn find(made: &Made, text: &str, below: &str) -> Result<Vec<SearchHit>, ReadError> {
    let search = Search { text: text.to_owned(), path: below.parse().unwrap(), files_max: 50 };
    made.source().search(&made.id("main"), &search)
}

fn shown(hits: &[SearchHit]) -> Vec<String> {
    let line = |hit: &SearchHit| {
        let lines = hit.lines.iter().map(|line| format!(" {}{:?}", line.number, line.ranges)).collect::<String>();
        format!("{}{lines}", hit.path.shown())
    };
    hits.iter().map(line).collect()
}

#[test]
fn a_text_is_found_as_it_stands_there() {
    let files = [
        ("src/a.rs", "fn alpha() {}\nlet x = alpha() + Alpha;\n"),
        ("src/deep/b.rs", "nothing\n-e --output=/tmp/x $(touch y) alpha.*"),
        ("docs/alpha.md", "of other things\n"),
        ("c", "größe\n"),
    ];
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let made = made(format, &files);
        let all = find(&made, "alpha", "").unwrap();
        let expected = ["docs/alpha.md", "src/a.rs 1[(3, 8)] 2[(8, 13), (18, 23)]", "src/deep/b.rs 2[(30, 35)]"];
        assert_eq!(shown(&all), expected);
        assert_eq!(shown(&find(&made, "Alpha", "").unwrap()), ["src/a.rs 2[(18, 23)]"]);
        assert_eq!(shown(&find(&made, "alpha", "src/deep").unwrap()), ["src/deep/b.rs 2[(30, 35)]"]);
        assert_eq!(shown(&find(&made, "alpha.*", "").unwrap()).len(), 1, "it is no expression");
        assert_eq!(shown(&find(&made, "-e --output=/tmp/x $(touch y)", "").unwrap()).len(), 1);
        assert_eq!(shown(&find(&made, "größe", "").unwrap()), ["c 1[(0, 7)]"]);
        assert_eq!(shown(&find(&made, "is not there", "").unwrap()), Vec::<String>::new());
        for bad in ["", "  ", "a\nb", "a\0b"] {
            assert!(matches!(find(&made, bad, ""), Err(ReadError::Invalid(_))), "{bad:?}");
        }
        assert!(matches!(find(&made, "alpha", "elsewhere"), Err(ReadError::NotFound(_))));
    }
}

#[test]
fn no_more_files_lines_and_bytes_than_are_shown() {
    let long = format!("{}needle\n{}", "x".repeat(100_000), "needle\n".repeat(100));
    let files: Vec<(String, String)> = (0..80).map(|n| (format!("f{n:02}"), long.clone())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let hits = find(&made(ObjectFormat::Sha1, &files), "needle", "").unwrap();
    assert_eq!(hits.len(), 50);
    assert!(hits.iter().all(|hit| hit.lines.len() == 20 && hit.lines.iter().all(|line| line.text.len() <= 2_000)));
}

#[test]
fn what_is_no_text_is_not_searched() {
    let made = made(ObjectFormat::Sha1, &[("binary", "needle\0\n"), ("text", "needle")]);
    assert_eq!(shown(&find(&made, "needle", "").unwrap()), ["text 1[(0, 6)]"]);
    assert_eq!(find(&made, "needle", "").unwrap()[0].path, CodePath::parse(b"text").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_may_be_called_where_blocking_is_allowed() {
    let found = tokio::task::spawn_blocking(|| {
        let made = made(ObjectFormat::Sha1, &[("text", "needle")]);
        shown(&find(&made, "needle", "").unwrap())
    });
    assert_eq!(found.await.unwrap(), ["text 1[(0, 6)]"]);
}

use super::*;
use proptest::prelude::*;

fn html(markdown: &str) -> String {
    let below = |verb: &str| format!("/ann/x/-/{verb}/main/");
    let (file, raw) = (below("file"), below("raw"));
    let base = crate::LinkBase { file_root: file.clone(), raw_root: raw.clone(), file, raw };
    crate::markdown(markdown, &base)
}

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
}

#[test]
fn restructured_text_is_read() {
    let text = "=====\nTitle\n=====\n\nWords *here* and ``code <b>``, a `link <https://example.org/>`_, `named`_ and :ref:`role`.\n\n\
                Part\n----\n\n- one\n- two\n\n.. code-block:: rust\n   :linenos:\n\n   fn main() {}\n\nAn example::\n\n    literal *text*\n\n\
                .. image:: docs/tower.png\n   :alt: A tower\n\n.. note:: Mind the gap.\n\n.. a comment\n   of two lines\n\n\
                Sub\n~~~\n\n#. first\n#. second\n\n.. _named: docs/more.rst\n\n<script>alert(1)</script>\n";
    let html = html(&rst(text));
    has(
        &html,
        &[
            "<h1 id=\"user-content-title\">Title<",
            "<h2 id=\"user-content-part\">Part<",
            "<h3 id=\"user-content-sub\">Sub<",
            "<em>here</em>",
            "code &lt;b&gt;</code>",
            "https://example.org/",
            "named</a>",
            "role</code>",
        ],
    );
    has(
        &html,
        &["<li>one</li>", "main", "literal *text*", "A tower", "<strong>Note</strong>", "<ol>", "docs/more.rst"],
    );
    assert!(!html.contains("a comment") && !html.contains("<script") && !html.contains("linenos"), "{html}");
}

#[test]
fn asciidoc_is_read() {
    let text = "= Title\n:toc:\n\nWords *here*, `code <b>` and https://example.org/[a link], link:docs/more.adoc[more].\n\n== Part\n\n* one\n** two\n\n. first\n\n\
                [source,rust]\n----\nfn main() {}\n----\n\nimage::docs/tower.png[A tower]\n\nNOTE: Mind the gap.\n\n|===\n|a |b\n\n|1\n|2\n|===\n\n// a comment\n\n<script>alert(1)</script>\n";
    let html = html(&adoc(text));
    has(
        &html,
        &[
            "<h1 id=\"user-content-title\">Title<",
            "<h2 id=\"user-content-part\">Part<",
            "<strong>here</strong>",
            "code &lt;b&gt;</code>",
            "a link</a>",
            "docs/more.adoc",
            "one",
            "two",
        ],
    );
    has(&html, &["<ol>", "main", "A tower", "<strong>Note</strong>", "<th>a</th>", "<td>2</td>"]);
    assert!(!html.contains("a comment") && !html.contains("<script") && !html.contains(":toc:"), "{html}");
}

#[test]
fn org_is_read() {
    let text = "#+TITLE: Title\n#+AUTHOR: x\n* Part\n:PROPERTIES:\n:ID: 7\n:END:\nWords *here* /there/ =code <b>= and [[https://example.org/][a link]], [[file:docs/more.org]].\n\n** Sub\n- one\n  - two\n\n\
                #+BEGIN_SRC rust\nfn main() {}\n#+END_SRC\n\n| a | b |\n|---+---|\n| 1 | 2 |\n\n# a comment\n\n<script>alert(1)</script>\n";
    let html = html(&org(text));
    has(
        &html,
        &[
            "<h1 id=\"user-content-title\">Title<",
            "<h1 id=\"user-content-part\">Part<",
            "<h2 id=\"user-content-sub\">Sub<",
            "<strong>here</strong>",
            "<em>there</em>",
            "code &lt;b&gt;</code>",
            "a link</a>",
            "docs/more.org",
        ],
    );
    has(&html, &["one", "two", "main", "<th>a</th>", "<td>2</td>"]);
    assert!(
        !html.contains("a comment") && !html.contains("<script") && !html.contains("AUTHOR") && !html.contains("ID: 7"),
        "{html}"
    );
}

#[test]
fn what_runs_scripts_elsewhere_is_a_link_nowhere() {
    for text in ["`x <javascript:alert(1)>`_", ".. image:: javascript:alert(1)", ".. _t: javascript:alert(1)\n\n`t`_"] {
        assert!(!html(&rst(text)).contains("href=\"javascript"), "{text}");
    }
    assert!(!html(&adoc("link:javascript:alert(1)[x]")).contains("href=\"javascript"));
    assert!(!html(&org("[[javascript:alert(1)][x]]")).contains("href=\"javascript"));
}

proptest! {
    #[test]
    fn no_text_stops_a_rewriter(text in "[ \\n\\t.:*=`_<>\\[\\]|#+\\-~/a-z0-9é]{0,200}") {
        for markdown in [rst(&text), adoc(&text), org(&text)] {
            // Each line grows by a bound.
            prop_assert!(markdown.len() <= 64 * (text.len() + 16));
        }
    }
}

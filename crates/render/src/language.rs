//! What a file is written in.

use std::sync::LazyLock;
use syntect::parsing::{SyntaxReference, SyntaxSet};

/// Grammars for lines that end in a line feed.
pub(crate) static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// Names that the grammars don't know themselves, in small letters, and a token that finds theirs.
const NAMES: &[(&str, &str)] = &[
    ("cargo.lock", "toml"),
    ("poetry.lock", "toml"),
    ("uv.lock", "toml"),
    ("pipfile", "toml"),
    ("flake.lock", "json"),
    ("composer.lock", "json"),
    (".babelrc", "json"),
    (".eslintrc", "json"),
    (".prettierrc", "json"),
    ("containerfile", "dockerfile"),
    ("dockerfile", "dockerfile"),
    ("gnumakefile", "make"),
    ("makefile", "make"),
    ("justfile", "make"),
    ("jenkinsfile", "groovy"),
    ("vagrantfile", "rb"),
    ("rakefile", "rb"),
    ("gemfile", "rb"),
    ("brewfile", "rb"),
    ("podfile", "rb"),
    ("cmakelists.txt", "cmake"),
    (".clang-format", "yaml"),
    (".editorconfig", "ini"),
    (".npmrc", "ini"),
    (".env", "sh"),
    ("pkgbuild", "sh"),
    (".envrc", "sh"),
    ("go.mod", "go"),
    ("go.sum", ""),
];

/// Extensions and names behind a fence that the grammars don't know, and one that they do.
const ALIASES: &[(&str, &str)] = &[
    ("jsonc", "json"),
    ("json5", "json"),
    ("jsonl", "json"),
    ("ndjson", "json"),
    ("ipynb", "json"),
    ("geojson", "json"),
    ("webmanifest", "json"),
    ("golang", "go"),
    ("shell", "sh"),
    ("console", "sh"),
    ("shellsession", "sh"),
    ("shell-session", "sh"),
    ("zsh", "sh"),
    ("ksh", "sh"),
    ("py3", "py"),
    ("python3", "py"),
    ("pyi", "py"),
    ("mjs", "js"),
    ("cjs", "js"),
    ("node", "js"),
    ("mts", "ts"),
    ("cts", "ts"),
    ("c++", "cpp"),
    ("h++", "cpp"),
    ("ino", "cpp"),
    ("cu", "cpp"),
    ("c#", "cs"),
    ("csharp", "cs"),
    ("f#", "fs"),
    ("objc", "m"),
    ("objective-c", "m"),
    ("kts", "kt"),
    ("yml", "yaml"),
    ("patch", "diff"),
    ("docker", "dockerfile"),
    ("terraform", "tf"),
    ("hcl", "tf"),
    ("svg", "xml"),
    ("plist", "xml"),
    ("xaml", "xml"),
    ("csproj", "xml"),
    ("mdx", "md"),
    ("mkd", "md"),
    ("mdown", "md"),
    ("psql", "sql"),
    ("postgres", "sql"),
    ("emacs-lisp", "el"),
    ("elisp", "el"),
    ("gitignore", ".gitignore"),
    ("vue3", "vue"),
];

/// What a file is written in, for people: `Rust`. By its name, else by its first line. None: plain text, or unknown.
#[must_use]
pub fn language(name: &str, text: &str) -> Option<&'static str> {
    syntax_of(name, text).map(|syntax| syntax.name.as_str())
}

/// The grammar of a file.
pub(crate) fn syntax_of(name: &str, text: &str) -> Option<&'static SyntaxReference> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let small = name.to_lowercase();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let found = named(name, &small)
        .or_else(|| extension.and_then(by_extension))
        .or_else(|| small.split_once('.').and_then(|(stem, _)| listed(NAMES, stem)).and_then(by_extension))
        .or_else(|| first_line(text).and_then(|line| SYNTAXES.find_syntax_by_first_line(line)));
    found.filter(|syntax| syntax.name != "Plain Text")
}

/// The grammar of a fenced block: the first word behind its fence.
pub(crate) fn syntax_of_token(token: &str) -> Option<&'static SyntaxReference> {
    if token.is_empty() || token.len() > 40 {
        return None;
    }
    let small = token.to_lowercase();
    let found = by_extension(&small).or_else(|| SYNTAXES.find_syntax_by_token(&small));
    found.filter(|syntax| syntax.name != "Plain Text")
}

fn named(name: &str, small: &str) -> Option<&'static SyntaxReference> {
    SYNTAXES.find_syntax_by_extension(name).or_else(|| listed(NAMES, small).and_then(by_extension))
}

fn by_extension(extension: &str) -> Option<&'static SyntaxReference> {
    SYNTAXES.find_syntax_by_extension(extension).or_else(|| {
        let small = extension.to_lowercase();
        SYNTAXES.find_syntax_by_extension(&small).or_else(|| {
            let alias = listed(ALIASES, &small)?;
            SYNTAXES.find_syntax_by_extension(alias).or_else(|| SYNTAXES.find_syntax_by_token(alias))
        })
    })
}

fn listed(list: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    list.iter().find(|(known, _)| *known == name).map(|(_, token)| *token)
}

/// A first line that is short enough to look at.
fn first_line(text: &str) -> Option<&str> {
    text.lines().next().filter(|line| line.len() <= 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_extensions_and_first_lines_tell() {
        for (name, text, expected) in [
            ("src/main.rs", "", Some("Rust")),
            ("MAIN.RS", "", Some("Rust")),
            ("Makefile", "", Some("Makefile")),
            ("Makefile.am", "", Some("Makefile")),
            ("Dockerfile.dev", "", Some("Dockerfile")),
            ("Cargo.lock", "", Some("TOML")),
            ("run", "#!/usr/bin/env python3\nprint(1)", Some("Python")),
            ("run", "#!/bin/sh\n", Some("Bourne Again Shell (bash)")),
            ("a.tsx", "", Some("TypeScriptReact")),
            ("a.yml", "", Some("YAML")),
            ("notes.txt", "#!/bin/sh\n", None),
            ("LICENSE", "Apache\n", None),
            ("", "", None),
        ] {
            assert_eq!(language(name, text), expected, "{name}");
        }
    }

    #[test]
    fn fences_are_known_by_what_people_call_them() {
        for token in [
            "rust",
            "Rust",
            "rs",
            "js",
            "javascript",
            "ts",
            "typescript",
            "tsx",
            "python",
            "py",
            "sh",
            "bash",
            "shell",
            "console",
            "json",
            "jsonc",
            "yaml",
            "yml",
            "toml",
            "html",
            "css",
            "scss",
            "c",
            "cpp",
            "c++",
            "csharp",
            "java",
            "kotlin",
            "swift",
            "go",
            "golang",
            "ruby",
            "php",
            "sql",
            "diff",
            "dockerfile",
            "makefile",
            "xml",
            "lua",
            "haskell",
            "elixir",
            "zig",
            "nix",
            "perl",
            "r",
            "scala",
            "vue",
            "graphql",
            "ini",
            "terraform",
            "protobuf",
            "latex",
            "markdown",
        ] {
            assert!(syntax_of_token(token).is_some(), "{token}");
        }
        assert!(syntax_of_token("mermaid").is_none());
        assert!(syntax_of_token("").is_none());
    }
}

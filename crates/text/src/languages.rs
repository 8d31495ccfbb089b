//! Kinds of files, by their names: a share of bytes for each language people write. Data and prose are left out, so is what
//! is in directories that hold other people's code.

use std::collections::HashMap;

/// A larger file was hardly written by hand.
const FILE_BYTES_MAX: u64 = 2 << 20;
/// The longest ending or name that is known.
const ENDING_BYTES_MAX: usize = 16;

/// Directories of code that was brought in.
const FOREIGN: &[&[u8]] = &[
    b"node_modules",
    b"vendor",
    b"third_party",
    b"3rdparty",
    b"bower_components",
    b"site-packages",
    b"Pods",
    b".yarn",
];

/// Bytes of each language, counted file by file.
#[derive(Debug, Default)]
pub struct Shares(HashMap<&'static str, u64>);

impl Shares {
    /// Counts a file of a language.
    pub fn add(&mut self, language: &'static str, bytes: u64) {
        if bytes <= FILE_BYTES_MAX {
            *self.0.entry(language).or_default() += bytes;
        }
    }

    /// Languages with their bytes, the largest share first.
    #[must_use]
    pub fn sorted(self) -> Vec<(String, u64)> {
        let mut shares = self.0.into_iter().filter(|(_, bytes)| *bytes > 0).collect::<Vec<_>>();
        shares.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        shares.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
    }
}

/// What a file is written in, by its name.
#[must_use]
pub fn language(path: &[u8]) -> Option<&'static str> {
    let mut parts = path.rsplit(|byte| *byte == b'/');
    let name = parts.next()?;
    if parts.any(|part| FOREIGN.contains(&part)) || name.ends_with(b".min.js") || name.ends_with(b".min.css") {
        return None;
    }
    let of = |table: &[(&'static str, &[&str])], key: &[u8]| {
        let known = |(_, keys): &&(&str, &[&str])| keys.iter().any(|known| known.as_bytes() == key);
        table.iter().find(known).map(|(language, _)| *language)
    };
    of(NAMES, name).or_else(|| {
        let dot = name.iter().rposition(|byte| *byte == b'.')?;
        let ending = &name[dot + 1..];
        (ending.len() <= ENDING_BYTES_MAX).then(|| of(ENDINGS, &ending.to_ascii_lowercase()))?
    })
}

const NAMES: &[(&str, &[&str])] = &[
    ("CMake", &["CMakeLists.txt"]),
    ("Dockerfile", &["Dockerfile", "Containerfile"]),
    ("Makefile", &["Makefile", "makefile", "GNUmakefile", "Kbuild"]),
    ("Meson", &["meson.build", "meson_options.txt"]),
    ("Ruby", &["Rakefile", "Gemfile", "Vagrantfile"]),
    ("Just", &["justfile", "Justfile"]),
    ("Starlark", &["BUILD", "WORKSPACE"]),
    ("Groovy", &["Jenkinsfile"]),
];

const ENDINGS: &[(&str, &[&str])] = &[
    ("Ada", &["adb", "ads"]),
    ("Agda", &["agda"]),
    ("Assembly", &["asm", "s", "nasm"]),
    ("Astro", &["astro"]),
    ("Awk", &["awk"]),
    ("Batch", &["bat", "cmd"]),
    ("C", &["c", "h"]),
    ("C#", &["cs", "csx"]),
    ("C++", &["cc", "cpp", "cxx", "hh", "hpp", "hxx", "c++", "h++", "ipp", "tpp"]),
    ("CMake", &["cmake"]),
    ("COBOL", &["cob", "cbl"]),
    ("CSS", &["css"]),
    ("CUDA", &["cu", "cuh"]),
    ("Clojure", &["clj", "cljs", "cljc"]),
    ("CoffeeScript", &["coffee"]),
    ("Common Lisp", &["lisp", "lsp", "cl"]),
    ("Crystal", &["cr"]),
    ("Cython", &["pyx", "pxd"]),
    ("D", &["d"]),
    ("Dart", &["dart"]),
    ("Dockerfile", &["dockerfile"]),
    ("Elixir", &["ex", "exs"]),
    ("Elm", &["elm"]),
    ("Emacs Lisp", &["el"]),
    ("Erlang", &["erl", "hrl"]),
    ("F#", &["fs", "fsi", "fsx"]),
    ("Fortran", &["f", "f90", "f95", "f03", "for"]),
    ("GLSL", &["glsl", "vert", "frag"]),
    ("Gleam", &["gleam"]),
    ("Go", &["go"]),
    ("GraphQL", &["graphql", "gql"]),
    ("Groovy", &["groovy", "gradle"]),
    ("HCL", &["tf", "hcl"]),
    ("HTML", &["html", "htm", "xhtml"]),
    ("Haskell", &["hs", "lhs"]),
    ("Idris", &["idr"]),
    ("Java", &["java"]),
    ("JavaScript", &["js", "mjs", "cjs", "jsx"]),
    ("Jinja", &["j2", "jinja", "jinja2"]),
    ("Julia", &["jl"]),
    ("Jupyter Notebook", &["ipynb"]),
    ("Kotlin", &["kt", "kts"]),
    ("Lean", &["lean"]),
    ("Less", &["less"]),
    ("Lua", &["lua"]),
    ("Makefile", &["mk", "mak"]),
    ("Nim", &["nim"]),
    ("Nix", &["nix"]),
    ("OCaml", &["ml", "mli"]),
    ("Objective-C", &["m"]),
    ("Objective-C++", &["mm"]),
    ("Odin", &["odin"]),
    ("PHP", &["php", "phtml"]),
    ("Pascal", &["pas", "pp", "dpr"]),
    ("Perl", &["pl", "pm", "t"]),
    ("PowerShell", &["ps1", "psm1", "psd1"]),
    ("Prolog", &["pro"]),
    ("Protocol Buffers", &["proto"]),
    ("PureScript", &["purs"]),
    ("Python", &["py", "pyi", "pyw"]),
    ("R", &["r"]),
    ("Racket", &["rkt"]),
    ("Roff", &["1", "2", "3", "5", "7", "8", "roff", "man"]),
    ("Ruby", &["rb", "rake", "gemspec", "erb"]),
    ("Rust", &["rs"]),
    ("SCSS", &["scss", "sass"]),
    ("SQL", &["sql"]),
    ("Scala", &["scala", "sc"]),
    ("Scheme", &["scm", "ss"]),
    ("Shell", &["sh", "bash", "zsh", "fish", "ksh"]),
    ("Solidity", &["sol"]),
    ("Starlark", &["bzl", "star"]),
    ("Svelte", &["svelte"]),
    ("Swift", &["swift"]),
    ("SystemVerilog", &["sv", "svh"]),
    ("Tcl", &["tcl"]),
    ("TeX", &["tex", "sty", "cls"]),
    ("TypeScript", &["ts", "tsx", "mts", "cts"]),
    ("VHDL", &["vhd", "vhdl"]),
    ("Vala", &["vala"]),
    ("Verilog", &["v"]),
    ("Vim Script", &["vim"]),
    ("Visual Basic", &["vb", "vbs"]),
    ("Vue", &["vue"]),
    ("WebAssembly", &["wat", "wast"]),
    ("Yacc", &["y", "yy"]),
    ("Lex", &["l", "ll"]),
    ("Zig", &["zig"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_a_file_is_written_in() {
        assert_eq!(language(b"src/main.rs"), Some("Rust"));
        assert_eq!(language(b"A.PY"), Some("Python"));
        assert_eq!(language(b"Makefile"), Some("Makefile"));
        for none in ["README.md", "data.json", "LICENSE", "node_modules/a/b.js", "x.min.js", ".gitignore", "a."] {
            assert_eq!(language(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn an_ending_is_of_one_language() {
        let mut endings = ENDINGS.iter().flat_map(|(_, endings)| *endings).collect::<Vec<_>>();
        let all = endings.len();
        endings.sort_unstable();
        endings.dedup();
        assert_eq!(endings.len(), all);
    }
}

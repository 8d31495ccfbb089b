//! The routes as the source has them: every `.route("PATTERN", get(..).post(..))` of the crate `web`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "any"];

/// `FILE METHOD PATTERN` of each route.
pub(super) fn routes() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src");
    let mut found = BTreeSet::new();
    below(&root, &root, &mut found);
    assert!(found.len() > 20, "only {} routes: is this the right place?", found.len());
    found
}

fn below(dir: &Path, root: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            below(&path, root, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            of_file(&name, &text, found);
        }
    }
}

fn of_file(name: &str, text: &str, found: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices(".route(") {
        let call = balanced(&text[at + ".route".len()..]);
        let (pattern, handlers) = quoted(call).unwrap_or_else(|| panic!("{name}: a route without a literal: {call}"));
        let mut methods: Vec<_> = METHODS.iter().filter(|method| calls(handlers, method)).collect();
        assert!(!methods.is_empty(), "{name}: no method in {call}");
        methods.sort_unstable();
        found.extend(methods.iter().map(|method| format!("{name} {} {pattern}", method.to_uppercase())));
    }
}

/// What stands in the parentheses that `text` begins with.
fn balanced(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[1..at];
        }
    }
    panic!("a route without an end");
}

/// The first string and what follows it.
fn quoted(call: &str) -> Option<(&str, &str)> {
    let call = call.trim_start().strip_prefix('"')?;
    call.split_once('"')
}

/// Whether `get(` stands there, and not as the end of a longer word.
fn calls(handlers: &str, method: &str) -> bool {
    handlers.match_indices(&format!("{method}(")).any(|(at, _)| {
        let before = handlers[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || c == '_'))
    })
}

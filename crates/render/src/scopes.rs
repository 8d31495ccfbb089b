//! From a grammar's scopes to a few classes: what is told apart by colour.

use std::sync::LazyLock;
use syntect::parsing::{BasicScopeStackOp, Scope, ScopeStack, ScopeStackOp};

/// A class of text; None: plain.
pub(crate) type Class = Option<&'static str>;

/// All classes there are; the sanitiser lets them pass, and `highlight.css` has a rule for each.
pub(crate) const ALL: [&str; 11] = ["hc", "hs", "he", "hn", "hf", "hk", "ha", "ht", "ho", "hb", "hi"];

/// What a scope says about the text in it.
#[derive(Clone, Copy)]
enum Verdict {
    Class(&'static str),
    /// Code within a string or the like: as if nothing were around it.
    Plain,
}

use Verdict::{Class as Is, Plain};

/// Beginnings of scopes; the first that fits counts.
static RULES: LazyLock<Vec<(Scope, Verdict)>> = LazyLock::new(|| {
    let rules = [
        ("comment", Is("hc")),
        ("punctuation.definition.comment", Is("hc")),
        ("constant.character.escape", Is("he")),
        ("constant.other.placeholder", Is("he")),
        ("string.regexp", Is("he")),
        ("string.unquoted.plain.out.yaml", Plain),
        ("string.unquoted", Plain),
        ("string", Is("hs")),
        ("meta.interpolation", Plain),
        ("meta.template.expression", Plain),
        ("meta.embedded", Plain),
        ("source", Plain),
        ("constant", Is("hn")),
        ("support.constant", Is("hn")),
        ("entity.name.function", Is("hf")),
        ("entity.name.macro", Is("hf")),
        ("support.macro", Is("hf")),
        ("support.function", Is("hf")),
        ("variable.function", Is("hf")),
        ("variable.annotation", Is("ha")),
        ("meta.function-call.identifier", Is("hf")),
        ("entity.name.tag", Is("hk")),
        ("entity.other.attribute-name", Is("ha")),
        ("entity.name.section", Is("hb")),
        ("entity.name.import", Plain),
        ("entity.name.namespace", Plain),
        ("entity.name.label", Plain),
        ("entity.name.lifetime", Is("he")),
        ("entity.name.constant", Is("hn")),
        ("entity.name.variable", Plain),
        ("entity.name", Is("ht")),
        ("entity.other.inherited-class", Is("ht")),
        ("support.type.property-name", Is("ha")),
        ("support.type", Is("ht")),
        ("support.class", Is("ht")),
        ("storage.type.function.arrow", Is("ho")),
        ("storage", Is("hk")),
        ("keyword.operator.word", Is("hk")),
        ("keyword.operator.logical.python", Is("hk")),
        ("keyword.operator", Is("ho")),
        ("keyword", Is("hk")),
        ("variable.language", Is("hk")),
        ("meta.annotation", Is("ha")),
        ("meta.attribute", Is("ha")),
        ("markup.heading", Is("hb")),
        ("markup.bold", Is("hb")),
        ("markup.italic", Is("hi")),
        ("markup.raw", Is("hs")),
        ("markup.inserted", Is("hs")),
        ("markup.deleted", Is("he")),
        ("meta.diff.header", Is("hb")),
        ("meta.diff.range", Is("hf")),
    ];
    rules.into_iter().filter_map(|(name, verdict)| Some((Scope::new(name).ok()?, verdict))).collect()
});

/// The scopes at a place in a text, and the class each leads to: kept beside the stack, so that a change costs what
/// changes and not what is there.
#[derive(Clone, Default)]
pub(crate) struct Scopes {
    stack: ScopeStack,
    classes: Vec<Class>,
}

impl Scopes {
    /// The class of text here.
    pub(crate) fn class(&self) -> Class {
        self.classes.last().copied().flatten()
    }

    /// Follows the grammar. One that pops more than there is starts again.
    pub(crate) fn apply(&mut self, operation: &ScopeStackOp) {
        let Self { stack, classes } = self;
        let applied = stack.apply_with_hook(operation, |change, _| match change {
            BasicScopeStackOp::Push(scope) => {
                let outer = classes.last().copied().flatten();
                classes.push(class_of(scope, outer));
            }
            BasicScopeStackOp::Pop => drop(classes.pop()),
        });
        if applied.is_err() {
            *self = Self::default();
        }
    }
}

fn class_of(scope: Scope, outer: Class) -> Class {
    match RULES.iter().find(|(prefix, _)| prefix.is_prefix_of(scope)) {
        Some((_, Is(class))) => Some(class),
        Some((_, Plain)) => None,
        None => outer,
    }
}

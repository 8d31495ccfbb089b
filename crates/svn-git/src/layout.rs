//! Which paths are branches and tags, and what Git calls them.

use git::RefName;
use std::fmt;
use std::str::FromStr;

/// Which paths are branches and tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// `trunk`, `branches` and `tags` from the first revision on that has a directory `trunk`; a history without one is one branch.
    #[default]
    Detect,
    /// Everything is one branch.
    Root,
    /// As it says.
    Parts(Parts),
}

/// Where the trunk is and what branches and tags lie in: paths without a slash at either end. None of them is in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What becomes `main`.
    pub trunk: String,
    /// Each directory in it is a branch.
    pub branches: Option<String>,
    /// Each directory in it is a tag.
    pub tags: Option<String>,
}

/// Paths that can't be a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LayoutError(&'static str);

const NO_TRUNK: LayoutError = LayoutError("a layout with branches has a trunk");

impl Parts {
    /// `trunk`, `branches`, `tags`.
    pub(crate) fn usual() -> Self {
        Self { trunk: "trunk".to_owned(), branches: Some("branches".to_owned()), tags: Some("tags".to_owned()) }
    }

    fn checked(self) -> Result<Self, LayoutError> {
        let all: Vec<&str> = [Some(&self.trunk), self.branches.as_ref(), self.tags.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(char::is_control);
        if all.iter().any(|path| path.is_empty() || path.split('/').any(bad) || path.len() > 1_000) {
            return Err(LayoutError("a path of the layout is like this: project/trunk, without a slash at either end"));
        }
        for (at, path) in all.iter().enumerate() {
            if all.iter().enumerate().any(|(other, above)| at != other && within(path.as_bytes(), above.as_bytes())) {
                return Err(LayoutError(
                    "the paths of trunk, branches and tags lie beside each other, none in another",
                ));
            }
        }
        Ok(self)
    }
}

impl Layout {
    /// A layout by its kind, `detect`, `root` or `parts`, and the paths of one with parts; an empty path: there are none such.
    ///
    /// # Errors
    /// When there is no such kind, or the paths can't be a layout.
    pub fn of(kind: &str, trunk: &str, branches: &str, tags: &str) -> Result<Self, LayoutError> {
        let path = |path: &str| (!path.is_empty()).then(|| path.to_owned());
        match kind {
            "detect" => Ok(Self::Detect),
            "root" => Ok(Self::Root),
            "parts" => {
                let trunk = path(trunk).ok_or(NO_TRUNK)?;
                Parts { trunk, branches: path(branches), tags: path(tags) }.checked().map(Self::Parts)
            }
            _ => Err(LayoutError("a layout is detect, root or parts")),
        }
    }

    /// What [`Layout::of`] takes as its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Root => "root",
            Self::Parts(_) => "parts",
        }
    }

    /// The paths of trunk, branches and tags, as far as it names them.
    #[must_use]
    pub fn paths(&self) -> [Option<&str>; 3] {
        match self {
            Self::Detect | Self::Root => [None; 3],
            Self::Parts(Parts { trunk, branches, tags }) => [Some(trunk), branches.as_deref(), tags.as_deref()],
        }
    }
}

impl fmt::Display for Layout {
    /// One line: `detect`, `root`, or `trunk=PATH branches=PATH tags=PATH` with what there is of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detect => f.write_str("detect"),
            Self::Root => f.write_str("root"),
            Self::Parts(parts) => {
                write!(f, "trunk={}", parts.trunk)?;
                let rest = [("branches", &parts.branches), ("tags", &parts.tags)];
                rest.iter()
                    .filter_map(|(name, path)| Some((name, path.as_ref()?)))
                    .try_for_each(|(name, path)| write!(f, "\t{name}={path}"))
            }
        }
    }
}

impl FromStr for Layout {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        match text {
            "detect" => return Ok(Self::Detect),
            "root" => return Ok(Self::Root),
            _ => {}
        }
        let (mut trunk, mut branches, mut tags) = (None, None, None);
        for part in text.split('\t') {
            match part.split_once('=') {
                Some(("trunk", path)) => trunk = Some(path.to_owned()),
                Some(("branches", path)) => branches = Some(path.to_owned()),
                Some(("tags", path)) => tags = Some(path.to_owned()),
                _ => return Err(LayoutError("a layout is detect, root, or the paths of trunk, branches and tags")),
            }
        }
        let trunk = trunk.ok_or(NO_TRUNK)?;
        Parts { trunk, branches, tags }.checked().map(Self::Parts)
    }
}

/// Whether a path is another or lies in it.
fn within(path: &[u8], above: &[u8]) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// A layout that is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    Root,
    Parts(Parts),
}

/// What a path is in it. Paths begin with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A branch or tag, or something in it: its path.
    In(Vec<u8>),
    /// Branches lie below it.
    Above,
    /// Of no branch.
    Outside,
}

/// The path of the one branch of a layout without any.
pub(crate) const ROOT: &[u8] = b"/";

impl Lines {
    pub(crate) fn place(&self, path: &[u8]) -> Place {
        let Self::Parts(parts) = self else { return Place::In(ROOT.to_vec()) };
        let trunk = slashed(&parts.trunk);
        if within(path, &trunk) {
            return Place::In(trunk);
        }
        let bases: Vec<Vec<u8>> = self.bases();
        for base in &bases {
            let Some(rest) = path.strip_prefix(base.as_slice()).and_then(|rest| rest.strip_prefix(b"/")) else {
                continue;
            };
            let name = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
            return Place::In([base.as_slice(), b"/", name].concat());
        }
        let above = path == ROOT || bases.iter().chain([&trunk]).any(|below| within(below, path));
        if above { Place::Above } else { Place::Outside }
    }

    /// What branches and tags lie in.
    pub(crate) fn bases(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Root => Vec::new(),
            Self::Parts(parts) => {
                [&parts.branches, &parts.tags].into_iter().flatten().map(|path| slashed(path)).collect()
            }
        }
    }

    /// The path of the branch that is there without being in a directory of branches.
    pub(crate) fn trunk(&self) -> Vec<u8> {
        match self {
            Self::Root => ROOT.to_vec(),
            Self::Parts(parts) => slashed(&parts.trunk),
        }
    }

    /// Whether a branch's path is a tag's.
    pub(crate) fn is_tag(&self, branch: &[u8]) -> bool {
        matches!(self, Self::Parts(Parts { tags: Some(tags), .. }) if branch != self.trunk() && within(branch, &slashed(tags)))
    }

    /// What Git calls a branch; None: it can't be called anything.
    pub(crate) fn ref_name(&self, branch: &[u8]) -> Option<RefName> {
        if branch == self.trunk() {
            return Some(RefName::main());
        }
        let name = branch.rsplit(|byte| *byte == b'/').next()?;
        let prefix = if self.is_tag(branch) { "refs/tags/" } else { "refs/heads/" };
        let name = match name {
            // The trunk has this name, and Git itself the other.
            b"main" if prefix == "refs/heads/" => "%6Dain".to_owned(),
            b"HEAD" => "%48EAD".to_owned(),
            _ => plain(prefix, name).unwrap_or_else(|| encoded(name)),
        };
        format!("{prefix}{name}").parse().ok()
    }
}

pub(crate) fn slashed(path: &str) -> Vec<u8> {
    format!("/{path}").into_bytes()
}

/// A name as it is, where Git allows it.
fn plain(prefix: &str, name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?.replace('%', "%25");
    format!("{prefix}{name}").parse::<RefName>().is_ok().then_some(name)
}

/// A name of letters, digits and escapes.
fn encoded(name: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    name.iter().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_in_a_branch_above_some_or_elsewhere() {
        let lines = Lines::Parts(Parts::usual());
        let of = |path: &str| lines.place(path.as_bytes());
        let within = |path: &str| Place::In(path.as_bytes().to_vec());
        for (path, place) in [
            ("/trunk", within("/trunk")),
            ("/trunk/a/b", within("/trunk")),
            ("/trunks", Place::Outside),
            ("/branches", Place::Above),
            ("/branches/x", within("/branches/x")),
            ("/branches/x/a", within("/branches/x")),
            ("/tags/1.0/a", within("/tags/1.0")),
            ("/", Place::Above),
            ("/README", Place::Outside),
        ] {
            assert_eq!(of(path), place, "{path}");
        }
        let deep: Layout = "trunk=a/trunk\ttags=a/tags".parse().unwrap();
        let Layout::Parts(parts) = deep else { panic!("{deep}") };
        let lines = Lines::Parts(parts);
        assert_eq!(lines.place(b"/a"), Place::Above);
        assert_eq!(lines.place(b"/a/branches/x"), Place::Outside);
        assert_eq!(Lines::Root.place(b"/a/b"), within("/"));
    }

    #[test]
    fn refs_are_called_as_the_directories_or_so_that_git_takes_it() {
        let lines = Lines::Parts(Parts::usual());
        let of = |path: &[u8]| lines.ref_name(path).unwrap().as_str().to_owned();
        for (path, name) in [
            ("/trunk", "refs/heads/main"),
            ("/branches/x.y", "refs/heads/x.y"),
            ("/branches/main", "refs/heads/%6Dain"),
            ("/branches/HEAD", "refs/heads/%48EAD"),
            ("/branches/50%", "refs/heads/50%25"),
            ("/branches/with space", "refs/heads/with%20space"),
            ("/branches/größe", "refs/heads/größe"),
            ("/tags/a.lock", "refs/tags/a%2Elock"),
            ("/tags/main", "refs/tags/main"),
        ] {
            assert_eq!(of(path.as_bytes()), name);
        }
        assert_eq!(of(b"/branches/\xff"), "refs/heads/%FF");
        assert_eq!(Lines::Root.ref_name(b"/").unwrap(), RefName::main());
    }

    #[test]
    fn layouts_are_made_of_a_kind_and_paths() {
        for text in ["detect", "root", "trunk=t", "trunk=p/trunk\tbranches=p/branches\ttags=p/tags"] {
            let layout: Layout = text.parse().unwrap();
            let [trunk, branches, tags] = layout.paths().map(Option::unwrap_or_default);
            assert_eq!(Layout::of(layout.kind(), trunk, branches, tags).unwrap(), layout);
        }
        for (kind, trunk, branches) in [
            ("parts", "", "b"),
            ("parts", "/t", ""),
            ("parts", "t", "t/b"),
            ("parts", "a\tbranches=b", ""),
            ("", "t", ""),
        ] {
            assert!(Layout::of(kind, trunk, branches, "").is_err(), "{kind} {trunk} {branches}");
        }
    }

    #[test]
    fn layouts_are_written_as_they_are_read() {
        for text in ["detect", "root", "trunk=t", "trunk=p/trunk\tbranches=p/branches\ttags=p/tags"] {
            assert_eq!(text.parse::<Layout>().unwrap().to_string(), text);
        }
        for bad in ["", "x", "branches=b", "trunk=", "trunk=/a", "trunk=a/", "trunk=a\tbranches=a/b", "trunk=a\ttags=a"]
        {
            assert!(bad.parse::<Layout>().is_err(), "{bad}");
        }
    }
}

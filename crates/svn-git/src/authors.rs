//! Who the authors are: what Git calls those whom Subversion knows by a name alone.

use std::collections::BTreeMap;

/// The most bytes of a list of authors.
const BYTES_MAX: usize = 4 << 20;

/// Full names and addresses by Subversion's names. Whoever is not in it is `NAME <NAME@UUID>`, as with git-svn: an account's own
/// address is nobody's to give away, and would make other ids when it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authors(BTreeMap<String, (String, String)>);

/// A list that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorsError {
    /// What a line is not.
    #[error("line {0} of the authors is not like this: name = Full Name <address@example.org>")]
    Line(usize),
    /// It is too long.
    #[error("a list of authors has at most {BYTES_MAX} bytes")]
    TooLong,
}

impl Authors {
    /// Reads a list as git-svn has it: `name = Full Name <address>`, one a line; empty lines and those that begin with `#` say
    /// nothing.
    ///
    /// # Errors
    /// When a line is something else.
    pub fn parse(text: &str) -> Result<Self, AuthorsError> {
        if text.len() > BYTES_MAX {
            return Err(AuthorsError::TooLong);
        }
        let mut authors = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, full, address) = entry(line).ok_or(AuthorsError::Line(at + 1))?;
            authors.insert(name.to_owned(), (full.to_owned(), address.to_owned()));
        }
        Ok(Self(authors))
    }

    /// Whether somebody is in it.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Full name and address.
    pub(crate) fn get(&self, name: &str) -> Option<(&str, &str)> {
        self.0.get(name).map(|(full, address)| (full.as_str(), address.as_str()))
    }

    /// All of it as text: equal lists, equal texts.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|(name, (full, address))| format!("{name} = {full} <{address}>\n")).collect()
    }
}

fn entry(line: &str) -> Option<(&str, &str, &str)> {
    let (name, person) = line.split_once(" = ").or_else(|| line.split_once('='))?;
    let (full, rest) = person.trim().split_once('<')?;
    let address = rest.strip_suffix('>')?;
    let good = |text: &str| !text.contains(['<', '>']) && !text.contains(char::is_control);
    let (name, full, address) = (name.trim(), full.trim(), address.trim());
    (!name.is_empty() && !full.is_empty() && good(full) && good(address)).then_some((name, full, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_as_git_svn_has_it_is_read() {
        let text =
            "# people\nann = Ann Example <ann@example.org>\n\n  bob=Bob <>\n(no author) = Nobody <n@example.org>\n";
        let authors = Authors::parse(text).unwrap();
        assert_eq!(authors.get("ann"), Some(("Ann Example", "ann@example.org")));
        assert_eq!(authors.get("bob"), Some(("Bob", "")));
        assert!(authors.knows("(no author)") && !authors.knows("eve"));
        for bad in ["ann", "ann = Ann", "ann = <a@b>", "ann = A <a@b> x", "= A <a@b>", "ann = A <<a@b>"] {
            assert_eq!(Authors::parse(&format!("\n{bad}\n")), Err(AuthorsError::Line(2)), "{bad}");
        }
    }
}

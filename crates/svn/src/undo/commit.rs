//! Commits an [`Undo`] as a client of `svnserve` does: in Subversion's own protocol, to a server of ours, behind the commit gate.

use super::edit::{Changes, Edit, Within};
use super::{Name, Undo};
use crate::ra_svn::{Item, parse};
use fsfs::{Fs, Node, Packing, WINDOW_BYTES_MAX, make_window};
use std::io::{self, Read as _, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long the server may say nothing: it waits for the vaults meanwhile.
const SILENCE_MAX: Duration = Duration::from_secs(180);
/// The longest answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why it was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The server's words.
    #[error("{0}")]
    Refused(String),
    /// It broke off; whether it was committed shows in the repository.
    #[error("the commit broke off: {0}")]
    BrokeOff(#[from] io::Error),
}

/// What a client says first: to which address.
#[must_use]
pub(crate) fn opening(url: &str) -> Vec<u8> {
    format!("( 2 ( edit-pipeline ) {}:{url} ) ", url.len()).into_bytes()
}

impl Undo {
    /// What the server is to be told before [`Undo::commit`] speaks with it: the repository's address.
    #[must_use]
    pub fn opening(url: &str) -> Vec<u8> {
        opening(url)
    }

    /// Commits it; gives the revision. Blocks.
    ///
    /// # Errors
    /// [`CommitError`]; the server takes back what was sent until then.
    pub fn commit(&self, server: UnixStream, url: &str, message: &str) -> Result<u64, CommitError> {
        server.set_read_timeout(Some(SILENCE_MAX))?;
        server.set_write_timeout(Some(SILENCE_MAX))?;
        let mut server = Server { stream: server, heard: Vec::new() };
        server.success()?;
        server.say(b"( EXTERNAL ( 0: ) ) ")?;
        server.success()?;
        server.success()?;
        let mut command = b"( commit ( ".to_vec();
        text(&mut command, message.as_bytes());
        // No locks, none kept; where there are properties, the message among them counts.
        command.extend_from_slice(b"( ) false ( ( 7:svn:log ");
        text(&mut command, message.as_bytes());
        command.extend_from_slice(b") ) ) ) ");
        server.say(&command)?;
        server.success()?;
        server.success()?;
        let sent = self.send(&mut server, url);
        if sent.is_err() {
            // It has said why, where it is the one that wants no more.
            server.refusal()?;
        }
        sent?;
        server.say(b"( close-edit ( ) ) ")?;
        server.success()?;
        server.success()?;
        match server.item()? {
            Item::List(info) => match info.first() {
                Some(Item::Number(rev)) => Ok(*rev),
                _ => Err(strange()),
            },
            _ => Err(strange()),
        }
    }

    fn send(&self, server: &mut Server, url: &str) -> io::Result<()> {
        let out = io::BufWriter::with_capacity(WINDOW_BYTES_MAX, &mut server.stream);
        let mut editor = Editor { out, fs: &self.fs, url, base: self.newest, tokens: 0, path: Vec::new() };
        let root = editor.token();
        editor.write(format_args!("( open-root ( ( {} ) {}:{root} ) ) ", self.newest, root.len()))?;
        if let Some(Edit::Directory(within)) = &self.edit {
            editor.within(&root, within)?;
        }
        editor.write(format_args!("( close-dir ( {}:{root} ) ) ", root.len()))?;
        editor.out.flush()
    }
}

fn strange() -> CommitError {
    CommitError::BrokeOff(io::Error::other("the server says something else than svnserve does"))
}

/// Bytes with their length.
fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
    out.push(b' ');
}

struct Server {
    stream: UnixStream,
    heard: Vec<u8>,
}

impl Server {
    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    fn item(&mut self) -> Result<Item, CommitError> {
        loop {
            if let Some((item, n)) = parse(&self.heard).map_err(|_| strange())? {
                self.heard.drain(..n);
                return Ok(item);
            }
            let mut piece = [0; 4096];
            let n = self.stream.read(&mut piece)?;
            if n == 0 || self.heard.len() > ANSWER_BYTES_MAX {
                return Err(strange());
            }
            self.heard.extend_from_slice(&piece[..n]);
        }
    }

    fn success(&mut self) -> Result<(), CommitError> {
        match self.item()? {
            Item::List(items) => match items.as_slice() {
                [Item::Word(word), ..] if word == "success" => Ok(()),
                [Item::Word(word), Item::List(errors)] if word == "failure" => Err(CommitError::Refused(words(errors))),
                _ => Err(strange()),
            },
            _ => Err(strange()),
        }
    }

    /// The failure that lies there, if one does.
    fn refusal(&mut self) -> Result<(), CommitError> {
        match self.success() {
            Err(CommitError::Refused(why)) => Err(CommitError::Refused(why)),
            _ => Ok(()),
        }
    }
}

/// What a failure says, outermost first.
fn words(errors: &[Item]) -> String {
    let one = |error: &Item| match error {
        Item::List(parts) => match parts.get(1) {
            Some(Item::Bytes(said)) if !said.is_empty() => Some(code::visible(said)),
            _ => None,
        },
        _ => None,
    };
    errors.iter().filter_map(one).collect::<Vec<_>>().join("; ")
}

/// Says an edit in the protocol's words. Paths are in the order of a walk, each directory closed before the next is opened.
struct Editor<'a, W: Write> {
    out: W,
    fs: &'a Fs,
    url: &'a str,
    base: u64,
    tokens: u64,
    path: Vec<Name>,
}

impl<W: Write> Editor<'_, W> {
    fn write(&mut self, words: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.out.write_fmt(words)
    }

    fn token(&mut self) -> String {
        self.tokens += 1;
        self.tokens.to_string()
    }

    fn text(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut piece = Vec::with_capacity(bytes.len() + 8);
        text(&mut piece, bytes);
        self.out.write_all(&piece)
    }

    /// `( NAME ( `, the path, and the tokens.
    fn begin(&mut self, name: &str, tokens: &[&str]) -> io::Result<()> {
        self.write(format_args!("( {name} ( "))?;
        self.text(&self.path.join(&b'/'))?;
        tokens.iter().try_for_each(|token| self.text(token.as_bytes()))
    }

    fn within(&mut self, token: &str, within: &Within) -> io::Result<()> {
        self.properties("change-dir-prop", token, &within.properties)?;
        for (name, edit) in &within.entries {
            self.path.push(name.clone());
            self.edit(token, edit)?;
            self.path.pop();
        }
        Ok(())
    }

    fn properties(&mut self, word: &str, token: &str, changes: &Changes) -> io::Result<()> {
        for (name, value) in changes {
            self.write(format_args!("( {word} ( "))?;
            self.text(token.as_bytes())?;
            self.text(name)?;
            self.write(format_args!("( "))?;
            if let Some(value) = value {
                self.text(value)?;
            }
            self.write(format_args!(") ) ) "))?;
        }
        Ok(())
    }

    fn edit(&mut self, parent: &str, edit: &Edit) -> io::Result<()> {
        match edit {
            Edit::Remove => self.remove(parent),
            Edit::Copy { rev, instead, within } => {
                if *instead {
                    self.remove(parent)?;
                }
                let token = self.token();
                self.begin(if within.is_some() { "add-dir" } else { "add-file" }, &[parent, &token])?;
                let from = format!("{}/{}", self.url, encoded(&self.path.join(&b'/')));
                self.write(format_args!("( "))?;
                self.text(from.as_bytes())?;
                self.write(format_args!("{rev} ) ) ) "))?;
                match within {
                    Some(within) => {
                        self.within(&token, within)?;
                        self.write(format_args!("( close-dir ( {}:{token} ) ) ", token.len()))
                    }
                    None => self.write(format_args!("( close-file ( {}:{token} ( ) ) ) ", token.len())),
                }
            }
            Edit::File { text, properties } => {
                let token = self.token();
                self.begin("open-file", &[parent, &token])?;
                let base = self.base;
                self.write(format_args!("( {base} ) ) ) "))?;
                self.properties("change-file-prop", &token, properties)?;
                if let Some(node) = text {
                    self.content(&token, node)?;
                }
                self.write(format_args!("( close-file ( {}:{token} ( ) ) ) ", token.len()))
            }
            Edit::Directory(within) => {
                let token = self.token();
                self.begin("open-dir", &[parent, &token])?;
                let base = self.base;
                self.write(format_args!("( {base} ) ) ) "))?;
                self.within(&token, within)?;
                self.write(format_args!("( close-dir ( {}:{token} ) ) ", token.len()))
            }
        }
    }

    fn remove(&mut self, parent: &str) -> io::Result<()> {
        self.begin("delete-entry", &[])?;
        let base = self.base;
        self.write(format_args!("( {base} ) {}:{parent} ) ) ", parent.len()))
    }

    /// A file's whole content, as a difference from nothing.
    fn content(&mut self, token: &str, node: &Node) -> io::Result<()> {
        self.write(format_args!("( apply-textdelta ( {}:{token} ( ) ) ) ", token.len()))?;
        self.chunk(token, Packing::Plain.head())?;
        let mut content = self.fs.open_content(node).map_err(io::Error::other)?;
        let mut piece = vec![0; WINDOW_BYTES_MAX];
        while let Some(content) = &mut content {
            let mut filled = 0;
            while filled < piece.len() {
                match content.read(&mut piece[filled..])? {
                    0 => break,
                    n => filled += n,
                }
            }
            if filled == 0 {
                break;
            }
            self.chunk(token, &make_window(&piece[..filled], Packing::Plain))?;
        }
        self.write(format_args!("( textdelta-end ( {}:{token} ) ) ", token.len()))
    }

    fn chunk(&mut self, token: &str, bytes: &[u8]) -> io::Result<()> {
        self.write(format_args!("( textdelta-chunk ( {}:{token} ", token.len()))?;
        self.text(bytes)?;
        self.write(format_args!(") ) "))
    }
}

/// A path as addresses have it.
fn encoded(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_an_address() {
        assert_eq!(encoded("trunk/ä b+c%.txt".as_bytes()), "trunk/%C3%A4%20b%2Bc%25.txt");
    }
}

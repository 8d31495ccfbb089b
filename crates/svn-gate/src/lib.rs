//! The commit gate: a small library that is loaded before all others into Subversion's own server programs.
//!
//! FSFS makes a revision visible by one system call, `rename(TEMPORARY, REPOSITORY/db/current)`; a changed revision property, a
//! lock and an unlock come about by a rename or an unlink in the same way. This library stands around those two functions. Before
//! such a call it asks the site over a Unix socket, and lets it happen only when the site says that the vaults hold what it
//! makes visible. Anything else than a clear yes is a refusal: the call fails with EIO, Subversion tells its client that the
//! commit failed, and nothing has become visible.
//!
//! ```text
//! gate -> site: length (4 bytes, big-endian), then TOKEN NUL OPERATION NUL OLD NUL NEW NUL
//! site -> gate: y (it is held: go on) or n
//! gate -> site: d (the call was made, and succeeded)
//! ```
//!
//! # Invariants
//! 1. Fail closed: without a socket, a token or an answer the call is refused.
//! 2. Whatever is not one of a repository's guarded files goes straight to the kernel.
//! 3. The only unsafe code of the project is here: two functions that C calls, and three that it has.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// In the environment: where the site listens.
const SOCKET: &str = "OUTLAST_SVN_GATE";
/// In the environment: which repository's server this is.
const TOKEN: &str = "OUTLAST_SVN_TOKEN";
/// How long an answer is waited for. The site itself answers sooner, with a refusal, when the vaults do not.
const ANSWER_WAIT: Duration = Duration::from_secs(300);

const AT_FDCWD: c_int = -100;
const EIO: c_int = 5;

unsafe extern "C" {
    fn renameat(old_dir: c_int, old: *const c_char, new_dir: c_int, new: *const c_char) -> c_int;
    fn unlinkat(dir: c_int, path: *const c_char, flags: c_int) -> c_int;
    fn __errno_location() -> *mut c_int;
}

/// Stands before the C library's `rename`.
///
/// # Safety
/// Both are C strings, as for `rename(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(old: *const c_char, new: *const c_char) -> c_int {
    // SAFETY: the caller's promise is that of rename(2): both point to C strings, which nobody changes during the call.
    let (from, to) = unsafe { (bytes(old), bytes(new)) };
    // SAFETY: the same strings, handed on.
    pass("rename", from, to, || unsafe { renameat(AT_FDCWD, old, AT_FDCWD, new) })
}

/// Stands before the C library's `unlink`.
///
/// # Safety
/// It is a C string, as for `unlink(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller's promise is that of unlink(2).
    let gone = unsafe { bytes(path) };
    // SAFETY: the same string, handed on.
    pass("unlink", b"", gone, || unsafe { unlinkat(AT_FDCWD, path, 0) })
}

/// The string's bytes, without its end.
///
/// # Safety
/// Null, or a C string that outlives the answer.
unsafe fn bytes<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return b"";
    }
    // SAFETY: it is not null, and the rest is the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

fn pass(operation: &str, old: &[u8], new: &[u8], call: impl FnOnce() -> c_int) -> c_int {
    if !is_guarded(operation, new) {
        return call();
    }
    let Some(mut site) = ask(operation, old, new) else {
        // SAFETY: the C library says that this points to the calling thread's own errno.
        unsafe { *__errno_location() = EIO };
        return -1;
    };
    let done = call();
    if done == 0 {
        // Best effort: who does not hear it looks at the repository.
        let _ = site.write_all(b"d");
    }
    done
}

/// Whether a path is one that makes something visible. What comes after each `/db/` is looked at: a repository may lie below a
/// directory of that name.
fn is_guarded(operation: &str, path: &[u8]) -> bool {
    let marks = path.windows(4).enumerate().filter(|(_, window)| window == b"/db/");
    marks.map(|(at, _)| &path[at + 4..]).any(|inside| match operation {
        "unlink" => inside.starts_with(b"locks/") || inside == b"current",
        _ => {
            inside == b"current"
                || inside == b"uuid"
                || inside.starts_with(b"revprops/")
                || inside.starts_with(b"locks/")
        }
    })
}

/// The connection on which the site said yes.
fn ask(operation: &str, old: &[u8], new: &[u8]) -> Option<UnixStream> {
    let (socket, token) = (std::env::var_os(SOCKET)?, std::env::var_os(TOKEN)?);
    let mut site = UnixStream::connect(OsStr::from_bytes(socket.as_bytes())).ok()?;
    site.set_read_timeout(Some(ANSWER_WAIT)).ok()?;
    let question = [token.as_bytes(), operation.as_bytes(), old, new].map(|part| [part, b"\0"].concat()).concat();
    let length = u32::try_from(question.len()).ok()?;
    site.write_all(&length.to_be_bytes()).ok()?;
    site.write_all(&question).ok()?;
    let mut answer = [0];
    site.read_exact(&mut answer).ok()?;
    (answer == *b"y").then_some(site)
}

#[cfg(test)]
mod tests {
    use super::is_guarded;

    #[test]
    fn what_makes_something_visible_is_guarded() {
        for path in
            ["/r/db/current", "/db/x/1/db/current", "/r/db/revprops/0/17", "/r/db/locks/abc/abcdef", "/r/db/uuid"]
        {
            assert!(is_guarded("rename", path.as_bytes()), "{path}");
        }
        for path in ["/r/db/revs/0/17", "/r/db/txn-current", "/r/db/currently", "/r/current", "current", "/db/x", ""] {
            assert!(!is_guarded("rename", path.as_bytes()), "{path}");
        }
        assert!(is_guarded("unlink", b"/r/db/locks/abc/abcdef") && !is_guarded("unlink", b"/r/db/revprops/0/1"));
    }
}

//! A dump put into a repository that nobody serves, by Subversion's own `svnadmin load`, which takes nothing that is malformed.
//!
//! ```text
//! dump --pieces--> svnadmin load, under Landlock --"Committed revision N"--> counted, and asked whether it may go on
//! ```

use crate::child::{ChildError, Programs, Running, Start};
use crate::repository::{OWN, REVISION_BYTES_MAX, SvnRepository};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// How long a dump may stop coming.
pub const DUMP_SILENCE_MAX: Duration = Duration::from_secs(120);
/// Address space of the program that loads, in bytes.
const LOAD_ADDRESS_SPACE_BYTES_MAX: u64 = 2 << 30;
/// Bytes that are handed on at one time.
const PIECE_BYTES: usize = 128 << 10;
/// The longest line of its words that is looked at: those that matter are short.
const LINE_BYTES_MAX: usize = 200;

/// Why a dump is not in.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Subversion does not take it; its words.
    #[error("{0}")]
    Refused(String),
    /// It could not be read to its end.
    #[error("the dump broke off: {0}")]
    BrokeOff(io::Error),
    /// Whoever counted wanted no more.
    #[error("{0}")]
    Stopped(String),
    /// The program could not be started or listened to.
    #[error(transparent)]
    Child(#[from] ChildError),
}

/// A load that has begun. Dropped, it ends.
#[derive(Debug)]
pub struct Load {
    stream: UnixStream,
    running: Running,
}

impl SvnRepository {
    /// Begins to load a dump into this repository, which is empty and nobody's yet. The dump's UUID becomes its own.
    ///
    /// # Errors
    /// When `svnadmin` can't be started.
    pub fn load(&self, programs: &Programs) -> impl Future<Output = Result<Load, ChildError>> + Send {
        let failed = |error| ChildError::Start { program: "svnadmin".to_owned(), error };
        let start = Start::new(programs, &programs.svnadmin, self.dir()).write(self.root());
        // What this makes is a copy: nothing is lost when the machine stops. Line ends in properties were once taken as they came.
        let start = start.arg("load").arg("--no-flush-to-disk").arg("--normalize-props").arg(OWN);
        let start = start.env("TMPDIR", "/proc/self/cwd/repo").file_bytes_max(REVISION_BYTES_MAX);
        let start = start.address_space_max(LOAD_ADDRESS_SPACE_BYTES_MAX);
        async move {
            let (near, far) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
            near.set_nonblocking(true).map_err(failed)?;
            let stream = UnixStream::from_std(near).map_err(failed)?;
            Ok(Load { stream, running: start.talks_on(far).spawn().await? })
        }
    }
}

impl Load {
    /// Hands the dump on to its end. `bytes` counts what has come; `committed` is told each revision, and may say why to stop.
    ///
    /// # Errors
    /// [`LoadError`]; what was loaded till then is whole, and good for nothing.
    pub async fn feed<R: AsyncRead + Unpin>(
        mut self,
        mut dump: R,
        bytes: &AtomicU64,
        mut committed: impl FnMut(u64) -> Result<(), String>,
    ) -> Result<(), LoadError> {
        let (mut words, mut into) = self.stream.split();
        let pour = async {
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                let read = tokio::time::timeout(DUMP_SILENCE_MAX, dump.read(&mut piece)).await;
                let read = read.unwrap_or_else(|_| Err(io::Error::other("nothing came for too long")));
                let n = read.map_err(LoadError::BrokeOff)?;
                // It has ended when it takes no more: it is waited for, and says why.
                if n == 0 || into.write_all(&piece[..n]).await.is_err() {
                    let _ = into.shutdown().await;
                    return std::future::pending::<Result<(), LoadError>>().await;
                }
                bytes.fetch_add(n as u64, Ordering::Relaxed);
            }
        };
        let listen = async {
            let (mut piece, mut said) = (vec![0; PIECE_BYTES], Said::default());
            loop {
                // A stream that fails has ended with the program.
                let n = words.read(&mut piece).await.unwrap_or(0);
                if n == 0 {
                    return Ok(());
                }
                said.take(&piece[..n], &mut committed).map_err(LoadError::Stopped)?;
            }
        };
        let heard = tokio::select! { poured = pour => poured, heard = listen => heard };
        if let Err(stopped) = heard {
            // Whoever hears of it removes what there is: by then nothing is written there any more.
            self.running.stop().await;
            return Err(stopped);
        }
        let ended = self.running.ended().await;
        match ended.status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) if ended.words.is_empty() => Err(LoadError::Refused(format!("svnadmin load: {status}"))),
            Ok(_) => Err(LoadError::Refused(ended.words)),
            Err(error) => {
                Err(ChildError::Start { program: "svnadmin".to_owned(), error: io::Error::other(error) }.into())
            }
        }
    }
}

/// Finds in the program's words which revisions it has committed.
#[derive(Default)]
struct Said {
    line: Vec<u8>,
}

impl Said {
    fn take(&mut self, bytes: &[u8], committed: &mut impl FnMut(u64) -> Result<(), String>) -> Result<(), String> {
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() < LINE_BYTES_MAX {
                    self.line.push(*byte);
                }
                continue;
            }
            if let Some(rev) = revision(&self.line) {
                committed(rev)?;
            }
            self.line.clear();
        }
        Ok(())
    }
}

/// `------- Committed revision 5 >>>`, or `------- Committed new rev 5 (loaded from original rev 7) >>>`.
fn revision(line: &[u8]) -> Option<u64> {
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("------- Committed ")?;
    rest.split(' ').find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_heard_in_whatever_pieces_it_comes() {
        let text = b"<<< Started new transaction, based on original revision 1\n     * adding path : a 7 ... done.\n\n\
            ------- Committed revision 1 >>>\n\n------- Committed new rev 2 (loaded from original rev 9) >>>\n";
        for piece in [1, 7, 1000] {
            let (mut said, mut heard) = (Said::default(), Vec::new());
            for part in text.chunks(piece) {
                let count = &mut |rev| {
                    heard.push(rev);
                    Ok(())
                };
                said.take(part, count).unwrap();
            }
            assert_eq!(heard, [1, 2], "{piece}");
        }
        let stop = said_stop();
        assert_eq!(stop, Err("enough".to_owned()));
    }

    fn said_stop() -> Result<(), String> {
        Said::default().take(b"------- Committed revision 1 >>>\n", &mut |_| Err("enough".to_owned()))
    }
}

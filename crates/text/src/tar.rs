//! Tar archives (POSIX.1-2001 pax, ustar where it fits), written as they come.

use std::io::{self, Read, Write};

/// A block.
const BLOCK: usize = 512;
/// The longest name in a header of its own.
const NAME_BYTES: usize = 100;
/// The largest size in a header's octal digits.
const SIZE_MAX: u64 = 0o77_777_777_777;

/// A file in an archive.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveEntry<'a> {
    /// Its path.
    pub name: &'a [u8],
    /// Its bytes; 0 for a link.
    pub size: u64,
    /// It may be run.
    pub executable: bool,
    /// It is a symbolic link to this.
    pub link: Option<&'a [u8]>,
    /// Seconds since 1970.
    pub time: i64,
}

/// Writes a tar archive.
#[derive(Debug)]
pub struct TarWriter<W: Write> {
    out: W,
}

impl<W: Write> TarWriter<W> {
    /// Into this.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// Those of reading and writing; [`io::ErrorKind::InvalidData`] when the content has not the size that was said.
    pub fn add(&mut self, entry: &ArchiveEntry<'_>, content: &mut dyn Read) -> io::Result<()> {
        let mut extended = Vec::new();
        let target = entry.link.unwrap_or_default();
        let records = [
            (&b"path"[..], entry.name, entry.name.len() > NAME_BYTES),
            (b"linkpath", target, target.len() > NAME_BYTES),
            (b"size", entry.size.to_string().as_bytes(), entry.size > SIZE_MAX),
        ]
        .map(|(key, value, needed)| if needed { record(key, value) } else { Vec::new() });
        records.iter().for_each(|record| extended.extend_from_slice(record));
        if !extended.is_empty() {
            let head = header(b"pax", extended.len() as u64, b'x', 0o644, entry.time, b"");
            self.out.write_all(&head)?;
            self.out.write_all(&extended)?;
            self.pad(extended.len() as u64)?;
        }
        let (kind, mode) = match entry.link {
            Some(_) => (b'2', 0o777),
            None => (b'0', if entry.executable { 0o755 } else { 0o644 }),
        };
        self.out.write_all(&header(entry.name, entry.size.min(SIZE_MAX), kind, mode, entry.time, target))?;
        let copied = io::copy(&mut content.take(entry.size), &mut self.out)?;
        // Reads to the end, where a content is checked.
        if copied != entry.size || content.read(&mut [0])? != 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a file has not the size it says"));
        }
        self.pad(entry.size)
    }

    fn pad(&mut self, bytes: u64) -> io::Result<()> {
        let over = usize::try_from(bytes % BLOCK as u64).unwrap_or(0);
        self.out.write_all(&[0; BLOCK][..(BLOCK - over) % BLOCK])
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }
}

/// `LENGTH KEY=VALUE\n`, the length with itself.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

fn header(name: &[u8], size: u64, kind: u8, mode: u32, time: i64, link: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, most: usize, bytes: &[u8]| {
        let count = bytes.len().min(most);
        block[at..at + count].copy_from_slice(&bytes[..count]);
    };
    put(0, NAME_BYTES, name);
    put(100, 8, format!("{mode:07o}\0").as_bytes());
    put(108, 8, b"0000000\0");
    put(116, 8, b"0000000\0");
    put(124, 12, format!("{size:011o}\0").as_bytes());
    put(136, 12, format!("{:011o}\0", time.clamp(0, SIZE_MAX as i64)).as_bytes());
    put(148, 8, b"        ");
    put(156, 1, &[kind]);
    put(157, NAME_BYTES, link);
    put(257, 8, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

//! Blobs: content encrypted before it leaves the site, as plain age files (age-encryption.org/v1), so that an officer can
//! open one with stock tools. Each is encrypted to every recovery key and to the site's key.

use age::x25519::Recipient;
use age::{Decryptor, Encryptor};
use age_core::format::{FileKey, Stanza};
use journal::BlobName;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most bytes of content in one blob; more content is several blobs, in order.
pub const BLOB_PLAIN_BYTES_MAX: usize = 64 << 20;

/// Bytes of a blob that are read at once.
const READ_BYTES: usize = 64 << 10;

/// A key that opens blobs.
#[derive(Clone)]
pub struct Identity {
    key: age::x25519::Identity,
    /// Which of a blob's recipients it was the last time. Blobs of a site name them in one order, and to try one costs more than all the rest of opening a
    /// small blob.
    recipient: Arc<AtomicUsize>,
}

/// To whom blobs are encrypted.
#[derive(Clone)]
pub struct Recipients {
    recovery: Vec<Recipient>,
    site: Recipient,
}

/// Why a key or blob can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Not an age key.
    #[error("not an age key: {0}")]
    Key(&'static str),
    /// Not an age file for this key, or changed.
    #[error("cannot open the blob: {0}")]
    Open(#[from] age::DecryptError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        self.key.unwrap_stanza(stanza)
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, age::DecryptError>> {
        let last = self.recipient.load(Ordering::Relaxed);
        let others = (0..stanzas.len()).filter(|place| *place != last);
        std::iter::once(last).chain(others).find_map(|place| {
            let opened = self.unwrap_stanza(stanzas.get(place)?)?;
            self.recipient.store(place, Ordering::Relaxed);
            Some(opened)
        })
    }
}

impl Identity {
    fn of(key: age::x25519::Identity) -> Self {
        Self { key, recipient: Arc::default() }
    }

    /// A new one.
    pub fn generate() -> Self {
        Self::of(age::x25519::Identity::generate())
    }

    /// From a file's text: the first line that is an age secret key; other lines are for people.
    ///
    /// # Errors
    /// When there is none, or it is misspelt.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let line = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-1"));
        age::x25519::Identity::from_str(line.ok_or(SealError::Key("no line begins with AGE-SECRET-KEY-1"))?)
            .map(Self::of)
            .map_err(SealError::Key)
    }

    /// The key's text.
    pub fn expose(&self) -> String {
        use age::secrecy::ExposeSecret as _;
        self.key.to_string().expose_secret().to_owned()
    }

    /// The public half's text.
    pub fn recipient(&self) -> String {
        self.key.to_public().to_string()
    }

    /// The 32 secret bytes: from them the recovery signing key is derived.
    pub fn secret_bytes(&self) -> [u8; 32] {
        let text = self.expose();
        let data = text.trim_start_matches("AGE-SECRET-KEY-1");
        let mut bytes = [0; 32];
        let (mut buffer, mut bits, mut at) = (0u32, 0, 0);
        // Bech32's five-bit digits; the last six are the checksum, which parsing has checked.
        for digit in data.bytes().take(data.len().saturating_sub(6)) {
            let value = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".iter().position(|c| *c == digit).unwrap_or(0);
            buffer = (buffer << 5) | u32::try_from(value).unwrap_or(0);
            bits += 5;
            if bits >= 8 && at < bytes.len() {
                bits -= 8;
                bytes[at] = (buffer >> bits).to_le_bytes()[0];
                at += 1;
            }
        }
        bytes
    }
}

impl Recipients {
    /// From the public halves' texts; of recovery keys there may be several, with spaces between them, each enough.
    ///
    /// # Errors
    /// When one is misspelt, or there is no recovery key.
    pub fn parse(recovery: &str, site: &str) -> Result<Self, SealError> {
        let parse = |text: &str| Recipient::from_str(text.trim()).map_err(SealError::Key);
        let recovery = recovery.split_whitespace().map(parse).collect::<Result<Vec<_>, _>>()?;
        if recovery.is_empty() {
            return Err(SealError::Key("there is no recovery key"));
        }
        Ok(Self { recovery, site: parse(site)? })
    }

    fn encrypt<W: Write>(&self, output: W) -> io::Result<age::stream::StreamWriter<W>> {
        let recipients = self.recovery.iter().chain([&self.site]).map(|recipient| recipient as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        encryptor.wrap_output(output)
    }
}

/// Seals bytes as one blob.
///
/// # Errors
/// When the system has no randomness to give.
pub fn seal_blob(recipients: &Recipients, plain: &[u8]) -> io::Result<(BlobName, Vec<u8>)> {
    let mut writer = recipients.encrypt(Vec::with_capacity(plain.len() + 512))?;
    writer.write_all(plain)?;
    let bytes = writer.finish()?;
    Ok((BlobName::of(&bytes), bytes))
}

/// The content of a blob.
///
/// # Errors
/// When it isn't for this key, or reading it finds that it was changed.
pub fn open_blob<R: Read>(identity: &Identity, blob: R) -> Result<impl Read + use<R>, SealError> {
    open_buffered(identity, BufReader::with_capacity(READ_BYTES, blob))
}

/// As [`open_blob`], for what has a buffer or lies in memory. The header is read by lines: byte by byte, as for any other reader, it costs more than all
/// the rest of a small blob.
///
/// # Errors
/// The same.
pub fn open_buffered<R: BufRead>(identity: &Identity, blob: R) -> Result<impl Read + use<R>, SealError> {
    let decryptor = Decryptor::new_buffered(blob)?;
    Ok(decryptor.decrypt(std::iter::once(identity as &dyn age::Identity))?)
}

/// A blob that was sealed into a spool directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPart {
    /// Its name, which is its file's name too.
    pub name: BlobName,
    /// The bytes of the blob.
    pub bytes: u64,
    /// The bytes of content in it.
    pub plain_bytes: u64,
}

/// Seals a stream of any length into a spool directory, part by part: memory is constant, and a part can be on its way to
/// the vaults while the next is still coming in.
pub struct SealWriter {
    recipients: Recipients,
    spool: PathBuf,
    /// Temporary files' names must differ between writers.
    serial: u64,
    current: Option<Part>,
    done: Vec<SealedPart>,
}

struct Part {
    writer: age::stream::StreamWriter<HashWriter>,
    file: HalfFile,
    plain_bytes: u64,
}

/// The file of a part that is not whole: it goes when it is dropped, so also when it cannot be written on.
struct HalfFile(Option<PathBuf>);

impl HalfFile {
    fn become_whole(mut self, path: &Path) -> io::Result<()> {
        if let Some(half) = &self.0 {
            std::fs::rename(half, path)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for HalfFile {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::debug!(%error, path = %path.display(), "cannot remove a half-written part");
        }
    }
}

struct HashWriter {
    file: io::BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for HashWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buf)?;
        self.hash.update(&buf[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl SealWriter {
    /// A writer into `spool`, which exists.
    pub fn new(recipients: Recipients, spool: &Path) -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Self { recipients, spool: spool.to_owned(), serial, current: None, done: Vec::new() }
    }

    /// Adds content.
    ///
    /// # Errors
    /// When the spool can't be written.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut part = match self.current.take() {
                Some(part) => part,
                None => self.begin()?,
            };
            let room = BLOB_PLAIN_BYTES_MAX - usize::try_from(part.plain_bytes).unwrap_or(BLOB_PLAIN_BYTES_MAX);
            let (now, later) = bytes.split_at(bytes.len().min(room));
            part.writer.write_all(now)?;
            part.plain_bytes += now.len() as u64;
            bytes = later;
            let full = part.plain_bytes == BLOB_PLAIN_BYTES_MAX as u64;
            self.current = Some(part);
            if full {
                self.end()?;
            }
        }
        Ok(())
    }

    /// The parts that are complete so far.
    pub fn complete(&self) -> &[SealedPart] {
        &self.done
    }

    /// Ends the stream: all its parts, in order. Content of no bytes has none.
    ///
    /// # Errors
    /// When the spool can't be written.
    pub fn finish(mut self) -> io::Result<Vec<SealedPart>> {
        self.end()?;
        Ok(std::mem::take(&mut self.done))
    }

    fn begin(&self) -> io::Result<Part> {
        let path = self.spool.join(format!("{}-{}-{}.part", std::process::id(), self.serial, self.done.len()));
        let output = io::BufWriter::with_capacity(128 << 10, File::create(&path)?);
        let file = HalfFile(Some(path));
        let writer = self.recipients.encrypt(HashWriter { file: output, hash: Sha256::new(), bytes: 0 })?;
        Ok(Part { writer, file, plain_bytes: 0 })
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(part) = self.current.take() else { return Ok(()) };
        let mut output = part.writer.finish()?;
        output.flush()?;
        let name = BlobName(journal::Hash(output.hash.finalize().into()));
        // Not fsynced: what makes a blob safe is that the vaults hold it, and until then the push is not answered.
        part.file.become_whole(&self.spool.join(name.to_string()))?;
        self.done.push(SealedPart { name, bytes: output.bytes, plain_bytes: part.plain_bytes });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> (Identity, Identity, Recipients) {
        let (recovery, site) = (Identity::generate(), Identity::generate());
        let recipients = Recipients::parse(&recovery.recipient(), &site.recipient()).unwrap();
        (recovery, site, recipients)
    }

    fn opened(identity: &Identity, blob: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut plain = Vec::new();
        open_blob(identity, blob)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn both_keys_open_a_blob_and_no_other() {
        let (recovery, site, recipients) = keys();
        let (name, blob) = seal_blob(&recipients, b"content").unwrap();
        assert_eq!(name, BlobName::of(&blob));
        assert_eq!(opened(&recovery, &blob).unwrap(), b"content");
        assert_eq!(opened(&site, &blob).unwrap(), b"content");
        assert!(opened(&Identity::generate(), &blob).is_err());
    }

    #[test]
    fn a_changed_blob_does_not_open() {
        let (recovery, _, recipients) = keys();
        let (_, blob) = seal_blob(&recipients, b"content").unwrap();
        for place in (0..blob.len()).step_by(7).chain([blob.len() - 1]) {
            let mut changed = blob.clone();
            changed[place] ^= 1;
            assert!(opened(&recovery, &changed).is_err(), "byte {place}");
        }
    }

    #[test]
    fn each_key_opens_blobs_in_which_it_stands_at_different_places() {
        let (first, second, site) = (Identity::generate(), Identity::generate(), Identity::generate());
        let of = |recovery: &[&Identity]| {
            let recovery: Vec<_> = recovery.iter().map(|identity| identity.recipient()).collect();
            Recipients::parse(&recovery.join(" "), &site.recipient()).unwrap()
        };
        let orders = [of(&[&first, &second]), of(&[&second, &first]), of(&[&first])];
        for recipients in orders.iter().chain(orders.iter().rev()) {
            let (_, blob) = seal_blob(recipients, b"plain").unwrap();
            assert_eq!(opened(&first, &blob).unwrap(), b"plain");
            assert_eq!(opened(&site, &blob).unwrap(), b"plain");
            assert!(opened(&Identity::generate(), &blob).is_err());
        }
        let (_, blob) = seal_blob(&orders[2], b"plain").unwrap();
        assert!(opened(&second, &blob).is_err());
    }

    #[test]
    fn a_stream_becomes_parts_that_join_to_it() {
        let (recovery, _, recipients) = keys();
        let spool = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..BLOB_PLAIN_BYTES_MAX + 1000).map(|i| i.to_le_bytes()[0]).collect();
        let mut writer = SealWriter::new(recipients, spool.path());
        content.chunks(1 << 20).for_each(|chunk| writer.write(chunk).unwrap());
        assert_eq!(writer.complete().len(), 1, "the first part can leave while the second comes in");
        let parts = writer.finish().unwrap();
        let mut joined = Vec::new();
        for part in &parts {
            let bytes = std::fs::read(spool.path().join(part.name.to_string())).unwrap();
            assert_eq!((BlobName::of(&bytes), bytes.len() as u64), (part.name, part.bytes));
            joined.extend(opened(&recovery, &bytes).unwrap());
        }
        assert!(joined == content && parts.len() == 2);
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let (_, _, recipients) = keys();
        let spool = tempfile::tempdir().unwrap();
        let mut writer = SealWriter::new(recipients, spool.path());
        writer.write(b"half").unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_full_disk_cut_short_leaves_nothing() {
        let (_, _, recipients) = keys();
        let spool = tempfile::tempdir().unwrap();
        let full = |writer: &SealWriter| {
            let part = format!("{}-{}-0.part", std::process::id(), writer.serial);
            std::os::unix::fs::symlink("/dev/full", spool.path().join(part)).unwrap();
        };
        let mut writer = SealWriter::new(recipients.clone(), spool.path());
        full(&writer);
        assert!(writer.write(&[7; 1 << 20]).is_err(), "while it is written");
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0);
        let mut writer = SealWriter::new(recipients, spool.path());
        full(&writer);
        writer.write(b"little").unwrap();
        assert!(writer.finish().is_err(), "at its end");
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_secret_bytes_are_those_of_the_text() {
        let identity = Identity::generate();
        let again = Identity::parse(&format!("# for people\n{}\n", identity.expose())).unwrap();
        assert_eq!(identity.secret_bytes(), again.secret_bytes());
        assert_ne!(identity.secret_bytes(), Identity::generate().secret_bytes());
        assert!(Identity::parse("nothing").is_err());
    }
}

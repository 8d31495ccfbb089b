//! A tree's files in one: tar or zip, written as it is read.

use super::files::kind;
use super::search::each_file;
use super::{SvnSource, unread};
use code::{ArchiveFormat, CodePath, EntryKind, ReadError, RevisionId};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use text::{ArchiveEntry, TarWriter, ZipWriter};

/// The longest target of a symbolic link.
const SYMLINK_BYTES_MAX: u64 = 4096;

/// The most files of an archive, and the most bytes of all of them.
const FILES_MAX: u64 = 1_000_000;
/// See [`FILES_MAX`].
const BYTES_MAX: u64 = 16 << 30;

enum Packer<W: Write> {
    Tar(TarWriter<flate2::write::GzEncoder<W>>),
    Zip(ZipWriter<W>),
}

/// Whether a revision's files are few and small enough to be written out at once.
///
/// # Errors
/// [`ReadError::TooMuch`] when they are not.
pub fn can_be_archived(source: &SvnSource, at: &RevisionId) -> Result<(), ReadError> {
    let root = source.node(&source.place(at)?, &CodePath::root())?;
    let (mut files, mut bytes) = (0_u64, 0_u64);
    each_file(source, &root, &CodePath::root(), false, &mut |_, id| {
        let node = source.fs.node(id).map_err(unread)?;
        files += 1;
        bytes = bytes.saturating_add(node.text.as_ref().and_then(fsfs::Rep::size).unwrap_or(0));
        let enough = files > FILES_MAX || bytes > BYTES_MAX;
        Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if files > FILES_MAX || bytes > BYTES_MAX {
        return Err(ReadError::TooMuch("this is too much for an archive: take a part of it, or svn export".to_owned()));
    }
    Ok(())
}

/// Writes the files of a revision, or of a part of its tree, below a directory of the name `prefix`.
///
/// # Errors
/// When it can't be read or written; a zip also when it would grow beyond what zip without extensions can say.
pub fn archive(
    source: &SvnSource,
    at: &RevisionId,
    format: ArchiveFormat,
    prefix: &str,
    out: impl Write,
) -> Result<(), ReadError> {
    let root = source.node(&source.place(at)?, &CodePath::root())?;
    let time = source.revision(root.id.rev())?.committer.time.seconds;
    let mut packer = match format {
        ArchiveFormat::TarGz => {
            Packer::Tar(TarWriter::new(flate2::write::GzEncoder::new(out, flate2::Compression::default())))
        }
        ArchiveFormat::Zip => Packer::Zip(ZipWriter::new(out)),
    };
    each_file(source, &root, &CodePath::root(), false, &mut |path, id| {
        let node = source.fs.node(id).map_err(unread)?;
        let properties = source.fs.properties(&node).map_err(unread)?;
        let (kind, mut size) = (kind(&node, &properties), source.fs.size(&node).map_err(unread)?);
        let name = [prefix.as_bytes(), b"/", path.as_bytes()].concat();
        let mut link = None;
        if kind == EntryKind::Symlink && size <= SYMLINK_BYTES_MAX {
            let content = source.fs.content(&node, SYMLINK_BYTES_MAX).map_err(unread)?;
            link = content.strip_prefix(b"link ").map(<[u8]>::to_vec);
            size = if link.is_some() { 0 } else { size };
        }
        let entry =
            ArchiveEntry { name: &name, size, executable: kind == EntryKind::Executable, link: link.as_deref(), time };
        let reader = if link.is_some() { None } else { source.fs.open_content(&node).map_err(unread)? };
        let mut content: Box<dyn Read> = reader.map_or_else(|| Box::new(io::empty()) as Box<dyn Read>, |r| Box::new(r));
        match &mut packer {
            Packer::Tar(tar) => tar.add(&entry, &mut content)?,
            Packer::Zip(zip) => zip.add(&entry, &mut content)?,
        }
        Ok(ControlFlow::Continue(()))
    })?;
    match packer {
        Packer::Tar(tar) => drop(tar.finish()?.finish()?),
        Packer::Zip(zip) => drop(zip.finish()?),
    }
    Ok(())
}

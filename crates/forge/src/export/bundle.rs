//! Git bundles (gitformat-bundle): a few lines of refs, and a pack.

use super::files::failed;
use crate::error::Error;
use crate::event::repo::Format;
use crate::repo::Opened;
use std::collections::BTreeMap;
use std::io::SeekFrom;
use std::path::Path;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, BufReader};

/// Bytes of the lines before the pack.
const HEADER_BYTES_MAX: u64 = 64 << 20;

/// Writes everything that these refs reach. In the background's own time: members come first.
pub(super) async fn write(
    opened: &Opened,
    refs: &BTreeMap<String, String>,
    head: &str,
    path: &Path,
) -> Result<(), Error> {
    let mut text = match opened.git.format() {
        git::ObjectFormat::Sha1 => "# v2 git bundle\n".to_owned(),
        git::ObjectFormat::Sha256 => "# v3 git bundle\n@object-format=sha256\n".to_owned(),
    };
    // Git takes the branch that a clone checks out from here.
    let lines =
        refs.get(head).map(|id| (id, "HEAD")).into_iter().chain(refs.iter().map(|(name, id)| (id, name.as_str())));
    lines.for_each(|(id, name)| text.push_str(&format!("{id} {name}\n")));
    text.push('\n');
    let mut file = File::create(path).await.map_err(failed(path))?;
    file.write_all(text.as_bytes()).await.map_err(failed(path))?;
    let broke = |e: &dyn std::fmt::Display| Error::internal(format!("packing {}: {e}", path.display()));
    let mut child = opened.git.pack_everything().await.map_err(|e| broke(&e))?;
    let mut output = child.stdout.take().ok_or_else(|| broke(&"no output"))?;
    tokio::io::copy(&mut output, &mut file).await.map_err(failed(path))?;
    child.wait().await.map_err(|e| broke(&e))?;
    file.sync_all().await.map_err(failed(path))
}

/// The pack of a bundle, from its first byte on.
pub(super) async fn pack(path: &Path, format: Format) -> Result<File, Error> {
    let bad = |what: &str| Error::invalid(format!("{} is no bundle of ours: {what}", path.display()));
    let mut reader = BufReader::new(File::open(path).await.map_err(failed(path))?).take(HEADER_BYTES_MAX);
    let (mut at, mut line) = (0, String::new());
    loop {
        line.clear();
        let n = reader.read_line(&mut line).await.map_err(failed(path))?;
        if at == 0 && !line.starts_with(if format == Format::Sha1 { "# v2 " } else { "# v3 " }) {
            return Err(bad("it begins with another line"));
        }
        at += n as u64;
        match line.as_str() {
            "\n" => break,
            "" => return Err(bad("it has no pack")),
            _ => {}
        }
    }
    let mut file = File::open(path).await.map_err(failed(path))?;
    file.seek(SeekFrom::Start(at)).await.map_err(failed(path))?;
    Ok(file)
}

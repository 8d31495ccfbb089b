//! Attacks on a directory: what its file system does with names, bytes and syncs. Whoever runs the vault can always remove
//! a directory, which is told and is no failure: the vault protects from the site, and another owner from this one.

use super::{Outcome, Probe};
use crate::disk::Disk;
use journal::Hash;
use std::io::{self, Read as _};
use std::path::Path;

/// Attacks a directory that a vault's store is in, or will be in.
pub fn probe_directory(dir: &Path, disk: &dyn Disk) -> Probe {
    let mut probe = Probe::new(dir.display().to_string());
    let parts = dir.join("probe");
    if let Err(error) = attacks(&parts, disk, &mut probe) {
        probe.note(true, "write a file and read it back", Outcome::Untried, error.to_string());
    }
    probe.note(
        false,
        "remove it as whoever runs the vault",
        Outcome::Fell,
        "a directory's owner can; that is why vaults have different owners",
    );
    probe
}

fn attacks(dir: &Path, disk: &dyn Disk, probe: &mut Probe) -> io::Result<()> {
    disk.create_dir(dir)?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let bytes = format!("written by a probe, to be attacked: {}", Hash(random));
    let path = dir.join(Hash::of(bytes.as_bytes()).to_string());
    let mut seen = String::new();
    let made = disk.create(&path, &mut bytes.as_bytes(), &mut |back| back.read_to_string(&mut seen).map(|_| ()))?;
    let read = |path: &Path| -> io::Result<Option<String>> {
        let Some((mut reader, _)) = disk.open(path)? else { return Ok(None) };
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        Ok(Some(text))
    };
    let good = made && seen == bytes && read(&path)?.as_deref() == Some(&bytes);
    let outcome = if good { Outcome::Held } else { Outcome::Fell };
    probe.note(
        true,
        "write a file and read it back",
        outcome,
        if good { "the same bytes" } else { "other bytes came back" },
    );

    let taken = disk.create(&path, &mut &b"other bytes"[..], &mut |_| Ok(()));
    let held = matches!(taken, Ok(false)) && read(&path)?.as_deref() == Some(&bytes);
    let outcome = if held { Outcome::Held } else { Outcome::Fell };
    probe.note(
        true,
        "use its name again",
        outcome,
        if held { "the first bytes stay" } else { "the name was taken over" },
    );

    let wrong = dir.join(Hash::of(b"wrong").to_string());
    let refused = disk.create(&wrong, &mut &b"bytes"[..], &mut |_| Err(io::Error::other("not the name's"))).is_err();
    let held = refused && read(&wrong)?.is_none();
    let outcome = if held { Outcome::Held } else { Outcome::Fell };
    probe.note(
        true,
        "store bytes under a wrong SHA-256",
        outcome,
        if held { "no file is left" } else { "a file is left" },
    );

    let segment = dir.join(format!("{}.segment", Hash(random)));
    disk.create_segment(&segment)?;
    let again = disk.create_segment(&segment).is_err();
    disk.append(&segment, 0, b"first")?;
    let middle = disk.append(&segment, 2, b"middle").is_err();
    let held = again && middle && disk.read_at(&segment, 0, 5)? == b"first";
    let outcome = if held { Outcome::Held } else { Outcome::Fell };
    probe.note(
        true,
        "write into what was appended",
        outcome,
        if held { "only the end is written" } else { "it was written over" },
    );
    Ok(())
}

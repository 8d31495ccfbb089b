//! The recovery key in shares: made, checked, made known.

use crate::cli::{OfficerInit, OfficerRenew, OfficerSplit, ShareCount, SharePublish, ShareVerify};
use crate::{admin, paper};
use anyhow::{Context as _, bail};
use forge::keys::{Published, RecoveryKey, Share, public_half, site_start};
use hyper::Method;
use journal::order::RecoveryHalf;
use serde_json::{Value, json};
use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::ExitCode;

const SHARES: &str = "/api/v1/admin/recovery-shares";

/// A new recovery key, which is in no file: its shares, and what the site begins with.
pub(super) fn init(options: &OfficerInit) -> anyhow::Result<ExitCode> {
    let also = options.also.iter().map(|path| {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        public_half(&text).with_context(|| path.display().to_string())
    });
    let also = also.collect::<anyhow::Result<Vec<_>>>()?;
    let key = RecoveryKey::generate();
    let shares = shares_of(&key, options.shares)?;
    let published = Published::of(&key, &shares);
    make_dir(&options.out)?;
    // Keys that can't be one site's are refused before any share lies there.
    let start = start_text(&key, &also, &published, &options.out.join("scratch"));
    if start.is_err() {
        std::fs::remove_dir(&options.out)?;
    }
    let start = start?;
    write_shares(&key, &shares, &published, &options.out)?;
    write(&options.out.join("site-start.json"), start.as_bytes())?;
    let out = options.out.display();
    say!("{}", summary(&published, &options.out));
    say!("  {out}/site-start.json       what the site begins with; the recovery key is not in it. On the site, once:");
    say!("                              outlast serve --recovery-recipient site-start.json");
    say!("{}", next_steps(&published));
    Ok(ExitCode::SUCCESS)
}

/// What the site begins with; `scratch` is made for it and removed.
fn start_text(
    key: &RecoveryKey,
    also: &[RecoveryHalf],
    published: &Published,
    scratch: &Path,
) -> anyhow::Result<String> {
    DirBuilder::new().mode(0o700).create(scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    let start = site_start(key, also, published, scratch);
    std::fs::remove_dir_all(scratch)?;
    Ok(start?)
}

/// A further recovery key: in shares, or whole.
pub(super) fn renew(options: &OfficerRenew) -> anyhow::Result<ExitCode> {
    let (key, out) = (RecoveryKey::generate(), options.out.display());
    if options.whole {
        make_dir(&options.out)?;
        key.write(&options.out)?;
        write_public(&key, "", &options.out)?;
        say!(
            "recovery key {}\n  {out}/recovery-key.txt       the key: print it, and put it where nobody gets",
            key.recipient()
        );
        say!("  {out}/recovery-public.txt    what everybody may know");
    } else {
        let published = in_shares(&key, options.shares, &options.out)?;
        say!("{}", summary(&published, &options.out));
        say!("{}", next_steps(&published));
    }
    say!("to have it replace the site's recovery key: outlast officer rotate {out}/recovery-public.txt");
    Ok(ExitCode::SUCCESS)
}

fn make_dir(out: &Path) -> anyhow::Result<()> {
    let none = || format!("cannot make {}: give --out a directory that is not there yet", out.display());
    DirBuilder::new().mode(0o700).create(out).with_context(none)
}

fn write_public(key: &RecoveryKey, shares: &str, out: &Path) -> anyhow::Result<()> {
    let head = "# What everybody may know of this recovery key: its public half, and a digest of each share.\n";
    let public = key.public_text();
    // The shares' text begins with the recipient, as it always did.
    let signing =
        if shares.is_empty() { public.as_str() } else { public.split_once('\n').map_or("", |(_, rest)| rest) };
    write(&out.join("recovery-public.txt"), format!("{head}{shares}{signing}").as_bytes())
}

/// Shares of a recovery key that there is already.
pub(super) fn split(options: &OfficerSplit) -> anyhow::Result<ExitCode> {
    let key = RecoveryKey::read(&options.key)?;
    let published = in_shares(&key, options.shares, &options.out)?;
    say!("{}", summary(&published, &options.out));
    say!("{}", next_steps(&published));
    say!("and remove {}; on the site: outlast officer share publish recovery-public.txt", options.key.display());
    Ok(ExitCode::SUCCESS)
}

/// Shares that give the key again.
fn shares_of(key: &RecoveryKey, ShareCount { threshold, of }: ShareCount) -> anyhow::Result<Vec<Share>> {
    let shares = forge::keys::split(key, threshold, of)?;
    let read_back = forge::keys::combine(&shares[..usize::from(threshold)])?;
    if read_back.recipient() != key.recipient() {
        bail!("the shares do not give the key again; nothing was written");
    }
    Ok(shares)
}

fn in_shares(key: &RecoveryKey, count: ShareCount, out: &Path) -> anyhow::Result<Published> {
    let shares = shares_of(key, count)?;
    let published = Published::of(key, &shares);
    make_dir(out)?;
    write_shares(key, &shares, &published, out)?;
    Ok(published)
}

fn write_shares(key: &RecoveryKey, shares: &[Share], published: &Published, out: &Path) -> anyhow::Result<()> {
    for share in shares {
        let name = |kind: &str| out.join(format!("share-{}.{kind}", share.number));
        write(&name("txt"), text(share, &key.recipient()).as_bytes())?;
        write(&name("pdf"), &paper::sheet(share, &key.recipient())?)?;
    }
    write_public(key, &published.to_string(), out)
}

fn text(share: &Share, recipient: &str) -> String {
    format!(
        "# Share {} of {} of the recovery key {recipient}\n# Any {} give the key again: outlast recover --key SHARE (repeat)\n# In words:\n# {}\n{}\n",
        share.number,
        share.of,
        share.threshold,
        share.words().join("\n# "),
        share.code()
    )
}

/// A new file that only its owner reads.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

fn summary(published: &Published, out: &Path) -> String {
    let (out, of) = (out.display(), published.digests.len());
    format!(
        "recovery key {}\n  {out}/share-1.pdf ... share-{of}.pdf   one sheet for each officer: print them\n  {out}/share-1.txt ... share-{of}.txt   the same as text\n  {out}/recovery-public.txt    what everybody may know: keep it beside each share",
        published.recipient
    )
}

fn next_steps(published: &Published) -> String {
    format!(
        "any {} of the {} shares give the key. Give each to another officer, have each checked (outlast officer share verify), then\nremove the .txt and .pdf files from this machine",
        published.threshold,
        published.digests.len()
    )
}

/// Whether each share is whole, and the one that was made known.
pub(super) async fn verify(options: ShareVerify, as_json: bool) -> anyhow::Result<ExitCode> {
    let public = match &options.public {
        Some(path) => {
            vec![std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?]
        }
        None => {
            let answer = admin::call_json(&options.data, Method::GET, SHARES, None).await?;
            let told = answer.get("public").and_then(Value::as_array).cloned().unwrap_or_default();
            if told.is_empty() {
                bail!("this site was told of no shares: give --public recovery-public.txt");
            }
            told.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
    };
    let public = public.iter().map(|text| text.parse()).collect::<Result<Vec<Published>, _>>()?;
    let mut good = true;
    for path in &options.files {
        let what = match Share::from_file(path) {
            Ok(share) if public.iter().any(|public| public.has(&share)) => {
                format!("share {} of {}: good", share.number, share.of)
            }
            Ok(share) if public.iter().any(|public| share.is_of(&public.recipient)) => {
                good = false;
                format!(
                    "share {} of {}: whole, but NOT ONE THAT COUNTS: of an earlier splitting of this key",
                    share.number, share.of
                )
            }
            Ok(share) => {
                good = false;
                format!("share {} of {}: whole, but of ANOTHER KEY", share.number, share.of)
            }
            Err(error) => {
                good = false;
                format!("NOT GOOD: {error}")
            }
        };
        if as_json {
            say!("{}", json!({ "file": path.display().to_string(), "result": what }));
        } else {
            say!("{}: {what}", path.display());
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) async fn publish(options: SharePublish) -> anyhow::Result<ExitCode> {
    let text =
        std::fs::read_to_string(&options.file).with_context(|| format!("cannot read {}", options.file.display()))?;
    let public: Published = text.parse()?;
    admin::call_json(&options.data, Method::POST, SHARES, Some(json!({ "public": public.to_string() }))).await?;
    say!(
        "{} shares of {} are in the journal; any {} give it",
        public.digests.len(),
        public.recipient,
        public.threshold
    );
    Ok(ExitCode::SUCCESS)
}

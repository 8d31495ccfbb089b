//! `outlast officer`: the recovery key's shares, and an officer's own keys and signatures.

use super::{Data, guard};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum OfficerCommand {
    /// Make the recovery key of a new site, in shares on paper, and what the site begins with. Not on the site's machine.
    Init(OfficerInit),
    /// Make a further recovery key, to replace the present one or to stand beside it. Not on the site's machine.
    Renew(OfficerRenew),
    /// Make shares of a recovery key that there is already.
    Split(OfficerSplit),
    /// A share of the recovery key.
    Share {
        #[command(subcommand)]
        command: ShareCommand,
    },
    #[command(flatten)]
    Acts(guard::OfficerActs),
}

#[derive(Args, Debug)]
pub(crate) struct OfficerInit {
    /// How many shares it takes, and how many there are.
    #[arg(long, value_name = "K/N", default_value = "2/3")]
    pub(crate) shares: ShareCount,
    /// A directory that is not there yet.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// A further recovery key of the new site, enough by itself: its recovery-public.txt, as `outlast officer renew` makes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) also: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct OfficerRenew {
    /// How many shares it takes, and how many there are.
    #[arg(long, value_name = "K/N", default_value = "2/3")]
    pub(crate) shares: ShareCount,
    /// Whole, in one file, instead of shares.
    #[arg(long, conflicts_with = "shares")]
    pub(crate) whole: bool,
    /// A directory that is not there yet.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct OfficerSplit {
    /// The recovery key's file.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// How many shares it takes, and how many there are.
    #[arg(long, value_name = "K/N", default_value = "2/3")]
    pub(crate) shares: ShareCount,
    /// A directory that is not there yet.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ShareCommand {
    /// Check that shares are whole, and those that count.
    Verify(ShareVerify),
    /// Make known to a site which shares of its recovery key there are: their digests, never a share.
    Publish(SharePublish),
}

#[derive(Args, Debug)]
pub(crate) struct ShareVerify {
    /// Files with a share each, as code or words; `-` asks for the words.
    #[arg(required = true, value_name = "SHARE")]
    pub(crate) files: Vec<PathBuf>,
    /// recovery-public.txt [default: what the site was told].
    #[arg(long, value_name = "FILE")]
    pub(crate) public: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args, Debug)]
pub(crate) struct SharePublish {
    /// recovery-public.txt
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) data: Data,
}

/// `2/3`: any two of three.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShareCount {
    pub(crate) threshold: u8,
    pub(crate) of: u8,
}

impl std::str::FromStr for ShareCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        numbers
            .map(|(threshold, of)| Self { threshold, of })
            .ok_or_else(|| "shares are given as K/N, like 2/3".to_owned())
    }
}

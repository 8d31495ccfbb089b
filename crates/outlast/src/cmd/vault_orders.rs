//! `outlast vault officers | order | erase`: what a vault's owner does at the officers' orders, on the vault's own machine.

use super::orders::seconds;
use crate::cli::{VaultErase, VaultOfficers, VaultOrder};
use anyhow::{Context as _, bail};
use forge::orders::Order;
use jiff::Timestamp;
use journal::Hash;
use journal::order::{OfficerKey, SignedOrder};
use std::path::Path;
use std::process::ExitCode;
use vault::{Officers, Orders};

pub(crate) fn officers(options: &VaultOfficers) -> anyhow::Result<ExitCode> {
    its_own(&options.dir)?;
    let key = |text: &String| {
        let (name, key) = text.split_once('=').with_context(|| format!("{text:?} is not NAME=KEY"))?;
        Ok::<_, anyhow::Error>((name.to_owned(), key.parse::<OfficerKey>()?))
    };
    let keys = options.officers.iter().map(key).collect::<anyhow::Result<Vec<_>>>()?;
    let officers = Officers { needed: options.needed, delay_s: seconds(&options.delay)?, keys };
    officers.write(&options.dir)?;
    say!(
        "orders that {} of these officers have signed are taken here, and wait {} s of this vault's running",
        officers.needed,
        officers.delay_s
    );
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn order(options: &VaultOrder) -> anyhow::Result<ExitCode> {
    its_own(&options.dir)?;
    let orders = Orders::of(&options.dir);
    if options.order.starts_with("outlast-order-signature:") {
        orders.veto(options.order.parse()?)?;
        say!("the order is vetoed here: it is never carried out");
        return Ok(ExitCode::SUCCESS);
    }
    let text = std::fs::read_to_string(&options.order).with_context(|| format!("cannot read {}", options.order))?;
    let now_us = Timestamp::now().as_microsecond();
    let taken = match &options.list {
        Some(list) => {
            let list = std::fs::read_to_string(list).with_context(|| format!("cannot read {}", list.display()))?;
            orders.take_with(text.parse()?, &list.parse()?, now_us)?
        }
        None => orders.take(text.parse()?, now_us)?,
    };
    let erases = options.list.is_some();
    say!("order {} for the site {}", taken.order.hash(), taken.order.order.site);
    for words in Order::decode(&taken.order.bytes)?.words() {
        say!(
            "  {}",
            words.chars().map(|c| if forge::names::is_harmless(c) { c } else { '\u{fffd}' }).collect::<String>()
        );
    }
    say!(
        "{}",
        match taken.waits_s {
            0 if erases => {
                "its time has come: stop this vault and carry it out with outlast vault erase".to_owned()
            }
            0 => "its time has come: this vault lets it be done".to_owned(),
            waits => format!(
                "it is taken, and waits for {waits} s of this vault's running; an officer's veto stops it until then"
            ),
        }
    );
    Ok(ExitCode::SUCCESS)
}

/// Carries out an erasure.
pub(crate) fn erase(options: &VaultErase, as_json: bool) -> anyhow::Result<ExitCode> {
    its_own(&options.dir)?;
    let order: Hash = match options.order.parse() {
        Ok(hash) => hash,
        Err(_) => {
            let text =
                std::fs::read_to_string(&options.order).with_context(|| format!("cannot read {}", options.order))?;
            text.parse::<SignedOrder>()?.hash()
        }
    };
    let kind = super::vault::store(options.s3.as_deref(), options.s3_credentials.as_deref())?;
    let now = Timestamp::now();
    let now = (u64::try_from(now.as_second()).unwrap_or(0), now.as_microsecond());
    let record = match vault::erase(&options.dir, &kind, &order, now) {
        Err(vault::EraseError::Open(vault::ServeError::Locked)) => {
            bail!("this vault is being served: stop it, carry out the erasure, and start it again")
        }
        other => other?,
    };
    if let Some(out) = &options.out {
        std::fs::write(out, record.to_string()).with_context(|| format!("cannot write {}", out.display()))?;
    }
    super::erasure::say_record(&record, as_json);
    Ok(ExitCode::SUCCESS)
}

fn its_own(dir: &Path) -> anyhow::Result<()> {
    if dir.join("private").is_dir() {
        return Ok(());
    }
    bail!("{} is no vault's directory: name what `outlast vault serve --dir` was given", dir.display())
}

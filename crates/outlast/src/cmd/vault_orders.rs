//! `outlast vault officers | order`: what a vault's owner does at the officers' orders, on the vault's own machine.

use super::orders::seconds;
use crate::cli::{VaultOfficers, VaultOrder};
use anyhow::{Context as _, bail};
use forge::orders::Order;
use jiff::Timestamp;
use journal::order::OfficerKey;
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
    let taken = orders.take(text.parse()?, Timestamp::now().as_microsecond())?;
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
            0 => "its time has come: this vault lets it be done".to_owned(),
            waits => format!(
                "it is taken, and waits for {waits} s of this vault's running; an officer's veto stops it until then"
            ),
        }
    );
    Ok(ExitCode::SUCCESS)
}

fn its_own(dir: &Path) -> anyhow::Result<()> {
    if dir.join("private").is_dir() {
        return Ok(());
    }
    bail!("{} is no vault's directory: name what `outlast vault serve --dir` was given", dir.display())
}

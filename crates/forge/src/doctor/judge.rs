//! From facts to findings. No I/O: each question is a function that a test asks with facts of its own.

use super::facts::{CertificateLife, Facts, VaultFacts};
use super::{Colour, Finding, neighbours};
use crate::witness::{Trouble, WitnessStatus};
use std::collections::BTreeMap;

/// A vault that is behind by more entries than this is worth a look.
const LAG_MANY: u64 = 1000;
/// Below so many free bytes a vault or the site fills up soon.
const FREE_BYTES_FEW: u64 = 2 << 30;
/// Below so many of a hundred.
const FREE_PERCENT_FEW: u64 = 5;
/// Clocks further apart than this are wrong, seconds.
const CLOCK_APART_S: i64 = 30;
/// Credentials that a finding names.
const CREDENTIALS_NAMED_MAX: usize = 8;
/// Officers try the recovery key, put together from its shares, every month, and a little.
const OFFICER_DRILL_AGE_MAX_S: u64 = 35 * 24 * 60 * 60;

/// Shorter delays leave officers no time to see what is coming.
const DELAY_SHORT_US: i64 = 24 * 60 * 60 * 1_000_000;

/// What there is to say about these facts, in the order in which somebody should read it.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![writes(facts), recovery_key(facts), trust_domains(facts), spares(facts), changing(facts)];
    findings.extend(neighbours::judge(facts));
    findings.extend(facts.vaults.iter().map(vault));
    findings.extend(facts.witnesses.iter().map(|status| witness(status, &facts.log_key)));
    findings.extend([
        encrypted(facts),
        certificate(facts),
        credentials(facts),
        clocks(facts),
        disk(facts),
        journal_readable(facts),
        skipped(facts),
        sandbox(facts),
        drills(facts),
        officers(facts),
        guarded_acts(facts),
    ]);
    findings.extend(facts.recovery_keys_wait_s.map(keys_wait));
    findings.extend(facts.vaults.iter().filter(|vault| !vault.not_erased.is_empty()).map(not_erased));
    findings
}

fn writes(facts: &Facts) -> Finding {
    let finding = Finding::good("writes", "writes are taken");
    match &facts.not_writable {
        None => finding,
        Some(why) => finding.bad(
            Colour::Red,
            why.clone(),
            "pushes are refused while no quorum holds what is written",
            "bring back the vaults that the message names; reading goes on meanwhile",
        ),
    }
}

fn recovery_key(facts: &Facts) -> Finding {
    let finding = Finding::good("recovery-key", "the recovery key is not on this machine");
    match &facts.recovery_key {
        None => finding,
        Some(path) => finding.bad(
            Colour::Red,
            format!("the recovery key is still at {}", path.display()),
            "whoever breaks in here reads everything in the vaults for ever, and can start the site elsewhere",
            "split it on another machine (outlast officer split) or move it to where nobody who breaks in here gets, then delete it",
        ),
    }
}

fn trust_domains(facts: &Facts) -> Finding {
    let (needed, there) = facts.quorum;
    let check = format!("three trust domains or more hold the journal ({needed} of {there} must cosign)");
    let finding = Finding::good("trust-domains", check);
    let remedy = "run vaults at other places, with other owners (outlast vault serve), and name them with `outlast serve --vault`";
    if facts.practice {
        let problem = "the vaults run on this machine: this is practice, not protection";
        return finding.bad(Colour::Red, problem, "whoever takes this machine takes the vaults with it", remedy);
    }
    match there {
        0 | 1 => {
            let problem = format!("there is {there} trust domain");
            finding.bad(Colour::Red, problem, "one person can destroy everything", remedy)
        }
        2 => {
            let why = "when one of the two is away, nothing can be written";
            finding.bad(Colour::Yellow, "there are 2 trust domains", why, remedy)
        }
        _ => finding,
    }
}

/// A domain counts when most of its vaults hold: with two, both must.
fn spares(facts: &Facts) -> Finding {
    let finding = Finding::good("domain-spares", "each trust domain of several vaults holds with one of them away");
    let mut vaults: BTreeMap<&str, usize> = BTreeMap::new();
    facts.vaults.iter().for_each(|vault| *vaults.entry(&vault.domain).or_default() += 1);
    let two: Vec<_> = vaults.into_iter().filter(|(_, count)| *count == 2).map(|(domain, _)| domain).collect();
    if two.is_empty() {
        return finding;
    }
    finding.bad(
        Colour::Yellow,
        format!("two vaults each: {}", two.join(", ")),
        "a trust domain counts when most of its vaults hold: of two, both must, so the second makes it easier to lose",
        "run a third vault there, or give the second another owner and place (--domain)",
    )
}

fn changing(facts: &Facts) -> Finding {
    let finding = Finding::good("vaults-changing", "the vaults are not being changed");
    let Some(change) = facts.vaults_changing else { return finding };
    let back = match change.order.filter(|_| change.confirmed.is_none()) {
        Some(order) => format!(
            "; if one that is needed does not come back, one officer takes the change back (outlast order veto {order})"
        ),
        None => String::new(),
    };
    finding.bad(
        Colour::Yellow,
        format!("entry {} changes the vaults, and is not held by both quorums yet", change.waits_for()),
        "until then what is written needs a quorum of the vaults before and one of those to be",
        format!("see that the vaults on both sides answer: it ends by itself{back}"),
    )
}

fn vault(vault: &VaultFacts) -> Finding {
    let finding = Finding::good("vault", format!("vault {} answers, is in step and has room", vault.name));
    let name = &vault.name;
    if !vault.connected {
        let error = vault.last_error.as_deref().unwrap_or("it does not answer");
        let problem = format!("vault {name} is away for {} s: {error}", vault.since_s);
        let why = "what is written now is held by fewer; with one more away, writes stop";
        return finding.bad(
            Colour::Red,
            problem,
            why,
            "ask its owner; if it is lost for good, replace it by an empty one of the same name",
        );
    }
    if vault.lag > LAG_MANY {
        let problem = format!("vault {name} is {} entries behind", vault.lag);
        let why = "recovery from this vault alone would miss them";
        return finding.bad(
            Colour::Red,
            problem,
            why,
            "it catches up by itself when it is reached; if it does not, see the site's log",
        );
    }
    if vault.slowed_down {
        let problem = format!("vault {name} slows this site down: it brought more in a day than the vault's budget");
        let why = "pushes wait until this vault has taken them; entries go first";
        let remedy = "look for who pushes so much; the vault's owner can raise --daily-bytes and --daily-objects";
        return finding.bad(Colour::Red, problem, why, remedy);
    }
    match vault.free_bytes {
        Some(free) if free < FREE_BYTES_FEW => {
            let problem = format!("vault {name} has only {} MiB free", free >> 20);
            let why = "a full vault holds nothing new, and a vault never deletes";
            finding.bad(Colour::Red, problem, why, "its owner must make its disk larger")
        }
        _ => finding,
    }
}

fn witness(status: &WitnessStatus, log_key: &str) -> Finding {
    let WitnessStatus { name, host, size, trouble, .. } = status;
    let finding = Finding::good("witness", format!("the witness {name} has signed {size} entries"));
    match trouble {
        None => finding,
        Some(Trouble::Disagrees) => finding.bad(
            Colour::Red,
            format!("the witness {name} saw another log under this site's name, or more of it than there is here"),
            "two logs have this site's keys: one of them shows people another history",
            "keep this log as it is, and ask the witness's owner for the checkpoint that it signed last",
        ),
        Some(Trouble::Unknown) => finding.bad(
            Colour::Yellow,
            format!("the witness {name} does not know this log, or not the key that signs it now"),
            "it does not sign what this site shows it",
            format!("give its owner this key of the log: {log_key}"),
        ),
        Some(Trouble::Failed(why)) => finding.bad(
            Colour::Yellow,
            format!("the witness {name} does not sign: {why}"),
            "a second log that is shown to others would not come out through it",
            format!("ask whoever runs it at {host}, or take it out of the configuration"),
        ),
    }
}

fn encrypted(facts: &Facts) -> Finding {
    let finding = Finding::good("https", "people reach the site by https, or from this machine alone");
    let local = ["http://localhost", "http://127.", "http://[::1]"];
    if facts.base_url.starts_with("https://") || local.iter().any(|start| facts.base_url.starts_with(start)) {
        return finding;
    }
    finding.bad(
        Colour::Red,
        format!("the site's address is {}", facts.base_url),
        "whoever is on the way reads passwords and tokens, and browsers offer no passkeys",
        "put a proxy with a certificate before the site and set base_url to its https address (docs/configuration.md)",
    )
}

fn certificate(facts: &Facts) -> Finding {
    let finding = Finding::good("certificate", "the certificate at the site's address is good for weeks");
    let (why, remedy) = (
        "from then on no client and no browser talks to the site",
        "renew the certificate in the proxy before the site, and see why that did not happen by itself",
    );
    match &facts.certificate {
        None | Some(Ok(CertificateLife::Good)) => finding,
        Some(Ok(CertificateLife::Days(0))) => finding.bad(Colour::Red, "it ends within a day", why, remedy),
        Some(Ok(CertificateLife::Days(days))) => {
            finding.bad(Colour::Yellow, format!("it ends in {days} days"), why, remedy)
        }
        Some(Ok(CertificateLife::Bad(what))) => finding.bad(
            Colour::Red,
            format!("clients do not take it: {what}"),
            "nobody reaches the site safely",
            remedy,
        ),
        Some(Err(error)) => finding.bad(
            Colour::Yellow,
            format!("it could not be looked at from this machine: {error}"),
            "nobody is told before it ends",
            "let this machine reach the site's own address, or watch the certificate from elsewhere",
        ),
    }
}

fn credentials(facts: &Facts) -> Finding {
    let finding = Finding::good("credentials", "no deploy key and no operator's token ends soon");
    if facts.credentials_end.is_empty() {
        return finding;
    }
    let named = facts.credentials_end.iter().take(CREDENTIALS_NAMED_MAX);
    let mut said: Vec<_> = named.map(|(whose, days)| format!("{whose} ends in {days} days")).collect();
    if facts.credentials_end.len() > CREDENTIALS_NAMED_MAX {
        said.push(format!("and {} more", facts.credentials_end.len() - CREDENTIALS_NAMED_MAX));
    }
    finding.bad(
        Colour::Yellow,
        said.join("; "),
        "what works by itself with them stops without anybody having changed anything",
        "make new ones, give them to those machines, and take the old ones away",
    )
}

fn clocks(facts: &Facts) -> Finding {
    let finding = Finding::good("clocks", "the vaults' clocks and this machine's agree");
    let apart = |v: &VaultFacts| {
        let by = v.clock_s.filter(|by| by.abs() > CLOCK_APART_S)?;
        Some(format!("vault {} is {} s {}", v.name, by.abs(), if by > 0 { "ahead" } else { "behind" }))
    };
    let found: Vec<_> = facts.vaults.iter().filter_map(apart).collect();
    if found.is_empty() {
        return finding;
    }
    let whose = if found.len() > 1 && found.len() == facts.vaults.len() {
        "; all of them: this machine's own clock is wrong"
    } else {
        ""
    };
    finding.bad(
        Colour::Yellow,
        format!("{}{whose}", found.join("; ")),
        "receipts say when something was held, and credentials expire, by these clocks",
        "run a time service (chrony, systemd-timesyncd) on each machine",
    )
}

fn disk(facts: &Facts) -> Finding {
    let finding = Finding::good("disk", "the site's disk has room");
    let remedy = "make the disk larger, or move the data directory; nothing is lost, and the site can be recovered on another machine";
    match facts.disk {
        None => {
            finding.bad(Colour::Yellow, "how full the disk is could not be asked", "a full disk stops writes", remedy)
        }
        Some((free, all)) if free < FREE_BYTES_FEW || free < all / 100 * FREE_PERCENT_FEW => {
            let problem = format!("{} MiB of {} MiB are free", free >> 20, all >> 20);
            finding.bad(Colour::Red, problem, "a full disk stops writes", remedy)
        }
        Some(_) => finding,
    }
}

fn journal_readable(facts: &Facts) -> Finding {
    let finding = Finding::good("journal-readable", "this release can read every entry of the journal");
    if facts.unknown_kinds.is_empty() {
        return finding;
    }
    let kinds = facts.unknown_kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let problem = format!("there are entries of kinds that this release does not know: {kinds}");
    finding.bad(
        Colour::Red,
        problem,
        "with this release the site could not be recovered from its vaults",
        "run the newer release that wrote them, and keep its program beside the recovery key",
    )
}

/// They stay passed over: this is to be known, and nothing to be mended.
fn skipped(facts: &Facts) -> Finding {
    let check = match facts.skipped.as_str() {
        "" => "every entry of the journal was applied".to_owned(),
        skipped => {
            format!("every entry of the journal was applied but {skipped}, which a recovery was told to pass over")
        }
    };
    Finding::good("journal-skipped", check)
}

fn sandbox(facts: &Facts) -> Finding {
    let finding = Finding::good("sandbox", "git's programs are sandboxed");
    if facts.sandbox {
        return finding;
    }
    finding.bad(
        Colour::Red,
        "this kernel has no Landlock: git's programs run without a sandbox",
        "a hole in git, met by a hostile push, would open the whole site",
        "use Linux 5.13 or newer with Landlock enabled",
    )
}

fn drills(facts: &Facts) -> Finding {
    let finding = Finding::good("drills", "a drill has shown within 26 hours that everything comes back");
    match &facts.drill_alarm {
        None => finding,
        Some(alarm) => {
            let why = "a recovery that nobody has tried is a hope";
            finding.bad(Colour::Red, alarm.clone(), why, "outlast drill")
        }
    }
}

fn officers(facts: &Facts) -> Finding {
    let finding = Finding::good("officer-drill", "officers have tried the recovery key within 35 days");
    if facts.officer_drill_age_s <= OFFICER_DRILL_AGE_MAX_S {
        return finding;
    }
    finding.bad(
        Colour::Yellow,
        format!("nobody has for {} days", facts.officer_drill_age_s / (24 * 60 * 60)),
        "without the recovery key nothing in the vaults can be opened when the site is gone",
        "on a machine of theirs: outlast drill --officer; here: outlast drill --record",
    )
}

fn guarded_acts(facts: &Facts) -> Finding {
    let finding = Finding::good("guarded-acts", "guarded acts need several officers, and wait");
    let why = "what one person can order alone, one thief of one credential can";
    match facts.officer_rule {
        None => finding.bad(
            Colour::Yellow,
            "no officers' rule is in force: one operator can change roles alone",
            why,
            "docs/guarded-acts.md says how to begin",
        ),
        Some((needed, _)) if facts.officers <= needed => finding.bad(
            Colour::Yellow,
            format!("{needed} officers must sign, and {} have a key or passkey", facts.officers),
            "one officer who is away stops everything",
            "have one officer more than must sign, each with a key or passkey",
        ),
        Some((_, delay_us)) if delay_us < DELAY_SHORT_US => finding.bad(
            Colour::Yellow,
            "orders wait less than a day",
            "nobody can veto what they don't hear of in time",
            "let orders wait a day or more (docs/guarded-acts.md)",
        ),
        Some(_) => finding,
    }
}

fn keys_wait(wait_s: u64) -> Finding {
    Finding::good("recovery-keys-ordered", "").bad(
        Colour::Yellow,
        format!("officers ordered other recovery keys {} h ago, and they were not replaced", wait_s / 3600),
        "the keys that are to go still open everything and may begin an epoch",
        "have each vault's owner take the order, and recover with it (docs/guarded-acts.md)",
    )
}

fn not_erased(vault: &VaultFacts) -> Finding {
    let orders: Vec<_> = vault.not_erased.iter().map(u64::to_string).collect();
    Finding::good("erasure", "").bad(
        Colour::Yellow,
        format!("vault {} still has what order {} erases", vault.name, orders.join(", ")),
        "what the law wants gone is gone when the last vault has it no more",
        "its owner carries it out with outlast vault erase; in a bucket, when its locks have run out (docs/guarded-acts.md)",
    )
}

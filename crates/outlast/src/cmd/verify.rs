//! `outlast verify`: a receipt offline, or everything that a vault holds.

use crate::cli::Verify;
use anyhow::{Context as _, bail};
use forge::Event;
use forge::event::Oid;
use forge::incident::report::{INCIDENT_REPORT_HEADER, IncidentReport};
use forge::keys::openers;
use jiff::Timestamp;
use journal::entry::Body;
use journal::erasure::ERASURE_HEADER;
use journal::policy::Policy;
use journal::receipt::{self, Verified};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use vault::seal::Identity;
use vault::{Excuse, ForkProof, VaultClient, VaultReport, VaultUrl, verify_vault_but};

pub(crate) async fn run(options: Verify, as_json: bool) -> anyhow::Result<ExitCode> {
    if let Some(file) = &options.file {
        return verify_file(file, &options, as_json);
    }
    let officers = super::erasure::officers(options.officers.as_deref())?;
    let excuse = officers.as_ref().map_or(Excuse::Nothing, Excuse::Officers);
    let identity = options.key.as_deref().map(identity).transpose()?;
    let mut good = true;
    let mut seen: Vec<(Arc<VaultClient>, VaultReport)> = Vec::new();
    for arg in &options.vault {
        let url = VaultUrl::from_arg(arg)?;
        let client = Arc::new(VaultClient::new(url)?);
        let name = client.url().name.clone();
        let identities = match &identity {
            Some(identity) => openers(&client, identity.clone()).await.with_context(|| format!("vault {name}"))?,
            None => Vec::new(),
        };
        let report =
            verify_vault_but(client.clone(), &identities, excuse).await.with_context(|| format!("vault {name}"))?;
        good &= report.problems.is_empty();
        say_report(&report, as_json);
        for (other_client, other) in &seen {
            good &= compare(&client, &report, other_client, other, as_json).await?;
        }
        seen.push((client, report));
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares two vaults that were read: their logs, and whether both possess what both logs need.
async fn compare(
    client: &VaultClient,
    report: &VaultReport,
    other_client: &VaultClient,
    other: &VaultReport,
    as_json: bool,
) -> anyhow::Result<bool> {
    let pair = format!("vaults {} and {}", other.name, report.name);
    let mut problems = Vec::new();
    let mut proof = None;
    if report.origin != other.origin {
        problems.push(format!("they keep different logs: {} and {}", other.origin, report.origin));
    } else if let Some(fork) = vault::first_fork(other, report) {
        problems.push(format!(
            "FORK: the log's key signed two roots for {} entries: {} and {}",
            fork.size, fork.roots[0], fork.roots[1]
        ));
        proof = Some(vault::fork_proof(other_client, client, &fork).await?);
    } else {
        let both =
            other.named.iter().filter(|name| report.named.binary_search(name).is_ok()).copied().collect::<Vec<_>>();
        let differ = vault::audit(other_client, client, &both).await?;
        problems.extend(differ.iter().map(|name| format!("their proofs of possession of blob {name} differ")));
    }
    let common = report.entries.min(other.entries);
    if as_json {
        say!(
            "{}",
            json!({ "compared": [other.name, report.name], "common_entries": common, "problems": problems, "fork": proof })
        );
    } else if problems.is_empty() {
        let ahead = report.entries.max(other.entries) - common;
        let ahead = if ahead == 0 { String::new() } else { format!(", one has {ahead} more") };
        say!("{pair}: the same log for {common} entries{ahead}; both possess what they were asked for");
    } else {
        problems.iter().for_each(|problem| say!("{pair}: PROBLEM: {problem}"));
        if let Some(proof) = &proof {
            say!("the proof, to be checked by anybody with outlast verify FILE:\n\n{proof}");
        }
    }
    Ok(problems.is_empty())
}

/// The recovery key in a file.
pub(crate) fn identity(path: &Path) -> anyhow::Result<Identity> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Identity::parse(&text).with_context(|| format!("{} holds no recovery key", path.display()))
}

fn verify_file(file: &Path, options: &Verify, as_json: bool) -> anyhow::Result<ExitCode> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let text = read(file)?;
    let is_fork = text.starts_with(vault::FORK_HEADER);
    let policy: Option<Policy> = match options.policy.as_deref() {
        Some(path) => Some(read(path)?.parse().with_context(|| format!("{} is not a policy", path.display()))?),
        None => None,
    };
    if is_fork {
        return verify_fork(&text, policy.as_ref(), as_json);
    }
    if text.starts_with(ERASURE_HEADER) {
        let officers = super::erasure::officers(options.officers.as_deref())?;
        let verified = super::erasure::verify(&text, policy.as_ref(), officers.as_ref(), as_json);
        return verified.with_context(|| file.display().to_string());
    }
    if text.starts_with(INCIDENT_REPORT_HEADER) {
        return verify_report(&text, policy.as_ref(), as_json);
    }
    let verified = match receipt::verify(&text, policy.as_ref()) {
        Ok(verified) => verified,
        Err(error) => bail!("{}: NOT PROVED: {error}", file.display()),
    };
    let what = describe(&verified);
    if as_json {
        say!("{}", receipt_json(&verified, &what));
    } else {
        print_receipt(&verified, &what, &text);
    }
    Ok(ExitCode::SUCCESS)
}

/// A report of an incident: its signature, the quorum, that nothing is left out, and each entry's proof.
fn verify_report(text: &str, policy: Option<&Policy>, as_json: bool) -> anyhow::Result<ExitCode> {
    let verified = IncidentReport::verify(text, policy)?;
    let (report, held) = (&verified.report, &verified.held);
    let first = report.entries.first().map_or(0, |entry| entry.entry);
    if as_json {
        let cosigned = held.cosigned.iter().map(|(name, time)| json!({ "vault": name, "time": time_s(*time) }));
        say!(
            "{}",
            json!({
                "proved": true, "log": report.origin, "since": time_us(report.since_us), "made": time_us(report.made_us),
                "first": first, "size": held.checkpoint.size, "entries": report.entries.len(), "opened": verified.opened,
                "credentials": report.credentials.len(), "cosigned": cosigned.collect::<Vec<_>>(),
                "policy_pinned": verified.policy_pinned,
            })
        );
        return Ok(ExitCode::SUCCESS);
    }
    for entry in &report.entries {
        let by = entry.actor.as_deref().map(|actor| format!(" by {actor}")).unwrap_or_default();
        let with = entry.credential.as_deref().map(|with| format!(" with {with}")).unwrap_or_default();
        let from = entry.address.as_deref().map(|from| format!(" from {from}")).unwrap_or_default();
        say!("{} {} {}{by}{with}{from}: {}", entry.entry, time_us(entry.time_us), entry.event, entry.about);
    }
    for made in &report.credentials {
        let used = made.used_us.map(|at| format!(", used last {}", time_us(at))).unwrap_or_default();
        let from = made.used_from.as_deref().map(|from| format!(" from {from}")).unwrap_or_default();
        let ended = made.ended_us.map(|at| format!(", ended {}", time_us(at))).unwrap_or_default();
        say!(
            "credential {}: {} of {}, made {}{used}{from}{ended}",
            made.credential,
            made.kind,
            made.owner,
            time_us(made.made_us)
        );
    }
    say!(
        "every entry from {first} to {} of {} is in it and in the log with root {}",
        held.checkpoint.size - 1,
        report.origin,
        held.checkpoint.root
    );
    held.cosigned.iter().for_each(|(vault, time)| say!("  held by {vault}, which said so at {}", time_s(*time)));
    let (opened, all) = (verified.opened, report.entries.len());
    say!(
        "of {opened} of {all} the log itself says what they are; of the others, and of the credentials, the site's word is signed"
    );
    if !verified.policy_pinned {
        say!("checked with the keys that the report itself names; compare them, or pin them with --policy:");
        report.policy.lines().for_each(|line| say!("  {line}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The proof that a log's key signed two logs. It succeeds when the fork is proved.
fn verify_fork(text: &str, policy: Option<&Policy>, as_json: bool) -> anyhow::Result<ExitCode> {
    let proof: ForkProof = text.parse()?;
    let forked = proof.verify(policy.map(Policy::logs))?;
    let roots = forked.roots.map(|root| root.to_string());
    if as_json {
        say!(
            "{}",
            json!({
                "fork": true, "log": forked.origin, "size": forked.size, "roots": roots, "policy_pinned": policy.is_some(),
            })
        );
        return Ok(ExitCode::SUCCESS);
    }
    say!("FORK PROVED: the key of {} signed two roots for {} entries:", forked.origin, forked.size);
    roots.iter().for_each(|root| say!("  {root}"));
    say!("whoever had that key showed two logs: ask its vaults which is held, and recover from those");
    if policy.is_none() {
        say!("checked with the keys that the proof itself names; compare them, or pin them with --policy:");
        proof.keys.iter().for_each(|key| say!("  log {key}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the entry says, in words. Only a push is told in full: other events can hold what is nobody's business.
fn describe(verified: &Verified) -> String {
    let Body::Inline(bytes) = &verified.entry.body else {
        return "an event too large to stand in its entry".to_owned();
    };
    match Event::decode(verified.entry.kind, bytes) {
        Ok(Event::Pushed(push)) => {
            let id = |id: &Option<Oid>| id.as_ref().map_or("nothing".to_owned(), ToString::to_string);
            let moves = push.updates.iter().map(|m| format!("  {} from {} to {}", m.name, id(&m.old), id(&m.new)));
            std::iter::once(format!("push to repository {}:", push.repo)).chain(moves).collect::<Vec<_>>().join("\n")
        }
        Ok(event) => event.name().to_owned(),
        Err(error) => error.to_string(),
    }
}

fn time_us(us: i64) -> String {
    Timestamp::from_microsecond(us).map(|time| time.to_string()).unwrap_or_default()
}

fn time_s(s: u64) -> String {
    i64::try_from(s).ok().and_then(|s| Timestamp::from_second(s).ok()).map(|time| time.to_string()).unwrap_or_default()
}

fn receipt_json(verified: &Verified, what: &str) -> serde_json::Value {
    let cosigned = verified.cosigned.iter().map(|(name, time)| json!({ "vault": name, "time": time_s(*time) }));
    let witnessed = verified.witnessed.iter().map(|(name, time)| json!({ "witness": name, "time": time_s(*time) }));
    json!({
        "proved": true, "entry": verified.entry.seq, "time": time_us(verified.entry.time_us), "what": what,
        "log": verified.checkpoint.origin.as_str(), "size": verified.checkpoint.size, "root": verified.checkpoint.root.to_string(),
        "cosigned": cosigned.collect::<Vec<_>>(), "witnessed": witnessed.collect::<Vec<_>>(), "policy_pinned": verified.policy_pinned,
    })
}

fn print_receipt(verified: &Verified, what: &str, text: &str) {
    let entry = &verified.entry;
    say!("entry {} of {}, {}", entry.seq, verified.checkpoint.origin, time_us(entry.time_us));
    what.lines().for_each(|line| say!("  {line}"));
    say!("is in the log of {} entries with root {}", verified.checkpoint.size, verified.checkpoint.root);
    for (vault, time) in &verified.cosigned {
        say!("  held by {vault}, which said so at {}", time_s(*time));
    }
    for (witness, time) in &verified.witnessed {
        say!("  seen by {witness}, which keeps nothing, at {}", time_s(*time));
    }
    if !verified.policy_pinned {
        say!("checked with the keys that the receipt itself names; compare them, or pin them with --policy:");
        if let Ok(receipt) = receipt::Receipt::parse(text) {
            receipt.policy.lines().for_each(|line| say!("  {line}"));
        }
    }
}

fn say_report(report: &VaultReport, as_json: bool) {
    if as_json {
        say!(
            "{}",
            json!({
                "vault": report.name, "log": report.origin, "epochs": report.epochs, "entries": report.entries,
                "root": report.root.to_string(), "blobs": report.blobs, "blob_bytes": report.blob_bytes,
                "opened": report.opened, "problems": report.problems, "erased": report.erased,
                "erasures": report.erasures.iter().map(|seen| json!({
                    "order": seen.record.order.hash().to_string(), "lawful": seen.lawful,
                })).collect::<Vec<_>>(),
            })
        );
        return;
    }
    let opened = if report.opened { ", all opened with the key" } else { "" };
    say!(
        "vault {}: {} entries of {} in {} epochs, {} blobs of {} bytes{opened}",
        report.name,
        report.entries,
        report.origin,
        report.epochs,
        report.blobs,
        report.blob_bytes
    );
    say!("  root {}", report.root);
    for seen in &report.erasures {
        let by = match seen.lawful {
            Some(true) => "which the officers signed",
            Some(false) => "WHICH THE OFFICERS HAVE NOT SIGNED",
            None => "and whether officers signed it is not checked: name them with --officers",
        };
        let (erased, _, waiting) = seen.record.counts();
        say!("  {erased} blobs erased and {waiting} to be erased by order {}, {by}", seen.record.order.hash());
    }
    if report.erased > 0 {
        say!("  {} blobs are lawfully missing", report.erased);
    }
    if report.problems.is_empty() {
        say!("  everything is as it was signed");
    }
    report.problems.iter().for_each(|problem| say!("  PROBLEM: {problem}"));
}

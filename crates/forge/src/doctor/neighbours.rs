//! Vaults that one person, one fire or one bill could take together, though they are called two trust domains.

use super::facts::{Facts, VaultFacts};
use super::{Colour, Finding};
use std::net::IpAddr;

const WHY: &str = "copies that one person, account or machine can destroy are one copy, whatever they are called";

/// What two vaults share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shared {
    what: &'static str,
    colour: Colour,
}

/// One finding for all vaults of different trust domains, and for vaults on the site's own machine.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    if facts.practice {
        // Said once, elsewhere.
        return Vec::new();
    }
    let apart =
        Finding::good("vaults-apart", "vaults of different trust domains share no owner, account, machine or network");
    let mut found = Vec::new();
    for (i, a) in facts.vaults.iter().enumerate() {
        for b in facts.vaults.iter().skip(i + 1).filter(|b| b.domain != a.domain) {
            found.extend(
                shared(a, b)
                    .into_iter()
                    .map(|shared| (shared.colour, format!("{} and {} {}", a.name, b.name, shared.what))),
            );
        }
    }
    let worst = found.iter().map(|(colour, _)| *colour).max();
    let apart = match worst {
        None => apart,
        Some(colour) => {
            let list = found.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; ");
            let remedy = "move one of each pair to another place with another owner, or start it with the same --domain as the other, so that \
                          they count as one";
            apart.bad(colour, list, WHY, remedy)
        }
    };
    vec![apart, elsewhere(facts)]
}

fn elsewhere(facts: &Facts) -> Finding {
    let finding = Finding::good("vaults-elsewhere", "no vault is on the site's own machine");
    let same = |vault: &&VaultFacts| vault.here || (facts.machine.is_some() && vault.about.machine == facts.machine);
    let here: Vec<_> = facts.vaults.iter().filter(same).map(|vault| vault.name.as_str()).collect();
    if here.is_empty() {
        return finding;
    }
    let problem = format!("on this machine: {}", here.join(", "));
    let remedy = "run these vaults on other machines, with other owners; a copy here counts for nothing when the machine is lost";
    finding.bad(Colour::Red, problem, "whoever takes this machine takes these vaults with it", remedy)
}

fn shared(a: &VaultFacts, b: &VaultFacts) -> Vec<Shared> {
    let same =
        |x: &Option<String>, y: &Option<String>| matches!((x, y), (Some(x), Some(y)) if x.eq_ignore_ascii_case(y));
    let red = |what| Shared { what, colour: Colour::Red };
    let mut all = Vec::new();
    if a.pin == b.pin {
        all.push(red("have the same TLS key"));
    }
    if same(&a.about.machine, &b.about.machine) {
        all.push(red("run on the same machine"));
    } else if a.addresses.iter().any(|ip| b.addresses.contains(ip)) {
        all.push(red("have the same address"));
    } else if a.addresses.iter().any(|x| b.addresses.iter().any(|y| network(*x) == network(*y))) {
        all.push(Shared { what: "are in the same network", colour: Colour::Yellow });
    }
    if same(&a.about.owner, &b.about.owner) {
        all.push(red("have the same owner"));
    }
    if same(&a.about.account, &b.about.account) {
        all.push(red("are in the same account"));
    }
    if same(&a.about.administrator, &b.about.administrator) {
        all.push(red("have the same administrator"));
    }
    all
}

/// The /24 of an IPv4 address, the /48 of an IPv6 one.
fn network(ip: IpAddr) -> Vec<u8> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.octets()[..3].to_vec(),
        IpAddr::V6(ip) => ip.octets()[..6].to_vec(),
    }
}

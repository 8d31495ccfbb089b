//! Each finding: facts that make it fire, and facts that do not.

use super::facts::{About, CertificateLife, Facts, VaultFacts};
use super::{Colour, judge};
use crate::orders::VaultsChanging;
use crate::witness::{Trouble, WitnessStatus};
use std::net::IpAddr;

fn vault(name: &str, address: &str) -> VaultFacts {
    VaultFacts {
        name: name.into(),
        domain: name.into(),
        connected: true,
        since_s: 9,
        last_error: None,
        lag: 0,
        free_bytes: Some(1 << 40),
        slowed_down: false,
        pin: name.into(),
        addresses: vec![address.parse::<IpAddr>().unwrap()],
        here: false,
        clock_s: Some(1),
        not_erased: Vec::new(),
        about: About {
            owner: Some(format!("{name} Ltd")),
            account: None,
            administrator: None,
            machine: Some(name.into()),
        },
    }
}

fn witness(trouble: Option<Trouble>) -> WitnessStatus {
    WitnessStatus { name: "witness.example/w".into(), host: "witness.example".into(), size: 7, signed_s: None, trouble }
}

/// All is well.
fn good() -> Facts {
    Facts {
        not_writable: None,
        base_url: "https://code.example.org".into(),
        certificate: Some(Ok(CertificateLife::Good)),
        credentials_end: Vec::new(),
        practice: false,
        recovery_key: None,
        vaults: vec![vault("eu", "192.0.2.1"), vault("us", "198.51.100.1"), vault("asia", "2001:db8:7::1")],
        witnesses: vec![witness(None)],
        log_key: "code.example.org+key".into(),
        quorum: (2, 3),
        vaults_changing: None,
        sandbox: true,
        disk: Some((50 << 30, 100 << 30)),
        unknown_kinds: Vec::new(),
        skipped: String::new(),
        drill_alarm: None,
        officer_drill_age_s: 60,
        officer_rule: Some((2, 3 * 86_400_000_000)),
        officers: 3,
        recovery_keys_wait_s: None,
        machine: Some("site".into()),
    }
}

#[test]
fn a_good_site_is_green_and_each_check_is_looked_at() {
    let findings = judge(&good());
    assert!(findings.iter().all(|f| f.colour == Colour::Green && f.problem.is_empty()), "{findings:#?}");
    assert_eq!(findings.len(), 22);
}

#[test]
fn a_site_that_others_reach_without_https_is_told_so() {
    fires("https", Colour::Red, "http://code.example.org", |facts| facts.base_url = "http://code.example.org".into());
    for local in ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"] {
        let facts = Facts { base_url: local.into(), ..good() };
        assert!(judge(&facts).iter().all(|finding| finding.colour == Colour::Green), "{local}");
    }
}

#[test]
fn what_ends_soon_is_told() {
    let with = |life| move |facts: &mut Facts| facts.certificate = Some(life);
    fires("certificate", Colour::Yellow, "ends in 12 days", with(Ok(CertificateLife::Days(12))));
    fires("certificate", Colour::Red, "within a day", with(Ok(CertificateLife::Days(0))));
    fires("certificate", Colour::Red, "do not take it: expired", with(Ok(CertificateLife::Bad("expired".into()))));
    fires("certificate", Colour::Yellow, "could not be looked at", with(Err("refused".into())));
    fires("credentials", Colour::Yellow, "deploy key ci of ann/code ends in 3 days", |facts| {
        facts.credentials_end = vec![("deploy key ci of ann/code".into(), 3)];
    });
    fires("credentials", Colour::Yellow, "and 2 more", |facts| {
        facts.credentials_end = (0..10).map(|at| (format!("token {at} of ann"), at)).collect();
    });
}

#[test]
fn a_witness_that_does_not_sign_is_told_apart() {
    let with = |trouble| move |facts: &mut Facts| facts.witnesses = vec![witness(Some(trouble))];
    fires("witness", Colour::Red, "saw another log", with(Trouble::Disagrees));
    fires("witness", Colour::Yellow, "does not know this log", with(Trouble::Unknown));
    fires("witness", Colour::Yellow, "does not sign: it answers 500", with(Trouble::Failed("it answers 500".into())));
    let unknown = Facts { witnesses: vec![witness(Some(Trouble::Unknown))], ..good() };
    assert!(judge(&unknown).iter().any(|finding| finding.remedy.contains("code.example.org+key")));
}

#[test]
fn what_officers_ordered_and_nobody_carried_out_is_told() {
    let other_keys = |facts: &mut Facts| facts.recovery_keys_wait_s = Some(50 * 3600);
    fires("recovery-keys-ordered", Colour::Yellow, "50 h ago", other_keys);
    fires("erasure", Colour::Yellow, "vault us still has what order 41, 52 erases", |facts| {
        facts.vaults[1].not_erased = vec![41, 52];
    });
}

/// What `change` makes of a good site: the one finding that fires.
fn fires(id: &str, colour: Colour, problem: &str, change: impl FnOnce(&mut Facts)) {
    let mut facts = good();
    change(&mut facts);
    let findings = judge(&facts);
    let bad: Vec<_> = findings.iter().filter(|f| f.colour != Colour::Green).collect();
    assert_eq!(bad.iter().map(|f| f.id).collect::<Vec<_>>(), [id], "{bad:#?}");
    assert_eq!(bad[0].colour, colour);
    assert!(bad[0].problem.contains(problem), "{}", bad[0].problem);
    assert!(!bad[0].why.is_empty() && !bad[0].remedy.is_empty());
}

#[test]
fn what_fires() {
    use Colour::{Red, Yellow};
    fires("writes", Red, "too few", |f| f.not_writable = Some("too few vaults".into()));
    fires("recovery-key", Red, "/srv/key", |f| f.recovery_key = Some("/srv/key".into()));
    fires("trust-domains", Red, "1 trust domain", |f| f.quorum = (1, 1));
    fires("trust-domains", Yellow, "2 trust domains", |f| f.quorum = (2, 2));
    fires("domain-spares", Yellow, "two vaults each: eu", |f| {
        f.vaults.push(VaultFacts { domain: "eu".into(), ..vault("eu2", "192.0.2.9") })
    });
    let changing = |confirmed| Some(VaultsChanging { ordered: 43, confirmed, order: Some(41) });
    fires("vaults-changing", Yellow, "entry 43 changes the vaults", |f| f.vaults_changing = changing(None));
    let remedy = |confirmed| {
        let facts = Facts { vaults_changing: changing(confirmed), ..good() };
        let findings = judge(&facts);
        findings.into_iter().find(|found| found.id == "vaults-changing").unwrap().remedy
    };
    assert!(remedy(None).contains("outlast order veto 41"));
    assert!(!remedy(Some(44)).contains("veto"), "both hold it: nobody takes it back");
    fires("vault", Red, "us is away for 77 s: broken", |f| {
        (f.vaults[1].connected, f.vaults[1].since_s, f.vaults[1].last_error) = (false, 77, Some("broken".into()));
    });
    fires("vault", Red, "us is 1001 entries behind", |f| f.vaults[1].lag = 1001);
    fires("vault", Red, "us slows this site down", |f| f.vaults[1].slowed_down = true);
    fires("vault", Red, "1024 MiB free", |f| f.vaults[1].free_bytes = Some(1 << 30));
    fires("clocks", Yellow, "asia is 120 s behind", |f| f.vaults[2].clock_s = Some(-120));
    fires("clocks", Yellow, "this machine's own clock", |f| f.vaults.iter_mut().for_each(|v| v.clock_s = Some(900)));
    fires("disk", Red, "1024 MiB of", |f| f.disk = Some((1 << 30, 100 << 30)));
    fires("disk", Red, "MiB are free", |f| f.disk = Some((40 << 30, 1000 << 30)));
    fires("disk", Yellow, "could not be asked", |f| f.disk = None);
    fires("journal-readable", Red, "901", |f| f.unknown_kinds = vec![901]);
    fires("sandbox", Red, "Landlock", |f| f.sandbox = false);
    fires("drills", Red, "27 h", |f| f.drill_alarm = Some("no full drill for 27 h".into()));
    fires("guarded-acts", Yellow, "no officers' rule", |f| f.officer_rule = None);
    fires("guarded-acts", Yellow, "2 officers must sign, and 2", |f| f.officers = 2);
    fires("guarded-acts", Yellow, "less than a day", |f| f.officer_rule = Some((2, 1)));
    fires("officer-drill", Yellow, "36 days", |f| f.officer_drill_age_s = 36 * 86_400);
}

#[test]
fn what_vaults_share() {
    use Colour::{Red, Yellow};
    let say = |text: &str| Some(text.to_owned());
    fires("vaults-apart", Red, "eu and us have the same TLS key", |f| f.vaults[1].pin = "eu".into());
    fires("vaults-apart", Red, "eu and us run on the same machine", |f| f.vaults[1].about.machine = say("eu"));
    fires("vaults-apart", Red, "eu and us have the same address", |f| {
        f.vaults[1].addresses = f.vaults[0].addresses.clone()
    });
    fires("vaults-apart", Yellow, "same network", |f| f.vaults[1].addresses = vec!["192.0.2.77".parse().unwrap()]);
    fires("vaults-apart", Yellow, "same network", |f| f.vaults[1].addresses = vec!["2001:db8:7:9::2".parse().unwrap()]);
    fires("vaults-apart", Red, "same owner", |f| f.vaults[1].about.owner = say("EU ltd"));
    fires("vaults-apart", Red, "same account", |f| {
        f.vaults.iter_mut().take(2).for_each(|v| v.about.account = say("123"))
    });
    fires("vaults-apart", Red, "same administrator", |f| {
        f.vaults.iter_mut().take(2).for_each(|v| v.about.administrator = say("root@example.org"))
    });
    fires("vaults-elsewhere", Red, "this machine: us", |f| f.vaults[1].here = true);
    fires("vaults-elsewhere", Red, "this machine: asia", |f| f.vaults[2].about.machine = say("site"));
}

#[test]
fn vaults_of_one_trust_domain_may_share_and_practice_is_said_once() {
    let mut facts = good();
    facts.vaults.extend(["eu2", "eu3"].map(|name| VaultFacts { domain: "eu".into(), ..vault(name, "192.0.2.1") }));
    facts.vaults[3].about.machine = Some("eu".into());
    assert!(judge(&facts).iter().all(|f| f.colour == Colour::Green));
    let mut facts = good();
    facts.practice = true;
    facts.vaults.iter_mut().for_each(|vault| vault.here = true);
    let bad: Vec<_> = judge(&facts).into_iter().filter(|f| f.colour != Colour::Green).map(|f| f.id).collect();
    assert_eq!(bad, ["trust-domains"]);
}

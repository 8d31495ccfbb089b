//! The report of an incident: who makes it can leave nothing out, and who changes it is found out.

use crate::rig::{SiteRig, config, new_user, vaults};
use forge::incident::report::{INCIDENT_REPORT_HEADER, IncidentReport};
use forge::orders::{OfficerRule, OfficerSecret};
use forge::people::Scopes;
use forge::people::command::WhichToken;
use forge::site::NewToken;
use journal::policy::Policy;

/// What somebody changes, and what is said of it.
type Lie = (&'static str, fn(&mut IncidentReport));

fn refused(text: &str, policy: Option<&Policy>) -> String {
    let said = IncidentReport::verify(text, policy).map(|_| ()).unwrap_err().to_string();
    assert!(said.contains("NOT PROVED"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_has_every_entry_since_then_and_each_is_proved() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    rig.user("ada", "repo").await;
    let since = forge::now_us();
    let mut officers = Vec::new();
    for name in ["olga", "omar", "otto"] {
        rig.site.user_create(None, new_user(name)).await.unwrap();
        officers.push((name.parse().unwrap(), OfficerSecret::generate().unwrap().public()));
    }
    rig.site.officers_found(officers, OfficerRule { needed: 2, delay_us: 0 }).await.unwrap();
    rig.user("eve", "repo").await;
    let size = rig.site.size();
    rig.until("it is held", |site| site.held() >= size).await;

    let text = rig.site.incident_report(None, since).await.unwrap();
    assert!(text.starts_with(INCIDENT_REPORT_HEADER));
    let policy = rig.site.policy().await.unwrap();
    let verified = IncidentReport::verify(&text, Some(&policy)).unwrap();
    let (report, held) = (verified.report, verified.held);
    assert!(verified.policy_pinned && held.cosigned.len() >= 2, "{held:?}");
    let last = report.entries.last().unwrap().entry;
    assert_eq!((report.since_us, held.checkpoint.size), (since, last + 1));
    assert!(report.entries.iter().all(|entry| entry.time_us >= since), "nothing of before");
    let opened = |name: &str| report.entries.iter().filter(|entry| entry.event == name).all(|e| e.secret.is_some());
    assert!(opened("OfficerKeyAdded") && opened("OfficerRuleSet") && verified.opened >= 4);
    let of_eve =
        report.entries.iter().find(|entry| entry.event == "UserCreated" && entry.about.contains("eve")).unwrap();
    assert!(of_eve.secret.is_none() && of_eve.envelope.is_none(), "the hash of a password is nobody's business");
    assert!(report.credentials.iter().any(|made| made.kind == "token" && made.owner == "eve"));
    assert!(report.credentials.iter().all(|made| made.owner != "ada"), "made before, and not used");

    // What is changed in the file is not what was signed.
    let end = text.find("\n\n{").unwrap();
    assert!(refused(&text.replacen("olga", "omar", 1), None).contains("not those that were signed"));
    assert!(refused(&text.replacen("since-us 1", "since-us 2", 1), None).contains("signature"));
    assert!(refused(&text[..=end], None).contains("no report"));

    // And who has the site's own key can't leave out, exchange or move what is in the log.
    let key = rig.site.keys().log_keys().unwrap().log_key;
    let lies: [Lie; 5] = [
        ("entries are missing", |report| drop(report.entries.remove(1))),
        ("entries are missing", |report| drop(report.entries.pop())),
        ("not say what the report says", |report| {
            report.entries.iter_mut().find(|e| e.secret.is_some()).unwrap().time_us += 1;
        }),
        ("not say what the report says", |report| {
            report.entries.iter_mut().find(|e| e.secret.is_some()).unwrap().event = "RolesSet2".into();
        }),
        ("not in the", |report| report.entries[1].leaf = report.entries[0].leaf.clone()),
    ];
    for (why, lie) in lies {
        let mut lying = report.clone();
        lie(&mut lying);
        let said = refused(&lying.sign(&key).unwrap(), None);
        assert!(said.contains(why) || why == "not in the", "{why}: {said}");
    }
    // Another site's report is none of this one's.
    let other =
        SiteRig::open(config(&dir.path().join("other"), &crate::rig::vaults(&dir.path().join("o")).await)).await;
    refused(&text, Some(&other.site.policy().await.unwrap()));
    assert!(rig.site.incident_report(None, forge::now_us() + 1_000_000).await.is_err(), "nothing since then");
    other.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lockdown_ended_is_in_the_report_though_nobody_used_it() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    // The token is ended with what made it: the intruder's session, in use since before.
    let (_, intruder) = (rig.user("ada", "repo").await, rig.proved("ada").await);
    let new = || NewToken {
        name: "spare".parse().unwrap(),
        scopes: Scopes::parse(["repo"]).unwrap(),
        age_us: None,
        repos: None,
    };
    let (_, spare) = rig.site.token_create_for(&intruder, new()).await.unwrap();
    let (_, early) = rig.site.token_create_for(&intruder, new()).await.unwrap();
    rig.site.token_revoke(None, WhichToken::Id(early.id)).await.unwrap();
    let since = forge::now_us();
    rig.site.token_create_for(&intruder, new()).await.unwrap();
    rig.site.lock_down(None, since).await.unwrap();
    let size = rig.site.size();
    rig.until("it is held", |site| site.held() >= size).await;

    let text = rig.site.incident_report(None, since).await.unwrap();
    let report = IncidentReport::verify(&text, None).unwrap().report;
    let spare = report.credentials.iter().find(|made| made.credential == spare.id).unwrap();
    assert!(spare.made_us < since && spare.used_us.is_none() && spare.ended_us >= Some(since), "{spare:?}");
    let listed = |id| report.credentials.iter().any(|made| made.credential == id);
    assert!(!listed(early.id), "it was over before");
    rig.stop().await;
}

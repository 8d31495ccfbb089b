//! D7 and D8: he destroys what he can, and would lock the owners out; three days pass.

use super::clock::Clock;
use super::{REPOSITORIES, Story, asks, held, order_in, paper, token};
use crate::common::{Browser, push};
use crate::guarded::{order_of, sign, signature, state};
use crate::svn::Svn;

/// For how long a credential of an operator's sleeps, minutes.
const SLEEPS: u64 = 24 * 60;

/// D7: he deletes, with the owner's token, which he found too.
pub(super) fn he_retaliates(story: &mut Story) {
    let (ann, operator) = (story.world.token.clone(), story.operator.clone());
    for name in (0..REPOSITORIES).map(|n| format!("code{n}")).chain(["paper".to_owned()]) {
        let path = format!("/api/v1/repos/ann/{name}");
        story.orders.push(order_in(&asks(story.site(), &ann, "DELETE", &path, "")));
    }
    let trashed = story.before.trashed.clone();
    for (act, subject) in [("user-delete", "pat"), ("trash-empty", trashed.as_str()), ("erase", "ann/old")] {
        let ask = format!(r#"{{"act":"{act}","subject":"{subject}"}}"#);
        story.orders.push(order_in(&asks(story.site(), &operator, "POST", "/api/v1/outlast/orders", &ask)));
    }
    // The machine's socket is a door like the others.
    let said = story.site().cli(&["order", "ask", "organisation-delete", "guild"]).success();
    story.orders.push(order_of(&said));
    assert_eq!(story.refs(), story.before.refs);
    held(
        "D7",
        "six repositories of Git and one of Subversion, an account, an organisation, the trash, its content: eleven orders",
    );

    // What a token of the owner's may do without anybody: Subversion forgets nothing, and old tips stay.
    let (svn, dir, url) = (Svn::of(&story.world), story.world.dir.path(), paper(&story.world.site));
    svn.ok(dir, &["rm", "-q", "-m", "gone", &format!("{url}/trunk")]);
    assert_eq!(svn.ok(dir, &["ls", &url]), "");
    let before = svn.ok(dir, &["ls", "-R", &format!("{url}@2")]);
    assert_eq!(before, story.before.paper);
    held("D7", "the trunk of Subversion is removed by a commit: the revision before has all of it");
    for git in &story.repositories[..3] {
        git.run(["checkout", "-q", "--orphan", "ransom"]).success();
        git.commit("ransom", "pay me\n");
        let forced = push(git, &["+ransom:main", "+ransom:refs/tags/v1"]);
        assert!(forced.ok, "{}", forced.stderr);
        git.run(["checkout", "-q", "main"]).success();
    }
    let wiped = |git: &crate::common::Git| push(git, &[":next", ":refs/tags/v1"]);
    let blown = story.repositories.iter().map(wiped).position(|answer| !answer.ok);
    assert_eq!(blown, Some(5), "the fuse blows at the sixth");
    assert_eq!(asks(story.site(), &story.world.token, "GET", "/api/v1/user", "").status, 401);
    held(
        "D7",
        "three histories are replaced and five pushes delete branches and tags; the sixth blows the fuse: Ann's account is frozen",
    );
    story.loot.push(story.world.token.clone());
}

/// D8: he locks the owners out, or would like to. He has the key of one officer, and three days.
pub(super) fn he_locks_the_owners_out(story: &mut Story) {
    for officer in ["olga", "omar", "otto"] {
        let path = format!("/api/v1/outlast/officers/{officer}/roles");
        let answer = asks(story.site(), &story.operator, "POST", &path, r#"{"officer":false}"#);
        assert_eq!(answer.status, 422, "{}", answer.text());
        let ask = format!(r#"{{"act":"user-delete","subject":"{officer}"}}"#);
        let answer = asks(story.site(), &story.operator, "POST", "/api/v1/outlast/orders", &ask);
        assert_eq!(answer.status, 422, "{}", answer.text());
    }
    let rule = r#"{"needed":2,"delay_seconds":0}"#;
    story.orders.push(order_in(&asks(story.site(), &story.operator, "POST", "/api/v1/outlast/officers/rule", rule)));
    let locked = asks(story.site(), &story.operator, "POST", "/api/v1/outlast/lockdown", "{}");
    assert_eq!(locked.status, 403, "an operator locks nobody out: {}", locked.text());
    let veto = asks(story.site(), &story.operator, "POST", "/api/v1/outlast/orders/1/veto", "{}");
    assert!(veto.status >= 400, "an operator is no officer");
    for order in &story.orders {
        let own = signature(&story.world, order, "sign", "own");
        assert!(!story.site().cli(&["order", "sign", order, &own]).ok, "his own key is nobody's");
        sign(&story.world, order, "otto");
    }
    held(
        "D8",
        "no officer can be dismissed below M + 1, no rule weakened; his own key signs nothing, Otto's one of two",
    );
    the_spare_key_sleeps_a_day(story);
    story.orders.sort_by_key(|order| order.parse::<u64>().unwrap());
    let (first, last) = (story.orders[0].clone(), story.orders.last().unwrap().clone());
    story.passes(story.left(&first) - 1);
    story.assert_nothing_happened("71 h 58 min after the first");

    // Olga is deceived: she signs the deletion of Pat's account, and with Otto's key these are two. Omar reads his mail in time.
    let deceived = story.orders.iter().find(|order| {
        let shown = story.site().cli(&["order", "show", order]).success();
        shown.contains("Delete the account pat")
    });
    let deceived = deceived.unwrap().clone();
    sign(&story.world, &deceived, "olga");
    Clock::settles(story.site());
    story.assert_nothing_happened("signed by two, before its delay is over");
    let veto = signature(&story.world, &deceived, "veto", "omar");
    story.site().cli(&["order", "veto", &deceived, &veto, "--reason", "Pat is here"]).success();
    story.passes(story.left(&last) + 2);
    assert_eq!(state(&story.world, &deceived), "vetoed");
    story.orders.retain(|order| *order != deceived);
    story.assert_nothing_happened("72 h later, signed by one of two");
    let to = story.world.path("loot");
    let export = story.site().cli(&["export", "everything", "--to", to.to_str().unwrap()]);
    assert!(export.failure().contains("officers let them go"));
    held(
        "D8",
        "72 h later nothing is carried out: one signature of two is none, and what two had signed one officer stopped in time",
    );
    for order in &story.orders {
        let veto = signature(&story.world, order, "veto", "omar");
        story.site().cli(&["order", "veto", order, &veto, "--reason", "this was not us"]).success();
        assert_eq!(state(&story.world, order), "vetoed");
    }
    held("D8", "one officer vetoes all of it");
}

/// What he made for the operator in D4 does nothing for 24 h: as long as the officers, who were told, have to end it.
fn the_spare_key_sleeps_a_day(story: &mut Story) {
    let mut key = story.spare_key.take().unwrap();
    let mut awake = |story: &Story| Browser::try_with(story.site(), &mut key).0.get("/-/admin").status == 200;
    story.passes(SLEEPS - 30);
    assert!(!awake(story), "23 h and a half later");
    story.passes(60);
    assert!(awake(story), "nobody ended it within its day");
    held(
        "D8",
        "his key for the operator sleeps for a day; nobody ended it, and it opens what an operator may see: no officer's act",
    );
    let spare = token(story.site(), "opal", "admin");
    story.loot.push(spare);
}

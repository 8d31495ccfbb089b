//! Who may do what by which door: every standing x visibility x act x door there is, made from tables.
//!
//! What is expected follows from the ladder of roles and [`forge::access::ACTS`] alone. A new act, role, visibility or door does not
//! compile or does not pass before it has its rows: [`doors::probes`] for acts and doors, [`scene::STANDINGS`] for roles.

mod doors;
mod scene;

use doors::{Probe, probes};
use forge::access::{ACTS, ActRow, Door};
use forge::event::repo::{Access, Visibility};
use scene::{STANDINGS, Scene, Standing};

/// What must come of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Done,
    /// Seen, but not allowed.
    Refused,
    /// The same bytes as what does not exist.
    Absent,
}

fn expected(standing: &Standing, visibility: Visibility, act: &ActRow) -> Expected {
    let sees = standing.role.is_some()
        || match visibility {
            Visibility::Public => true,
            Visibility::Internal => !standing.name.is_empty(),
            Visibility::Private => false,
        };
    match (sees, act.needs == Access::Read || standing.role >= Some(act.needs)) {
        (false, _) => Expected::Absent,
        (true, true) => Expected::Done,
        (true, false) => Expected::Refused,
    }
}

#[test]
fn everybody_may_what_the_ladder_says_and_no_more_by_every_door() {
    let scene = Scene::new();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    let mut took = |(some, count): (Vec<String>, usize)| {
        wrong.extend(some);
        tried += count;
    };
    const WITH_KEYS: [Door; 2] = [Door::Ssh, Door::SvnSsh];
    for door in Door::ALL.iter().filter(|door| !WITH_KEYS.contains(door)) {
        STANDINGS.iter().for_each(|standing| took(try_all(&scene, standing, *door)));
    }
    // Each of these is a program that is started, and none changes anything: they go side by side. Who has no key does not come
    // as far as a repository, which is tried where SSH is.
    let with_keys = STANDINGS.iter().filter(|standing| !standing.name.is_empty());
    std::thread::scope(|scope| {
        let scene = &scene;
        let by_keys = move |standing| WITH_KEYS.map(|door| try_all(scene, standing, door));
        let tries: Vec<_> = with_keys.map(|standing| scope.spawn(move || by_keys(standing))).collect();
        tries.into_iter().flat_map(|thread| thread.join().unwrap()).for_each(&mut took);
    });
    assert!(wrong.is_empty(), "{} of {tried}\n{}", wrong.len(), wrong.join("\n"));
    let roles = Access::ALL.iter().filter(|role| !STANDINGS.iter().any(|standing| standing.role == Some(**role)));
    assert_eq!(roles.count(), 0, "a role that nobody in the scene has");
    assert!(tried >= 3 * STANDINGS.len() * 7, "only {tried} requests");
}

/// Everything by one door, in every repository: what went wrong, and how much was tried.
fn try_all(scene: &Scene, standing: &Standing, door: Door) -> (Vec<String>, usize) {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (visibility, act) in
        Visibility::ALL.iter().flat_map(|visibility| ACTS.iter().map(move |act| (*visibility, act)))
    {
        for probe in probes(door, act.name) {
            tried += 1;
            let expected = expected(standing, visibility, act);
            if let Err(what) = try_one(scene, standing, scene.repo_by(door, &probe, visibility), &probe, expected) {
                let who = standing.what;
                wrong.push(format!("{who}, {visibility}, {door:?}, {}: {expected:?} expected: {what}", act.name));
            }
        }
    }
    (wrong, tried)
}

fn try_one(scene: &Scene, standing: &Standing, repo: &str, probe: &Probe, expected: Expected) -> Result<(), String> {
    // That a GET changes nothing is another test's.
    let before = if probe.method == "GET" { None } else { Some(scene.entries()) };
    let answer = scene.send(standing, probe, repo);
    let changed = before.is_some_and(|before| scene.grew(before));
    let said = || {
        format!(
            "{} {}: {} {}",
            probe.method,
            probe.address,
            answer.status,
            answer.text().lines().next().unwrap_or_default()
        )
    };
    let to_sign_in = answer.header("location").is_some_and(|to| to.starts_with("/-/sign-in"));
    let refused = matches!(answer.status, 401 | 403 | 404) || to_sign_in;
    match expected {
        Expected::Done if refused || answer.status >= 400 => Err(said()),
        Expected::Refused | Expected::Absent if !refused => Err(said()),
        Expected::Refused | Expected::Absent if changed => Err(format!("{} and the journal grew", said())),
        Expected::Absent => {
            let absent = scene.send(standing, probe, scene::ABSENT);
            let (here, there) = (scene::plain(&answer, repo), scene::plain(&absent, scene::ABSENT));
            if here == there { Ok(()) } else { Err(format!("{here}\n--- what is not there:\n{there}")) }
        }
        _ => Ok(()),
    }
}

/// What a token does not say its owner may, it may not, whoever its owner is.
#[test]
fn a_token_does_what_its_scopes_say_and_no_more() {
    use forge::people::Scope;
    let scene = Scene::new();
    let mut wrong = Vec::new();
    // Each alone, and what together gives people roles.
    let alone = Scope::ALL.into_iter().map(|scope| vec![scope]);
    for scopes in alone.chain([vec![Scope::RepoWrite, Scope::Access]]) {
        let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        let token = scene.token("owen", &words.join(","));
        let has = |wanted: Scope| scopes.iter().any(|scope| scope.implies(wanted));
        for (door, act) in
            [Door::Api, Door::GitHttp, Door::SvnHttp].iter().flat_map(|door| ACTS.iter().map(move |act| (*door, act)))
        {
            for probe in probes(door, act.name) {
                for visibility in Visibility::ALL {
                    let sees = has(Scope::RepoRead) || *visibility == Visibility::Public;
                    let gives = probe.address.contains("/collaborators/");
                    // What is public is read with any token.
                    let may = sees && (act.needs == Access::Read || has(act.scope)) && (!gives || has(Scope::Access));
                    let answer = scene.send_with(&token, &probe, scene.repo_by(door, &probe, *visibility));
                    if (answer.status < 400) != may {
                        wrong.push(format!(
                            "{scopes:?} {visibility} {door:?} {}: {} (may: {may})",
                            act.name, answer.status
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

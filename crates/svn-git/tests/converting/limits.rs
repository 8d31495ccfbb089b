//! Every bound of a view is met with words, and nothing is shown of what goes beyond it.

use crate::fixture::original;
use crate::rig::Rig;
use svn_git::{How, ViewError, ViewLimits};

#[tokio::test]
async fn what_is_too_large_is_refused_and_shows_nothing() {
    let rig = Rig::new(original);
    let all = ViewLimits::default();
    for (limits, words) in [
        (ViewLimits { commits_max: 10, ..all }, "more than 10 commits"),
        (ViewLimits { nodes_max: 20, ..all }, "more than 20 changed files"),
        (ViewLimits { bytes_max: 1_000, ..all }, "more than 1000 bytes"),
    ] {
        let refused = rig.within(&rig.path("v"), How::default(), rig.youngest(), limits).await;
        match refused {
            Err(ViewError::TooMuch(said)) => assert!(said.contains(words), "{said}"),
            other => panic!("{other:?}"),
        }
        let listed = crate::rig::git(&rig.path("v/git"), &["for-each-ref"]);
        assert_eq!(listed, "", "{words}");
    }
}

//! What happened to others: for each class of vulnerability that forges had, a regression that shows that it can't happen here.
//! The cases in the comments are of public reports: of Gitea, Gogs, GitLab, Bitbucket, Git, Subversion.
//!
//! Classes whose regressions stand elsewhere, because they need another scene:
//!
//! | class | where |
//! | --- | --- |
//! | missing checks, from every door, by every role | `matrix`, `endpoints` |
//! | stored scripts, in Markdown, SVG, names, messages | `tests/browser/hostile.test.mjs` |
//! | one-time codes used twice, cloned authenticators | `factors` |
//! | packs that expand, chains of deltas | `crates/git/tests/protocol/bombs.rs` |
//! | names that a tree makes larger than any disk | `crates/git/tests/read_heavy/archive.rs` |
//! | stalled handshakes, floods | `flood`, `ssh` |
//! | XML bombs, authors made up over Subversion | `svn` |

mod access;
mod hostile;
mod requests;
mod secrets;

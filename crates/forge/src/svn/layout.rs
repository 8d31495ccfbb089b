//! Which paths of a repository Git has as branches and tags.

use crate::access::{Administer, Authorized};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::svn_view::SvnLayoutSet;
use crate::repo::command::recheck;
use crate::writer::{Command, Decide};
use svn_git::Layout;

/// The layout of a repository that was never given one, as the journal has it: [`Layout::Detect`].
pub(crate) const LAYOUT_DEFAULT: &str = "detect";

/// Gives Git's view of a repository another layout.
#[derive(Debug)]
pub(crate) struct SvnLayoutPut {
    pub(crate) proof: Authorized<Administer>,
    pub(crate) layout: Layout,
}

impl Command for SvnLayoutPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        if !repo.is_svn() {
            return Err(Error::invalid("only a repository of Subversion has a layout"));
        }
        if layout_fetch(tx, repo.id)? == self.layout {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![SvnLayoutSet { repo: repo.id, layout: self.layout.to_string() }.into()], ()))
    }
}

/// A repository's layout.
pub(crate) fn layout_fetch(tx: &mut Tx, repo: u64) -> Result<Layout, Error> {
    let Some(row) = tx.query_opt("SELECT layout FROM svn_layout WHERE repo = ?1", &[repo.into()])? else {
        return Ok(Layout::Detect);
    };
    let text: String = row.get(0)?;
    text.parse().map_err(|error| Error::damaged(format!("the layout of repository {repo}: {error}")))
}

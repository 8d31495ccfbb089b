//! Finding places by a part of their name.

use super::Site;
use crate::access::{See, authorize_found};
use crate::error::Error;
use crate::org::query::org_find;
use crate::people::Principal;
use crate::people::query::user_find;

/// Organisations looked at for one question: those that one may not see count too.
const ORGS_LOOKED_AT_MAX: u32 = 200;

impl Site {
    /// Accounts with a text in their name, for those who have one: their name, and what people call them.
    pub async fn user_find(
        &self,
        _who: &Principal,
        text: &str,
        limit: u32,
    ) -> Result<Vec<(String, Option<String>)>, Error> {
        let text = text.to_owned();
        self.db().read_async(move |tx| Ok(user_find(tx, &text, limit)?)).await
    }

    /// The paths of organisations with a text in their name that somebody may see.
    pub async fn org_find(&self, who: Option<&Principal>, text: &str, limit: usize) -> Result<Vec<String>, Error> {
        let (who, text) = (who.cloned(), text.to_owned());
        let read = move |tx: &mut crate::db::Tx| {
            let mut paths = Vec::new();
            for org in org_find(tx, &text, ORGS_LOOKED_AT_MAX)? {
                match authorize_found::<See>(tx, who.as_ref(), org) {
                    Ok(proof) => paths.push(proof.org().path.clone()),
                    Err(error) if !error.is_ours() => {}
                    Err(error) => return Err(error),
                }
                if paths.len() == limit {
                    break;
                }
            }
            Ok(paths)
        };
        self.db().read_async(read).await
    }
}

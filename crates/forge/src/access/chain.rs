//! The namespaces that one lies in.

use crate::db::{DbError, Tx};

/// The text of a query over `chain(id, parent)`: the namespace of parameter 1 and all that it lies in.
macro_rules! up_from {
    ($select:literal) => {
        concat!(
            "WITH RECURSIVE chain(id, parent) AS (
                 SELECT id, parent FROM namespace WHERE id = ?1
                 UNION SELECT n.id, n.parent FROM namespace n JOIN chain c ON n.id = c.parent) ",
            $select
        )
    };
}
pub(crate) use up_from;

/// Whether a namespace is another, or lies in it.
pub(crate) fn lies_in(tx: &mut Tx, namespace: u64, outer: u64) -> Result<bool, DbError> {
    let sql = up_from!("SELECT 1 FROM chain WHERE id = ?2");
    Ok(tx.query_opt(sql, &[namespace.into(), outer.into()])?.is_some())
}

//! Telling what was erased here by order: the records, for whoever checks this vault, and what is asked for and is gone.

use super::Shared;
use super::routes::{Answer, No, json_answer, no, refuse, text};
use hyper::{Response, StatusCode};
use journal::{BlobName, Hash};
use serde_json::json;

/// Refuses what was erased: 410, so that nobody waits for it and nobody brings it again.
pub(super) fn not_erased(shared: &Shared, name: &BlobName) -> Result<(), No> {
    match shared.vault().erased(name) {
        None => Ok(()),
        Some(order) => Err(no(StatusCode::GONE, format!("blob {name} was erased by order {order}"))),
    }
}

/// The orders that erased something here.
pub(super) fn list(shared: &Shared) -> Response<super::body::Body> {
    let vault = shared.vault();
    let orders = vault
        .erasures()
        .map(|(order, at_s, waiting)| json!({ "order": order.to_string(), "at_s": at_s, "waiting": waiting }));
    json_answer(&json!(orders.collect::<Vec<_>>()))
}

/// The record of one.
pub(super) fn record(shared: &Shared, order: Option<Hash>) -> Answer {
    let none = || no(StatusCode::NOT_FOUND, "no such order erased anything here");
    let order = order.ok_or_else(none)?;
    let record = shared.vault().erasure(&order).map_err(|error| refuse(shared, &error.into()))?;
    record.map(|record| text(StatusCode::OK, record)).ok_or_else(none)
}

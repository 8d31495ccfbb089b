//! What a site and other vaults tell a vault besides entries.

use super::{ANSWER_TIMEOUT, BLOB_TIMEOUT, ClientError, VaultClient, refused};
use hyper::Method;

impl VaultClient {
    /// Shows the vault the signed report of a full drill.
    ///
    /// # Errors
    /// When it can't be asked, or does not take it. As for all here.
    pub async fn drill(&self, report: &str) -> Result<(), ClientError> {
        self.ask_ok(Method::POST, "/v1/drill", report.to_owned().into()).await.map(|_| ())
    }

    /// Tells the vault what the site's operators say of incidents, signed.
    pub async fn incidents(&self, note: &str) -> Result<(), ClientError> {
        self.ask_ok(Method::POST, "/v1/incidents", note.to_owned().into()).await.map(|_| ())
    }

    /// Asks for proof of possession, as a vault that this one's owner named with `--peer`: a signed question, and an answer for each blob.
    pub(crate) async fn audit_by_peer(&self, note: String, blobs: usize) -> Result<Vec<Option<String>>, ClientError> {
        let (status, bytes) = self.ask(Method::POST, "/audit", note.into(), BLOB_TIMEOUT.max(ANSWER_TIMEOUT)).await?;
        if !status.is_success() {
            return Err(refused(status, &bytes));
        }
        let answers: Vec<Option<String>> =
            serde_json::from_slice(&bytes).map_err(|error| ClientError::Nonsense(error.to_string()))?;
        if answers.len() == blobs {
            Ok(answers)
        } else {
            Err(ClientError::Nonsense("it answered for another number of blobs".to_owned()))
        }
    }
}

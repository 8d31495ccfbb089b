//! Attacks on a running vault over its own protocol, with the credential of its URL: every verb on every path.

use super::{Outcome, Probe};
use crate::client::{ClientError, VaultClient};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use journal::{BlobName, Hash};

const VERBS: [&str; 13] = [
    "DELETE",
    "PATCH",
    "MOVE",
    "COPY",
    "TRUNCATE",
    "PURGE",
    "LOCK",
    "UNLOCK",
    "PROPPATCH",
    "MKCOL",
    "LINK",
    "UNLINK",
    "PUT",
];

/// Attacks a vault. One small blob stays there.
///
/// # Errors
/// When it can't be reached.
pub async fn probe_vault(client: &VaultClient) -> Result<Probe, ClientError> {
    let before = client.state().await?;
    let mut probe = Probe::new(format!("{:?}", client.url()));
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| ClientError::Unreachable(error.to_string()))?;
    let bytes = Bytes::from(format!("written by a probe, to be attacked: {}", Hash(random)));
    let name = BlobName::of(&bytes);
    client.put_blob_bytes(&name, bytes.clone()).await?;
    there(client, &mut probe, &name, &bytes, "write a blob and read it back").await?;
    wrong_bytes(client, &mut probe).await?;
    let other = client.put_blob_bytes(&name, Bytes::from_static(b"other bytes")).await;
    if let Err(error @ (ClientError::Unreachable(_) | ClientError::TimedOut(_))) = other {
        return Err(error);
    }
    there(client, &mut probe, &name, &bytes, "use its name again").await?;
    verbs(client, &mut probe, &name).await?;
    appends(client, &mut probe).await?;
    there(client, &mut probe, &name, &bytes, "after all of this, read it").await?;
    let after = client.state().await?;
    let shrunk = after.size < before.size || after.epoch < before.epoch || after.origin != before.origin;
    let seen = format!("{} entries before, {} after", before.size, after.size);
    probe.note(true, "make its log shorter", if shrunk { Outcome::Fell } else { Outcome::Held }, seen);
    let damaged = after.damaged.unwrap_or_else(|| "its own probe found nothing".to_owned());
    let outcome = if damaged.starts_with("its own") { Outcome::Held } else { Outcome::Fell };
    probe.note(true, "its store", outcome, damaged);
    Ok(probe)
}

/// With the credential that reads, its bytes; else whether it is there.
async fn there(
    client: &VaultClient,
    probe: &mut Probe,
    name: &BlobName,
    bytes: &Bytes,
    attack: &'static str,
) -> Result<(), ClientError> {
    let mut back = Vec::new();
    let (good, seen) = match client.blob(name, &mut back).await {
        Ok(found) => (found && back == *bytes, "its bytes are its own"),
        Err(ClientError::Refused { status: StatusCode::FORBIDDEN, .. }) => {
            (client.has_blob(name).await?, "it is there; this credential does not read")
        }
        Err(ClientError::Nonsense(_)) => (false, ""),
        Err(error) => return Err(error),
    };
    let seen = if good { seen } else { "it is gone, or has other bytes" };
    probe.note(true, attack, if good { Outcome::Held } else { Outcome::Fell }, seen);
    Ok(())
}

async fn wrong_bytes(client: &VaultClient, probe: &mut Probe) -> Result<(), ClientError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| ClientError::Unreachable(error.to_string()))?;
    let wrong = BlobName::of(&random);
    let put = client.put_blob_bytes(&wrong, Bytes::from_static(b"not these bytes")).await;
    let taken = put.is_ok() || client.has_blob(&wrong).await?;
    let seen = if taken { "it took them" } else { "refused" };
    let outcome = if taken { Outcome::Fell } else { Outcome::Held };
    probe.note(true, "store bytes under a wrong SHA-256", outcome, seen);
    Ok(())
}

async fn verbs(client: &VaultClient, probe: &mut Probe, name: &BlobName) -> Result<(), ClientError> {
    let blob = format!("/v1/blob/{name}");
    let paths = [
        blob.as_str(),
        "/v1/state",
        "/v1/append",
        "/v1/audit",
        "/v1/batches?from=0",
        "/v1/blobs",
        "/v1/epoch",
        "/v1/epochs",
        "/v1/enrol",
        "/v1/prune",
        "/v1/delete",
        "/v1/blob/..%2f..%2fFORMAT",
        "/store/FORMAT",
        "/",
    ];
    let (mut tried, mut fell) = (0, Vec::new());
    for path in paths {
        for verb in VERBS {
            if verb == "PUT" && path == blob {
                continue;
            }
            let method =
                Method::from_bytes(verb.as_bytes()).map_err(|error| ClientError::Nonsense(error.to_string()))?;
            let status = client.attack(method, path).await?;
            tried += 1;
            if status.is_success() {
                fell.push(format!("{verb} {path} was answered {status}"));
            }
        }
    }
    let (outcome, seen) = match fell.is_empty() {
        true => (Outcome::Held, format!("{tried} requests, all refused")),
        false => (Outcome::Fell, fell.join("; ")),
    };
    probe.note(true, "every verb that takes away, on every path", outcome, seen);
    Ok(())
}

async fn appends(client: &VaultClient, probe: &mut Probe) -> Result<(), ClientError> {
    let junk = client.append(&[Bytes::from_static(b"junk")]).await;
    let (outcome, seen) = match junk {
        Err(ClientError::Refused { status, .. }) => (Outcome::Held, format!("refused ({})", status.as_u16())),
        Err(error) => return Err(error),
        Ok(_) => (Outcome::Fell, "it cosigned".to_owned()),
    };
    probe.note(true, "have it cosign what no log signed", outcome, seen);
    Ok(())
}

//! TLS 1.3 between sites and vaults: a self-signed certificate whose key the other side knows by its hash. No authority
//! that either owner does not control can stand in for a vault.

use journal::Hash;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The name in every vault's certificate; who a vault is, its pin says.
pub(crate) const SERVER_NAME: &str = "vault.outlast.invalid";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The vault's certificate and key in `dir`, made when there are none; and its pin.
pub(crate) fn server(dir: &Path) -> io::Result<(Arc<ServerConfig>, Hash)> {
    let (cert_path, key_path) = (dir.join("certificate.der"), dir.join("key.der"));
    if !key_path.exists() {
        let made = rcgen::generate_simple_self_signed(vec![SERVER_NAME.to_owned()]).map_err(io::Error::other)?;
        crate::server::write_private(&cert_path, made.cert.der())?;
        crate::server::write_private(&key_path, &made.signing_key.serialize_der())?;
    }
    let certificate = CertificateDer::from(std::fs::read(&cert_path)?);
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(std::fs::read(&key_path)?));
    let pin = pin_of(&certificate).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
        .map_err(io::Error::other)?;
    Ok((Arc::new(config), pin))
}

/// A client that takes one key's certificate and no other.
pub(crate) fn client(pin: Hash) -> Result<Arc<ClientConfig>, Error> {
    let provider = provider();
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { pin, provider }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn pin_of(certificate: &CertificateDer<'_>) -> Result<Hash, Error> {
    Ok(Hash::of(ParsedCertificate::try_from(certificate)?.subject_public_key_info().as_ref()))
}

#[derive(Debug)]
struct Pinned {
    pin: Hash,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if pin_of(end_entity)? == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("vaults speak TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A client that trusts the authorities this machine trusts: for services that others run, such as a bucket's.
///
/// # Errors
/// When the machine has no certificates of authorities.
pub fn public_client() -> io::Result<Arc<ClientConfig>> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = rustls::RootCertStore::empty();
    let (good, _) = roots.add_parsable_certificates(loaded.certs);
    if good == 0 {
        return Err(io::Error::other(
            "this machine has no certificates of authorities: install ca-certificates, or name a file in SSL_CERT_FILE",
        ));
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// TLS to servers that this machine's authorities vouch for: webhooks, other forges.
///
/// # Errors
/// When the machine has no certificates of authorities.
pub fn public_tls() -> io::Result<tokio_rustls::TlsConnector> {
    Ok(public_client()?.into())
}

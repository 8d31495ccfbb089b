//! For how long a server's certificate is good: asked by whoever has one, before clients find out.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How a certificate stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateLife {
    /// Clients take it now, and in all the days that were asked for.
    Good,
    /// Clients take it for so many days more.
    Days(u64),
    /// Clients do not take it, and why.
    Bad(String),
}

/// Whether the authorities that this machine trusts vouch for the certificate at an address, and still will in `days` days.
///
/// # Errors
/// When nobody answers there, it is no TLS, or this machine trusts no authorities.
pub async fn certificate_life(host: &str, port: u16, days: u64) -> io::Result<CertificateLife> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    let stream = TcpStream::connect((host, port)).await?;
    life(stream, host, roots, days).await
}

async fn life(stream: TcpStream, host: &str, roots: RootCertStore, days: u64) -> io::Result<CertificateLife> {
    let provider = Arc::new(ring::default_provider());
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let authorities = authorities.build().map_err(io::Error::other)?;
    let looking = Arc::new(Looking { authorities, days, seen: Mutex::default() });
    let config = ClientConfig::builder_with_provider(provider as Arc<CryptoProvider>)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(looking.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    // Nothing is sent: what was looked for is seen in the handshake.
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let seen = looking.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    seen.ok_or_else(|| io::Error::other("the server showed no certificate"))
}

/// Takes every certificate, because it is only looked at.
#[derive(Debug)]
struct Looking {
    authorities: Arc<WebPkiServerVerifier>,
    days: u64,
    seen: Mutex<Option<CertificateLife>>,
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let on = |day: u64| {
            let then = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs() + day * DAY.as_secs()));
            self.authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, then)
        };
        let life = match on(0) {
            Err(error) => CertificateLife::Bad(error.to_string()),
            Ok(_) => match (1..=self.days).find(|day| on(*day).is_err()) {
                Some(day) => CertificateLife::Days(day - 1),
                None => CertificateLife::Good,
            },
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(life);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use std::time::SystemTime;

    /// What is said of a certificate for `localhost` that ends so many hours from now, by an authority that is trusted or not.
    async fn said(hours: i64, host: &str, trusted: bool) -> CertificateLife {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).unwrap();
        let (key, mut params) =
            (KeyPair::generate().unwrap(), CertificateParams::new(vec!["localhost".into()]).unwrap());
        let year = DAY * 365;
        let end = SystemTime::now() - year + Duration::from_secs((365 * 24 + hours).unsigned_abs() * 3600);
        (params.not_before, params.not_after) = ((SystemTime::now() - year).into(), end.into());
        let certificate = params.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
        let mut roots = RootCertStore::empty();
        if trusted {
            roots.add(root.der().clone()).unwrap();
        } else {
            roots.add(CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap().der().clone()).unwrap();
        }
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            tokio_rustls::TlsAcceptor::from(Arc::new(server)).accept(stream).await.ok();
        });
        life(TcpStream::connect(address).await.unwrap(), host, roots, 21).await.unwrap()
    }

    #[tokio::test]
    async fn a_certificate_is_good_or_ends_soon_or_is_not_taken() {
        assert_eq!(said(24 * 60, "localhost", true).await, CertificateLife::Good);
        assert_eq!(said(24 * 5 + 1, "localhost", true).await, CertificateLife::Days(5));
        assert_eq!(said(1, "localhost", true).await, CertificateLife::Days(0));
        for (hours, host, trusted) in
            [(-1, "localhost", true), (24 * 60, "other.example", true), (24 * 60, "localhost", false)]
        {
            let life = said(hours, host, trusted).await;
            assert!(matches!(life, CertificateLife::Bad(_)), "{hours} {host} {trusted}: {life:?}");
        }
    }

    #[tokio::test]
    async fn who_speaks_no_tls_shows_no_certificate() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        drop(listener.accept().await.unwrap());
        assert!(life(stream, "localhost", RootCertStore::empty(), 21).await.is_err());
    }
}

//! Servers that are known by their key, and configurations that are taken as they are.

use std::sync::Arc;

use rcgen::PublicKeyData;
use rustls::crypto::ring;
use rustls::server::NoClientAuth;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::{Authority, BOTH, HOST, Identity, ONLY_12, ONLY_13, assert_talks, meet, params, refusal_of};
use crate::tls::{CertificateProblem, KeyPin, TlsError, TlsOptions};

fn pin(identity: &Identity) -> KeyPin {
    KeyPin::of(&identity.key.subject_public_key_info())
}

fn server(identity: &Identity) -> ServerConfig {
    identity.server_with(BOTH, Arc::new(NoClientAuth))
}

#[tokio::test]
async fn a_server_with_a_pinned_key_is_taken_and_another_is_not() {
    let authority = Authority::new("CA");
    let (known, other) = (authority.issue_server(), authority.issue_server());
    for versions in [ONLY_12, ONLY_13] {
        let options = authority.trusted().pin([0; 32].into()).pin(pin(&known));
        assert_talks(meet(&options, known.server_with(versions, Arc::new(NoClientAuth))).await).await;
        let error = refusal_of(&options, other.server_with(versions, Arc::new(NoClientAuth))).await;
        let problem = CertificateProblem::NotPinned { key: pin(&other) };
        assert_eq!(error, TlsError::Certificate { subject: Some(HOST.to_owned()), problem });
        assert!(error.to_string().contains(&pin(&other).to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_pinned_key_does_not_make_up_for_a_certificate() {
    let known = Identity::self_signed(&params(HOST));
    let options = Authority::new("CA").trusted().pin(pin(&known));
    let error = refusal_of(&options, server(&known)).await;
    assert!(matches!(error, TlsError::Certificate { problem: CertificateProblem::SelfSigned, .. }), "{error:?}");
}

#[tokio::test]
async fn where_any_certificate_will_do_the_pinned_key_alone_counts_and_has_to_be_proved() {
    let known = Identity::self_signed(&params("other.example"));
    let options = TlsOptions::new().danger_accept_any_certificate(true).pin(pin(&known));
    let thief = Identity { chain: known.chain.clone(), ..Identity::self_signed(&params(HOST)) };
    for versions in [ONLY_12, ONLY_13] {
        assert_talks(meet(&options, known.server_with(versions, Arc::new(NoClientAuth))).await).await;
        let stranger = Identity::self_signed(&params("other.example"));
        let error = refusal_of(&options, stranger.server_with(versions, Arc::new(NoClientAuth))).await;
        assert!(matches!(error, TlsError::Certificate { problem: CertificateProblem::NotPinned { .. }, .. }));

        // It shows the certificate and does not have the key.
        let stolen = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Shows(rustls::sign::CertifiedKey::new(
                thief.chain.clone(),
                ring::sign::any_supported_type(&thief.private_key()).unwrap(),
            ))));
        let error = refusal_of(&options, stolen).await;
        assert!(matches!(error, TlsError::Certificate { problem: CertificateProblem::NotItsKey, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_configuration_of_rustls_is_taken_as_it_is() {
    let authority = Authority::new("CA");
    let mut roots = RootCertStore::empty();
    roots.add(authority.der()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(ONLY_13)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Of the others only the name counts.
    let options = TlsOptions::new().ca_pem("nothing").rustls_config(Arc::new(config)).server_name(HOST);
    assert_talks(meet(&options, authority.issue_server().server()).await).await;
    let error = refusal_of(&options, Authority::new("Another").issue_server().server()).await;
    assert!(matches!(error, TlsError::Certificate { .. }), "{error:?}");
    let other = options.server_name("other.example");
    assert!(meet(&other, authority.issue_server().server()).await.0.is_err());
}

/// Shows one certificate to everybody.
#[derive(Debug)]
struct Shows(rustls::sign::CertifiedKey);

impl rustls::server::ResolvesServerCert for Shows {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::new(self.0.clone()))
    }
}

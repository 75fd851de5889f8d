//! Certificates, good and bad, are judged by rustls on the other side.

use std::sync::Arc;

use dunlin_testkit::{Authority, CertificateError, Identity, Leaf, Validity};
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::{TlsAcceptor, TlsConnector};

fn client_config(trusted: &Authority, identity: Option<&Identity>) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.certificate_pem().as_bytes()).unwrap()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let certificate = CertificateDer::from_pem_slice(identity.certificate_pem().as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    })
}

/// Runs a whole handshake in memory for the server name `name`: what the client and what the
/// server say.
async fn handshake(
    server: Arc<rustls::ServerConfig>,
    client: Arc<rustls::ClientConfig>,
    name: &'static str,
) -> (Result<(), String>, Result<(), String>) {
    let (client_end, server_end) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from(name).unwrap();
    let connector = TlsConnector::from(client);
    let acceptor = TlsAcceptor::from(server);
    // Both streams live until both verdicts are there: in TLS 1.3 the server's comes later.
    let (client, server) = tokio::join!(connector.connect(name, client_end), acceptor.accept(server_end));
    let verdicts = (client.as_ref().map(|_| ()), server.as_ref().map(|_| ()));
    (verdicts.0.map_err(ToString::to_string), verdicts.1.map_err(ToString::to_string))
}

/// What a client that trusts `authority` and asks for `localhost` says to `identity`.
async fn verdict(authority: &Authority, identity: &Identity) -> String {
    let server = identity.server_config(None).unwrap();
    match handshake(server, client_config(authority, None), "localhost").await {
        (Ok(()), _) => "trusted".to_owned(),
        (Err(error), _) => error,
    }
}

#[tokio::test]
async fn a_server_certificate_is_trusted_under_each_of_its_names() {
    let authority = Authority::new("Plant 7").unwrap();
    let server = authority.server(&["localhost", "127.0.0.1"]).unwrap().server_config(None).unwrap();
    for name in ["localhost", "127.0.0.1"] {
        let (client, _) = handshake(Arc::clone(&server), client_config(&authority, None), name).await;
        assert_eq!(client, Ok(()), "{name}");
    }
    let (client, _) = handshake(server, client_config(&authority, None), "elsewhere").await;
    assert!(client.unwrap_err().contains("not valid for name"));
}

#[tokio::test]
async fn each_bad_certificate_is_refused_for_its_own_reason() {
    let authority = Authority::new("Plant 7").unwrap();
    let other = Authority::new("Plant 7").unwrap();
    let leaf = Leaf::server(&["localhost"]);
    let expired = authority.issue(&leaf.clone().validity(Validity::Expired)).unwrap();
    let not_yet = authority.issue(&leaf.clone().validity(Validity::NotYet)).unwrap();
    let nameless = authority.issue(&Leaf::server(&[]).common_name("localhost")).unwrap();
    let client = authority.client("localhost").unwrap();

    let cases = [
        (authority.issue(&leaf).unwrap(), "trusted"),
        (expired, "certificate expired"),
        (not_yet, "certificate not valid yet"),
        (nameless, "not valid for name"),
        (leaf.self_signed().unwrap(), "UnknownIssuer"),
        (other.issue(&leaf).unwrap(), "BadSignature"),
        (client, "does not allow extended key usage for server authentication"),
    ];
    let mut wrong = Vec::new();
    for (identity, reason) in cases {
        let verdict = verdict(&authority, &identity).await;
        if !verdict.contains(reason) {
            wrong.push(format!("instead of {reason}: {verdict}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_server_that_asks_for_a_client_certificate_wants_one_of_its_authority() {
    let authority = Authority::new("Plant 7").unwrap();
    let stranger = Authority::new("Elsewhere").unwrap().client("sensor-17").unwrap();
    let own = authority.client("sensor-17").unwrap();
    let server = authority.server(&["localhost"]).unwrap().server_config(Some(&authority)).unwrap();

    for (identity, welcome) in [(Some(&own), true), (Some(&stranger), false), (None, false)] {
        let client = client_config(&authority, identity);
        let (_, server) = handshake(Arc::clone(&server), client, "localhost").await;
        assert_eq!(server.is_ok(), welcome, "{server:?}");
    }
}

#[test]
fn keys_are_pkcs8_and_stay_out_of_debug() {
    let identity = Authority::new("Plant 7").unwrap().client("sensor-17").unwrap();
    assert!(identity.key_pem().starts_with("-----BEGIN PRIVATE KEY-----"));
    assert!(!format!("{identity:?}").contains("PRIVATE KEY"));
}

#[test]
fn a_name_that_cannot_be_is_named() {
    let error = Authority::new("Plant 7").unwrap().server(&["localhost", "m\u{fc}nchen"]).unwrap_err();
    assert_eq!(error, CertificateError::Name("m\u{fc}nchen".to_owned()));
}

#[test]
fn files_hold_what_the_strings_say() {
    let identity = Authority::new("Plant 7").unwrap().client("sensor-17").unwrap();
    let directory = std::env::temp_dir().join(format!("dunlin-certificates-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (certificate, key) = identity.write(&directory, "sensor").unwrap();
    assert_eq!(std::fs::read_to_string(&certificate).unwrap(), identity.certificate_pem());
    assert_eq!(std::fs::read_to_string(&key).unwrap(), identity.key_pem());
    assert!(certificate.ends_with("sensor.crt") && key.ends_with("sensor.key"));
    std::fs::remove_dir_all(&directory).unwrap();
}

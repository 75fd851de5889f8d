//! Servers that want to know who we are.

use std::io;

use rcgen::date_time_ymd;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::AsyncReadExt;

use super::fixtures::{TEST_CA, TEST_CLIENT_PKCS1, TEST_CLIENT_SEC1, TEST_KEY_PKCS1, TEST_KEY_SEC1, TEST_VERSION_1};
use super::{
    Authority, Client, Identity, ONLY_12, ONLY_13, Server, assert_talks, authority_params, client_verifier, meet,
    params,
};
use crate::tls::{TlsError, TlsOptions, TlsRefusal};

#[tokio::test]
async fn a_known_client_is_let_in() {
    let world = World::new();
    let client = world.clients.issue(&params("sensor-17"));
    let options = world.options(&client.pem, &client.key_pem());
    for versions in [ONLY_12, ONLY_13] {
        assert_talks(meet(&options, world.server(versions)).await).await;
    }
}

#[tokio::test]
async fn a_missing_certificate_is_told_in_each_version() {
    let world = World::new();
    for versions in [ONLY_12, ONLY_13] {
        let met = meet(&world.servers.trusted(), world.server(versions)).await;
        assert_eq!(refusal(met).await, TlsRefusal::CertificateRequired);
    }
}

#[tokio::test]
async fn an_unknown_client_is_told_in_each_version() {
    let world = World::new();
    let stranger = Authority::new("Elsewhere").issue(&params("sensor-17"));
    let options = world.options(&stranger.pem, &stranger.key_pem());
    for versions in [ONLY_12, ONLY_13] {
        let met = meet(&options, world.server(versions)).await;
        assert_eq!(refusal(met).await, TlsRefusal::UnknownAuthority);
    }
}

#[tokio::test]
async fn an_expired_client_is_told_in_each_version() {
    let world = World::new();
    let mut old = params("sensor-17");
    old.not_after = date_time_ymd(2024, 2, 29);
    let client = world.clients.issue(&old);
    let options = world.options(&client.pem, &client.key_pem());
    for versions in [ONLY_12, ONLY_13] {
        let met = meet(&options, world.server(versions)).await;
        assert_eq!(refusal(met).await, TlsRefusal::CertificateExpired);
    }
}

#[tokio::test]
async fn a_certificate_of_the_wrong_kind_is_rejected() {
    let world = World::new();
    let client = world.clients.issue(&authority_params("sensor-17"));
    let options = world.options(&client.pem, &client.key_pem());
    let met = meet(&options, world.server(ONLY_12)).await;
    assert_eq!(refusal(met).await, TlsRefusal::CertificateRejected);
}

#[tokio::test]
async fn keys_in_pkcs1_and_sec1_prove_who_we_are() {
    let world = World::new();
    let old = CertificateDer::from_pem_slice(TEST_CA.as_bytes()).unwrap();
    for (certificate, key) in [(TEST_CLIENT_PKCS1, TEST_KEY_PKCS1), (TEST_CLIENT_SEC1, TEST_KEY_SEC1)] {
        let options = world.options(certificate, key);
        for versions in [ONLY_12, ONLY_13] {
            let clients = client_verifier(&old);
            let server = world.server.server_with(versions, clients);
            assert_talks(meet(&options, server).await).await;
        }
    }
}

/// OpenSSL makes version 1 from a request by itself, and a server built on it
/// takes that. The one here takes any client.
#[tokio::test]
async fn a_version_1_certificate_is_good_enough_to_be_sent() {
    let world = World::new();
    let options = world.options(TEST_VERSION_1, TEST_KEY_SEC1);
    assert_talks(meet(&options, world.server.server()).await).await;
}

#[tokio::test]
async fn intermediates_are_sent_and_our_own_comes_first() {
    let world = World::new();
    let middle = Authority::below("Middle", &world.clients, |_| {});
    let client = middle.issue(&params("sensor-17"));
    for chain in [client.pem.clone() + &middle.pem(), middle.pem() + &client.pem] {
        let options = world.options(&chain, &client.key_pem());
        assert_talks(meet(&options, world.server(ONLY_13)).await).await;
    }
}

/// A server with its CA, and the CA of the clients it lets in.
struct World {
    servers: Authority,
    clients: Authority,
    server: Identity,
}

impl World {
    fn new() -> Self {
        let servers = Authority::new("Servers");
        Self { server: servers.issue_server(), clients: Authority::new("Clients"), servers }
    }

    fn server(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let clients = client_verifier(self.clients.issuer.der());
        self.server.server_with(versions, clients)
    }

    fn options(&self, certificate: &str, key: &str) -> TlsOptions {
        self.servers.trusted().client_certificate_pem(certificate, key)
    }
}

/// With TLS 1.2 the refusal ends the handshake; with 1.3 it comes to the first
/// read, as the error of a stream.
async fn refusal((client, server): (Client, Server)) -> TlsRefusal {
    assert!(server.is_err());
    let error = match client {
        Err(error) => error,
        Ok(mut stream) => {
            let error: io::Error = stream.read_u8().await.unwrap_err();
            TlsError::from_io(&error).expect("the error should be one of TLS")
        }
    };
    match error {
        TlsError::Refused(refusal) => refusal,
        other => panic!("not a refusal: {other:?}"),
    }
}

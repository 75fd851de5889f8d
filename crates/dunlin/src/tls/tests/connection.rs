//! Versions, names, protocols, and servers that speak something else.

use std::collections::HashSet;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::server::NoClientAuth;
use rustls::{AlertDescription, Error, HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex};
use tokio_rustls::TlsAcceptor;

use super::{Authority, HOST, ONLY_12, ONLY_13, assert_talks, meet, meet_as, params, refusal_of};
use crate::tls::{Connector, TlsError, TlsNotSpoken, TlsOptions, TlsRefusal, TlsSetupError, TlsVersion};

#[tokio::test]
async fn the_version_stays_within_the_bounds() {
    let authority = Authority::new("CA");
    let server = authority.issue_server();
    let spoken = async |options: TlsOptions| {
        let (client, _server) = meet(&options, server.server()).await;
        client.unwrap().get_ref().1.protocol_version()
    };
    let trusted = || authority.trusted();
    assert_eq!(spoken(trusted()).await, Some(ProtocolVersion::TLSv1_3));
    let only_12 = trusted().maximum_version(TlsVersion::Tls12);
    assert_eq!(spoken(only_12).await, Some(ProtocolVersion::TLSv1_2));

    let only_13 = trusted().minimum_version(TlsVersion::Tls13);
    let old = server.server_with(ONLY_12, Arc::new(NoClientAuth));
    let error = refusal_of(&only_13, old).await;
    assert_eq!(error, TlsError::Refused(TlsRefusal::NoSharedVersion));
}

#[test]
fn a_minimum_above_the_maximum_is_refused_at_once() {
    let options = TlsOptions::new().minimum_version(TlsVersion::Tls13).maximum_version(TlsVersion::Tls12);
    assert_eq!(
        Connector::new(&options).err(),
        Some(TlsError::Setup(TlsSetupError::NoVersionLeft { minimum: TlsVersion::Tls13, maximum: TlsVersion::Tls12 }))
    );
}

#[tokio::test]
async fn the_server_name_replaces_the_host() {
    let authority = Authority::new("CA");
    let acceptor = TlsAcceptor::from(Arc::new(authority.issue_server().server()));
    let options = authority.trusted().server_name(HOST);
    let connector = Connector::new(&options).unwrap();
    let (client, server) = meet_as(&connector, &acceptor, "192.0.2.1").await;
    let asked_for = server.as_ref().unwrap().get_ref().1.server_name();
    assert_eq!(asked_for, Some(HOST));
    assert_talks((client, server)).await;
}

#[tokio::test]
async fn addresses_are_names_too() {
    let authority = Authority::new("CA");
    let connector = Connector::new(&authority.trusted()).unwrap();
    for (address, hosts) in [("192.0.2.1", &["192.0.2.1"][..]), ("2001:db8::1", &["2001:db8::1", "[2001:db8::1]"])] {
        let server = authority.issue(&params(address)).server();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        for host in hosts {
            assert_talks(meet_as(&connector, &acceptor, host).await).await;
        }
    }
}

#[tokio::test]
async fn a_host_that_is_no_name_is_our_fault() {
    let connector = Connector::new(&Authority::new("CA").trusted()).unwrap();
    let (ours, _theirs) = duplex(64);
    let error = connector.connect(ours, "broker example").await.unwrap_err();
    let name = "broker example".to_owned();
    assert_eq!(error, TlsError::Setup(TlsSetupError::InvalidServerName { name }));
}

#[tokio::test]
async fn protocols_are_offered_and_agreed_on() {
    let authority = Authority::new("CA");
    let mut server = authority.issue_server().server();
    server.alpn_protocols = vec![b"mqtt".to_vec()];

    let options = authority.trusted().alpn(["x-other", "mqtt"]);
    let (client, _server) = meet(&options, server.clone()).await;
    let agreed = client.unwrap().get_ref().1.alpn_protocol().map(Vec::from);
    assert_eq!(agreed, Some(b"mqtt".to_vec()));

    let error = refusal_of(&authority.trusted().alpn(["x-other"]), server).await;
    assert_eq!(error, TlsError::Refused(TlsRefusal::NoApplicationProtocol));
}

#[test]
fn protocols_that_cannot_be_offered_are_refused_at_once() {
    let long = [vec![b'x'; 256]];
    let many = vec![vec![b'x'; 255]; 257];
    for protocols in [&[Vec::new()][..], &long, &many] {
        let options = TlsOptions::new().alpn(protocols.iter().cloned());
        assert_eq!(Connector::new(&options).err(), Some(TlsError::Setup(TlsSetupError::InvalidAlpn)));
    }
}

#[tokio::test]
async fn a_session_is_resumed() {
    let authority = Authority::new("CA");
    let connector = Connector::new(&authority.trusted()).unwrap();
    for versions in [ONLY_12, ONLY_13] {
        let server = authority.issue_server().server_with(versions, Arc::new(NoClientAuth));
        let acceptor = TlsAcceptor::from(Arc::new(server));
        assert_talks(meet_as(&connector, &acceptor, HOST).await).await;
        let (client, _server) = meet_as(&connector.clone(), &acceptor, HOST).await;
        let kind = client.unwrap().get_ref().1.handshake_kind();
        assert_eq!(kind, Some(HandshakeKind::Resumed));
    }
}

#[tokio::test]
async fn a_server_without_tls_is_recognised() {
    let closed = TlsError::NotSpoken(TlsNotSpoken::Closed);
    let answered = TlsError::NotSpoken(TlsNotSpoken::Answered);
    assert_eq!(against(b"").await, closed);
    for answer in [
        // CONNACK of 3.1.1, "unacceptable protocol version".
        &b"\x20\x02\x00\x01"[..],
        // CONNACK of 5.0 with a reason.
        b"\x20\x08\x00\x84\x05\x1f\x00\x02no",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-server\r\n",
        // By chance the first byte of a TLS record, but no version of TLS.
        b"\x16\x16\x16\x16\x16\x16",
    ] {
        assert_eq!(against(answer).await, answered);
    }
    assert_ne!(closed.to_string(), answered.to_string());
}

#[tokio::test]
async fn a_server_that_breaks_the_rules_is_told_apart() {
    // A well-formed record of a handshake message that nobody asked for.
    let error = against(b"\x16\x03\x03\x00\x04\x14\x00\x00\x00").await;
    assert!(matches!(error, TlsError::Violation { .. }), "{error:?}");
}

#[tokio::test]
async fn every_alert_has_its_own_words() {
    let alerts = [
        (40, TlsRefusal::HandshakeFailure),
        (42, TlsRefusal::CertificateRejected),
        (44, TlsRefusal::CertificateRevoked),
        (45, TlsRefusal::CertificateExpired),
        (48, TlsRefusal::UnknownAuthority),
        (49, TlsRefusal::AccessDenied),
        (70, TlsRefusal::NoSharedVersion),
        (80, TlsRefusal::InternalError),
        (112, TlsRefusal::UnrecognisedName),
        (116, TlsRefusal::CertificateRequired),
        (120, TlsRefusal::NoApplicationProtocol),
        (115, TlsRefusal::Other { alert: 115 }),
    ];
    let mut seen = HashSet::new();
    for (alert, refusal) in alerts {
        let error = against(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, alert]).await;
        assert_eq!(error, TlsError::Refused(refusal));
        assert!(seen.insert(error.to_string()) && seen.insert(error.hint().to_owned()));
    }
}

#[test]
fn only_errors_of_tls_are_explained() {
    let alert = Error::AlertReceived(AlertDescription::AccessDenied);
    let error = io::Error::new(io::ErrorKind::InvalidData, alert);
    assert_eq!(TlsError::from_io(&error), Some(TlsError::Refused(TlsRefusal::AccessDenied)));
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    assert_eq!(TlsError::from_io(&reset), None);
}

#[tokio::test]
async fn a_network_that_fails_is_not_blamed_on_tls() {
    let connector = Connector::new(&Authority::new("CA").trusted()).unwrap();
    let error = connector.connect(Unreachable, HOST).await.unwrap_err();
    assert_eq!(error, TlsError::Network(io::ErrorKind::TimedOut));
}

/// What the client says to a server that takes its first bytes, answers this,
/// and closes.
async fn against(answer: &[u8]) -> TlsError {
    let connector = Connector::new(&Authority::new("CA").trusted()).unwrap();
    let (ours, mut theirs) = duplex(64 * 1024);
    let server = async move {
        let mut hello = vec![0; 4096];
        let heard = theirs.read(&mut hello).await.unwrap();
        assert!(heard > 0 && hello.starts_with(&[0x16, 0x03, 0x01]));
        theirs.write_all(answer).await.unwrap();
    };
    tokio::join!(connector.connect(ours, HOST), server).0.unwrap_err()
}

/// A link whose every read times out.
#[derive(Debug)]
struct Unreachable;

impl AsyncRead for Unreachable {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Unreachable {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

//! What is said when QUIC does not lead to a server.

use std::{net::UdpSocket, time::Duration};

use dunlin::{
    CertificateProblem, Client, ConnectOptions, ConnectionError, Drain, NetworkError, OptionsError, Proxy, TcpOptions,
    TlsError, TlsOptions, TlsRefusal, TlsSetupError, TlsVersion, WebSocketOptions,
};
use dunlin_testkit::{Authority, QuicFront, Server};

use crate::scene::{EVERY_QOS, within};

fn to(port: u16) -> ConnectOptions {
    ConnectOptions::from_url(&format!("mqtt-quic://127.0.0.1:{port}")).unwrap()
}

async fn tls_error(options: ConnectOptions) -> TlsError {
    match within(Client::connect(options)).await.unwrap_err() {
        ConnectionError::Tls(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_tls_refuses_is_told_as_over_tcp() {
    let server = Server::start().await.unwrap();
    let authority = Authority::new("CA").unwrap();
    let trusted = || TlsOptions::new().ca_pem(authority.certificate_pem());
    let identity = authority.server(&["broker.example"]).unwrap();
    let front = QuicFront::start(server.address(), &identity, None).unwrap();

    let stranger = TlsOptions::new().ca_pem(Authority::new("Another CA").unwrap().certificate_pem());
    let error = tls_error(to(front.port()).quic(stranger)).await;
    let problem = |error: TlsError| match error {
        TlsError::Certificate { problem, .. } => problem,
        other => panic!("{other:?}"),
    };
    assert!(matches!(problem(error), CertificateProblem::UnknownIssuer { .. }));
    let error = tls_error(to(front.port()).quic(trusted())).await;
    assert!(matches!(problem(error), CertificateProblem::WrongName { .. }));
    let named = trusted().server_name("broker.example");
    let error = tls_error(to(front.port()).quic(named.clone().alpn(["other"]))).await;
    assert_eq!(error, TlsError::Refused(TlsRefusal::NoApplicationProtocol));

    // From an address of our own, too.
    let options = to(front.port()).quic(named).tcp(TcpOptions::new().bind("127.0.0.1".parse().unwrap()));
    let client = within(Client::connect(options)).await.unwrap();
    for qos in EVERY_QOS {
        within(client.publish("t", "hello").qos(qos)).await.unwrap();
    }
    within(client.close(Drain::ALL)).await;
    within(server.wait_for_messages(3)).await;
    server.assert_no_breaches();
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_says_so() {
    let server = Server::start().await.unwrap();
    let authority = Authority::new("CA").unwrap();
    let identity = authority.server(&["127.0.0.1"]).unwrap();
    let front = QuicFront::start(server.address(), &identity, Some(&authority)).unwrap();
    let trusted = TlsOptions::new().ca_pem(authority.certificate_pem());
    let error = tls_error(to(front.port()).quic(trusted.clone())).await;
    assert_eq!(error, TlsError::Refused(TlsRefusal::CertificateRequired));
    let known = authority.client("sensor-17").unwrap();
    let options = trusted.client_certificate_pem(known.certificate_pem(), known.key_pem());
    let client = within(Client::connect(to(front.port()).quic(options))).await.unwrap();
    within(client.close(Drain::ALL)).await;
}

#[tokio::test]
async fn where_nobody_answers_the_address_is_told() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let options = to(silent.local_addr().unwrap().port()).connect_timeout(Duration::from_millis(300));
    let options = options.quic(TlsOptions::new().danger_accept_any_certificate(true));
    let error = within(Client::connect(options)).await.unwrap_err();
    let expected = NetworkError::TimedOut(silent.local_addr().unwrap().to_string().into());
    assert_eq!(error, ConnectionError::Network(expected));
}

#[tokio::test]
async fn what_cannot_carry_quic_is_refused() {
    for options in [
        to(1).proxy(Proxy::http("proxy", 1)),
        to(1).websocket(WebSocketOptions::new()),
        to(1).unix_socket("/run/broker.sock"),
        to(1).connector(|| async { Ok(tokio::io::empty()) }),
        ConnectOptions::new("broker").proxy(Proxy::http("proxy", 1)).or_url("quic://broker").unwrap(),
    ] {
        assert_eq!(Client::start(options).unwrap_err(), OptionsError::QuicAlone);
    }
    let old = TlsOptions::new().ca_pem(Authority::new("CA").unwrap().certificate_pem());
    let error = Client::start(to(1).quic(old.maximum_version(TlsVersion::Tls12))).unwrap_err();
    assert_eq!(error, OptionsError::Tls(TlsSetupError::QuicNeedsTls13.into()));
}

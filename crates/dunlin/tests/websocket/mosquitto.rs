//! Against a real Mosquitto, whose WebSocket is libwebsockets: plain and with TLS, both versions, every QoS both ways.

use std::time::Duration;

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Event, Qos, TlsOptions};
use dunlin_testkit::{Cut, LinkOptions, Mosquitto};

use crate::scene::{EVERY_QOS, VERSIONS, event, message, within};

fn mosquitto() -> Mosquitto {
    Mosquitto::options().websockets(true).start().expect("this test needs Mosquitto with WebSocket")
}

/// Every QoS both ways, a burst, and a payload that needs many frames to the server. Back it is small: Mosquitto 2.0 sends
/// 4 KiB each tenth of a second over WebSocket.
async fn talks(options: ConnectOptions, mosquitto: &Mosquitto) {
    let client = within(Client::connect(options)).await.unwrap();
    let mut subscription = within(client.subscribe("me").qos(Qos::ExactlyOnce)).await.unwrap();
    let other = within(Client::connect(mosquitto.url())).await.unwrap();
    let mut large = within(other.subscribe("large").qos(Qos::ExactlyOnce)).await.unwrap();
    let payload: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    for qos in EVERY_QOS {
        for length in [0, 5, 126, 9_000] {
            within(client.publish("me", &payload[..length]).qos(qos)).await.unwrap();
            let message = message(&mut subscription).await;
            assert!(message.payload() == &payload[..length] && message.qos() == qos, "{length} bytes, {qos:?}");
        }
        within(client.publish("large", &payload).qos(qos)).await.unwrap();
        assert!(message(&mut large).await.payload() == payload, "{qos:?}");
    }
    for n in 0..1_000_u32 {
        drop(within(client.publish("me", n.to_string()).qos(Qos::AtLeastOnce).accepted()).await.unwrap());
    }
    for n in 0..1_000_u32 {
        assert_eq!(message(&mut subscription).await.text(), Some(n.to_string().as_str()));
    }
    within(client.close(Drain::ALL)).await;
}

#[tokio::test]
async fn plain_in_both_versions() {
    let mosquitto = mosquitto();
    for version in VERSIONS {
        let options = ConnectOptions::from_url(&mosquitto.websocket_url()).unwrap();
        talks(options.version(version), &mosquitto).await;
    }
}

#[tokio::test]
async fn over_tls_in_both_versions() {
    let mosquitto = mosquitto();
    let tls = TlsOptions::new().ca_file(mosquitto.certificates().authority_file());
    for version in VERSIONS {
        let options = ConnectOptions::from_url(&mosquitto.websocket_tls_url()).unwrap().version(version);
        talks(options.tls(tls.clone()), &mosquitto).await;
    }
    let error = within(Client::connect(mosquitto.websocket_tls_url())).await.unwrap_err();
    assert!(matches!(error, ConnectionError::Tls(_)), "the platform does not know this authority: {error:?}");
}

#[tokio::test]
async fn a_cut_link_comes_back_as_a_websocket() {
    let mosquitto = mosquitto();
    let url = mosquitto.websocket_url();
    let address = url.strip_prefix("ws://").and_then(|rest| rest.strip_suffix("/mqtt")).unwrap();
    let server: std::net::SocketAddr = address.parse().unwrap();
    let (link, address) = LinkOptions::new().listen(server).await.unwrap();
    let options = ConnectOptions::from_url(&format!("ws://{address}/mqtt")).unwrap();
    let options = options.reconnect(Duration::from_millis(1), Duration::from_millis(20));
    let client = within(Client::connect(options)).await.unwrap();
    let mut subscription = within(client.subscribe("t").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut events = client.events();
    link.cut(Cut::Reset);
    event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    within(client.publish("t", "again").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(message(&mut subscription).await.text(), Some("again"));
    within(client.close(Drain::ALL)).await;
}

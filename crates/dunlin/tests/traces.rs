//! What a client writes to `tracing`: how connections begin and end, and every packet.

mod capture;
mod scene;

use std::sync::Arc;

use capture::Capture;
use dunlin::{Client, Drain};
use dunlin_testkit::Server;
use scene::{to_server, within};

#[tokio::test(start_paused = true)]
async fn connections_and_packets_are_traced() {
    let (capture, _guard) = Capture::begin();
    let server = Arc::new(Server::start().await.unwrap());
    let client = within(Client::connect(to_server(&server).client_id("c"))).await.unwrap();
    let mut changes = client.status_changes();
    server.cut("c");
    while client.statistics().reconnects == 0 {
        within(changes.next()).await.unwrap();
    }
    within(client.close(Drain::ALL)).await;
    let text = capture.text();
    let count = |line: &str| text.lines().filter(|known| known.starts_with(line)).count();
    assert_eq!(count("span DEBUG dunlin client_id=\"c\""), 2, "{text}");
    assert_eq!(count("DEBUG dunlin message=connecting server=\"mqtt://server:1883\""), 2, "{text}");
    assert_eq!(count("INFO dunlin message=connected server=mqtt://server:1883 session_present=false"), 2, "{text}");
    assert_eq!(count("WARN dunlin message="), 1, "the connection was lost: {text}");
    assert_eq!(count("DEBUG dunlin message=closed"), 1, "{text}");
    assert_eq!(count("TRACE dunlin::packet message=-> CONNECT \"c\", MQTT 5.0"), 2, "{text}");
    assert_eq!(count("TRACE dunlin::packet message=-> DISCONNECT 0x00"), 1, "{text}");
}

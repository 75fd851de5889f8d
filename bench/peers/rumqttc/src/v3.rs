//! MQTT 3.1.1.

#[path = "client.rs"]
pub(crate) mod client;

use std::{io, time::Duration};

use bench_yardstick::Arguments;
pub(crate) use rumqttc::{AsyncClient, ClientError, Event, EventLoop, Packet, QoS};
use rumqttc::{MqttOptions, NetworkOptions, TlsConfiguration, Transport};

fn open(arguments: &Arguments, id: &str, capacity: usize) -> io::Result<(AsyncClient, EventLoop)> {
    let mut options = MqttOptions::new(id, arguments.host(), arguments.port);
    options
        .set_keep_alive(Duration::from_secs(60))
        .set_inflight(arguments.window)
        .set_max_packet_size(1 << 20, 1 << 20);
    if let Some(certificate) = &arguments.tls {
        let simple = TlsConfiguration::Simple { ca: std::fs::read(certificate)?, alpn: None, client_auth: None };
        options.set_transport(Transport::tls_with_config(simple));
    }
    let (client, mut events) = AsyncClient::new(options, capacity);
    // Off by default; then every run ends in a wait of 40 ms for a delayed acknowledgement of TCP.
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    Ok((client, events))
}

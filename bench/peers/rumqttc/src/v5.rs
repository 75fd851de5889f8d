//! MQTT 5.0.

// Both versions of the library have these names, and each has types of its own behind them.
#[allow(clippy::duplicate_mod)]
#[path = "client.rs"]
pub(crate) mod client;

use std::{io, time::Duration};

use bench_yardstick::Arguments;
pub(crate) use rumqttc::v5::{
    AsyncClient, ClientError, Event, EventLoop,
    mqttbytes::{QoS, v5::Packet},
};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport, v5::MqttOptions};

fn open(arguments: &Arguments, id: &str, capacity: usize) -> io::Result<(AsyncClient, EventLoop)> {
    let mut options = MqttOptions::new(id, arguments.host(), arguments.port);
    // Off by default; then every run ends in a wait of 40 ms for a delayed acknowledgement of TCP.
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options
        .set_keep_alive(Duration::from_secs(60))
        .set_outgoing_inflight_upper_limit(arguments.window)
        .set_max_packet_size(Some(1 << 20))
        .set_network_options(network);
    if let Some(certificate) = &arguments.tls {
        let simple = TlsConfiguration::Simple { ca: std::fs::read(certificate)?, alpn: None, client_auth: None };
        options.set_transport(Transport::tls_with_config(simple));
    }
    Ok(AsyncClient::new(options, capacity))
}

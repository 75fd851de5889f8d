//! MQTT 5.0.

// Both libraries have these names, and each has types of its own behind them.
#[allow(clippy::duplicate_mod)]
#[path = "client.rs"]
pub(crate) mod client;

use std::io;

use bench_yardstick::Arguments;
pub(crate) use rumqttc_v5::{
    AsyncClient, ClientError, Event, EventLoop, PublishOptions,
    mqttbytes::{QoS, v5::Packet},
};
use rumqttc_v5::{Broker, MqttOptions, NetworkOptions, TlsConfiguration, Transport};

fn open(arguments: &Arguments, id: &str, capacity: usize) -> io::Result<(AsyncClient, EventLoop)> {
    let mut options = MqttOptions::new(id, Broker::tcp(arguments.host(), arguments.port));
    options
        .set_keep_alive(60)
        .set_outgoing_inflight_upper_limit(arguments.window)
        .set_unlimited_incoming_packet_size()
        .set_max_request_batch(128);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if let Some(certificate) = &arguments.tls {
        let simple = TlsConfiguration::Simple { ca: std::fs::read(certificate)?, alpn: None, client_auth: None };
        options.set_transport(Transport::tls_with_config(simple));
    }
    Ok(AsyncClient::builder(options).capacity(capacity).build())
}

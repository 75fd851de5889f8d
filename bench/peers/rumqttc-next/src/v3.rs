//! MQTT 3.1.1.

#[path = "client.rs"]
pub(crate) mod client;

use std::io;

use bench_yardstick::Arguments;
pub(crate) use rumqttc_v4::{
    AsyncClient, ClientError, Event, EventLoop, PublishOptions,
    mqttbytes::{QoS, v4::Packet},
};
use rumqttc_v4::{Broker, MqttOptions, NetworkOptions, TlsConfiguration, Transport};

fn open(arguments: &Arguments, id: &str, capacity: usize) -> io::Result<(AsyncClient, EventLoop)> {
    let mut options = MqttOptions::new(id, Broker::tcp(arguments.host(), arguments.port));
    options
        .set_keep_alive(60)
        .set_inflight(arguments.window)
        .set_max_packet_size(1 << 20, 1 << 20)
        .set_max_request_batch(128);
    if let Some(certificate) = &arguments.tls {
        let simple = TlsConfiguration::Simple { ca: std::fs::read(certificate)?, alpn: None, client_auth: None };
        options.set_transport(Transport::tls_with_config(simple));
    }
    let (client, mut events) = AsyncClient::builder(options).capacity(capacity).build();
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    Ok((client, events))
}

//! rumqttc in the benchmark, with MQTT 3.1.1: its event loop on one thread, and for publishing a task beside it.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Stopwatch, TOPIC, WARM_UP, report_idle, resident_bytes,
};
use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS, TlsConfiguration, Transport};

fn main() -> Ending {
    let arguments = Arguments::parse()?;
    if arguments.tls.is_some() {
        rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is installed")?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if arguments.mode == Mode::Idle {
            return idle(&arguments).await;
        }
        let (client, mut events) = open(&arguments, "rumqttc", 1024)?;
        loop {
            if let Event::Incoming(Packet::ConnAck(_)) = events.poll().await? {
                break;
            }
        }
        match arguments.mode {
            Mode::Publish => publish(client, events, &arguments).await,
            Mode::Receive => receive(&client, events, &arguments).await,
            _ => round_trips(&client, events, &arguments).await,
        }
    })
}

fn open(arguments: &Arguments, id: &str, capacity: usize) -> std::io::Result<(AsyncClient, EventLoop)> {
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

fn qos(arguments: &Arguments) -> QoS {
    arguments.qos_as([QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
}

/// One task publishes, and this one drives the connection.
async fn publish(client: AsyncClient, mut events: EventLoop, arguments: &Arguments) -> Ending {
    let (count, qos, payload) = (arguments.count, qos(arguments), Bytes::from(arguments.payload()));
    let stopwatch = Stopwatch::start();
    tokio::spawn(async move {
        for _ in 0..count {
            client.publish_bytes(TOPIC, qos, false, payload.clone()).await?;
        }
        if qos == QoS::AtMostOnce {
            client.publish_bytes(TOPIC, QoS::AtLeastOnce, false, payload).await?;
        }
        // Without its handles the connection would end.
        std::future::pending::<Result<(), rumqttc::ClientError>>().await
    });
    let mut left = if qos == QoS::AtMostOnce { 1 } else { count };
    while left > 0 {
        if let Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) = events.poll().await? {
            left -= 1;
        }
    }
    stopwatch.report(count);
    Ok(())
}

async fn receive(client: &AsyncClient, mut events: EventLoop, arguments: &Arguments) -> Ending {
    client.subscribe(arguments.flood_filter(), qos(arguments)).await?;
    let (mut stopwatch, mut left) = (None, arguments.count);
    while left > 0 {
        if let Event::Incoming(Packet::Publish(message)) = events.poll().await? {
            stopwatch.get_or_insert_with(Stopwatch::start);
            black_box(&message.payload);
            left -= 1;
        }
    }
    stopwatch.ok_or("there was no message")?.report(arguments.count);
    Ok(())
}

async fn round_trips(client: &AsyncClient, mut events: EventLoop, arguments: &Arguments) -> Ending {
    let (echo, payload) = (arguments.mode == Mode::Echo, Bytes::from(arguments.payload()));
    if echo {
        client.subscribe(ECHO_TOPIC, QoS::AtMostOnce).await?;
        while !matches!(events.poll().await?, Event::Incoming(Packet::SubAck(_))) {}
    }
    let (topic, qos) = if echo { (ECHO_TOPIC, QoS::AtMostOnce) } else { (TOPIC, QoS::AtLeastOnce) };
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        client.publish_bytes(topic, qos, false, payload.clone()).await?;
        while !matches!(events.poll().await?, Event::Incoming(Packet::PubAck(_) | Packet::Publish(_))) {}
        if trip >= WARM_UP {
            latencies.add(began);
        }
    }
    latencies.report();
    Ok(())
}

async fn idle(arguments: &Arguments) -> Ending {
    let mut clients = Vec::with_capacity(arguments.count as usize);
    let before = resident_bytes();
    for number in 0..arguments.count {
        let (client, mut events) = open(arguments, &format!("idle-{number}"), 10)?;
        while !matches!(events.poll().await?, Event::Incoming(Packet::ConnAck(_))) {}
        tokio::spawn(async move { while events.poll().await.is_ok() {} });
        clients.push(client);
    }
    report_idle(before, arguments.count);
    Ok(())
}

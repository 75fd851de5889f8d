//! The same program for either version.

use std::{hint::black_box, time::Instant};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Stopwatch, TOPIC, WARM_UP, report_idle, resident_bytes,
};
use bytes::Bytes;

use super::{AsyncClient, ClientError, Event, EventLoop, Packet, QoS, open};

/// Does what is asked for.
pub(crate) async fn run(arguments: &Arguments) -> Ending {
    if arguments.mode == Mode::Idle {
        return idle(arguments).await;
    }
    let (client, mut events) = open(arguments, &arguments.client_id(), 1024)?;
    loop {
        if let Event::Incoming(Packet::ConnAck(_)) = events.poll().await? {
            break;
        }
    }
    match arguments.mode {
        Mode::Publish => publish(client, events, arguments).await,
        Mode::Receive => receive(&client, events, arguments).await,
        _ => round_trips(&client, events, arguments).await,
    }
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
        std::future::pending::<Result<(), ClientError>>().await
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

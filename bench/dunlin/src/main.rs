//! dunlin in the benchmark: the ordinary client, on one thread, as an application would use it.

use std::{
    collections::VecDeque,
    hint::black_box,
    time::{Duration, Instant},
};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Stopwatch, TOPIC, WARM_UP, report_idle, resident_bytes,
};
use bytes::Bytes;
use dunlin::{Client, ConnectOptions, Drain, Message, Payload, Qos, TlsOptions, Version};
use tokio::sync::oneshot;

fn main() -> Ending {
    let arguments = Arguments::parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if arguments.mode == Mode::Idle {
            return idle(&arguments).await;
        }
        let client = Client::connect(options(&arguments)).await?;
        match arguments.mode {
            Mode::Publish => publish(&client, &arguments).await?,
            Mode::Receive => receive(&client, &arguments).await?,
            Mode::Latency => latency(&client, &arguments).await?,
            _ => echo(&client, &arguments).await?,
        }
        client.close(Drain::within(Duration::from_secs(5))).await;
        Ok(())
    })
}

fn options(arguments: &Arguments) -> ConnectOptions {
    let options = ConnectOptions::new(arguments.host())
        .port(arguments.port)
        .version(if arguments.v5 { Version::V5 } else { Version::V3_1_1 })
        .send_maximum(arguments.window);
    match &arguments.tls {
        Some(certificate) => options.tls(TlsOptions::new().ca_file(certificate)),
        None => options,
    }
}

/// A large payload is given by its count of references, a small one is copied.
async fn publish(client: &Client, arguments: &Arguments) -> Ending {
    let bytes = Bytes::from(arguments.payload());
    let payload = || if bytes.len() < LARGE { Payload::from(&bytes[..]) } else { Payload::from(bytes.clone()) };
    let qos = arguments.qos_as([Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
    let stopwatch = Stopwatch::start();
    if arguments.receipts && arguments.qos > 0 {
        let mut receipts = VecDeque::with_capacity(arguments.window.into());
        for _ in 0..arguments.count {
            if receipts.len() == usize::from(arguments.window)
                && let Some(receipt) = receipts.pop_front()
            {
                black_box(receipt.await);
            }
            let mut message = client.publish(TOPIC, payload()).qos(qos);
            let receipt = match message.enqueue() {
                Ok(receipt) => receipt,
                Err(_) => message.accepted().await?,
            };
            receipts.push_back(receipt);
        }
        for receipt in receipts {
            black_box(receipt.await);
        }
    } else {
        let before_last = arguments.count - u64::from(arguments.qos > 0);
        for _ in 0..before_last {
            let mut message = client.publish(TOPIC, payload()).qos(qos);
            if message.post().is_err() {
                drop(message.accepted().await?);
            }
        }
        // Acknowledged in their order: the last one speaks for all.
        client.publish(TOPIC, payload()).qos(qos.max(Qos::AtLeastOnce)).await?;
    }
    stopwatch.report(arguments.count);
    Ok(())
}

async fn receive(client: &Client, arguments: &Arguments) -> Ending {
    let qos = arguments.qos_as([Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
    if arguments.variant == "handler" {
        return receive_by_handler(client, arguments, qos).await;
    }
    // The sink sends QoS 0 as fast as it can; what it is for is to measure, and not to drop.
    let buffer = 64 << 20;
    let mut messages = client.subscribe(&arguments.flood_filter()).qos(qos).buffer_bytes(buffer).await?;
    let first = messages.next().await.ok_or("the subscription ended")?;
    let stopwatch = Stopwatch::start();
    black_box(first.payload());
    let mut count = 1;
    if arguments.variant == "reference" {
        while count < arguments.count {
            let message = messages.next_ref().await.ok_or("the subscription ended")?;
            black_box(message.payload());
            count += 1 + message.missed_before();
        }
    } else {
        while count < arguments.count {
            let message = messages.next().await.ok_or("the subscription ended")?;
            black_box(message.payload());
            count += 1 + message.missed_before();
        }
    }
    stopwatch.report(arguments.count);
    Ok(())
}

async fn receive_by_handler(client: &Client, arguments: &Arguments, qos: Qos) -> Ending {
    let (mut stopwatch, mut count, wanted) = (None, 0, arguments.count);
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    let handler = move |message: &Message| {
        let stopwatch = stopwatch.get_or_insert_with(Stopwatch::start);
        black_box(message.payload());
        count += 1 + message.missed_before();
        if count >= wanted
            && let Some(tell) = tell.take()
        {
            stopwatch.report(wanted);
            // The program waits for nothing else.
            let _ = tell.send(());
        }
    };
    let subscription = client.subscribe(&arguments.flood_filter()).qos(qos).on_message(handler).await?;
    told.await?;
    drop(subscription);
    Ok(())
}

async fn latency(client: &Client, arguments: &Arguments) -> Ending {
    let payload = arguments.payload();
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        client.publish(TOPIC, &payload).qos(Qos::AtLeastOnce).await?;
        if trip >= WARM_UP {
            latencies.add(began);
        }
    }
    latencies.report();
    Ok(())
}

async fn echo(client: &Client, arguments: &Arguments) -> Ending {
    let payload = arguments.payload();
    let mut echoes = client.subscribe(ECHO_TOPIC).await?;
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        client.publish(ECHO_TOPIC, &payload).post()?;
        black_box(echoes.next().await);
        if trip >= WARM_UP {
            latencies.add(began);
        }
    }
    latencies.report();
    Ok(())
}

async fn idle(arguments: &Arguments) -> Ending {
    let mut clients = Vec::with_capacity(arguments.count as usize);
    let options = options(arguments);
    let before = resident_bytes();
    for number in 0..arguments.count {
        clients.push(Client::connect(options.clone().client_id(format!("dunlin-{number}"))).await?);
    }
    report_idle(before, arguments.count);
    Ok(())
}

/// From so many bytes on dunlin does not copy a payload that it is given to keep.
const LARGE: usize = 4096;

//! rust-mqtt in the benchmark, with MQTT 5.0, over a buffered stream of tokio: the program drives the connection itself.

use std::{error::Error, hint::black_box, num::NonZero, time::Instant};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Stopwatch, TOPIC, WARM_UP, report_idle, resident_bytes,
};
use embedded_io_adapters::tokio_1::FromTokio;
use rust_mqtt::{
    Bytes,
    buffer::AllocBuffer,
    client::{
        Client,
        event::Event,
        options::{ConnectOptions, PublicationOptions, SubscriptionOptions, TopicReference},
    },
    config::KeepAlive,
    types::{MqttString, TopicFilter, TopicName},
};
use tokio::{io::BufStream, net::TcpStream, sync::mpsc};

type Library<'a, const WINDOW: usize> =
    Client<'a, 'a, FromTokio<BufStream<TcpStream>>, AllocBuffer, 1, WINDOW, WINDOW, 1, 4, 0, 0>;

fn main() -> Ending {
    let mut arguments = Arguments::parse()?;
    // It keeps what is in flight in arrays, which it searches: with more of it, it takes longer for each.
    arguments.window = arguments.window.min(100);
    if !arguments.v5 {
        return Err("it speaks 5.0 only".into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        if arguments.mode == Mode::Idle {
            return idle(&arguments).await;
        }
        let mut buffer = AllocBuffer;
        let mut client: Library<'_, 128> = Client::new(&mut buffer);
        connect(&arguments, &mut client, &arguments.client_id(), 64 << 10).await?;
        match arguments.mode {
            Mode::Publish => publish(&mut client, &arguments).await,
            Mode::Receive => receive(&mut client, &arguments).await,
            _ => round_trips(&mut client, &arguments).await,
        }
    })
}

async fn connect<const WINDOW: usize>(
    arguments: &Arguments,
    client: &mut Library<'_, WINDOW>,
    id: &str,
    buffer: usize,
) -> Ending {
    let stream = TcpStream::connect((arguments.host(), arguments.port)).await?;
    stream.set_nodelay(true)?;
    let stream = FromTokio::new(BufStream::with_capacity(buffer, buffer, stream));
    let keep_alive = NonZero::new(60).map_or(KeepAlive::Infinite, KeepAlive::Seconds);
    let options = ConnectOptions::new().clean_start().keep_alive(keep_alive);
    let id = MqttString::from_str(id).map_err(failed)?;
    client.connect(stream, &options, Some(id)).await.map_err(failed)?;
    Ok(())
}

async fn subscribe<const WINDOW: usize>(client: &mut Library<'_, WINDOW>, filter: &str, qos: u8) -> Ending {
    let filter = MqttString::from_str(filter).map_err(failed)?;
    let options = SubscriptionOptions::new();
    let options = match qos {
        0 => options,
        1 => options.at_least_once(),
        _ => options.exactly_once(),
    };
    let filter = TopicFilter::new(filter.as_borrowed()).ok_or("no filter")?;
    client.subscribe(filter, &options).await.map_err(failed)?;
    Ok(())
}

fn options(topic: TopicName<'_>, qos: u8) -> PublicationOptions<'_> {
    let options = PublicationOptions::new(TopicReference::Name(topic));
    match qos {
        0 => options,
        1 => options.at_least_once(),
        _ => options.exactly_once(),
    }
}

async fn publish(client: &mut Library<'_, 128>, arguments: &Arguments) -> Ending {
    let payload = arguments.payload();
    let topic = MqttString::from_str(TOPIC).map_err(failed)?;
    let topic = TopicName::new(topic.as_borrowed()).ok_or("no topic")?;
    let message = options(topic.as_borrowed(), arguments.qos);
    let stopwatch = Stopwatch::start();
    if arguments.qos == 0 {
        for _ in 0..arguments.count {
            client.publish(&message, Bytes::from(&payload[..])).await.map_err(failed)?;
        }
        client.publish(&options(topic.as_borrowed(), 1), Bytes::from(&payload[..])).await.map_err(failed)?;
        while !matches!(client.poll().await.map_err(failed)?, Event::PublishAcknowledged(_)) {}
    } else {
        let (mut sent, mut done) = (0, 0);
        while done < arguments.count {
            while sent < arguments.count && sent - done < u64::from(arguments.window) {
                client.publish(&message, Bytes::from(&payload[..])).await.map_err(failed)?;
                sent += 1;
            }
            let event = client.poll().await.map_err(failed)?;
            done += u64::from(matches!(event, Event::PublishAcknowledged(_) | Event::PublishComplete(_)));
        }
    }
    stopwatch.report(arguments.count);
    Ok(())
}

async fn receive(client: &mut Library<'_, 128>, arguments: &Arguments) -> Ending {
    subscribe(client, &arguments.flood_filter(), arguments.qos).await?;
    let (mut stopwatch, mut left) = (None, arguments.count);
    while left > 0 {
        if let Event::Publish(message) = client.poll().await.map_err(failed)? {
            stopwatch.get_or_insert_with(Stopwatch::start);
            black_box(&message.message);
            left -= 1;
        }
    }
    stopwatch.ok_or("there was no message")?.report(arguments.count);
    Ok(())
}

async fn round_trips(client: &mut Library<'_, 128>, arguments: &Arguments) -> Ending {
    let (echo, payload) = (arguments.mode == Mode::Echo, arguments.payload());
    if echo {
        subscribe(client, ECHO_TOPIC, 0).await?;
        while !matches!(client.poll().await.map_err(failed)?, Event::Suback(_)) {}
    }
    let topic = MqttString::from_str(if echo { ECHO_TOPIC } else { TOPIC }).map_err(failed)?;
    let topic = TopicName::new(topic.as_borrowed()).ok_or("no topic")?;
    let message = options(topic.as_borrowed(), u8::from(!echo));
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        client.publish(&message, Bytes::from(&payload[..])).await.map_err(failed)?;
        while !matches!(client.poll().await.map_err(failed)?, Event::PublishAcknowledged(_) | Event::Publish(_)) {}
        if trip >= WARM_UP {
            latencies.add(began);
        }
    }
    latencies.report();
    Ok(())
}

async fn idle(arguments: &Arguments) -> Ending {
    let (tell, mut told) = mpsc::channel(1);
    let before = resident_bytes();
    for number in 0..arguments.count {
        let (arguments, tell) = (arguments.clone(), tell.clone());
        tokio::task::spawn_local(async move {
            let mut buffer = AllocBuffer;
            let mut client: Library<'_, 16> = Client::new(&mut buffer);
            let connected = connect(&arguments, &mut client, &format!("idle-{number}"), 8 << 10).await;
            // The program waits for it.
            let _ = tell.send(connected.is_ok()).await;
            client.poll().await.is_ok()
        });
        if told.recv().await != Some(true) {
            return Err("a client did not connect".into());
        }
    }
    report_idle(before, arguments.count);
    Ok(())
}

fn failed(error: impl std::fmt::Debug) -> Box<dyn Error> {
    format!("{error:?}").into()
}

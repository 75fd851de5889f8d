//! gneiss-mqtt in the benchmark, on one thread: what is under way is held as futures, and messages are received by a
//! callback.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{Arc, Mutex},
    time::Instant,
};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Stopwatch, TOPIC, WARM_UP, report_idle, resident_bytes,
};
use gneiss_mqtt::{
    client::{
        AsyncClient, AsyncClientHandle, AsyncPublishResult, ClientEvent, ClientEventListenerCallback,
        TokioClientBuilder,
        config::{ConnectOptions, MqttClientOptions, ProtocolMode, TlsOptions},
    },
    mqtt::{PublishPacket, QualityOfService, SubscribePacket, Subscription},
};
use tokio::sync::{mpsc, oneshot};

fn main() -> Ending {
    let arguments = Arguments::parse()?;
    if arguments.tls.is_some() {
        rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is installed")?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.mode {
            Mode::Idle => idle(&arguments).await,
            Mode::Publish => publish(&arguments).await,
            Mode::Receive => receive(&arguments).await,
            _ => round_trips(&arguments).await,
        }
    })
}

/// `received` is called for each message.
async fn connect(
    arguments: &Arguments,
    id: &str,
    received: impl Fn() + Send + Sync + 'static,
) -> Result<AsyncClientHandle, Box<dyn std::error::Error>> {
    let mut connect = ConnectOptions::builder();
    connect.with_client_id(id).with_keep_alive_interval_seconds(Some(60));
    let mut options = MqttClientOptions::builder();
    options.with_protocol_mode(if arguments.v5 { ProtocolMode::Mqtt5 } else { ProtocolMode::Mqtt311 });
    let mut builder = TokioClientBuilder::new(arguments.host(), arguments.port);
    builder.with_connect_options(connect.build()).with_client_options(options.build());
    if let Some(certificate) = &arguments.tls {
        let mut tls = TlsOptions::builder();
        tls.with_root_ca_from_path(certificate)?;
        builder.with_tls_options(tls.build_rustls()?);
    }
    let client = builder.build()?;
    let (tell, told) = oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let listener: Arc<ClientEventListenerCallback> = Arc::new(move |event: Arc<ClientEvent>| match &*event {
        ClientEvent::PublishReceived(message) => {
            black_box(message.publish.payload());
            received();
        }
        ClientEvent::ConnectionSuccess(_) => {
            let tell = tell.lock().ok().and_then(|mut tell| tell.take());
            // It is told once.
            let _ = tell.map(|tell| tell.send(()));
        }
        _ => {}
    });
    client.start(Some(listener))?;
    told.await?;
    Ok(client)
}

fn qos(number: u8) -> QualityOfService {
    match number {
        0 => QualityOfService::AtMostOnce,
        1 => QualityOfService::AtLeastOnce,
        _ => QualityOfService::ExactlyOnce,
    }
}

async fn publish(arguments: &Arguments) -> Ending {
    let client = connect(arguments, &arguments.client_id(), || ()).await?;
    let payload = arguments.payload();
    let message = |number| PublishPacket::builder(TOPIC.to_owned(), qos(number)).with_payload(payload.clone()).build();
    let window = if arguments.qos == 0 { 1_000 } else { arguments.window.into() };
    let mut outcomes: VecDeque<AsyncPublishResult> = VecDeque::with_capacity(window);
    let stopwatch = Stopwatch::start();
    for _ in 0..arguments.count {
        if outcomes.len() == window
            && let Some(outcome) = outcomes.pop_front()
        {
            outcome.await?;
        }
        outcomes.push_back(client.publish(message(arguments.qos), None));
    }
    if arguments.qos == 0 {
        outcomes.push_back(client.publish(message(1), None));
    }
    for outcome in outcomes {
        outcome.await?;
    }
    stopwatch.report(arguments.count);
    Ok(())
}

async fn receive(arguments: &Arguments) -> Ending {
    let (tell, told) = oneshot::channel();
    let state = Mutex::new((arguments.count, None::<Stopwatch>, Some(tell)));
    let count = arguments.count;
    let client = connect(arguments, &arguments.client_id(), move || {
        let Ok(mut state) = state.lock() else { return };
        let (left, stopwatch, tell) = &mut *state;
        let stopwatch = stopwatch.get_or_insert_with(Stopwatch::start);
        *left = left.saturating_sub(1);
        if *left == 0
            && let Some(tell) = tell.take()
        {
            stopwatch.report(count);
            // Whoever waits for it is there until it comes.
            let _ = tell.send(());
        }
    })
    .await?;
    subscribe(&client, arguments.flood_filter(), arguments.qos).await?;
    told.await?;
    Ok(())
}

async fn subscribe(client: &AsyncClientHandle, filter: String, number: u8) -> Ending {
    let subscription = Subscription::new_simple(filter, qos(number));
    client.subscribe(SubscribePacket::builder().with_subscription(subscription).build(), None).await?;
    Ok(())
}

async fn round_trips(arguments: &Arguments) -> Ending {
    let (sender, mut echoes) = mpsc::unbounded_channel();
    let client = connect(arguments, &arguments.client_id(), move || {
        // The last ones may find nobody.
        let _ = sender.send(());
    })
    .await?;
    let (echo, payload) = (arguments.mode == Mode::Echo, arguments.payload());
    if echo {
        subscribe(&client, ECHO_TOPIC.to_owned(), 0).await?;
    }
    let (topic, number) = if echo { (ECHO_TOPIC, 0) } else { (TOPIC, 1) };
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        let message = PublishPacket::builder(topic.to_owned(), qos(number)).with_payload(payload.clone()).build();
        client.publish(message, None).await?;
        if echo {
            echoes.recv().await.ok_or("the connection ended")?;
        }
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
        clients.push(connect(arguments, &format!("idle-{number}"), || ()).await?);
    }
    report_idle(before, arguments.count);
    Ok(())
}

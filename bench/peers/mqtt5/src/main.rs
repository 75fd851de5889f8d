//! mqtt5 in the benchmark, on one thread: a publish waits for its acknowledgement, so there are as many tasks as may be
//! in flight; messages are received by a callback.

use std::{
    hint::black_box,
    sync::Mutex,
    time::{Duration, Instant},
};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Stopwatch, TOPIC, WARM_UP, report_idle, resident_bytes,
};
use mqtt5::{
    ConnectOptions, MqttClient, ProtocolVersion, PublishOptions, QoS, SubscribeOptions, transport::tls::TlsConfig,
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

async fn connect(arguments: &Arguments, id: &str) -> Result<MqttClient, Box<dyn std::error::Error>> {
    let mut options = ConnectOptions::new(id).with_keep_alive(Duration::from_secs(60)).with_clean_start(true);
    if !arguments.v5 {
        options = options.with_protocol_version(ProtocolVersion::V311);
    }
    let client = MqttClient::with_options(options);
    match &arguments.tls {
        None => client.connect(&format!("mqtt://{}:{}", arguments.host(), arguments.port)).await?,
        Some(certificate) => {
            let address = ([127, 0, 0, 1], arguments.port).into();
            let mut tls = TlsConfig::new(address, arguments.host());
            tls.load_ca_cert_pem(certificate)?;
            client.connect_with_tls(tls.with_system_roots(false)).await?;
        }
    }
    Ok(client)
}

fn qos(number: u8) -> QoS {
    match number {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

async fn send(client: &MqttClient, topic: &str, payload: &[u8], number: u8) -> Result<(), mqtt5::MqttError> {
    let options = PublishOptions { qos: qos(number), ..Default::default() };
    client.publish_with_options(topic, payload, options).await.map(drop)
}

async fn publish(arguments: &Arguments) -> Ending {
    let client = connect(arguments, &arguments.client_id()).await?;
    let payload = arguments.payload();
    let stopwatch = Stopwatch::start();
    if arguments.qos == 0 {
        for _ in 0..arguments.count {
            send(&client, TOPIC, &payload, 0).await?;
        }
        send(&client, TOPIC, &payload, 1).await?;
    } else {
        let (window, qos) = (u64::from(arguments.window), arguments.qos);
        let mut tasks = Vec::new();
        for number in 0..window {
            let count = arguments.count / window + u64::from(number < arguments.count % window);
            let (client, payload) = (client.clone(), payload.clone());
            tasks.push(tokio::spawn(async move {
                for _ in 0..count {
                    send(&client, TOPIC, &payload, qos).await?;
                }
                Ok::<_, mqtt5::MqttError>(())
            }));
        }
        for task in tasks {
            task.await??;
        }
    }
    stopwatch.report(arguments.count);
    Ok(())
}

async fn receive(arguments: &Arguments) -> Ending {
    let client = connect(arguments, &arguments.client_id()).await?;
    let (tell, told) = oneshot::channel();
    let state = Mutex::new((arguments.count, None::<Stopwatch>, Some(tell)));
    let count = arguments.count;
    let options = SubscribeOptions { qos: qos(arguments.qos), ..Default::default() };
    client
        .subscribe_with_options(arguments.flood_filter(), options, move |message| {
            let Ok(mut state) = state.lock() else { return };
            let (left, stopwatch, tell) = &mut *state;
            let stopwatch = stopwatch.get_or_insert_with(Stopwatch::start);
            black_box(&message.payload);
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
    told.await?;
    Ok(())
}

async fn round_trips(arguments: &Arguments) -> Ending {
    let client = connect(arguments, &arguments.client_id()).await?;
    let (sender, mut echoes) = mpsc::unbounded_channel();
    let (echo, payload) = (arguments.mode == Mode::Echo, arguments.payload());
    if echo {
        let tell = move |_| {
            // The last ones may find nobody.
            let _ = sender.send(());
        };
        client.subscribe(ECHO_TOPIC, tell).await?;
    }
    let (topic, number) = if echo { (ECHO_TOPIC, 0) } else { (TOPIC, 1) };
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        send(&client, topic, &payload, number).await?;
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
        clients.push(connect(arguments, &format!("idle-{number}")).await?);
    }
    report_idle(before, arguments.count);
    Ok(())
}

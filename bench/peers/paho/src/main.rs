//! paho-mqtt in the benchmark, the C library of Eclipse with its own threads: what is under way is held as tokens, and
//! messages are received by a callback.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::mpsc,
    time::{Duration, Instant},
};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Stopwatch, TOPIC, WARM_UP, report_idle, resident_bytes,
};
use paho_mqtt::{AsyncClient, ConnectOptionsBuilder, CreateOptionsBuilder, DeliveryToken, Message};

fn main() -> Ending {
    let arguments = Arguments::parse()?;
    match arguments.mode {
        Mode::Idle => idle(&arguments)?,
        Mode::Publish => publish(&arguments)?,
        Mode::Receive => receive(&arguments)?,
        _ => round_trips(&arguments)?,
    }
    // Its threads go on until then.
    std::process::exit(0);
}

/// `received` is called for each message. The client stays until the end.
fn connect(
    arguments: &Arguments,
    id: &str,
    mut received: impl FnMut() + Send + 'static,
) -> Result<&'static AsyncClient, paho_mqtt::Error> {
    let options = CreateOptionsBuilder::new()
        .server_uri(format!("mqtt://{}:{}", arguments.host(), arguments.port))
        .client_id(id)
        .mqtt_version(if arguments.v5 { 5 } else { 4 })
        .max_buffered_messages(1_000_000)
        .persistence(None)
        .finalize();
    let client = AsyncClient::new(options)?;
    client.set_message_callback(move |_, message| {
        if let Some(message) = message {
            black_box(message.payload());
            received();
        }
    });
    let mut options = if arguments.v5 { ConnectOptionsBuilder::new_v5() } else { ConnectOptionsBuilder::new_v3() };
    options.keep_alive_interval(Duration::from_secs(60)).max_inflight(arguments.window.into());
    if arguments.v5 {
        options.clean_start(true);
    } else {
        options.clean_session(true);
    }
    client.connect(options.finalize()).wait()?;
    // To let go of many takes longer than all the rest.
    Ok(Box::leak(Box::new(client)))
}

fn publish(arguments: &Arguments) -> Ending {
    let client = connect(arguments, &arguments.client_id(), || ())?;
    let payload = arguments.payload();
    let message = |qos| Message::new(TOPIC, payload.as_slice(), qos);
    // A few more than may be in flight, so that the library never lacks one.
    let window = if arguments.qos == 0 { 1_000 } else { usize::from(arguments.window) * 2 };
    let mut tokens: VecDeque<DeliveryToken> = VecDeque::with_capacity(window);
    let stopwatch = Stopwatch::start();
    for _ in 0..arguments.count {
        if tokens.len() == window
            && let Some(token) = tokens.pop_front()
        {
            token.wait()?;
        }
        tokens.push_back(client.publish(message(arguments.qos.into())));
    }
    if arguments.qos == 0 {
        tokens.push_back(client.publish(message(1)));
    }
    for token in tokens {
        token.wait()?;
    }
    stopwatch.report(arguments.count);
    Ok(())
}

fn receive(arguments: &Arguments) -> Ending {
    let (tell, told) = mpsc::channel();
    let (count, mut left, mut stopwatch) = (arguments.count, arguments.count, None);
    let client = connect(arguments, &arguments.client_id(), move || {
        let stopwatch = stopwatch.get_or_insert_with(Stopwatch::start);
        left = left.saturating_sub(1);
        if left == 0 {
            stopwatch.report(count);
            // Whoever waits for it is there until it comes.
            let _ = tell.send(());
        }
    })?;
    client.subscribe(arguments.flood_filter(), i32::from(arguments.qos)).wait()?;
    told.recv()?;
    Ok(())
}

fn round_trips(arguments: &Arguments) -> Ending {
    let (sender, echoes) = mpsc::channel();
    let client = connect(arguments, &arguments.client_id(), move || {
        // The last ones may find nobody.
        let _ = sender.send(());
    })?;
    let (echo, payload) = (arguments.mode == Mode::Echo, arguments.payload());
    if echo {
        client.subscribe(ECHO_TOPIC, 0).wait()?;
    }
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        if echo {
            client.publish(Message::new(ECHO_TOPIC, payload.as_slice(), 0));
            echoes.recv()?;
        } else {
            client.publish(Message::new(TOPIC, payload.as_slice(), 1)).wait()?;
        }
        if trip >= WARM_UP {
            latencies.add(began);
        }
    }
    latencies.report();
    Ok(())
}

fn idle(arguments: &Arguments) -> Ending {
    let mut clients = Vec::with_capacity(arguments.count as usize);
    let before = resident_bytes();
    for number in 0..arguments.count {
        clients.push(connect(arguments, &format!("idle-{number}"), || ())?);
    }
    report_idle(before, arguments.count);
    Ok(())
}

//! The same program for either version.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    task::Poll,
    time::Instant,
};

use bench_yardstick::{
    Arguments, ECHO_TOPIC, Ending, Latencies, Mode, Stopwatch, TOPIC, WARM_UP, report_idle, resident_bytes,
};
use ntex::{
    channel::{mpsc, oneshot},
    util::{ByteString, Bytes},
};

use super::{MqttSink, connect, drive, subscribe};
use crate::failed;

/// Does what is asked for.
pub(crate) async fn run(arguments: &Arguments) -> Ending {
    match arguments.mode {
        Mode::Idle => idle(arguments).await,
        Mode::Receive => receive(arguments).await,
        Mode::Publish => {
            let sink = drive(connect(arguments, &arguments.client_id()).await?, || ());
            publish(&sink, arguments).await
        }
        _ => round_trips(arguments).await,
    }
}

async fn publish(sink: &MqttSink, arguments: &Arguments) -> Ending {
    let (topic, payload) = (ByteString::from_static(TOPIC), Bytes::from(arguments.payload()));
    let stopwatch = Stopwatch::start();
    match arguments.qos {
        0 => {
            for number in 0..arguments.count {
                sink.publish(topic.clone()).send_at_most_once(payload.clone()).await.map_err(failed)?;
                if number % 64 == 63 {
                    yield_now().await;
                    sink.ready().await;
                }
            }
            sink.publish(topic).send_at_least_once(payload).await.map_err(failed)?;
        }
        1 => {
            let (sender, all) = oneshot::channel();
            let (left, sender) = (Cell::new(arguments.count), RefCell::new(Some(sender)));
            sink.publish_ack_cb(move |_, _| {
                left.set(left.get() - 1);
                if left.get() == 0 {
                    sender.borrow_mut().take().map(|sender| sender.send(()));
                }
            });
            for _ in 0..arguments.count {
                while !sink.is_ready() {
                    sink.ready().await;
                }
                sink.publish(topic.clone()).send_at_least_once_no_block(payload.clone()).map_err(failed)?;
            }
            all.await?;
        }
        _ => {
            // Each waits for its outcome, so as many of them as may be under way.
            let window = u64::from(arguments.window);
            let mut tasks = Vec::new();
            for number in 0..window {
                let count = arguments.count / window + u64::from(number < arguments.count % window);
                let (sink, topic, payload) = (sink.clone(), topic.clone(), payload.clone());
                tasks.push(ntex::rt::spawn(async move {
                    for _ in 0..count {
                        let Ok(received) = sink.publish(topic.clone()).send_exactly_once(payload.clone()).await else {
                            return;
                        };
                        if received.release().await.is_err() {
                            return;
                        }
                    }
                }));
            }
            for task in tasks {
                task.await.map_err(failed)?;
            }
        }
    }
    stopwatch.report(arguments.count);
    Ok(())
}

async fn receive(arguments: &Arguments) -> Ending {
    let (sender, all) = oneshot::channel();
    let (count, left) = (arguments.count, Cell::new(arguments.count));
    let (stopwatch, sender) = (RefCell::new(None), RefCell::new(Some(sender)));
    let sink = drive(connect(arguments, &arguments.client_id()).await?, move || {
        stopwatch.borrow_mut().get_or_insert_with(Stopwatch::start);
        left.set(left.get() - 1);
        if left.get() == 0 {
            stopwatch.borrow().as_ref().into_iter().for_each(|stopwatch: &Stopwatch| stopwatch.report(count));
            sender.borrow_mut().take().map(|sender| sender.send(()));
        }
    });
    subscribe(&sink, &arguments.flood_filter(), arguments.qos).await?;
    all.await?;
    Ok(())
}

async fn round_trips(arguments: &Arguments) -> Ending {
    let (sender, echoes) = mpsc::channel();
    let sink = drive(connect(arguments, &arguments.client_id()).await?, move || {
        // Whoever waits for it is gone.
        let _ = sender.send(());
    });
    let echo = arguments.mode == Mode::Echo;
    let payload = Bytes::from(arguments.payload());
    if echo {
        subscribe(&sink, ECHO_TOPIC, 0).await?;
    }
    let topic = ByteString::from_static(if echo { ECHO_TOPIC } else { TOPIC });
    let mut latencies = Latencies::start(arguments.count);
    for trip in 0..WARM_UP + arguments.count {
        let began = Instant::now();
        let message = sink.publish(topic.clone());
        if echo {
            message.send_at_most_once(payload.clone()).await.map_err(failed)?;
            echoes.recv().await.ok_or("the connection ended")?;
        } else {
            message.send_at_least_once(payload.clone()).await.map_err(failed)?;
        }
        if trip >= WARM_UP {
            latencies.add(began);
        }
    }
    latencies.report();
    Ok(())
}

async fn idle(arguments: &Arguments) -> Ending {
    let mut sinks = Vec::with_capacity(arguments.count as usize);
    let before = resident_bytes();
    for number in 0..arguments.count {
        sinks.push(drive(connect(arguments, &format!("idle-{number}")).await?, || ()));
    }
    report_idle(before, arguments.count);
    Ok(())
}

/// Lets the connection write.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| match core::mem::replace(&mut yielded, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

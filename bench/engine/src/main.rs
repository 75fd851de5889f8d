//! `bench-engine WHAT QOS COUNT`: the client without a network. WHAT is `publish` or `receive`; COUNT messages of 16 B go
//! through engine and driver, with MQTT 5.0, to a server or from one that is a value in memory.
//!
//! What the server takes is in the figures too: a few dozen instructions a message.

mod server;

use std::{collections::VecDeque, future::ready, hint::black_box};

use bench_yardstick::{Ending, TOPIC};
use dunlin::{Client, ConnectOptions, Qos, Version};

use server::Server;

fn main() -> Ending {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, qos, count] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return Err("usage: bench-engine WHAT QOS COUNT".into());
    };
    let qos = qos.parse().ok().and_then(Qos::from_u8).ok_or("the QoS is 0, 1 or 2")?;
    let count = count.parse()?;
    let server = Server::new(qos as u8, PAYLOAD, if what == "receive" { count } else { 0 });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let options = ConnectOptions::new("memory").version(Version::V5).send_maximum(WINDOW);
        let client = Client::connect(options.connector(move || ready(Ok(server.clone())))).await?;
        match what {
            "publish" => publish(&client, qos, count).await,
            "receive" => receive(&client, qos, count).await,
            _ => Err("there is only publish and receive".into()),
        }
    })
}

/// Waits for the receipt of every message with QoS 1 and 2, and for that of a last one.
async fn publish(client: &Client, qos: Qos, count: u64) -> Ending {
    let mut receipts = VecDeque::with_capacity(WINDOW.into());
    for _ in 0..count {
        let mut message = client.publish(TOPIC, PAYLOAD).qos(qos);
        if qos == Qos::AtMostOnce {
            if message.post().is_err() {
                drop(message.accepted().await?);
            }
            continue;
        }
        if receipts.len() == usize::from(WINDOW)
            && let Some(receipt) = receipts.pop_front()
        {
            black_box(receipt.await);
        }
        receipts.push_back(match message.enqueue() {
            Ok(receipt) => receipt,
            Err(_) => message.accepted().await?,
        });
    }
    for receipt in receipts {
        black_box(receipt.await);
    }
    client.publish(TOPIC, PAYLOAD).qos(Qos::AtLeastOnce).await?;
    Ok(())
}

async fn receive(client: &Client, qos: Qos, count: u64) -> Ending {
    let mut messages = client.subscribe(TOPIC).qos(qos).buffer_bytes(64 << 20).await?;
    for _ in 0..count {
        let message = messages.next().await.ok_or("the subscription ended")?;
        black_box(message.payload());
    }
    Ok(())
}

const PAYLOAD: &[u8] = b"21.5 C at 12:00.";
/// In flight.
const WINDOW: u16 = 1_000;

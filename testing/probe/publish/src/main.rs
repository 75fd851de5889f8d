//! Publishes as many messages with QoS 0 as it is told to the server on a port of this machine, on one thread, and one
//! with QoS 1 at the end: when that is acknowledged, all others have arrived.
//!
//! Usage: `probe-publish PORT MESSAGES`

use std::error::Error;
use std::time::Duration;

use dunlin::{Client, ConnectOptions, Drain, Qos};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().ok_or("the first argument is the port")?.parse()?;
    let messages = arguments.next().ok_or("the second argument is the number of messages")?.parse()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(publish(port, messages))
}

async fn publish(port: u16, messages: u32) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(ConnectOptions::new("127.0.0.1").port(port)).await?;
    for _ in 0..messages {
        let mut message = client.publish(TOPIC, PAYLOAD);
        if message.post().is_err() {
            drop(message.accepted().await?);
        }
    }
    client.publish(TOPIC, PAYLOAD).qos(Qos::AtLeastOnce).await?;
    client.close(Drain::within(Duration::from_secs(10))).await;
    Ok(())
}

/// 15 bytes.
const TOPIC: &str = "plant/7/sensors";
/// 16 bytes.
const PAYLOAD: &str = "21.5 C at 12:00.";

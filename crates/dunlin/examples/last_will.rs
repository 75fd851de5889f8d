//! Tells others that a device is there, and lets the server tell them when it is gone without a word.
//!
//! ```text
//! cargo run --example last_will -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Qos, Will};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let watcher = Client::connect(url.as_str()).await?;
    let mut states = watcher.subscribe("device/+/state").qos(Qos::AtLeastOnce).await?;

    // Retained: who subscribes later learns the state, too.
    let will = Will::new("device/17/state", "lost")?.qos(Qos::AtLeastOnce).retain(true);
    let device = Client::connect(ConnectOptions::from_url(&url)?.will(will)).await?;
    device.publish("device/17/state", "online").qos(Qos::AtLeastOnce).retain(true).await?;

    // `close` would make the server discard the will. This is what a crash looks like to it.
    device.abort().await;

    for _ in 0..2 {
        let state = states.next().await.ok_or("the client was closed")?;
        println!("{} is {}", state.topic(), state.text().unwrap_or_default());
    }

    // An empty message takes the retained one away.
    watcher.publish("device/17/state", "").qos(Qos::AtLeastOnce).retain(true).await?;
    watcher.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

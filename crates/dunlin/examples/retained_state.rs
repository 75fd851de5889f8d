//! State that is there for whoever comes later: retained messages.
//!
//! ```text
//! cargo run --example retained_state -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str()).await?;

    for (valve, state) in [("1", "open"), ("2", "shut"), ("1", "shut")] {
        let topic = format!("valve/{valve}/state");
        client.publish(&topic, state).qos(Qos::AtLeastOnce).retain(true).await?;
    }

    // Who subscribes now gets the last state of each, marked as not new.
    let mut states = client.subscribe("valve/+/state").qos(Qos::AtLeastOnce).await?;
    for _ in 0..2 {
        let state = states.next().await.ok_or("the client was closed")?;
        println!("{}: {}, retained: {}", state.topic(), state.text().unwrap_or_default(), state.retain());
    }

    // An empty message takes the state away.
    for topic in ["valve/1/state", "valve/2/state"] {
        client.publish(topic, "").qos(Qos::AtLeastOnce).retain(true).await?;
    }
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

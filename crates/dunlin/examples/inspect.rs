//! What goes over the wire, and how the client does: every packet as a line, the status as it changes, and statistics.
//!
//! ```text
//! cargo run --example inspect -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    // It is shown no password; with the feature `tracing` the same lines go to the crate of that name.
    let options = ConnectOptions::from_url(&url)?.client_id("looked-at").inspect(|packet| println!("{packet}"));
    let client = Client::connect(options).await?;

    let mut changes = client.status_changes();
    let watching = tokio::spawn(async move {
        while let Some(status) = changes.next().await {
            println!("   {status:?}");
        }
    });

    let mut messages = client.subscribe("inspected").qos(Qos::ExactlyOnce).await?;
    client.publish("inspected", "hello").qos(Qos::ExactlyOnce).await?;
    client.publish("inspected", "hello again").qos(Qos::AtLeastOnce).await?;
    while let Some(message) = messages.next().await {
        if message.text() == Some("hello again") {
            break;
        }
    }

    let statistics = client.statistics();
    println!("{} delivered, {} received", statistics.delivered, statistics.received);
    println!("{} bytes out, {} bytes in", statistics.sent_bytes, statistics.received_bytes);
    println!("an answer takes {:?}", statistics.round_trip);

    client.close(Drain::within(Duration::from_secs(5))).await;
    watching.await?;
    Ok(())
}

//! Watches the connection while somebody else takes it away, and sees it come back by itself.
//!
//! ```text
//! cargo run --example reconnect -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Event, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let options = ConnectOptions::from_url(&url)?
        .client_id("example-reconnect")
        .reconnect(Duration::from_millis(10), Duration::from_millis(500));

    // `start` does not wait for the server: `connect` would tell if it cannot be reached.
    let client = Client::start(options.clone())?;
    let mut events = client.events();
    client.connected().await?;
    let mut news = client.subscribe("news").qos(Qos::AtLeastOnce).await?;

    // Only one client can have this name: the server closes the connection of the first.
    let rival = Client::connect(options).await?;
    rival.close(Drain::NONE).await;

    let mut connections = 0;
    while connections < 2 {
        match events.next().await.ok_or("the client was closed")? {
            Event::Connected(connected) => {
                println!("connected to {} as {}", connected.server, connected.client_id);
                connections += 1;
            }
            Event::Disconnected { error, retry_in } => println!("disconnected: {error}; next try in {retry_in:?}"),
            Event::ConnectFailed { error, retry_in, .. } => println!("failed: {error}; next try in {retry_in:?}"),
            _ => {}
        }
    }

    // The subscription was made again meanwhile. What is published waits for the connection, if there is none.
    client.publish("news", "all is well").qos(Qos::AtLeastOnce).await?;
    println!("news: {:?}", news.next().await.as_ref().and_then(|message| message.text()));
    println!("{:?}, {} connections", client.status(), connections);
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

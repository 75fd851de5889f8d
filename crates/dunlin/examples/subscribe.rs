//! Receives what two filters match, and talks to itself so that there is something to receive.
//!
//! ```text
//! cargo run --example subscribe -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str()).await?;

    // An error here is the server's verdict. `+` stands for one level of a topic, `#` for all that follow.
    let mut commands = client.subscribe("plant/+/command").and("plant/all/#").qos(Qos::AtLeastOnce).await?;

    // Publishing from inside a receive loop is as good as from anywhere else.
    client.publish("plant/7/command", "open").qos(Qos::AtLeastOnce).await?;
    while let Some(message) = commands.next().await {
        println!("{}: {}", message.topic(), message.text().unwrap_or("(no text)"));
        if message.topic() == "plant/all/stop" {
            break;
        }
        client.publish("plant/all/stop", "now").qos(Qos::AtLeastOnce).await?;
    }

    commands.unsubscribe().await?;
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

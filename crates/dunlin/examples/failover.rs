//! Several servers: the first that answers is taken, and after a failure the next.
//!
//! ```text
//! cargo run --example failover -- mqtt://first.example mqtt://second.example
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Event, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut urls = env::args().skip(1);
    let first = urls.next().ok_or("the arguments are URLs, such as mqtt://first.example mqtt://second.example")?;
    let mut options = ConnectOptions::from_url(&first)?;
    for url in urls {
        options = options.or_url(&url)?;
    }

    let client = Client::start(options)?;
    let mut events = client.events();
    loop {
        match events.next().await.ok_or("the client was closed")? {
            Event::ConnectFailed { error, .. } => println!("not this one: {error}"),
            Event::Connected(connected) => {
                println!("connected to {}", connected.server);
                break;
            }
            _ => {}
        }
    }
    client.publish("plant/7/temp", "21.5").qos(Qos::AtLeastOnce).await?;

    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

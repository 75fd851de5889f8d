//! What MQTT 5.0 says about a message besides topic and payload: its kind, how long it is worth something, and anything.
//!
//! ```text
//! cargo run --example properties -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Property, Qos, Version};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str()).await?;

    let mut readings = client.subscribe("plant/7/reading").qos(Qos::AtLeastOnce).await?;
    client
        .publish("plant/7/reading", r#"{"temp": 21.5}"#)
        .qos(Qos::AtLeastOnce)
        .property(Property::ContentType("application/json"))
        .property(Property::UserProperty("unit", "celsius"))
        .expires_after(Duration::from_secs(60))
        .await?;
    let reading = readings.next().await.ok_or("the client was closed")?;
    for property in reading.properties() {
        println!("{property:?}");
    }
    client.close(Drain::within(Duration::from_secs(5))).await;

    // MQTT 3.1.1 has none of this: it is refused at the call, and nothing is dropped silently.
    let old = Client::connect(ConnectOptions::from_url(&url)?.version(Version::V3_1_1)).await?;
    let refused = old.publish("plant/7/reading", "21.5").property(Property::ContentType("text/plain")).await;
    println!("3.1.1: {}", refused.err().map(|error| error.to_string()).unwrap_or_default());
    old.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

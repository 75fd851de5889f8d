//! Values as payloads: JSON, and CBOR where bytes are dear.
//!
//! ```text
//! cargo run --example typed_payloads --features serde -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Payload, Property, Qos};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Reading {
    sensor: u32,
    celsius: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str()).await?;
    let mut readings = client.subscribe("readings/#").qos(Qos::AtLeastOnce).await?;

    let reading = Reading { sensor: 17, celsius: 21.5 };
    // What a content type says is between publisher and subscriber.
    let json = client.publish("readings/json", Payload::json(&reading)?).qos(Qos::AtLeastOnce);
    json.property(Property::ContentType("application/json")).await?;
    client.publish("readings/cbor", Payload::cbor(&reading)?).qos(Qos::AtLeastOnce).await?;
    client.publish("readings/json", "not JSON").qos(Qos::AtLeastOnce).await?;

    for _ in 0..3 {
        let message = readings.next().await.ok_or("the client was closed")?;
        let reading = match message.topic() {
            "readings/cbor" => message.cbor::<Reading>(),
            _ => message.json(),
        };
        match reading {
            Ok(Reading { sensor, celsius }) => {
                println!("sensor {sensor}: {celsius} in {} bytes", message.payload().len());
            }
            Err(error) => println!("{error}"),
        }
    }

    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

//! Azure IoT Hub: telemetry, the twin, and a method that the cloud calls.
//!
//! ```text
//! CONNECTION_STRING='HostName=...;DeviceId=...;SharedAccessKey=...' \
//!     cargo run -p dunlin-cloud --features std --example azure
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos, TlsOptions};
use dunlin_cloud::azure::{ConnectionString, HubAccess, Method, Properties, Twin, TwinAnswer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let text = env::var("CONNECTION_STRING")?;
    let device = ConnectionString::parse(&text)?;
    let client = Client::connect(device.options(HubAccess::Mqtt, TlsOptions::new())?).await?;

    let mut answers = client.subscribe(Twin::ANSWERS).await?;
    let mut calls = client.subscribe(Method::CALLS).await?;

    client.publish(&Twin::read(1).to_string(), "").qos(Qos::AtLeastOnce).await?;
    if let Some(message) = answers.next().await {
        println!("{:?}: {:?}", TwinAnswer::of_topic(message.topic()), message.text());
    }

    let topic = device.identity.telemetry(Properties::JSON).to_string();
    client.publish(&topic, r#"{"temp":21.5}"#).qos(Qos::AtLeastOnce).await?;

    // The caller waits for the answer, which bears the number of the call.
    if let Some(message) = calls.next().await
        && let Some(method) = Method::of_topic(message.topic())
    {
        println!("{} is called with {:?}", method.name.escaped(), message.text());
        client.publish(&method.answer(200).to_string(), "{}").qos(Qos::AtLeastOnce).await?;
    }
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

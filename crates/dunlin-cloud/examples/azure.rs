//! Azure IoT Hub: telemetry, the twin, and a method that the cloud calls.
//!
//! ```text
//! CONNECTION_STRING='HostName=...;DeviceId=...;SharedAccessKey=...' \
//!     cargo run -p dunlin-cloud --features std --example azure
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos, TlsOptions};
use dunlin_cloud::{
    DirectMethods, TwinChange, TwinChanges,
    azure::{ConnectionString, HubAccess, Identity, Properties},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let text = env::var("CONNECTION_STRING")?;
    let device = ConnectionString::parse(&text)?;
    let client = Client::connect(device.options(HubAccess::Mqtt, TlsOptions::new())?).await?;
    run(&client, device.identity).await?;
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

/// Publishes, reports, and obeys until it is stopped.
pub(crate) async fn run(client: &Client, device: Identity<'_>) -> Result<(), Box<dyn Error>> {
    let topic = device.telemetry(Properties::JSON).to_string();
    client.publish(&topic, r#"{"temp":21.5}"#).qos(Qos::AtLeastOnce).await?;

    let (mut changes, mut methods) = (TwinChanges::open(client).await?, DirectMethods::open(client).await?);
    changes.twin().report(r#"{"interval":60}"#).await?;
    loop {
        tokio::select! {
            change = changes.next() => match change? {
                TwinChange::Twin(twin) => println!("desired: {}", twin.desired()),
                TwinChange::Desired { patch, .. } => println!("something else is desired: {patch}"),
            },
            Some(call) = methods.next() => {
                println!("{}", call.payload());
                if call.is("stop") {
                    call.answer(200, r#"{"stopped":true}"#).await?;
                    return Ok(());
                }
                call.answer(404, "{}").await?;
            }
        }
    }
}

//! ClearBlade IoT Core, or whatever else speaks as Google's did: telemetry, state, configuration and commands.
//!
//! ```text
//! cargo run -p dunlin-cloud --features std --example google -- HOST PROJECT LOCATION REGISTRY DEVICE key.pem
//! ```

use std::{env, error::Error, fs, time::Duration};

use dunlin::{Client, Drain, Qos, TlsOptions};
use dunlin_cloud::{PrivateKey, google::Device};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [host, project, location, registry, name, key] = arguments.as_slice() else {
        return Err("give host, project, location, registry, device and private key".into());
    };

    let device = Device::new(project, location, registry, name)?;
    let key = PrivateKey::from_pem(&fs::read(key)?)?;
    let options = device.with_signer(host, key, Duration::from_secs(3_600), TlsOptions::new())?;
    let client = Client::connect(options).await?;
    run(&client, device).await?;
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

/// Publishes, and obeys until it is stopped.
pub(crate) async fn run(client: &Client, device: Device<'_>) -> Result<(), Box<dyn Error>> {
    // It comes at once, and whenever it changes.
    let mut configuration = client.subscribe(&device.configuration().to_string()).qos(Qos::AtLeastOnce).await?;
    let mut commands = client.subscribe(&device.commands().to_string()).qos(Qos::AtLeastOnce).await?;

    client.publish(&device.events(None).to_string(), r#"{"temp":21.5}"#).qos(Qos::AtLeastOnce).await?;
    client.publish(&device.state().to_string(), r#"{"interval":60}"#).qos(Qos::AtLeastOnce).await?;
    loop {
        tokio::select! {
            Some(message) = configuration.next() => println!("to be as follows: {:?}", message.text()),
            Some(message) = commands.next() => {
                println!("to do: {:?}", message.text());
                if message.text() == Some("stop") {
                    return Ok(());
                }
            }
        }
    }
}

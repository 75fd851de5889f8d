//! ClearBlade IoT Core, or whatever else speaks as Google's did: telemetry, and the configuration of the device.
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

    let mut configuration = client.subscribe(&device.configuration().to_string()).qos(Qos::AtLeastOnce).await?;
    client.publish(&device.events(None).to_string(), r#"{"temp":21.5}"#).qos(Qos::AtLeastOnce).await?;
    if let Some(message) = configuration.next().await {
        println!("to be as follows: {:?}", message.text());
    }
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

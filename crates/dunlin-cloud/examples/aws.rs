//! AWS IoT Core: a thing that reports its state to its shadow and is told what the shadow desires.
//!
//! ```text
//! cargo run -p dunlin-cloud --features std --example aws -- \
//!     a1b2-ats.iot.eu-west-1.amazonaws.com pump-3 certificate.pem key.pem
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos, TlsOptions};
use dunlin_cloud::aws::{Endpoint, Shadow, ShadowAnswer, ShadowTopic, ShadowUpdate, ThingName};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [host, name, certificate, key] = arguments.as_slice() else {
        return Err("give endpoint, thing, certificate and key".into());
    };

    let tls = TlsOptions::new().client_certificate_files(certificate, key);
    let client = Client::connect(Endpoint::new(host)?.with_certificate(name, tls)?).await?;

    let shadow = Shadow::classic(ThingName::new(name)?);
    let topic = |what| shadow.topic(what).to_string();
    // Before the update: answers come once.
    let mut accepted = client.subscribe(&topic(ShadowTopic::UpdateAccepted)).qos(Qos::AtLeastOnce).await?;
    let mut delta = client.subscribe(&topic(ShadowTopic::UpdateDelta)).qos(Qos::AtLeastOnce).await?;

    let update = ShadowUpdate { reported: Some(r#"{"speed":3}"#), ..ShadowUpdate::default() };
    let payload = update.write(&mut [0; 256])?.to_owned();
    client.publish(&topic(ShadowTopic::Update), payload).qos(Qos::AtLeastOnce).await?;
    if let Some(message) = accepted.next().await {
        println!("the shadow has version {:?}", ShadowAnswer::read(message.text().unwrap_or_default()).version);
    }
    if let Some(message) = delta.next().await {
        println!("to do: {:?}", ShadowAnswer::read(message.text().unwrap_or_default()).state);
    }
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

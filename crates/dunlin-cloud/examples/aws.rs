//! AWS IoT Core: a thing that publishes, and becomes as its shadow desires it.
//!
//! ```text
//! cargo run -p dunlin-cloud --features std --example aws -- \
//!     a1b2-ats.iot.eu-west-1.amazonaws.com pump-3 certificate.pem key.pem
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos, TlsOptions};
use dunlin_cloud::{
    ShadowChange, ShadowChanges,
    aws::{Endpoint, Shadow, ShadowUpdate, ThingName},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [host, name, certificate, key] = arguments.as_slice() else {
        return Err("give endpoint, thing, certificate and key".into());
    };

    let tls = TlsOptions::new().client_certificate_files(certificate, key);
    let client = Client::connect(Endpoint::new(host)?.with_certificate(name, tls)?).await?;
    run(&client, name).await?;
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

/// Publishes, and obeys once.
pub(crate) async fn run(client: &Client, name: &str) -> Result<(), Box<dyn Error>> {
    client.publish("plant/3/temp", "21.5").qos(Qos::AtLeastOnce).await?;

    let mut changes = ShadowChanges::open(client, Shadow::classic(ThingName::new(name)?)).await?;
    loop {
        let to_do = match changes.next().await? {
            ShadowChange::Document(document) => document.and_then(|document| document.delta().map(str::to_owned)),
            ShadowChange::Delta { state, .. } => Some(state),
        };
        if let Some(to_do) = to_do {
            println!("to do: {to_do}");
            // It is done, so there is no difference any more.
            let done = ShadowUpdate { reported: Some(&to_do), ..ShadowUpdate::default() };
            println!("version {} says so", changes.shadow().update(&done).await?);
            return Ok(());
        }
    }
}

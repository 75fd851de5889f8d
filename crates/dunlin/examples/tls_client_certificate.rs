//! TLS, with an authority of one's own and a certificate by which the server knows this client.
//!
//! ```text
//! cargo run --example tls_client_certificate -- mqtts://broker.example ca.pem client.pem client.key
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, ConnectionError, Drain, Qos, TlsOptions, TlsVersion};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, authority, certificate, key] = &arguments[..] else {
        return Err("the arguments are URL, authority, certificate and key; the last three are PEM files".into());
    };

    let tls = TlsOptions::new().ca_file(authority).minimum_version(TlsVersion::Tls13);

    // Without the certificate this server does not let us in, and the error says so.
    let stranger = ConnectOptions::from_url(url)?.tls(tls.clone());
    match Client::connect(stranger).await {
        Err(error @ ConnectionError::Tls(_)) => println!("without a certificate: {error}"),
        other => println!("this server asks for no certificate: {:?}", other.map(|client| client.status())),
    }

    let options = ConnectOptions::from_url(url)?.tls(tls.client_certificate_files(certificate, key));
    let client = Client::connect(options).await?;
    let outcome = client.publish("plant/7/temp", "21.5").qos(Qos::AtLeastOnce).await?;
    println!("with it: {outcome:?}");
    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

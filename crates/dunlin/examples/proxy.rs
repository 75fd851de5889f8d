//! Through a proxy: SOCKS5 or HTTP, with or without user name and password.
//!
//! ```text
//! cargo run --example proxy --features proxy -- mqtt://broker.example socks5://anna:secret@proxy.example:1080
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Proxy, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let url = arguments.next().ok_or("the first argument is the server's URL, such as mqtt://broker.example")?;
    let proxy = arguments.next().ok_or("the second argument is the proxy's URL, such as http://proxy.example:3128")?;

    // Without this the environment decides: `all_proxy`, `https_proxy`, `no_proxy`.
    let options = ConnectOptions::from_url(&url)?.proxy(Proxy::from_url(&proxy)?);
    let client = Client::connect(options).await?;
    let outcome = client.publish("plant/7/temp", "21.5").qos(Qos::AtLeastOnce).await?;
    println!("through the proxy: {outcome:?}");

    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

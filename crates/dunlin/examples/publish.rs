//! Publishes a message with each QoS, and says what became of it.
//!
//! ```text
//! cargo run --example publish -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str()).await?;

    // QoS 0: it was given to the operating system, and nobody knows more.
    let outcome = client.publish("plant/7/temp", "21.5").await?;
    println!("QoS 0: {outcome:?}");

    // QoS 1 and 2: the server has it.
    for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
        let outcome = client.publish("plant/7/temp", "21.6").qos(qos).await?;
        println!("QoS {}: {outcome:?}", qos as u8);
    }

    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

//! Ends in order: what was accepted has five seconds to arrive, and the end says what did not.
//!
//! ```text
//! cargo run --example drain_on_close -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str()).await?;

    // `post` is for whoever does not want to know how each message ended.
    for number in 0..1_000 {
        client.publish("plant/7/count", number.to_string()).qos(Qos::AtLeastOnce).post()?;
    }

    // Another handle sees the end, too: from here on nothing new is accepted.
    let late = client.clone();
    let closed = client.close(Drain::within(Duration::from_secs(5))).await;
    println!("{} settled, {} unsent, {} unknown", closed.settled, closed.unsent, closed.unknown);
    if let Err(error) = late.publish("plant/7/count", "too late").post() {
        println!("afterwards: {error}");
    }
    Ok(())
}

//! Publishes without waiting, keeps the receipts, and asks for the outcomes later.
//!
//! ```text
//! cargo run --example outcomes -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Outcome, PublishError, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str()).await?;

    let mut receipts = Vec::new();
    for number in 0..1_000 {
        let mut message = client.publish("plant/7/count", number.to_string()).qos(Qos::AtLeastOnce);
        match message.enqueue() {
            // Accepted: from here on the message goes its way, also if the receipt is dropped.
            Ok(receipt) => receipts.push(receipt),
            // The queue is full, and the message is still here: wait until there is room.
            Err(PublishError::Full) => receipts.push(message.accepted().await?),
            Err(error) => return Err(error.into()),
        }
    }

    let (mut delivered, mut others) = (0, 0);
    for receipt in receipts {
        match receipt.await {
            Outcome::Delivered(_) | Outcome::Sent => delivered += 1,
            Outcome::Rejected(why) => {
                println!("the server does not have it: {why:?}");
                others += 1;
            }
            Outcome::Unknown(why) => {
                println!("nobody can tell: {why:?}");
                others += 1;
            }
        }
    }
    println!("{delivered} delivered, {others} not");

    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

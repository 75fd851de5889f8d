//! A sensor that loses no reading: what it accepted goes out, now or in a later process.
//!
//! ```text
//! cargo run -p dunlin-store --example outbox -- mqtt://localhost FOLDER
//! ```
//!
//! End it in whatever way, without a server too, start it again, and see.

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Qos};
use dunlin_store::FileStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let url = arguments.next().ok_or("the first argument is a URL")?;
    let store = FileStore::open(arguments.next().ok_or("the second argument is a folder")?)?;
    if let Some(damage) = &store.report().damage {
        eprintln!("{damage}");
    }
    let options = ConnectOptions::from_url(&url)?.session_expiry(Duration::from_secs(24 * 3_600)).store(store);
    let client = Client::start(options)?;

    // What an earlier process left.
    for receipt in client.recovered() {
        tokio::spawn(async move {
            let id = receipt.outbox_id();
            println!("{id:?} of an earlier process: {:?}", receipt.await);
        });
    }
    for number in 0..10 {
        let mut message = client.publish("plant/7/temp", format!("21.{number}")).qos(Qos::ExactlyOnce);
        let receipt = message.enqueue()?;
        let id = receipt.stored().await?;
        println!("{id} is on disk; nothing loses it now");
        tokio::spawn(async move { println!("{id}: {:?}", receipt.await) });
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{:?}", client.close(Drain::within(Duration::from_secs(2))).await);
    Ok(())
}

//! Several workers share one subscription: the server gives each message to one of them.
//!
//! ```text
//! cargo run --example shared_subscription -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos, SubscribeError};
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let (done, mut results) = mpsc::channel(16);

    for worker in ["left", "right"] {
        let client = Client::connect(url.as_str()).await?;
        let mut jobs = match client.subscribe("$share/workers/orders/+").qos(Qos::AtLeastOnce).await {
            Err(SubscribeError::SharedNotSupported(_)) => return Err("this server has no shared subscriptions".into()),
            jobs => jobs?,
        };
        let done = done.clone();
        tokio::spawn(async move {
            while let Some(job) = jobs.next().await {
                if done.send((worker, job.topic().to_owned())).await.is_err() {
                    break;
                }
            }
        });
    }

    let shop = Client::connect(url.as_str()).await?;
    for order in 0..20 {
        shop.publish(&format!("orders/{order}"), "").qos(Qos::AtLeastOnce).await?;
    }
    let mut by_left = 0;
    for _ in 0..20 {
        let (worker, _order) = results.recv().await.ok_or("the workers have gone home")?;
        by_left += i32::from(worker == "left");
    }
    println!("20 orders done, all by one: {}", by_left == 0 || by_left == 20);

    shop.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

//! Exactly once from one program to another: both the message and the subscription have QoS 2.
//!
//! ```text
//! cargo run --example exactly_once -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Qos};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;

    // A session that outlives the connection, so that the promise does, too.
    let options = ConnectOptions::from_url(&url)?.session_expiry(Duration::from_secs(3_600));
    let till = Client::connect(options.clone().client_id("example-till")).await?;
    let ledger = Client::connect(options.client_id("example-ledger")).await?;

    let mut payments = ledger.subscribe("shop/payments").qos(Qos::ExactlyOnce).await?;
    for amount in ["12.50", "3.20", "99.00"] {
        till.publish("shop/payments", amount).qos(Qos::ExactlyOnce).await?;
    }
    for _ in 0..3 {
        let payment = payments.next().await.ok_or("the client was closed")?;
        println!("booked {} with QoS {}", payment.text().unwrap_or_default(), payment.qos() as u8);
    }

    // Without this the server would go on collecting payments for the session.
    payments.unsubscribe().await?;
    till.close(Drain::within(Duration::from_secs(5))).await;
    ledger.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

//! Many subscriptions on one connection, each with a task of its own. However many there are, finding the right one
//! takes the same time.
//!
//! ```text
//! cargo run --example many_subscriptions -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, Drain, Qos};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str()).await?;

    let mut rooms = JoinSet::new();
    for room in 0..100 {
        let mut subscription = client.subscribe(&format!("house/{room}/#")).qos(Qos::AtLeastOnce).await?;
        rooms.spawn(async move { subscription.next().await.map(|message| message.topic().to_owned()) });
    }
    // It overlaps all of them, and still each gets its message, and this one each once.
    let mut lights = client.subscribe("house/+/light").qos(Qos::AtLeastOnce).await?;

    for room in 0..100 {
        client.publish(&format!("house/{room}/light"), "on").qos(Qos::AtLeastOnce).accepted().await?.await;
    }

    // Who does not take its messages holds back the others in the end: the server waits for its acknowledgements.
    for _ in 0..100 {
        lights.next().await.ok_or("the client was closed")?;
    }
    println!("100 lights were seen, {} too many", i32::from(lights.try_next().is_some()));
    println!("{} rooms were told", rooms.join_all().await.into_iter().flatten().count());

    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

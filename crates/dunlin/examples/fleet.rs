//! Many clients in one thread, as a simulator of devices has them, or a gateway. Here the application says where their
//! drivers run; `Client::start` would give each to the runtime by itself.
//!
//! ```text
//! cargo run --example fleet -- mqtt://localhost
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Qos};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    // Clones have in memory once what is the same in them. When a server goes down and comes back, its clients come back
    // at times drawn from these: not all at once.
    let options = ConnectOptions::from_url(&url)?.reconnect(Duration::from_secs(1), Duration::from_secs(60));
    let watcher = Client::connect(options.clone().client_id("watcher")).await?;
    let mut states = watcher.subscribe("device/+/state").qos(Qos::AtLeastOnce).await?;

    let (mut drivers, mut devices) = (JoinSet::new(), JoinSet::new());
    for number in 0..DEVICES {
        let (client, driver) = Client::with_driver(options.clone().client_id(format!("device-{number}")))?;
        drivers.spawn(driver);
        devices.spawn(device(client, number));
    }

    for _ in 0..DEVICES {
        states.next().await.ok_or("the watcher was closed")?;
    }
    println!("{DEVICES} devices say that they are on");
    watcher.publish("device/all/command", "off").qos(Qos::AtLeastOnce).await?;

    let obeyed = devices.join_all().await.into_iter().filter(|obeyed| *obeyed).count();
    println!("{obeyed} obeyed");
    // A driver ends when its client is closed and has said goodbye.
    drivers.join_all().await;
    watcher.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

/// One of them: says that it is on, and waits to be told to be off.
async fn device(client: Client, number: usize) -> bool {
    let Ok(mut commands) = client.subscribe("device/all/command").qos(Qos::AtLeastOnce).await else { return false };
    let said = client.publish(&format!("device/{number}/state"), "on").qos(Qos::AtLeastOnce).await;
    let command = commands.next().await;
    said.is_ok() && command.is_some_and(|command| command.text() == Some("off"))
}

const DEVICES: usize = 200;

//! MQTT over WebSocket, with a path and a header of the server's choice.
//!
//! ```text
//! cargo run --example websocket --features websocket -- ws://localhost:8080/mqtt
//! ```

use std::{env, error::Error, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Qos, WebSocketOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as ws://localhost:8080/mqtt")?;

    // The URL alone would do: `Client::connect("wss://broker.example/mqtt")`. The path that is said here counts.
    let websocket = WebSocketOptions::new().path("/mqtt").header("X-Device", "17");
    let client = Client::connect(ConnectOptions::from_url(&url)?.websocket(websocket)).await?;

    let mut echo = client.subscribe("echo").qos(Qos::ExactlyOnce).await?;
    client.publish("echo", "over WebSocket").qos(Qos::ExactlyOnce).await?;
    let message = echo.next().await.ok_or("the client was closed")?;
    println!("{}: {}", message.topic(), message.text().unwrap_or_default());

    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

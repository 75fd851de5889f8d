//! Credentials that expire: a new token is asked for before every try to connect.
//!
//! ```text
//! USER_NAME=anna PASSWORD=secret cargo run --example providers -- mqtt://localhost
//! ```

use std::{
    env,
    error::Error,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use dunlin::{Client, ConnectOptions, Credentials, Drain, Qos, Will};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let options = ConnectOptions::from_url(&url)?
        .credentials_from(token)
        // The will, too, can be made anew, and so can the URL.
        .will_from(|| async { Will::new("device/17/gone", "since the last token").map(Some) });

    let client = Client::connect(options).await?;
    client.publish("device/17/state", "online").qos(Qos::AtLeastOnce).await?;
    println!("let in with token {}", TOKENS.load(Ordering::Relaxed));

    client.close(Drain::within(Duration::from_secs(5))).await;
    Ok(())
}

/// Here one would ask the service that gives out tokens. What it fails with is told as an event, and tried again.
async fn token() -> Result<Credentials, env::VarError> {
    TOKENS.fetch_add(1, Ordering::Relaxed);
    Ok(Credentials::new().user_name(env::var("USER_NAME")?).password(env::var("PASSWORD")?))
}

static TOKENS: AtomicU32 = AtomicU32::new(0);

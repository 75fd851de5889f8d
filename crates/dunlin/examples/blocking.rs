//! The same client without async: every call ends in `wait`.
//!
//! ```text
//! cargo run --example blocking --features blocking -- mqtt://localhost
//! ```

use std::{env, error::Error, thread, time::Duration};

use dunlin::{Drain, Qos, blocking::Client};

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("the first argument is a URL, such as mqtt://localhost")?;
    let client = Client::connect(url.as_str())?;
    let mut readings = client.subscribe("plant/+/temp").qos(Qos::AtLeastOnce).wait()?;

    // One client for as many threads as one likes.
    thread::scope(|scope| {
        for plant in 1..=3 {
            let client = &client;
            scope.spawn(move || {
                let topic = format!("plant/{plant}/temp");
                if let Err(error) = client.publish(&topic, "21.5").qos(Qos::AtLeastOnce).wait() {
                    println!("{topic}: {error}");
                }
            });
        }
    });

    let mut count = 0;
    while let Some(reading) = readings.wait_next_for(Duration::from_secs(if count < 3 { 10 } else { 0 })) {
        println!("{}: {}", reading.topic(), reading.text().unwrap_or_default());
        count += 1;
    }
    println!("{count} readings");

    readings.unsubscribe().wait()?;
    client.close(Drain::within(Duration::from_secs(5)));
    Ok(())
}

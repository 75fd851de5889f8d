//! A sensor that measures every two seconds and is told how often, against a server on this machine:
//!
//! ```text
//! mosquitto &
//! cargo run -p dunlin-embedded --example sensor
//! mosquitto_sub -t plant/7/temp &  mosquitto_pub -t plant/7/every -m 500
//! ```
//!
//! On a board, the link is what brings bytes to a network chip or a modem, and the loop sleeps until there is something
//! to do; all else stays as it is.

#[path = "link/tcp.rs"]
mod tcp;

use std::{error::Error, time};

use dunlin_codec::{Qos, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version};
use dunlin_embedded::{Client, Clock, Event, Options};
use dunlin_session::{Backoff, ConnectOptions, PublishOptions, Received, Slot, Storage};
use tcp::{StdClock, Tcp};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut log, mut control) = ([0; 128], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 20]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let mut receive = [0; 64];

    let filter = TopicFilter::new("plant/7/every")?;
    let subscriptions = [SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) }];
    let options = Options {
        connect: ConnectOptions { client_id: "sensor-7", session_expiry_interval: 3_600, ..ConnectOptions::default() },
        subscriptions: &subscriptions,
        // On a board: its serial number, or a random one.
        backoff: Backoff::new(1_000, 60_000, 30_000, std::process::id()),
        ..Options::default()
    };
    let mut clock = StdClock(time::Instant::now());
    let topic = TopicName::new("plant/7/temp")?;
    let (mut every, mut measure_at) = (2_000, clock.now());
    let mut client =
        Client::blocking(Version::V5, storage, &options, &mut receive, Tcp(None), StdClock(time::Instant::now()));
    loop {
        let now = clock.now();
        if now >= measure_at {
            measure_at = now + every;
            // While there is no connection the last four wait for the next one.
            if let Err(error) = client.publish(topic, b"21.5", PublishOptions::qos(Qos::AtLeastOnce)) {
                eprintln!("not measured: {error}");
            }
        }
        match client.poll() {
            Some(Event::PublishReceived(message)) => {
                every = str::from_utf8(message.payload)?.parse().unwrap_or(every);
            }
            Some(Event::Disconnected { cause, .. }) => eprintln!("{cause}"),
            Some(event) => println!("{event:?}"),
            None => std::thread::yield_now(),
        }
    }
}

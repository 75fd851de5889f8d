//! The five events of a client, one after the other, against a server on this machine:
//!
//! ```text
//! mosquitto &
//! cargo run -p dunlin-embedded --example events
//! ```
//!
//! `firmware/lm3s6965evb` has the same as a program for a board.

#[path = "link/tcp.rs"]
mod tcp;

use std::{error::Error, time::Instant};

use dunlin_codec::{
    Properties, Qos, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version,
};
use dunlin_embedded::{Client, Event, Options};
use dunlin_session::{ConnectOptions, PublishOptions, Received, Slot, Storage};
use tcp::{StdClock, Tcp};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut log, mut control, mut receive) = ([0; 128], [0; 64], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 20]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let options =
        Options { connect: ConnectOptions { client_id: "five", ..ConnectOptions::default() }, ..Options::default() };
    let (topic, filter) = (TopicName::new("five/events")?, TopicFilter::new("five/events")?);
    let subscription = SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) };
    let clock = StdClock(Instant::now());
    let mut client = Client::blocking(Version::V5, storage, &options, &mut receive, Tcp(None), clock);
    loop {
        match client.poll() {
            Some(Event::Connected { session_present, .. }) => {
                println!("connected; the server knows the session: {session_present}");
                client.subscribe(&[subscription], Properties::NONE)?;
            }
            Some(Event::Subscribed { codes, .. }) => {
                // 0, 1 and 2 are the granted QoS, 0x80 and above a refusal.
                println!("subscribed: {codes:02X?}");
                client.publish(topic, b"hello", PublishOptions::qos(Qos::AtLeastOnce))?;
            }
            Some(Event::Published { id, outcome }) => println!("published: {id:?} {outcome:?}"),
            Some(Event::PublishReceived(message)) => {
                println!("received: {} says {:?}", message.topic, str::from_utf8(message.payload));
                client.unsubscribe(&[filter])?;
            }
            Some(Event::Unsubscribed { codes, .. }) => {
                println!("unsubscribed: {codes:02X?}");
                client.disconnect(ReasonCode::SUCCESS);
            }
            // A connection that is lost is made again, unless it was ended here.
            Some(Event::Disconnected { cause, reconnect_at: None }) => {
                println!("{cause}");
                return Ok(());
            }
            Some(event) => println!("{event:?}"),
            None => std::thread::yield_now(),
        }
    }
}

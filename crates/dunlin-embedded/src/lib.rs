//! An MQTT client for microcontrollers: 3.1.1 and 5.0, without heap, executor and `unsafe`.
//!
//! ```text
//!   application --> publish subscribe acknowledge --> Client <---> Line <---> Read + Write     (async)
//!               <-- Event <-- poll -----------------  |      <------------->  Link             (blocking)
//!                                                     Session: the same as on a server
//! ```
//!
//! A [`Client`] works in memory of the caller: a log for messages that wait or are not acknowledged, a lane for control
//! packets, a receive buffer of 64 bytes or more. It connects, keeps the connection alive, connects again with backoff,
//! repeats what was not acknowledged and makes subscriptions again. Messages larger than the receive buffer are skipped
//! and counted, or told in parts.
//!
//! Asynchronously it runs over the halves of any link that has the traits of `embedded-io-async`, which a [`Connector`]
//! opens, on any executor:
//!
//! ```no_run
//! use dunlin_codec::{Qos, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Version};
//! use dunlin_embedded::{Client, Connector, Event, Line, Options, Timer};
//! use dunlin_session::{ConnectOptions, PublishOptions, Received, Slot, Storage};
//!
//! # async fn join(_: impl Future, _: impl Future) {}
//! async fn sensor(network: impl Connector, timer: impl Timer) -> Result<(), Box<dyn std::error::Error>> {
//!     let (mut log, mut control) = ([0; 128], [0; 64]);
//!     let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
//!     let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
//!     let (mut receive, mut transmit) = ([0; 64], [0; 128]);
//!     let line = Line::new(&mut receive, &mut transmit);
//!
//!     let filter = TopicFilter::new("plant/7/set")?;
//!     let subscriptions = [SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::AtLeastOnce) }];
//!     let options = Options {
//!         connect: ConnectOptions { client_id: "sensor-17", ..ConnectOptions::default() },
//!         subscriptions: &subscriptions,
//!         ..Options::default()
//!     };
//!     let mut client = Client::new(Version::V5, storage, &options, &line, timer);
//!     let topic = TopicName::new("plant/7/temp")?;
//!
//!     let application = async {
//!         loop {
//!             match client.poll().await {
//!                 Event::Connected { .. } => {
//!                     let _full = client.publish(topic, b"21.5", PublishOptions::qos(Qos::AtLeastOnce));
//!                 }
//!                 Event::PublishReceived(message) => println!("{} says {:?}", message.topic, message.payload),
//!                 _ => {}
//!             }
//!         }
//!     };
//!     // Both in one task, or each in its own.
//!     join(line.run(network), application).await;
//!     Ok(())
//! }
//! ```
//!
//! A program without executor takes [`Client::blocking`], whose `poll` never waits for the server.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

mod asynchronous;
mod bell;
mod blocking;
mod cause;
mod client;
#[cfg(feature = "defmt")]
mod defmt_format;
#[cfg(feature = "embassy-time")]
mod embassy;
mod engine;
mod event;
mod input;
mod large;
mod line;
mod options;
mod time;

pub use asynchronous::Async;
pub use blocking::{Blocking, Link};
pub use cause::Cause;
pub use client::Client;
#[cfg(feature = "embassy-time")]
pub use embassy::EmbassyTimer;
pub use event::{Event, Message};
pub use line::{Carrier, Connector, Line};
pub use options::{Acknowledgement, LargeMessages, Options};
pub use time::{Clock, Timer};

/// Whether steps of enhanced authentication are told.
pub(crate) const AUTHENTICATION: bool = cfg!(feature = "authentication");
/// Whether it is told where the server sends its clients.
pub(crate) const REDIRECT: bool = cfg!(feature = "redirect");

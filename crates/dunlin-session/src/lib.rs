//! The MQTT client session as a state machine without I/O: no socket, no clock, no randomness, no thread, and no
//! allocation needed.
//!
//! ```text
//!                    commands                                     events
//!   publish subscribe unsubscribe acknowledge disconnect    Message Settled Connected ...
//!                        |                                          ^
//!                        v                                          |
//!   poll_transmit  <- Session<M>: log | control lane | slots | received ids <-  handle_input
//!        |                                                          ^
//!        v  transmitted, flushed       poll_timeout, handle_timeout |
//!     socket  ------------------------------------------------->  socket
//! ```
//!
//! Whoever owns the socket and the clock drives it: `handle_*` takes in, `poll_*` gives out, plain verbs are
//! commands. The same session serves a server with thousands of messages in flight and a microcontroller with
//! 16 KiB of RAM; they differ in their [`Memory`]: growable and bounded with the feature `alloc`, or [`Slices`] of
//! the caller.
//!
//! A microcontroller with no flash to spare leaves out what it does not need: without the default feature
//! `exactly-once` there is no QoS 2, and without `resume` nothing outlives a connection: messages are accepted while
//! there is one, and what it leaves unsettled is told as unknown or rejected. What is left out is refused at the call.
//! Without the default feature `expiry` a Message Expiry Interval goes out as it was given.
//!
//! ```
//! use dunlin_codec::{Qos, TopicName, Version};
//! use dunlin_session::{
//!     ConnectOptions, Event, Instant, Progress, PublishOptions, Received, Session, Slices, Slot, Storage,
//! };
//!
//! let (mut log, mut control, mut slots, mut received) =
//!     ([0; 256], [0; 128], [const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
//! let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
//! let mut session = Session::<Slices<'_>>::new(Version::V5, storage);
//!
//! // The driver opened a link: CONNECT goes out, CONNACK comes in.
//! let now = Instant::from_millis(0);
//! session.connect(now, &ConnectOptions { client_id: "sensor-17", ..ConnectOptions::default() })?;
//! let wrote = session.poll_transmit(now).map(|chunk| chunk.as_slice().len()).unwrap_or_default();
//! session.transmitted(wrote);
//! let Progress::Packet { event: Some(Event::Connected { .. }), .. } = session.handle_input(now, &[0x20, 3, 0, 0, 0])
//! else {
//!     panic!("not connected")
//! };
//!
//! session.publish(TopicName::new("plant/7/temp")?, b"21.5", PublishOptions::qos(Qos::AtLeastOnce))?;
//! assert_eq!(session.poll_transmit(now).unwrap().as_slice()[0], 0x32);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod aliases;
mod backoff;
mod event;
#[cfg(feature = "alloc")]
mod heap;
mod inbound;
mod instant;
mod journal;
mod lane;
mod limits;
mod list;
mod memory;
#[cfg(feature = "alloc")]
mod number;
#[cfg(not(feature = "alloc"))]
#[path = "without_numbers.rs"]
mod number;
mod options;
mod outbound;
mod session;

pub use aliases::{InboundAliases, NoAliases, OutboundAliases, SliceAliases};
pub use backoff::Backoff;
pub use event::{Arrived, Chunk, Delivery, Event, Outcome, Progress, Rejection, Succeeded, Timeout, Uncertainty};
#[cfg(feature = "alloc")]
pub use heap::{
    HeapBuffer, HeapInbound, HeapInboundAliases, HeapJournal, HeapOutboundAliases, HeapTable, Store, StoreChange,
    StoreError, StoreGroup,
};
pub use inbound::{Arrival, Inbound, Received};
pub use instant::Instant;
pub use journal::{
    Change, Journal, Marks, MessageRecord, MessageStage, NoJournal, Record, RestoreError, ServerSession, SessionRecord,
};
pub use limits::Limits;
pub use list::{Slot, Table};
pub use memory::{Buffer, Memory, NoSegments, Nothing, Segments, Slices, Storage};
pub use options::{
    AcknowledgeError, ConnectError, ConnectOptions, DisconnectError, PublishError, PublishOptions, RequestError,
    ResumeWithoutState,
};
pub use session::{AuthenticateError, Session, State};

/// Whether enhanced authentication is built in.
pub(crate) const AUTHENTICATION: bool = cfg!(feature = "authentication");
/// Whether QoS 2 is built in.
pub(crate) const EXACTLY_ONCE: bool = cfg!(feature = "exactly-once");
/// Whether messages expire before they are sent.
pub(crate) const EXPIRY: bool = cfg!(feature = "expiry");
/// Whether requests are compared with what the server offers.
pub(crate) const LIMITS: bool = cfg!(feature = "limits");
/// Whether received messages can be refused.
pub(crate) const REFUSALS: bool = cfg!(feature = "refusals");
/// Whether anything outlives a connection.
pub(crate) const RESUME: bool = cfg!(feature = "resume");
/// Whether there can be a session that we know nothing about, in a way that matters.
pub(crate) const ADOPTION: bool = RESUME && EXACTLY_ONCE;
/// What is there with the feature `authentication` alone: an array of one or none.
pub(crate) type IfAuthentication<T> = [T; AUTHENTICATION as usize];
/// What is there with the feature `expiry` alone.
pub(crate) type IfExpiry<T> = [T; EXPIRY as usize];
/// What is there with the feature `resume` alone.
pub(crate) type IfResume<T> = [T; RESUME as usize];
/// Whether MQTT 3.1 is spoken.
pub(crate) const V3_1: bool = cfg!(feature = "v3_1");

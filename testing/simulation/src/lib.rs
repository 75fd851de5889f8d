//! Thousands of schedules of faults a second, each from one seed, against a server that judges every packet.
//!
//! ```text
//!                    Plan: what a seed decides beforehand
//!                      |
//!   client under test <-> Remote: Wire (splits, delays, stalls, breaks) <-> Server (strict)
//!    the session alone             \_________________ Account _________________/
//!                                    what became of every message
//! ```
//!
//! A run goes on until it has seen at least 200 packets and 5 faults; one that saw less fails. Then faults end, and within
//! [`SETTLES_WITHIN`] milliseconds of virtual time every message must have its outcome. Every sixteenth seed is played
//! once more without faults, where every message must arrive. Every seventh is one with the whole client.
//!
//! The process of a client may end at any step: between two records, two packets, or two writes. Half of the sessions have
//! a store, which writes groups of records late or not at all; of what it was writing any part survives.
//!
//! What must hold is asserted where it happens, by the server for each packet and by the account for each message; a
//! failed assertion, here or in the client, ends the run and is its result.
//!
//! - No QoS 0 message arrives twice; no QoS 1 message is lost; each QoS 2 message arrives exactly once, or at most once
//!   if it ended as unknown or its client crashed. The same the other way round.
//! - With a store nothing that it has is lost, and nothing leaves that it has not: a message is settled before it is
//!   deleted, one that was not stored never left, and one that is stored as received is not told again. Of a process that
//!   ended without a connection the store knows exactly what was begun.
//! - Within a topic and QoS messages keep their order, and packets leave in the order of acceptance.
//! - Every outcome is told exactly once, and is one that this run allows. Unknown is allowed for a message that was
//!   begun in a run where the server forgot the session or lowered its limits; for QoS 0, where the link broke in it.
//! - A message expires as it was told to: the interval that it arrives with is the rest of its time, and what ran out
//!   before it was begun is not sent. A store has the interval and never a time of the clock.
//! - No packet is one that a server would have to close for, and pings go out when they are due.
//!
//! ```
//! let tally = dunlin_simulation::play(7).map_err(|failure| failure.what)?;
//! assert!(tally.packets >= 200);
//! # Ok::<(), String>(())
//! ```

mod account;
mod engine_layer;
mod message;
mod plan;
mod random;
mod remote;
mod run;
mod server;
mod session_layer;
mod tally;
mod trace;
mod wire;

pub use run::{Failure, SETTLES_WITHIN, play, replay};
pub use tally::Tally;

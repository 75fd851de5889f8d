//! A sensor's program, to measure how much flash MQTT takes in it.
//!
//! ```text
//!   bin/bare   board                     what every program has
//!   bin/mqtt   board + sensor, the version chosen at run time
//!   bin/v3, v5                 ... and fixed
//!   bin/whole                  ... with will, user name and password
//! ```
//!
//! The program works: over a serial line whose other end is a server's TCP port it does what [`sense`] says. Its test
//! plays it against the bytes of a server in both versions.

#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(target_arch = "arm")]
mod board;
mod sensor;

#[cfg(target_arch = "arm")]
pub use board::{Board, rest};
pub use sensor::{Failure, Link, Memory, sense};

//! The real program, run as a user runs it: against its own server, the testkit's, and a real Mosquitto.

mod cloud;
mod demo;
mod ending;
mod errors;
mod outcomes;
mod program;
mod round_trips;
mod usage;

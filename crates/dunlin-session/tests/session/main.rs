//! Stories of a session on virtual time, without a socket and without a sleep: each in every memory, asserting on
//! events and on the bytes of the wire. The last of them is a simulation of thousands of schedules of faults.

mod adopting;
mod aliases;
mod answers;
mod authentication;
mod closing;
mod connecting;
mod control_lane;
mod discarding;
mod driver;
mod faults;
mod inbound_memory;
mod keep_alive;
mod memory;
mod overdue;
mod packet_ids;
mod publishing;
mod quota;
mod receiving;
mod refusals;
mod refusing;
mod requests;
mod restoring;
mod resuming;
mod scene;
mod segments_full;
mod sentences;
mod server_limits;
mod session_lost;
mod simulation;
mod starting_clean;
mod store;
mod storing;
mod storing_received;
mod unaltered;
mod wire;

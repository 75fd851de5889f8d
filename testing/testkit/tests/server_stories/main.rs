//! Stories about the in-memory server without sockets, on virtual time: bytes in, packets out, breaches.

mod acknowledgements;
mod handshake;
mod judge;
mod limits;
mod publishing;
mod retained;
mod sessions;
mod story;
mod subscriptions;
mod wills;

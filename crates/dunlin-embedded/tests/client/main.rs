//! Stories of a client with a server, on virtual time: asynchronous and blocking, in 64 and 128 bytes.

mod authenticating;
mod closing;
mod exchanging;
mod large;
mod over_tls;
mod reconnecting;
mod redirecting;
mod scene;
mod world;

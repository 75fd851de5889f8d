//! Servers that behave as clouds do, where that is not as MQTT says: for tests of whoever connects to them.
//!
//! ```text
//!  client <-> TLS: name and protocol demanded <-> gate: the service's rules <-> dunlin-testkit's Server
//! ```
//!
//! Everything is in memory, and time is tokio's. What they do is what `docs/clouds.md` tells of the services; they are no
//! proof that the services do it. **Never for production.**

mod aws;
mod azure;
mod door;
mod gate;

pub use aws::AwsTwin;
pub use azure::AzureTwin;

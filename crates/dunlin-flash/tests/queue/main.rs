//! Stories of a queue in flash: power that goes at any byte, flash that is damaged or wears out, and a client that sends
//! what is in it.

mod chip;
mod cuts;
mod damage;
mod model;
mod scene;
mod sending;
mod slow;
mod wear;
/// The network of the client's own stories.
#[expect(dead_code, reason = "there is more in it than is needed here")]
#[path = "../../../dunlin-embedded/tests/client/world.rs"]
mod world;

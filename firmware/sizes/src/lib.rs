//! The programs whose size, stack and instructions are measured.
//!
//! ```text
//!   bin/bare           board                                what every program has
//!   bin/small          board + a round of QoS 1 in 3.1.1
//!   bin/blocking       board + everything, blocking
//!   bin/asynchronous   board + everything, asynchronous
//!   bin/instructions   a link in memory: instructions a message
//! ```
//!
//! They work: the board's serial line leads to a server.

#![no_std]

#[cfg(target_arch = "arm")]
mod board;
#[cfg(target_arch = "arm")]
mod executor;
mod memory;
mod round;

#[cfg(target_arch = "arm")]
pub use board::{Board, finish, say};
#[cfg(target_arch = "arm")]
pub use executor::{Halves, join};
pub use memory::{Memory, Tables};
pub use round::{Progress, Round, will};

/// Whether the programs authenticate in more than one step.
pub const AUTHENTICATES: bool = cfg!(feature = "authentication");
/// Whether they hear where the server sends them.
pub const IS_REDIRECTED: bool = cfg!(feature = "redirect");

//! What the programs for the boards do, whatever the board.
//!
//! ```text
//!   exchange   every QoS both ways, in 3.1.1 and in 5.0, with a will, user name and password
//!   queue      messages in flash, which are sent over a restart
//!   events     each of the five events of a client, the next step following from it
//!   storm      40 messages of QoS 2 over links that break again and again
//! ```

#![no_std]

mod beside;
mod exchange;
mod five_events;
#[cfg(feature = "ethernet")]
mod network;
mod queue;
#[cfg(feature = "cortex-m")]
mod semihosting;
mod serial;
mod storm;
#[cfg(feature = "systick")]
mod systick;

pub use beside::beside;
pub use exchange::{exchange, exchange_async};
pub use five_events::five_events;
#[cfg(feature = "ethernet")]
pub use network::{Failure, Network, NetworkMemory};
pub use queue::{RamFlash, queue};
#[cfg(feature = "cortex-m")]
pub use semihosting::{argument, finish};
pub use serial::{Serial, Uart};
pub use storm::{MESSAGES, storm, storm_async};
#[cfg(feature = "systick")]
pub use systick::SysTickClock;

//! The client on embassy: its executor, its network and its time, on the MPS2+ board with the image AN386.
//!
//! ```text
//!   story --> Client --> Line --> Tcp ------------> embassy-net --> Wire --> ethernet chip
//!                           \---> Tls --> Tcp       embassy-time --> SysTick
//! ```

#![no_std]

mod conversation;
mod identity;
mod network;
mod random;
mod tcp;
mod time;
mod tls;
mod wire;

pub use conversation::{BoardClient, converse};
pub use identity::Identity;
pub use network::on_network;
pub use tcp::{Tcp, TcpMemory};
pub use tls::{Tls, TlsMemory};

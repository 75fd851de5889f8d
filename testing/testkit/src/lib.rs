//! For tests of programs that speak MQTT, and for trying things out.
//!
//! **Never for production.** What is here is built to be watched, broken and thrown away: servers
//! that obey a script, links that cut on purpose, certificates whose keys nobody guards.
//!
//! ```text
//!  program under test <-> Link: splits, delays, stalls, cuts <-> Server: strict, in memory
//!                                                            <-> Scripted: plays bytes
//!                                                            <-> Mosquitto: a real server
//!                         Authority: certificates for either side, good ones and bad ones
//! ```
//!
//! | | what it is | needs |
//! |---|---|---|
//! | [`Server`] | a strict server for 3.1.1 and 5.0 in memory, which tells what a client does wrong | tokio |
//! | [`Mosquitto`] | a real server on free ports: plain, TLS, TLS with client certificates | the program, installed |
//! | [`RealServer`] | a real server of one of several authors: Mosquitto, ejabberd, rumqttd, NATS | the program, installed |
//! | [`ProxyServer`] | a real proxy, HTTP or SOCKS5 | tinyproxy, microsocks, installed |
//! | `QuicFront` | QUIC in front of a server that speaks TCP | feature `quic` |
//! | [`Scripted`] | a server that plays bytes and checks what it gets, over TCP or in memory | tokio |
//! | [`Link`] | a connection that is bad on purpose, from one seed, over TCP or in memory | tokio |
//! | [`Authority`] | certificates made on the spot: valid, expired, not yet valid, without names | |
//!
//! A program of three lines against a scripted server:
//!
//! ```
//! use dunlin_testkit::{Script, Scripted};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let script = Script::new().expect([0xc0, 0x00]).send([0xd0, 0x00]).expect_close();
//! let (server, address) = Scripted::listen([script]).await?;
//!
//! let mut client = tokio::net::TcpStream::connect(address).await?;
//! client.write_all(&[0xc0, 0x00]).await?; // PINGREQ
//! let mut answer = [0; 2];
//! client.read_exact(&mut answer).await?;
//! assert_eq!(answer, [0xd0, 0x00]); // PINGRESP
//! drop(client);
//!
//! server.finish().await?;
//! # Ok(())
//! # }
//! ```
//!
//! In-memory links and servers count time with tokio's clock: a test with paused time
//! (`#[tokio::test(start_paused = true)]`) takes no time and gives the same result every time.

mod certificates;
mod directory;
mod link;
mod mosquitto;
mod process;
mod proxy;
#[cfg(feature = "quic")]
mod quic;
mod real;
mod scripted;
mod server;

pub use certificates::{Authority, CertificateError, Identity, Leaf, Validity};
pub use link::{Cut, Direction, Link, LinkOptions, MemoryStream, Plan};
pub use mosquitto::{Certificates, Mosquitto, MosquittoError, MosquittoOptions, TlsVersions};
pub use proxy::{ProxyServer, ProxyServerError};
#[cfg(feature = "quic")]
pub use quic::QuicFront;
pub use real::{RealServer, RealServerError, ServerKind};
pub use scripted::{Connector, Problem, Recorded, Script, ScriptError, Scripted};
pub use server::{
    Breach, ClientState, ConnectRecord, ConnectionId, HeldAck, Message, Received, SansIoServer, Server, ServerClose,
    ServerOptions, ServerOutput,
};

// What the server's methods take and give, so that a test needs no second crate for it.
pub use dunlin_codec::{PacketId, PacketType, Properties, Property, Qos, ReasonCode, Version};

/// Keeps the README's examples compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

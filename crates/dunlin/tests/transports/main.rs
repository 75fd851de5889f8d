//! What is said when a way does not lead to a server. That every way carries the same is told by `cargo xtask servers`.

mod proxies;
mod quic;
#[path = "../scene.rs"]
mod scene;
mod sockets;

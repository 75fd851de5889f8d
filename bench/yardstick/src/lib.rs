//! What the programs of the benchmark share: one command line, one way to measure and to tell the result, and just
//! enough of MQTT for those that speak it without a library.
//!
//! ```text
//!  cargo xtask bench ── starts ──> a client (raw, dunlin, a peer) <── TCP or TLS ──> sink
//!                   <── one line of figures ── Stopwatch, Latencies
//! ```

mod arguments;
mod measure;
mod wire;

pub use arguments::{Arguments, Mode};
pub use measure::{Latencies, Stopwatch, report_idle, resident_bytes};
pub use wire::{Publish, connect_packet, header, packet, subscribe_packet};

/// Where every client publishes to.
pub const TOPIC: &str = "plant/7/sensors";

/// What the sink sends back.
pub const ECHO_TOPIC: &str = "echo/t";

/// Round trips before those that count.
pub const WARM_UP: u64 = 200;

/// What a program of the benchmark ends with.
pub type Ending = Result<(), Box<dyn std::error::Error>>;

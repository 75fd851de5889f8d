//! What the fuzzer calls: plain functions of bytes, each of which panics if a promise is broken.
//!
//! ```text
//!   fuzz/ (libFuzzer) ----> decode, round_trip, properties, topics, url,     <---- tests/corpora.rs: every input
//!                           cloud, session_input, session_calls                    that was ever worth keeping
//! ```
//!
//! "No panic" is the least of the promises. Each target compares with a plain way of doing the same, or judges what
//! comes out as a strict server would. The bytes are found by a fuzzer; those worth keeping are in `fuzz/corpus`, and
//! run as ordinary tests.

mod cloud;
mod decision;
mod decode;
mod properties;
mod round_trip;
mod session;
mod topics;
mod url;

pub use cloud::cloud;
pub use decode::decode;
pub use properties::properties;
pub use round_trip::round_trip;
pub use session::{session_calls, session_input};
pub use topics::topics;
pub use url::url;

/// Takes any bytes; panics if a promise is broken.
pub type Target = fn(&[u8]);

/// The targets by their names, which are those of the folders of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("decode", decode),
    ("round_trip", round_trip),
    ("properties", properties),
    ("topics", topics),
    ("url", url),
    ("cloud", cloud),
    ("session_input", session_input),
    ("session_calls", session_calls),
];

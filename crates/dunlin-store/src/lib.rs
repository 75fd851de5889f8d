//! Keeps what a client must not forget in a folder: what it accepted and has not sent, what it sent and the server has
//! not acknowledged, what it received and the application is not done with. Not even `kill -9` or a power loss takes
//! back what was confirmed.
//!
//! ```text
//!   Client --- groups of changes ---> FileStore ----- one frame a group, one sync -----> outbox/log
//!      ^                                 |                                               outbox/damaged-1   set aside
//!      +------- entries, at start -------+                                               outbox/quarantine-1
//! ```
//!
//! ```
//! use dunlin_session::{Store, StoreGroup};
//! use dunlin_store::FileStore;
//!
//! # let folder = std::env::temp_dir().join(format!("dunlin-store-doc-{}", std::process::id()));
//! let mut store = FileStore::open(&folder)?;
//! if let Some(damage) = &store.report().damage {
//!     eprintln!("{damage}");
//! }
//!
//! // What a client does with it; an application gives it to `ConnectOptions::store` and is done.
//! let mut group = StoreGroup::default();
//! group.put(7, |value| value.extend_from_slice(b"21.5"));
//! store.commit(&group)?;
//! drop(store);
//!
//! let mut store = FileStore::open(&folder)?;
//! store.load(&mut |key, value| assert_eq!((key, value), (7, Some(&b"21.5"[..]))))?;
//! # drop(store);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A store is a log: a group of changes is appended as one frame and synced once, however many messages it is about.
//! Every byte is covered by a checksum. When less than half of the log is still of use it is written anew. One process
//! has it at a time; another is refused.

mod cipher;
mod error;
mod file_store;
mod folder;
mod frame;
mod index;
mod log;

pub use cipher::{Cipher, CipherFailed};
pub use error::{Damage, OpenError, Report};
pub use file_store::FileStore;

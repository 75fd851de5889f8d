//! A queue of messages in flash or FRAM, for the client of [`dunlin_embedded`]: what it accepted it keeps until the server
//! has it, without a connection, over restarts, and when the power goes at any byte.
//!
//! ```text
//!   application --push--> Queue --give--> Client <---> server
//!                         flash <-settle-  Event::Published
//! ```
//!
//! It has no heap and no `unsafe`. It works over whatever has the traits of `embedded-storage-async`; over a driver that
//! waits, with [`Blocking`] and [`wait`]; over FRAM, with [`Fram`]. The flash must take a word twice before it is erased
//! ([`MultiwriteNorFlash`]): most does; some internal flash with error correction, such as that of many STM32, does not.
//!
//! ```no_run
//! use dunlin_codec::{Qos, TopicName};
//! use dunlin_embedded::{Async, Client, Event, Timer};
//! use dunlin_flash::{Given, Queue, WhenFull};
//! use dunlin_session::PublishOptions;
//! use embedded_storage_async::nor_flash::MultiwriteNorFlash;
//!
//! # async fn measure() -> [u8; 4] {
//! #     *b"21.5"
//! # }
//! # enum Next<'e> {
//! #     Measured([u8; 4]),
//! #     Told(Event<'e>),
//! # }
//! # async fn either<'e>(_: impl Future<Output = [u8; 4]>, _: impl Future<Output = Event<'e>>) -> Next<'e> {
//! #     std::future::pending().await
//! # }
//! async fn run<'a, F: MultiwriteNorFlash>(mut flash: F, mut client: Client<'a, Async<'a, 'a, impl Timer>>) {
//!     // The last 16 pages are the queue's.
//!     let end = flash.capacity() as u32;
//!     let range = end - 16 * F::ERASE_SIZE as u32..end;
//!     let (mut buffer, mut given) = ([0; 256], [Given::FREE; 4]);
//!     let opened = Queue::open(&mut flash, range, &mut buffer, &mut given, WhenFull::DropOldest).await;
//!     // Flash that never held a queue, or was damaged: erase it and open it again.
//!     let Ok(mut queue) = opened else { return };
//!
//!     let topic = TopicName::new("plant/7/temp").expect("it is one");
//!     loop {
//!         // What was accepted is given to the client, as much as it has room for ...
//!         let _refused = queue.give(&mut client).await;
//!         match either(measure(), client.poll()).await {
//!             Next::Measured(value) => {
//!                 let _full = queue.push(topic, &value, PublishOptions::qos(Qos::AtLeastOnce)).await;
//!             }
//!             // ... and leaves the queue when the server has it.
//!             Next::Told(Event::Published { id, outcome }) => {
//!                 let _ours = queue.settle(id, outcome).await;
//!             }
//!             Next::Told(_) => {}
//!         }
//!     }
//! }
//! ```
//!
//! Without an executor, over FRAM:
//!
//! ```
//! # use dunlin_codec::TopicName;
//! use dunlin_flash::{Blocking, Fram, Given, Queue, WhenFull, wait};
//! use dunlin_session::PublishOptions;
//! # struct Memory([u8; 4_096]);
//! # impl embedded_storage::ReadStorage for Memory {
//! #     type Error = ();
//! #     fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), ()> {
//! #         bytes.copy_from_slice(&self.0[at as usize..][..bytes.len()]);
//! #         Ok(())
//! #     }
//! #     fn capacity(&self) -> usize {
//! #         self.0.len()
//! #     }
//! # }
//! # impl embedded_storage::Storage for Memory {
//! #     fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), ()> {
//! #         self.0[at as usize..][..bytes.len()].copy_from_slice(bytes);
//! #         Ok(())
//! #     }
//! # }
//! # let driver = Memory([0xFF; 4_096]);
//!
//! let mut memory = Fram::<_, 256>(Blocking(driver));
//! for is_after_a_restart in [false, true] {
//!     let (mut buffer, mut given) = ([0; 64], [Given::FREE; 4]);
//!     let mut queue = wait(Queue::open(&mut memory, 0..4_096, &mut buffer, &mut given, WhenFull::DropOldest))?;
//!     if !is_after_a_restart {
//!         wait(queue.push(TopicName::new("plant/7/temp")?, b"21.5", PublishOptions::default()))?;
//!     }
//!     assert_eq!(wait(queue.oldest())?.map(|message| message.payload), Some(&b"21.5"[..]));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//!
//! When [`push`](Queue::push) ends well the message is in the flash, and was read back. It stays there until the client
//! told that the server has it or refused it, or older messages had to go ([`WhenFull::DropOldest`]), which is told and
//! counted. Messages are sent in the order in which they were pushed.
//!
//! Every message arrives at least once, and **may arrive twice**: if the power goes after the server acknowledged it and
//! before it was removed it is sent again, as a new message. That holds for **QoS 2, too: it is exactly once while the
//! device runs, over any number of connections, but not over a restart**, since the session that would know is in RAM; nor
//! where the server lost the session. A receiver that must not see a message twice needs a number in the payload. QoS 0 is
//! sent once: it leaves the queue when it was written to the link.
//!
//! Where the power went is found when the queue is opened again: a word that is half written, and a page that is half erased,
//! where every bit may be erased or not.
//!
//! [`MultiwriteNorFlash`]: embedded_storage_async::nor_flash::MultiwriteNorFlash

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

mod blocking;
mod careful;
mod error;
mod fram;
mod given;
mod mend;
mod queue;
mod record;
mod records;

pub use blocking::{Blocking, wait};
pub use error::{Error, OpenError, PushError};
pub use fram::{Fram, FramError};
pub use given::Given;
pub use queue::{Queue, WhenFull};
pub use record::Stored;

//! MQTT control packets, 3.1.1 and 5.0: bytes to views that borrow them, and back.
//!
//! ```text
//!   bytes in  -> FixedHeader -> decode(version, ..) -> Packet<'_>     (no copy, no allocation, no panic)
//!   bytes out <- caller's &mut [u8] <- encode(version, ..) <- Packet<'_>   (exact size told beforehand)
//! ```
//!
//! There is one packet model, in the words of MQTT 5.0; a 3.1.1 packet is one without properties.
//! Both directions are here for every packet, so that a test server can be built on the same code.
//! The crate has no dependency, needs no heap and no `std`, and forbids `unsafe`.
//!
//! ```
//! use dunlin_codec::{Decoded, Packet, Publish, Qos, TopicName, Version, decode};
//!
//! let publish = Publish::new(TopicName::new("plant/7/temp")?, b"21.5");
//! let mut wire = [0; 64];
//! let written = publish.encode(Version::V5, &mut wire)?;
//!
//! let Decoded::Packet { packet: Packet::Publish(view), consumed } = decode(Version::V5, &wire[..written])? else {
//!     unreachable!()
//! };
//! assert_eq!((view.topic.as_str(), view.payload, view.qos), ("plant/7/temp", &b"21.5"[..], Qos::AtMostOnce));
//! assert_eq!(consumed, written);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Names in square brackets in the documentation (`MQTT-3.3.1-2`) are the identifiers of the standard's
//! normative statements; those that begin with `U5-` stand for rules of MQTT 5.0 without a number of their own.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

mod error;
mod frame;
mod packet;
mod packet_id;
mod properties;
mod qos;
mod reader;
mod reason;
mod text;
mod topic;
mod varint;
mod version;
mod writer;

pub use error::{DecodeError, EncodeError, Malformed, ProtocolViolation};
pub use frame::{FixedHeader, MAXIMUM_REMAINING_LENGTH, PacketType};
pub use packet::{
    Ack, Auth, Connack, Connect, Decoded, Disconnect, Filters, Packet, Publish, PublishHead, Suback, Subscribe,
    SubscriptionFilter, SubscriptionOptions, Unsuback, Unsubscribe, UnsubscribeFilters, Will, decode,
};
pub use packet_id::PacketId;
pub use properties::{
    Properties, PropertiesIter, Property, PropertyError, PropertyId, PropertyOwner, PropertyWriter, property_len,
};
pub use qos::{Qos, RetainHandling};
pub use reason::ReasonCode;
pub use text::{TextError, check_text};
pub use topic::{TopicError, TopicFilter, TopicFilterError, TopicName};
pub use varint::{VARIABLE_BYTE_INTEGER_MAX, variable_byte_integer_len};
pub use version::Version;
pub use writer::{copy_bytes, move_bytes_down};

/// Whether 3.1.1 is spoken.
pub(crate) const V3: bool = cfg!(feature = "v3");
/// Whether 5.0 is spoken.
pub(crate) const V5: bool = cfg!(feature = "v5");
/// Whether MQTT 3.1 is spoken.
pub(crate) const V3_1: bool = cfg!(feature = "v3_1");
/// Whether copies go through the platform's `memcpy`, or through one byte loop that costs no flash.
pub(crate) const MEMCPY: bool = cfg!(feature = "memcpy");

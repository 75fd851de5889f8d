//! `bench-layers WHAT QOS VERSION COUNT`: the codec or the session, alone. WHAT is `decode`, `encode`, `publish` or
//! `receive`, VERSION is `3.1.1` or `5.0`; COUNT messages of 16 B are handled.
//!
//! The session goes the general ways, which take every packet, as on a microcontroller. The shorter ways of the client
//! are in what the whole client costs.

mod codec;
mod session;

use std::error::Error;

use dunlin_codec::{PacketId, Publish, Qos, TopicName, Version};

/// What went wrong, for whoever reads it.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, qos, version, count] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return Err("usage: bench-layers WHAT QOS VERSION COUNT".into());
    };
    let qos = qos.parse().ok().and_then(Qos::from_u8).ok_or("the QoS is 0, 1 or 2")?;
    let version = match version {
        "3.1.1" => Version::V3_1_1,
        "5.0" => Version::V5,
        _ => return Err("the version is 3.1.1 or 5.0".into()),
    };
    let count = count.parse()?;
    match what {
        "decode" => codec::decode(version, qos, count),
        "encode" => codec::encode(version, qos, count),
        "publish" => session::publish(version, qos, count),
        "receive" => session::receive(version, qos, count),
        _ => Err("there is only decode, encode, publish and receive".into()),
    }
}

/// The message with this identifier, if its QoS has one.
fn message(qos: Qos, id: u16) -> Result<Publish<'static>> {
    let packet_id = if qos == Qos::AtMostOnce { None } else { PacketId::new(id) };
    Ok(Publish { qos, packet_id, ..Publish::new(TopicName::new(TOPIC)?, PAYLOAD) })
}

/// 15 bytes, as in the other programs.
const TOPIC: &str = "plant/7/sensors";
const PAYLOAD: &[u8] = b"21.5 C at 12:00.";
/// Above what the message takes.
const ROOM: usize = 64;

use std::hint::black_box;

use dunlin_codec::{Decoded, Qos, Version};

use crate::{ROOM, Result, message};

pub(crate) fn decode(version: Version, qos: Qos, count: u64) -> Result {
    let mut packet = [0; ROOM];
    let len = message(qos, 1)?.encode(version, &mut packet)?;
    for _ in 0..count {
        let Decoded::Packet { .. } = black_box(dunlin_codec::decode(version, black_box(&packet[..len]))?) else {
            return Err("the packet is not all there".into());
        };
    }
    Ok(())
}

pub(crate) fn encode(version: Version, qos: Qos, count: u64) -> Result {
    let (message, mut packet) = (message(qos, 1)?, [0; ROOM]);
    for _ in 0..count {
        black_box(&message).encode(version, black_box(&mut packet))?;
    }
    Ok(())
}

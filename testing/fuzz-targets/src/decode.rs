use dunlin_codec::{Connect, Decoded, FixedHeader, Packet, Version, decode as decode_packet};

/// The bytes are what the other side sent, in any version, whoever the other side is.
///
/// A packet takes exactly the bytes that its fixed header says, whatever follows; what is cut off anywhere is told as
/// incomplete and never taken for another packet; what was checked once can be read to its end.
pub fn decode(data: &[u8]) {
    for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
        let mut input = data;
        while !input.is_empty() {
            match front(version, input) {
                Some(consumed) => input = &input[consumed..],
                None => break,
            }
        }
    }
}

/// The length of the packet at the front, if there is a whole one.
fn front(version: Version, input: &[u8]) -> Option<usize> {
    let header = FixedHeader::read(input);
    let len = header.ok().flatten().map(|header| header.packet_len());
    let decoded = decode_packet(version, input);
    // Of a long packet the ends are enough.
    for cut in (0..input.len().min(len.unwrap_or(5))).filter(|cut| *cut < 600 || input.len() - cut < 20) {
        match (decode_packet(version, &input[..cut]), &decoded) {
            (Ok(Decoded::Incomplete { needed }), _) => {
                assert!(needed > cut && len.is_none_or(|len| needed <= len), "{needed} at {cut} of {len:?}");
            }
            (Err(_), Err(_)) => {}
            (part, _) => panic!("cut at {cut}: {part:?}, uncut: {decoded:?}"),
        }
    }
    match decoded {
        Ok(Decoded::Packet { packet, consumed }) => {
            assert_eq!(Some(consumed), len, "{packet:?}");
            assert_eq!(decode_packet(version, &input[..consumed]), decoded);
            let header = header.ok().flatten().expect("a whole packet has a header");
            let body = &input[header.len..consumed];
            assert_eq!(Packet::decode(version, header.first_byte, body), Ok(packet));
            read(&packet);
            Some(consumed)
        }
        Ok(Decoded::Incomplete { needed }) => {
            assert!(needed > input.len() && len.is_none_or(|len| needed == len), "{needed} of {len:?}");
            None
        }
        Err(fault) => {
            assert!(fault.reason().is_error() && !fault.statement().is_empty() && !fault.to_string().is_empty());
            None
        }
    }
}

/// Reads all that it says.
fn read(packet: &Packet<'_>) {
    assert!(!format!("{packet:?}").is_empty());
    match packet {
        Packet::Connect(connect) => {
            let shown = format!("{connect:?}");
            let other = Connect {
                user_name: connect.user_name.map(|_| "another"),
                password: connect.password.map(|_| &b"another"[..]),
                ..*connect
            };
            assert_eq!(format!("{other:?}"), shown, "neither user name nor password is shown");
            assert!(connect.will.is_none_or(|will| !will.topic.is_empty()));
        }
        Packet::Publish(publish) => {
            assert_eq!(publish.topic.as_str().as_bytes(), publish.topic.as_bytes(), "UTF-8");
            assert!(!publish.topic.as_str().contains(['#', '+', '\0']), "{}", publish.topic);
        }
        Packet::Subscribe(subscribe) => assert!(subscribe.filters.iter().count() > 0),
        Packet::Unsubscribe(unsubscribe) => assert!(unsubscribe.filters.iter().count() > 0),
        Packet::Suback(suback) => assert_eq!(suback.reasons().len(), suback.codes.len()),
        Packet::Unsuback(unsuback) => assert_eq!(unsuback.reasons().len(), unsuback.codes.len()),
        _ => {}
    }
}

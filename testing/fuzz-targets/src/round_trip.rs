use dunlin_codec::{Decoded, EncodeError, Packet, Version, decode};

/// What can be read can be written: in a form that is no longer than what came, is read as the same packet, and is
/// written as the same bytes again.
pub fn round_trip(data: &[u8]) {
    for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
        let mut input = data;
        while let Ok(Decoded::Packet { packet, consumed }) = decode(version, input) {
            check(version, &packet, consumed);
            input = &input[consumed..];
        }
    }
}

fn check(version: Version, packet: &Packet<'_>, consumed: usize) {
    let len = packet.encoded_len(version).unwrap_or_else(|error| panic!("{error}: {packet:?}"));
    assert!(len <= consumed, "{len} bytes for {consumed}: {packet:?}");
    let mut wire = vec![0xEE; len];
    assert_eq!(packet.encode(version, &mut wire), Ok(len));

    let again = match decode(version, &wire) {
        Ok(Decoded::Packet { packet, consumed }) if consumed == len => packet,
        other => panic!("{other:?} from {wire:02x?} of {packet:?}"),
    };
    assert_eq!(again, *packet);
    let mut rewritten = vec![0x11; len];
    assert_eq!(again.encode(version, &mut rewritten), Ok(len));
    assert_eq!(rewritten, wire, "the shortest form is stable");

    let mut short = vec![0xEE; len - 1];
    assert_eq!(packet.encode(version, &mut short), Err(EncodeError::NoRoom(len)));
    assert!(short.iter().all(|&byte| byte == 0xEE), "nothing is written where there is no room");

    if let Packet::Publish(publish) = packet {
        let mut head = vec![0xEE; publish.head_len(version).expect("it was encoded")];
        publish.encode_head(version, &mut head);
        assert_eq!([&head, publish.payload].concat(), wire);
    }
}

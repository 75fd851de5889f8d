//! The shorter way to read a PUBLISH comes to what the usual one does, or to nothing.

use dunlin_codec::{Publish, TopicName, Version};

/// Every way to change one byte of these, and to cut them.
const BODIES: [&[u8]; 6] = [
    b"\0\x01tpayload",
    b"\0\x01t\0\x07payload",
    b"\0\x01t\0",
    b"\0\x01t\0\x07\0payload",
    b"\0\x09plant/7/a\0",
    b"\0\0\x03\x23\0\x01",
];

#[test]
fn a_message_is_read_plainly_where_it_is_plain_and_then_as_any_other() {
    for body in BODIES {
        for at in 0..body.len() {
            for byte in 0..=0xFF {
                let mut changed = body.to_vec();
                changed[at] = byte;
                agree(&changed);
            }
            agree(&body[..at]);
        }
    }
}

fn agree(body: &[u8]) {
    let t = TopicName::new("t").unwrap();
    for version in [Version::V3_1_1, Version::V5] {
        for first_byte in 0x30..=0x3F {
            let usual = Publish::decode(version, first_byte, body).ok();
            let usual = usual.filter(|publish| publish.properties.is_empty() && !publish.topic.is_empty());
            for known in [TopicName::of_checked(b""), t] {
                let plain = Publish::decode_plain(version, first_byte, body, known);
                let expected = usual.map(|publish| (publish, publish.topic == known));
                assert_eq!(plain, expected, "{version:?} {first_byte:02X} {body:02X?}");
            }
        }
    }
}

#[test]
fn a_known_topic_is_not_checked_again() {
    let unchecked = TopicName::of_checked(b"#");
    assert_eq!(Publish::decode_plain(Version::V5, 0x30, b"\0\x01#\0", TopicName::of_checked(b"+")), None);
    let (publish, is_known) = Publish::decode_plain(Version::V5, 0x30, b"\0\x01#\0", unchecked).unwrap();
    assert!(is_known && publish.topic == unchecked);
}

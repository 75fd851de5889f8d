//! Every way for a packet to be wrong is told by its own fault, and answered with the standard's reason code.
//!
//! Packets are written as hexadecimal digits and 'text'. `|` stands for the remaining length, `{ .. }` for a property
//! section with its length in front, `_` for an empty one (nothing in 3.1.1), `v` for the protocol level.

use std::collections::BTreeSet;

use dunlin_codec::{
    DecodeError, Decoded, Malformed, Malformed as M, Packet, PacketType, ProtocolViolation, ProtocolViolation as P,
    ReasonCode, Version, decode,
};

use Version::{V3_1_1, V5};

const V3: &[Version] = &[V3_1_1];
const V5_ONLY: &[Version] = &[V5];
const BOTH: &[Version] = &[V3_1_1, V5];

#[rustfmt::skip]
const MALFORMED: &[(&[Version], &str, Malformed)] = &[
    (BOTH, "00 |", M::PacketType),
    (V3, "F0 |", M::PacketType),
    (BOTH, "41 | 0001", M::HeaderFlags),
    // MQTT-1.5.5-1, U5-1.5.5-a
    (BOTH, "30 8000", M::VariableByteInteger),
    (BOTH, "30 808000", M::VariableByteInteger),
    (BOTH, "30 80808000", M::VariableByteInteger),
    (BOTH, "30 80808080", M::VariableByteInteger),
    (BOTH, "30 FFFFFFFF", M::VariableByteInteger),
    (BOTH, "30 FFFFFFFF 7F", M::VariableByteInteger),
    (V5_ONLY, "30 | 0001 't' 8000", M::VariableByteInteger),
    (V5_ONLY, "30 | 0001 't' FFFFFFFF 01", M::VariableByteInteger),
    (V5_ONLY, "30 | 0001 't' { 8100 00 }", M::VariableByteInteger),
    (V5_ONLY, "30 | 0001 't' { 0B 8100 }", M::VariableByteInteger),
    (V5_ONLY, "30 | 0001 't' { 0B 8080808001 }", M::VariableByteInteger),
    (V5_ONLY, "E0 | 00 8000", M::VariableByteInteger),
    // U5-2.2.2.2-b; every cut of every packet is tried further down
    (BOTH, "10 | 0004 'MQTT' v 02 003C _ 0002 'c'", M::Truncated),
    (BOTH, "10 | 0004 'MQTT' v 06 003C _ 0000 _ 0001 't'", M::Truncated),
    (BOTH, "10 | 0004 'MQTT' v 82 003C _ 0000", M::Truncated),
    (BOTH, "10 | 0004 'MQTT' v C2 003C _ 0000 0000", M::Truncated),
    (BOTH, "20 | 00", M::Truncated),
    (V5_ONLY, "20 | 00 00", M::Truncated),
    (BOTH, "30 | 0002 't'", M::Truncated),
    (BOTH, "32 | 0001 't' 00", M::Truncated),
    (V5_ONLY, "30 | 0001 't'", M::Truncated),
    (V5_ONLY, "30 | 0001 't' 02 01", M::Truncated),
    (BOTH, "40 | 00", M::Truncated),
    (V5_ONLY, "40 | 0001 00 01", M::Truncated),
    (BOTH, "82 | 0001 _ 0001 't'", M::Truncated),
    (BOTH, "82 | 0001 _ 0001 't' 00 00", M::Truncated),
    (BOTH, "A2 | 0001 _ 0001 't' 00", M::Truncated),
    (V5_ONLY, "82 | 0001", M::Truncated),
    (V5_ONLY, "90 | 0001", M::Truncated),
    (V5_ONLY, "A2 | 0001", M::Truncated),
    (V5_ONLY, "B0 | 0001", M::Truncated),
    (BOTH, "10 | 0004 'MQTT' v 02 003C _ 0000 00", M::TrailingBytes),
    (V3, "20 | 00 00 00", M::TrailingBytes),
    (V5_ONLY, "20 | 00 00 00 00", M::TrailingBytes),
    (V3, "40 | 0001 00", M::TrailingBytes),
    (V3, "50 | 0001 00", M::TrailingBytes),
    (V3, "62 | 0001 00", M::TrailingBytes),
    (V3, "70 | 0001 00", M::TrailingBytes),
    (V5_ONLY, "40 | 0001 00 00 00", M::TrailingBytes),
    (V3, "B0 | 0001 00", M::TrailingBytes),
    (BOTH, "C0 | 00", M::TrailingBytes),
    (BOTH, "D0 | 00", M::TrailingBytes),
    (V3, "E0 | 00", M::TrailingBytes),
    (V5_ONLY, "E0 | 00 00 00", M::TrailingBytes),
    (V5_ONLY, "F0 | 00 { 15 0001 'm' } 00", M::TrailingBytes),
    (BOTH, "30 | 0002 C080 _", M::Text),
    // MQTT-3.3.1-4
    (BOTH, "36 | 0001 't' 0001 _", M::Qos),
    (BOTH, "3F | 0001 't' 0001 _", M::Qos),
    (V5_ONLY, "30 | 0001 't' { 00 }", M::PropertyId),
    (V5_ONLY, "30 | 0001 't' { 7F 00 }", M::PropertyId),
    (V5_ONLY, "30 | 0001 't' { 8101 00 }", M::PropertyId),
    (V5_ONLY, "30 | 0001 't' { FFFFFF7F 00 }", M::PropertyId),
    (V5_ONLY, "40 | 0001 01", M::ReasonCode),
    (V5_ONLY, "20 | 00 01 00", M::ReasonCode),
    (V5_ONLY, "20 | 00 05", M::ReasonCode),
    (V3, "90 | 0001 03", M::ReasonCode),
    (V3, "90 | 0001 00 87", M::ReasonCode),
    // MQTT-3.2.2-1, MQTT-3.2.2.1-U2
    (BOTH, "20 | 02 00 _", M::AcknowledgeFlags),
    (BOTH, "20 | 81 00 _", M::AcknowledgeFlags),
    // MQTT-3.1.2-1, MQTT-3.1.2-2
    (BOTH, "10 | 0006 'MQIsdp' 04 02 003C 0000", M::ProtocolName),
    (BOTH, "10 | 0004 'MQTT' 03 02 003C 0000", M::ProtocolName),
    (BOTH, "10 | 0004 'mqtt' v 02 003C _ 0000", M::ProtocolName),
    (BOTH, "10 | 0004 'MQTT' 03 02 003C 0000", M::ProtocolName),
    (BOTH, "10 | 0004 'MQTT' 06 02 003C 00 0000", M::ProtocolName),
    (BOTH, "10 | 0004 'MQTT' 84 02 003C 0000", M::ProtocolName),
    // MQTT-3.1.2-3, -11, -12, -13; 3.1.1: MQTT-3.1.2-13, -14, -15, -22
    (BOTH, "10 | 0004 'MQTT' v 03 003C _ 0000", M::ConnectFlags),
    (BOTH, "10 | 0004 'MQTT' v 0A 003C _ 0000", M::ConnectFlags),
    (BOTH, "10 | 0004 'MQTT' v 12 003C _ 0000", M::ConnectFlags),
    (BOTH, "10 | 0004 'MQTT' v 1A 003C _ 0000", M::ConnectFlags),
    (BOTH, "10 | 0004 'MQTT' v 22 003C _ 0000", M::ConnectFlags),
    (BOTH, "10 | 0004 'MQTT' v 1E 003C _ 0000 _ 0001 't' 0000", M::ConnectFlags),
    (V3, "10 | 0004 'MQTT' v 42 003C _ 0000 0000", M::ConnectFlags),
    // MQTT-3.8.3-5; 3.1.1: MQTT-3-8.3-4
    (BOTH, "82 | 0001 _ 0001 't' 40", M::SubscriptionOptions),
    (BOTH, "82 | 0001 _ 0001 't' 80", M::SubscriptionOptions),
    (BOTH, "82 | 0001 _ 0001 't' C3", M::SubscriptionOptions),
    (V3, "82 | 0001 _ 0001 't' 03", M::SubscriptionOptions),
    (V3, "82 | 0001 _ 0001 't' 04", M::SubscriptionOptions),
    (V3, "82 | 0001 _ 0001 't' 08", M::SubscriptionOptions),
    (V3, "82 | 0001 _ 0001 't' 10", M::SubscriptionOptions),
    (V3, "82 | 0001 _ 0001 't' 20", M::SubscriptionOptions),
];

#[rustfmt::skip]
const VIOLATIONS: &[(&[Version], &str, ProtocolViolation, u8)] = &[
    // MQTT-2.2.1-3; 3.1.1: MQTT-2.3.1-1
    (BOTH, "32 | 0001 't' 0000 _", P::PacketIdZero, 0x82),
    (BOTH, "3C | 0001 't' 0000 _", P::PacketIdZero, 0x82),
    (BOTH, "40 | 0000", P::PacketIdZero, 0x82),
    (BOTH, "50 | 0000", P::PacketIdZero, 0x82),
    (BOTH, "62 | 0000", P::PacketIdZero, 0x82),
    (BOTH, "70 | 0000", P::PacketIdZero, 0x82),
    (BOTH, "82 | 0000 _ 0001 't' 00", P::PacketIdZero, 0x82),
    (BOTH, "90 | 0000 _ 00", P::PacketIdZero, 0x82),
    (BOTH, "A2 | 0000 _ 0001 't'", P::PacketIdZero, 0x82),
    (V3, "B0 | 0000", P::PacketIdZero, 0x82),
    (V5_ONLY, "B0 | 0000 _ 00", P::PacketIdZero, 0x82),
    (V5_ONLY, "40 | 0001 00 { 1F 0000 1F 0000 }", P::DuplicateProperty, 0x82),
    (V5_ONLY, "82 | 0001 { 0B 01 0B 02 } 0001 't' 00", P::DuplicateProperty, 0x82),
    (V5_ONLY, "20 | 00 00 { 21 0000 }", P::PropertyValue, 0x82),
    // MQTT-3.3.2-8, U5-3.3.4-a
    (V5_ONLY, "30 | 0001 't' { 23 0000 }", P::TopicAliasZero, 0x94),
    // MQTT-4.7.3-1, U5-3.3.2.1-a
    (BOTH, "30 | 0000 _", P::TopicEmpty, 0x82),
    (V5_ONLY, "30 | 0000 { 01 00 } 'p'", P::TopicEmpty, 0x82),
    (BOTH, "10 | 0004 'MQTT' v 06 003C _ 0000 _ 0000 0000", P::TopicEmpty, 0x82),
    // MQTT-3.3.2-2; 5.0: MQTT-4.7.0-1
    (BOTH, "30 | 0001 '#' _", P::TopicWildcard, 0x90),
    (BOTH, "30 | 0001 '+' _", P::TopicWildcard, 0x90),
    (BOTH, "30 | 000B 'plant/+/temp' _", P::TopicWildcard, 0x90),
    (BOTH, "30 | 0010 'plant/7/level/a#' _", P::TopicWildcard, 0x90),
    (BOTH, "30 | 0006 'a' C3A9 '/b#' _", P::TopicWildcard, 0x90),
    (BOTH, "10 | 0004 'MQTT' v 06 003C _ 0000 _ 0001 '#' 0000", P::TopicWildcard, 0x90),
    // MQTT-3.3.2-14
    (V5_ONLY, "30 | 0001 't' { 08 0003 'r/#' }", P::ResponseTopicWildcard, 0x82),
    (V5_ONLY, "10 | 0004 'MQTT' v 06 003C _ 0000 { 08 0001 '+' } 0001 't' 0000", P::ResponseTopicWildcard, 0x82),
    // MQTT-3.3.1-2
    (BOTH, "38 | 0001 't' _", P::DupOnQos0, 0x82),
    (BOTH, "39 | 0001 't' _", P::DupOnQos0, 0x82),
    // U5-3.1.2.11-a, U5-3.15-a
    (V5_ONLY, "10 | 0004 'MQTT' v 02 003C { 16 0000 } 0000", P::AuthenticationDataAlone, 0x82),
    (V5_ONLY, "20 | 00 00 { 16 0001 00 }", P::AuthenticationDataAlone, 0x82),
    (V5_ONLY, "F0 | 18 { 16 0000 }", P::AuthenticationDataAlone, 0x82),
    (V5_ONLY, "F0 |", P::AuthenticationMethodMissing, 0x82),
    (V5_ONLY, "F0 | 18", P::AuthenticationMethodMissing, 0x82),
    (V5_ONLY, "F0 | 18 _", P::AuthenticationMethodMissing, 0x82),
    (V5_ONLY, "F0 | 18 { 1F 0000 }", P::AuthenticationMethodMissing, 0x82),
    // MQTT-3.8.3-2, MQTT-3.10.3-2; 3.1.1: MQTT-3.8.3-3
    (V3, "82 | 0001", P::NoFilters, 0x82),
    (V5_ONLY, "82 | 0001 _", P::NoFilters, 0x82),
    (V3, "A2 | 0001", P::NoFilters, 0x82),
    (V5_ONLY, "A2 | 0001 { 26 0000 0000 }", P::NoFilters, 0x82),
    // MQTT-4.7.1-2, -3, MQTT-4.7.3-1, MQTT-4.8.2-1, -2
    (BOTH, "82 | 0001 _ 0000 00", P::FilterInvalid, 0x8F),
    (BOTH, "82 | 0001 _ 0002 'a#' 00", P::FilterInvalid, 0x8F),
    (BOTH, "82 | 0001 _ 0003 '#/a' 00", P::FilterInvalid, 0x8F),
    (BOTH, "82 | 0001 _ 0001 't' 00 0002 'a+' 00", P::FilterInvalid, 0x8F),
    (BOTH, "82 | 0001 _ 0008 '$share/g' 00", P::FilterInvalid, 0x8F),
    (BOTH, "82 | 0001 _ 000A '$share/+/t' 00", P::FilterInvalid, 0x8F),
    (BOTH, "82 | 0001 _ 0009 '$share//t' 00", P::FilterInvalid, 0x8F),
    (BOTH, "A2 | 0001 _ 0000", P::FilterInvalid, 0x8F),
    (BOTH, "A2 | 0001 _ 0001 't' 0004 'a/##'", P::FilterInvalid, 0x8F),
    // U5-3.8.3.1-a
    (V5_ONLY, "82 | 0001 _ 0001 't' 03", P::SubscriptionOptionValue, 0x82),
    (V5_ONLY, "82 | 0001 _ 0001 't' 30", P::SubscriptionOptionValue, 0x82),
    (V5_ONLY, "82 | 0001 _ 0001 't' 3F", P::SubscriptionOptionValue, 0x82),
    // MQTT-3.8.3-4
    (V5_ONLY, "82 | 0001 _ 000A '$share/g/t' 04", P::SharedNoLocal, 0x82),
    // MQTT-3.2.2-6; 3.1.1: MQTT-3.2.2-4
    (V3, "20 | 01 05", P::SessionPresentOnRefusal, 0x82),
    (V5_ONLY, "20 | 01 87 _", P::SessionPresentOnRefusal, 0x82),
    (V5_ONLY, "20 | 01 01", P::SessionPresentOnRefusal, 0x82),
];

/// What only the session can tell, with the reason code of its answer.
const OF_THE_SESSION: &[(ProtocolViolation, u8)] = &[
    (P::TopicAliasTooLarge, 0x94),
    (P::TopicAliasUnbound, 0x82),
    (P::TopicTooLong, 0x97),
    (P::ProblemInformation, 0x82),
    (P::AuthenticationMethodDiffers, 0x82),
    (P::AuthenticationReason, 0x82),
    (P::AuthenticationNotAsked, 0x82),
    (P::SessionPresentUnexpected, 0x82),
    (P::FirstPacketNotConnack, 0x82),
    (P::SecondConnack, 0x82),
    (P::UnexpectedPacket, 0x82),
    (P::PacketTooLarge, 0x95),
    (P::ReceiveMaximumExceeded, 0x93),
    (P::PacketSizeUseless, 0x82),
    (P::AcknowledgedEarly, 0x82),
    (P::AcknowledgedWrongly, 0x82),
    (P::AcknowledgedUnknown, 0x82),
    (P::QosNotGranted, 0x82),
    (P::VerdictCount, 0x82),
    (P::DisconnectSessionExpiry, 0x82),
];

#[test]
fn each_wrong_packet_is_told_by_its_own_fault() {
    for &(versions, packet, fault) in MALFORMED {
        for &version in versions {
            assert_eq!(decode(version, &wire(version, packet)), Err(fault.into()), "{version}: {packet}");
        }
        assert_eq!(DecodeError::from(fault).reason().get(), 0x81);
    }
    for &(versions, packet, fault, reason) in VIOLATIONS {
        for &version in versions {
            assert_eq!(decode(version, &wire(version, packet)), Err(fault.into()), "{version}: {packet}");
        }
        assert_eq!(DecodeError::from(fault).reason().get(), reason, "{fault:?}");
    }
    for &(fault, reason) in OF_THE_SESSION {
        assert_eq!(DecodeError::from(fault).reason().get(), reason, "{fault:?}");
    }
}

#[test]
fn there_is_no_fault_that_nobody_produces() {
    let source = include_str!("../src/error.rs");
    let declared: BTreeSet<String> = source
        .lines()
        .filter(|line| line.ends_with("\";"))
        .filter_map(|line| Some(line.trim().split_once(" = \"")?.0.to_owned()))
        .collect();
    let malformed = MALFORMED.iter().map(|(_, _, fault)| format!("{fault:?}"));
    let violations = VIOLATIONS.iter().map(|(_, _, fault, _)| format!("{fault:?}"));
    let of_the_session = OF_THE_SESSION.iter().map(|(fault, _)| format!("{fault:?}"));
    let produced: BTreeSet<String> = malformed.chain(violations).chain(of_the_session).collect();
    assert_eq!(declared, produced);
    assert!(declared.len() > 40);
}

#[test]
fn each_fault_names_its_statement_and_what_the_peer_sent() {
    let error = DecodeError::from(P::PacketIdZero);
    assert_eq!(error.to_string(), "the peer sent packet identifier 0 [MQTT-2.2.1-3]");
    assert_eq!(error.statement(), "MQTT-2.2.1-3");
    assert_eq!(DecodeError::from(M::Text).statement(), M::Text.statement());
}

#[test]
fn each_of_the_16_flag_nibbles_of_each_packet_type() {
    // MQTT-2.1.3-1; 3.1.1: MQTT-2.2.2-1, -2. PUBREL, SUBSCRIBE, UNSUBSCRIBE: MQTT-3.6.1-1, -3.8.1-1, -3.10.1-1.
    for version in [V3_1_1, V5] {
        for first_byte in 0..=0xFF_u8 {
            let (packet_type, flags) = (first_byte >> 4, first_byte & 0x0F);
            let body = match packet_type {
                1 => "0004 'MQTT' v 02 003C _ 0000",
                2 => "00 00 _",
                3 if flags & 6 == 0 => "0001 't' _",
                3 => "0001 't' 0001 _",
                8 => "0001 _ 0001 't' 00",
                9 => "0001 _ 00",
                10 => "0001 _ 0001 't'",
                11 if version == V5 => "0001 _ 00",
                4..=7 | 11 => "0001",
                15 => "00 { 15 0001 'm' }",
                _ => "",
            };
            let expected: Option<DecodeError> = match (packet_type, flags) {
                (0, _) => Some(M::PacketType.into()),
                (15, _) if version == V3_1_1 => Some(M::PacketType.into()),
                (3, 6 | 7 | 14 | 15) => Some(M::Qos.into()),
                (3, 8 | 9) => Some(P::DupOnQos0.into()),
                (3, _) | (6 | 8 | 10, 2) => None,
                (6 | 8 | 10, _) | (_, 1..) => Some(M::HeaderFlags.into()),
                (_, 0) => None,
            };
            let packet = wire(version, &format!("{first_byte:02X} | {body}"));
            let decoded = decode(version, &packet);
            assert_eq!(decoded.as_ref().err(), expected.as_ref(), "{version}: {first_byte:02X}");
            let Ok(decoded) = decoded else {
                // What can be told from the first byte is told before the rest has come.
                for beginning in [&[first_byte][..], &[first_byte, 0xFF, 0xFF, 0xFF, 0x7F]] {
                    assert_eq!(decode(version, beginning).is_ok(), packet_type == 3, "{first_byte:02X}");
                }
                continue;
            };
            assert!(matches!(decoded, Decoded::Packet { consumed, .. } if consumed == packet.len()));
        }
    }
    // A web server on the port of the broker.
    assert_eq!(decode(V5, b"HTTP/1.1 400 Bad Request\r\n"), Err(M::HeaderFlags.into()));
}

#[test]
fn each_reason_code_in_each_packet_that_may_not_bear_it() {
    for code in 0..=0xFF {
        let reason = ReasonCode::new(code);
        for (first_byte, packet_type) in [
            ("40", PacketType::Puback),
            ("50", PacketType::Pubrec),
            ("62", PacketType::Pubrel),
            ("70", PacketType::Pubcomp),
            ("E0", PacketType::Disconnect),
            ("F0", PacketType::Auth),
            ("20", PacketType::Connack),
            ("90", PacketType::Suback),
            ("B0", PacketType::Unsuback),
        ] {
            let packet = match packet_type {
                PacketType::Connack => format!("20 | 00 {code:02X} 00"),
                PacketType::Suback | PacketType::Unsuback => format!("{first_byte} | 0001 00 00 {code:02X}"),
                PacketType::Disconnect => format!("E0 | {code:02X}"),
                PacketType::Auth => format!("F0 | {code:02X} {{ 15 0001 'm' }}"),
                _ => format!("{first_byte} | 0001 {code:02X}"),
            };
            let expected = if reason.is_listed_for(packet_type) { None } else { Some(M::ReasonCode.into()) };
            assert_eq!(decode(V5, &wire(V5, &packet)).err(), expected, "{packet}");
        }
        let suback = wire(V3_1_1, &format!("90 | 0001 {code:02X}")); // MQTT-3.9.3-2
        assert_eq!(decode(V3_1_1, &suback).is_ok(), matches!(code, 0 | 1 | 2 | 0x80));
        let connack = wire(V3_1_1, &format!("20 | 00 {code:02X}")); // MQTT-3.2.2.3-U1: servers use reserved ones
        assert!(decode(V3_1_1, &connack).is_ok());
    }
}

#[test]
fn each_byte_of_acknowledge_flags() {
    // MQTT-3.2.2-1, MQTT-3.2.2.1-U2
    for version in [V3_1_1, V5] {
        for flags in 0..=0xFF_u8 {
            let connack = wire(version, &format!("20 | {flags:02X} 00 _"));
            let expected = if flags <= 1 { None } else { Some(M::AcknowledgeFlags.into()) };
            assert_eq!(decode(version, &connack).err(), expected, "{version}: {flags:02X}");
        }
    }
}

/// Bytes that no string may be.
const NO_TEXT: &[&str] = &[
    // MQTT-1.5.4-2
    "00",
    "'a' 00 'b'",
    "'sixteen bytes .' 00",
    "C3A9 00",
    // MQTT-1.5.4-1: overlong, surrogates, above U+10FFFF, alone, cut short
    "C080",
    "C1BF",
    "E08080",
    "E09FBF",
    "F0808080",
    "F08FBFBF",
    "EDA080",
    "EDBFBF",
    "EDA080 EDB080",
    "F4908080",
    "F5808080",
    "F8888080 80",
    "FE",
    "FF",
    "80",
    "BF",
    "'a' 80",
    "C3",
    "E282",
    "F09F",
    "F09F92",
    "C3 'a'",
    "E282 'a'",
    "E2 'aa'",
    "F09F92 'a'",
    "'sixteen bytes ..' F09F",
    "'eight by' EDA080 'and more'",
    "'eight b' C080",
];

#[test]
fn each_string_field_refuses_what_is_no_text() {
    for (before, behind) in [
        ("10 | 0004 'MQTT' v 02 003C _", ""),
        ("10 | 0004 'MQTT' v 06 003C _ 0000 _", "0000"),
        ("10 | 0004 'MQTT' v 82 003C _ 0000", ""),
        ("30 |", "_"),
        ("33 |", "0001 _ 'payload'"),
        ("82 | 0001 _", "00"),
        ("82 | 0001 _ 0001 't' 00", "00"),
        ("A2 | 0001 _", ""),
        ("A2 | 0001 _ 0001 't'", ""),
    ] {
        for version in [V3_1_1, V5] {
            for bad in NO_TEXT {
                let packet = wire(version, &format!("{before} {:04X} {bad} {behind}", wire(version, bad).len()));
                assert_eq!(decode(version, &packet), Err(M::Text.into()), "{version}: {before} {bad}");
            }
            for good in
                ["'a'", "EFBBBF", "EFBFBF", "EEBFBF", "ED9FBF", "C280", "E0A080", "F0908080", "F48FBFBF", "7F 01"]
            {
                let packet = wire(version, &format!("{before} {:04X} {good} {behind}", wire(version, good).len()));
                assert!(decode(version, &packet).is_ok(), "{version}: {before} {good}");
            }
        }
    }
}

/// 5.0 table 2-4: identifier, a value, and where it may stand (letters as in [`OWNERS`]).
const PROPERTIES: &[(u8, &str, &str)] = &[
    (0x01, "01", "PW"),
    (0x02, "00000000", "PW"),
    (0x03, "0001 'x'", "PW"),
    (0x08, "0001 'x'", "PW"),
    (0x09, "0001 00", "PW"),
    (0x0B, "8001", "PS"),
    (0x11, "00000001", "CcD"),
    (0x12, "0001 'x'", "c"),
    (0x13, "0000", "c"),
    (0x15, "0001 'x'", "CcX"),
    (0x16, "0001 00", "CcX"),
    (0x17, "00", "C"),
    (0x18, "00000000", "W"),
    (0x19, "01", "C"),
    (0x1A, "0001 'x'", "c"),
    (0x1C, "0001 'x'", "cD"),
    (0x1F, "0001 'x'", "c1234suDX"),
    (0x21, "0001", "Cc"),
    (0x22, "0000", "Cc"),
    (0x23, "0001", "P"),
    (0x24, "00", "c"),
    (0x25, "00", "c"),
    (0x26, "0001 'x' 0001 'y'", "CWcP1234SsUuDX"),
    (0x27, "00000001", "Cc"),
    (0x28, "00", "c"),
    (0x29, "00", "c"),
    (0x2A, "00", "c"),
];

/// Everything that has properties: a letter, and the packet around them.
const OWNERS: &[(char, &str, &str)] = &[
    ('C', "10 | 0004 'MQTT' 05 02 003C", "0000"),
    ('W', "10 | 0004 'MQTT' 05 06 003C 00 0000", "0001 'w' 0000"),
    ('c', "20 | 00 00", ""),
    ('P', "30 | 0001 't'", "'payload'"),
    ('1', "40 | 0001 00", ""),
    ('2', "50 | 0001 00", ""),
    ('3', "62 | 0001 00", ""),
    ('4', "70 | 0001 00", ""),
    ('S', "82 | 0001", "0001 't' 00"),
    ('s', "90 | 0001", "00"),
    ('U', "A2 | 0001", "0001 't'"),
    ('u', "B0 | 0001", "00"),
    ('D', "E0 | 00", ""),
    ('X', "F0 | 00", ""),
];

#[test]
fn each_property_stands_only_where_the_standard_lists_it() {
    // U5-2.2.2.2-a
    for &(owner, before, behind) in OWNERS {
        for id in 0..=0x7F {
            let row = PROPERTIES.iter().find(|&&(listed, ..)| listed == id);
            let (_, value, owners) = row.copied().unwrap_or((id, "00000001", ""));
            let list = format!("{} {id:02X} {value}", beside(owner, id));
            let expected = if owners.contains(owner) { None } else { Some(M::PropertyId.into()) };
            let packet = format!("{before} {{ {list} }} {behind}");
            assert_eq!(decode(V5, &wire(V5, &packet)).err(), expected, "{packet}");
        }
    }
}

#[test]
fn each_property_twice_and_cut_at_every_byte() {
    for &(owner, before, behind) in OWNERS {
        for &(id, value, _) in PROPERTIES.iter().filter(|(_, _, owners)| owners.contains(owner)) {
            let (beside, property) = (beside(owner, id), format!("{id:02X} {value}"));
            let twice = wire(V5, &format!("{before} {{ {beside} {property} {property} }} {behind}"));
            let may_repeat = id == 0x26 || (id == 0x0B && owner == 'P'); // MQTT-3.3.4-4
            let expected = if may_repeat { None } else { Some(P::DuplicateProperty.into()) };
            assert_eq!(decode(V5, &twice).err(), expected, "{owner} {property}");

            let whole = wire(V5, &property);
            for cut in 1..whole.len() {
                let cut: String = whole[..cut].iter().map(|byte| format!("{byte:02X}")).collect();
                let packet = format!("{before} {{ {beside} {cut} }} {behind}");
                assert_eq!(decode(V5, &wire(V5, &packet)), Err(M::Truncated.into()), "{packet}");
            }
        }
    }
}

#[test]
fn each_property_with_a_value_out_of_range() {
    // U5-3.2.2.3.3-a, -3.4-a to -3.6-a, -3.11-a to -3.13-a, U5-3.1.2.11-a, U5-3.3.2.3.2-a, U5-3.3.2.3.8-a
    for &(owner, before, behind) in OWNERS {
        for &(id, value, _) in PROPERTIES.iter().filter(|(_, _, owners)| owners.contains(owner)) {
            let out_of_range: Vec<String> = match id {
                _ if wire(V5, value).len() == 1 => (2..=0xFF).map(|value| format!("{value:02X}")).collect(),
                0x21 => vec!["0000".into()],
                0x27 => vec!["00000000".into()],
                0x0B => vec!["00".into()],
                _ => continue,
            };
            for value in out_of_range {
                let packet = format!("{before} {{ {id:02X} {value} }} {behind}");
                assert_eq!(decode(V5, &wire(V5, &packet)), Err(P::PropertyValue.into()), "{packet}");
            }
        }
    }
}

#[test]
fn each_string_property_refuses_what_is_no_text() {
    // MQTT-1.5.7-1 for both halves of a pair
    for &(owner, before, behind) in OWNERS {
        for &(id, value, _) in PROPERTIES.iter().filter(|(_, _, owners)| owners.contains(owner)) {
            for at in value.match_indices('\'').step_by(2).map(|(at, _)| at) {
                for bad in NO_TEXT {
                    let len = wire(V5, bad).len();
                    let value = format!("{}{len:04X} {bad}{}", &value[..at - 5], &value[at + 3..]);
                    let packet = format!("{before} {{ {} {id:02X} {value} }} {behind}", beside(owner, id));
                    assert_eq!(decode(V5, &wire(V5, &packet)), Err(M::Text.into()), "{packet}");
                }
            }
        }
    }
}

#[test]
fn each_packet_cut_at_every_byte() {
    // The last column: lengths of the body that are a whole packet as well.
    let packets: &[(&[Version], &str, &[usize])] = &[
        (V3, "10 | 0004 'MQTT' 04 F6 003C 0002 'id' 0001 'w' 0002 0000 0001 'u' 0001 00", &[]),
        (
            V5_ONLY,
            "10 | 0004 'MQTT' 05 F6 003C { 21 0001 } 0002 'id' { 01 01 } 0001 'w' 0002 0000 0001 'u' 0001 00",
            &[],
        ),
        (V3, "20 | 01 00", &[]),
        (V5_ONLY, "20 | 01 00 { 21 0001 26 0000 0000 }", &[]),
        (V5_ONLY, "20 | 00 01", &[]),
        (V3, "3B | 0001 't' 0001 'payload'", &[5, 6, 7, 8, 9, 10, 11]),
        (V5_ONLY, "3B | 0001 't' 0001 { 23 0001 } 'pay'", &[9, 10, 11]),
        (V3, "40 | 0001", &[]),
        (V5_ONLY, "40 | 0001 10 { 1F 0001 'r' }", &[2, 3]),
        (V5_ONLY, "50 | 0001 80 { 1F 0001 'r' }", &[2, 3]),
        (V5_ONLY, "62 | 0001 92 { 1F 0001 'r' }", &[2, 3]),
        (V5_ONLY, "70 | 0001 00 { 1F 0001 'r' }", &[2, 3]),
        (V3, "82 | 0001 0003 'a/b' 01 0001 '#' 02", &[8]),
        (V5_ONLY, "82 | 0001 { 0B 8001 } 0003 'a/b' 2E 0001 '#' 02", &[12]),
        (V3, "90 | 0001 00 80", &[2, 3]),
        (V5_ONLY, "90 | 0001 { 1F 0001 'r' } 00 80", &[7, 8]),
        (V3, "A2 | 0001 0003 'a/b' 0001 '#'", &[7]),
        (V5_ONLY, "A2 | 0001 { 26 0000 0000 } 0003 'a/b' 0001 '#'", &[13]),
        (V3, "B0 | 0001", &[]),
        (V5_ONLY, "B0 | 0001 { 1F 0001 'r' } 00 11", &[7, 8]),
        (BOTH, "C0 |", &[]),
        (BOTH, "D0 |", &[]),
        (V3, "E0 |", &[]),
        (V5_ONLY, "E0 | 04 { 1F 0001 'r' }", &[0, 1]),
        (V5_ONLY, "F0 | 18 { 15 0001 'm' 16 0001 00 }", &[]),
    ];
    for &(versions, packet, whole) in packets {
        for &version in versions {
            let bytes = wire(version, packet);
            let Ok(Decoded::Packet { packet: view, consumed }) = decode(version, &bytes) else { panic!("{packet}") };
            assert_eq!(consumed, bytes.len());
            for cut in 0..bytes.len() {
                let decoded = decode(version, &bytes[..cut]);
                let Ok(Decoded::Incomplete { needed }) = decoded else { panic!("{packet} cut at {cut}: {decoded:?}") };
                assert!(needed > cut && needed <= bytes.len(), "{packet} cut at {cut}: {needed}");
            }
            let (first_byte, body) = (bytes[0], &bytes[2..]);
            for cut in 0..body.len() {
                let shorter = [&[first_byte, cut as u8], &body[..cut]].concat();
                let decoded = decode(version, &shorter);
                assert_eq!(decoded.is_ok(), whole.contains(&cut), "{packet} with a body of {cut}: {decoded:?}");
            }
            // A byte more belongs to the next packet, or is garbage, or one more byte of a list.
            let next = [&bytes[..], &[0]].concat();
            assert_eq!(decode(version, &next), Ok(Decoded::Packet { packet: view, consumed: bytes.len() }));
            let longer = [&[first_byte, body.len() as u8 + 1], body, &[0]].concat();
            let list = match view {
                Packet::Publish(_) | Packet::Suback(_) => true,
                Packet::Unsuback(_) => version == V5,
                _ => false,
            };
            assert_eq!(decode(version, &longer).is_ok(), list, "{packet} and a byte");
        }
    }
}

/// The property without which this one is refused.
fn beside(owner: char, id: u8) -> &'static str {
    if id == 0x16 || (owner == 'X' && id != 0x15) { "15 0001 'm'" } else { "" }
}

#[track_caller]
fn wire(version: Version, notation: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), notation);
    let (mut body, mut section) = (None, None);
    while let Some(next) = rest.chars().next() {
        rest = &rest[1..];
        match next {
            ' ' => {}
            '\'' => {
                let (text, behind) = rest.split_once('\'').unwrap();
                bytes.extend(text.bytes());
                rest = behind;
            }
            '|' | '{' => {
                bytes.push(0);
                *(if next == '|' { &mut body } else { &mut section }) = Some(bytes.len());
            }
            '}' => fill_in_length(&mut bytes, section.take().unwrap()),
            '_' if version == V5 => bytes.push(0),
            '_' => {}
            'v' => bytes.push(version.level()),
            high => {
                bytes.push(u8::from_str_radix(&format!("{high}{}", &rest[..1]), 16).expect(notation));
                rest = &rest[1..];
            }
        }
    }
    if let Some(start) = body {
        fill_in_length(&mut bytes, start);
    }
    bytes
}

fn fill_in_length(bytes: &mut [u8], start: usize) {
    let len = bytes.len() - start;
    assert!(len < 128);
    bytes[start - 1] = len as u8;
}

//! What values and errors say to people. An error is a sentence: what happened, and where there is one, what to do.

use std::fmt::{Debug, Display};

use dunlin_codec::{
    DecodeError, EncodeError, Filters, Malformed, PacketId, PropertyError, ProtocolViolation, Qos, ReasonCode,
    Subscribe, SubscriptionFilter, SubscriptionOptions, TextError, TopicError, TopicFilter, TopicFilterError,
    TopicName, Unsubscribe, UnsubscribeFilters, Version,
};

#[test]
fn an_error_tells_what_happened_and_what_to_do() {
    for (error, expected) in [
        (EncodeError::NoRoom(7), "the packet needs 7 bytes and was given less"),
        (EncodeError::TooLarge, "the packet is larger than MQTT allows (256 MiB, 65,535 bytes a string)"),
        (EncodeError::NeedsV5, "MQTT 3.1.1 cannot say this: connect with 5.0, or leave it out"),
        (
            EncodeError::NotBuiltIn,
            "this build does not speak that version of MQTT (features `v3`, `v5`, `v3_1`): take another",
        ),
        (EncodeError::PacketId, "a packet identifier belongs to QoS 1 and 2, and to them alone"),
        (EncodeError::Nul, "the client identifier or user name holds U+0000, which MQTT forbids in strings"),
        (EncodeError::TopicEmpty, "a PUBLISH needs a topic; a received one may have given only an alias"),
        (EncodeError::PasswordAlone, "MQTT 3.1.1 has no password without a user name: give one, or use 5.0"),
        (EncodeError::NoFilters, "give at least one topic filter"),
        (EncodeError::SharedNoLocal, "No Local is not allowed on a shared subscription"),
    ] {
        says(error, expected);
    }
    for (error, expected) in [
        (TopicError::Empty, "a topic name needs at least one character"),
        (TopicError::TooLong, "the topic name is longer than 65,535 bytes"),
        (TopicError::Nul, "the topic name holds U+0000, which MQTT forbids"),
        (TopicError::Wildcard, "the topic name holds '#' or '+': wildcards are for filters; publish to one topic"),
    ] {
        says(error, expected);
    }
    for (error, expected) in [
        (TopicFilterError::Empty, "a topic filter needs at least one character"),
        (TopicFilterError::TooLong, "the topic filter is longer than 65,535 bytes"),
        (TopicFilterError::Nul, "the topic filter holds U+0000, which MQTT forbids"),
        (
            TopicFilterError::MultiLevelWildcard,
            "'#' must be the last level of a topic filter and alone in it, as in 'a/#'",
        ),
        (TopicFilterError::SingleLevelWildcard, "'+' must fill a whole level of a topic filter, as in 'a/+/b'"),
        (TopicFilterError::Share, "a shared subscription reads '$share/NAME/FILTER', with no wildcard in NAME"),
    ] {
        says(error, expected);
    }
    for (error, expected) in [
        (PropertyError::NoRoom, "the memory for properties is full"),
        (PropertyError::Zero, "the value of the property is out of range"),
        (
            PropertyError::Text(TextError::TooLong),
            "the value of the property is longer than the 65,535 bytes that MQTT allows a string",
        ),
        (PropertyError::Text(TextError::Nul), "the value of the property holds U+0000, which MQTT forbids in strings"),
        (PropertyError::ResponseTopicWildcard, "a response topic holds '#' or '+'"),
        (
            PropertyError::NotAllowed(Malformed::PropertyId.into()),
            "the property may not stand in this packet [U5-2.2.2.2-a]",
        ),
    ] {
        says(error, expected);
    }
}

#[test]
fn a_fault_of_the_peer_names_the_statement_that_was_broken() {
    for (error, expected) in [
        (
            DecodeError::from(Malformed::Text),
            "the peer sent a string that is not UTF-8, or holds U+0000 [MQTT-1.5.4-1]",
        ),
        (ProtocolViolation::SecondConnack.into(), "the peer sent a second CONNACK [MQTT-3.2.0-2]"),
    ] {
        says(error, expected);
        assert!(expected.ends_with(&format!("[{}]", error.statement())));
    }
    says(Malformed::Qos, "the peer sent a PUBLISH with QoS 3 [MQTT-3.3.1-4]");
}

#[test]
fn a_value_shows_itself() {
    shows(Version::V3_1, "MQTT 3.1", "V3_1");
    shows(Version::V3_1_1, "MQTT 3.1.1", "V3_1_1");
    shows(Version::V5, "MQTT 5.0", "V5");
    shows(Qos::AtLeastOnce, "QoS 1", "AtLeastOnce");
    shows(Qos::ExactlyOnce, "QoS 2", "ExactlyOnce");
    shows(PacketId::new(10).unwrap(), "10", "PacketId(10)");
    shows(ReasonCode::NOT_AUTHORIZED, "Not authorized (0x87)", "0x87 Not authorized");
    shows(ReasonCode::new(0xFE), "Unlisted reason code (0xFE)", "0xFE Unlisted reason code");
    shows(TopicName::new("a\"b").unwrap(), "a\"b", r#""a\"b""#);
    shows(TopicFilter::try_from("a\"/#").unwrap(), "a\"/#", r#""a\"/#""#);
}

#[test]
fn filters_are_equal_and_show_themselves_by_what_they_say_wherever_they_stand() {
    let of =
        |name| SubscriptionFilter { filter: TopicFilter::new(name).unwrap(), options: SubscriptionOptions::default() };
    let (list, other) = ([of("a/+"), of("b")], [of("a/+"), of("c")]);
    let (id, mut wire) = (PacketId::new(1).unwrap(), [0; 32]);
    let len = Subscribe::new(id, &list).encode(Version::V5, &mut wire).unwrap();
    let read = Subscribe::decode(Version::V5, &wire[2..len]).unwrap();
    assert!(read.filters == Filters::new(&list) && read.filters != Filters::new(&other));
    assert_ne!(read.filters, Filters::new(&list[..1]));
    assert_eq!(format!("{:?}", read.filters), format!("{list:?}"));

    let (list, other) = (list.map(|of| of.filter), other.map(|of| of.filter));
    let len = Unsubscribe::new(id, &list).encode(Version::V5, &mut wire).unwrap();
    let read = Unsubscribe::decode(Version::V5, &wire[2..len]).unwrap();
    assert!(read.filters == UnsubscribeFilters::new(&list) && read.filters != UnsubscribeFilters::new(&other));
    assert_ne!(read.filters, UnsubscribeFilters::new(&list[..1]));
    assert_eq!(format!("{:?}", read.filters), r#"["a/+", "b"]"#);
}

#[track_caller]
fn says(error: impl std::error::Error, expected: &str) {
    assert_eq!(error.to_string(), expected);
}

#[track_caller]
fn shows(value: impl Debug + Display, display: &str, debug: &str) {
    assert_eq!(value.to_string(), display);
    assert_eq!(format!("{value:?}"), debug);
}

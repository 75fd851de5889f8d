//! What may not be sent is refused at the call, by its reason, and nothing is written.

use dunlin_codec::{
    Ack, Connack, Connect, DecodeError, Disconnect, EncodeError, Malformed, Packet, PacketId, PacketType, Properties,
    Property, PropertyError, PropertyOwner, PropertyWriter, ProtocolViolation, Publish, Qos, ReasonCode, Suback,
    Subscribe, SubscriptionFilter, SubscriptionOptions, TextError, TopicError, TopicFilter, TopicName, Unsuback,
    Unsubscribe, Version, Will, check_text,
};

use Version::{V3_1_1, V5};

#[test]
fn a_publish_has_an_identifier_exactly_if_it_will_be_acknowledged() {
    // MQTT-2.2.1-2, MQTT-2.2.1-3, MQTT-3.3.1-2
    let publish = Publish::new(TopicName::new("t").unwrap(), b"");
    for (qos, packet_id, dup, legal) in [
        (Qos::AtMostOnce, None, false, true),
        (Qos::AtMostOnce, None, true, false),
        (Qos::AtMostOnce, PacketId::new(1), false, false),
        (Qos::AtLeastOnce, None, false, false),
        (Qos::AtLeastOnce, PacketId::new(1), true, true),
        (Qos::ExactlyOnce, None, true, false),
        (Qos::ExactlyOnce, PacketId::new(1), false, true),
    ] {
        let encoded = refused(V3_1_1, Packet::Publish(Publish { qos, packet_id, dup, ..publish }));
        assert_eq!(encoded, if legal { None } else { Some(EncodeError::PacketId) }, "{qos:?} {packet_id:?} {dup}");
    }
    assert_eq!(PacketId::new(0), None);
}

#[test]
fn a_string_that_mqtt_forbids_does_not_get_into_a_connect() {
    let (long, longest) = ("a".repeat(65_536), "a".repeat(65_535));
    for version in [V3_1_1, V5] {
        let connect = Connect::new(version, "c");
        for (text, expected) in [
            ("a\0b", Some(EncodeError::Nul)), // MQTT-1.5.4-2
            (&long, Some(EncodeError::TooLarge)),
            (&longest, None),
        ] {
            assert_eq!(refused(version, Packet::Connect(Connect { client_id: text, ..connect })), expected);
            assert_eq!(refused(version, Packet::Connect(Connect { user_name: Some(text), ..connect })), expected);
        }
        let topic = TopicName::new("w").unwrap();
        let (properties, qos) = (Properties::NONE, Qos::AtMostOnce);
        let will = Will { topic, payload: long.as_bytes(), qos, retain: false, properties };
        let too_large = Some(EncodeError::TooLarge);
        assert_eq!(refused(version, Packet::Connect(Connect { will: Some(will), ..connect })), too_large);
        let password = Some(long.as_bytes());
        let connect = Connect { user_name: Some(""), password, ..connect };
        assert_eq!(refused(version, Packet::Connect(connect)), too_large);
    }
}

#[test]
fn no_property_is_dropped_in_silence_because_of_the_version() {
    let mut memory = [0; 16];
    let properties = PropertyWriter::new(PropertyOwner::Packet(PacketType::Puback), &mut memory)
        .push(Property::UserProperty("a", "b"))
        .and_then(PropertyWriter::finish)
        .unwrap();
    let (packet_id, topic) = (PacketId::new(1).unwrap(), TopicName::new("t").unwrap());
    let filters = [TopicFilter::new("t").unwrap()];
    let options = SubscriptionOptions::default();
    let subscriptions = [SubscriptionFilter { filter: filters[0], options }];
    let ack = Ack { properties, ..Ack::new(packet_id) };
    let will = Will { topic, payload: b"", qos: Qos::AtMostOnce, retain: false, properties };
    for packet in [
        Packet::Connect(Connect { properties, ..Connect::new(V3_1_1, "") }),
        Packet::Connect(Connect { will: Some(will), ..Connect::new(V3_1_1, "") }),
        Packet::Connack(Connack { properties, ..Connack::new(V3_1_1, false, ReasonCode::SUCCESS) }),
        Packet::Publish(Publish { properties, ..Publish::new(topic, b"") }),
        Packet::Puback(ack),
        Packet::Pubrec(ack),
        Packet::Pubrel(ack),
        Packet::Pubcomp(ack),
        Packet::Subscribe(Subscribe { properties, ..Subscribe::new(packet_id, &subscriptions) }),
        Packet::Suback(Suback { packet_id, properties, codes: &[0] }),
        Packet::Unsubscribe(Unsubscribe { properties, ..Unsubscribe::new(packet_id, &filters) }),
        Packet::Unsuback(Unsuback { packet_id, properties, codes: &[] }),
        Packet::Disconnect(Disconnect { properties, ..Disconnect::new(ReasonCode::SUCCESS) }),
    ] {
        assert_eq!(refused(V3_1_1, packet), Some(EncodeError::NeedsV5), "{packet:?}");
    }
}

#[test]
fn a_property_whose_value_is_forbidden_is_refused() {
    let long = "a".repeat(65_536);
    let (nul, too_long) = (PropertyError::Text(TextError::Nul), PropertyError::Text(TextError::TooLong));
    for (property, expected) in [
        (Property::ReceiveMaximum(0), PropertyError::Zero), // U5-3.1.2.11-a
        (Property::MaximumPacketSize(0), PropertyError::Zero),
        (Property::TopicAlias(0), PropertyError::Zero), // MQTT-3.3.2-8
        (Property::SubscriptionIdentifier(0), PropertyError::Zero), // U5-3.8.2.1.2-a
        (Property::SubscriptionIdentifier(268_435_456), PropertyError::Zero),
        (Property::ContentType("\0"), nul),
        (Property::ResponseTopic("a\0"), nul),
        (Property::ResponseTopic("a/+"), PropertyError::ResponseTopicWildcard), // MQTT-3.3.2-14
        (Property::AssignedClientIdentifier("\0"), nul),
        (Property::AuthenticationMethod("\0"), nul),
        (Property::ResponseInformation("\0"), nul),
        (Property::ServerReference("\0"), nul),
        (Property::ReasonString(&long), too_long),
        (Property::CorrelationData(long.as_bytes()), too_long),
        (Property::AuthenticationData(long.as_bytes()), too_long),
        (Property::UserProperty("\0", ""), nul), // MQTT-1.5.7-1
        (Property::UserProperty("", "\0"), nul),
        (Property::UserProperty(&long, ""), too_long),
        (Property::UserProperty("", &long), too_long),
    ] {
        assert_eq!(property.check(), Err(expected));
        let mut memory = vec![0xEE; 70_000];
        assert_eq!(property.encode(&mut memory), Err(expected));
        assert!(memory.iter().all(|&byte| byte == 0xEE));
    }
    let longest = &long.as_bytes()[1..];
    for property in [Property::CorrelationData(longest), Property::AuthenticationData(longest)] {
        assert_eq!(property.check(), Ok(()));
    }
}

#[test]
fn properties_that_may_not_stand_together_or_here_are_refused() {
    let written = |packet_type, list: &[Property<'_>], room: usize| {
        let mut memory = vec![0; room];
        let mut writer = PropertyWriter::new(PropertyOwner::Packet(packet_type), &mut memory);
        for &property in list {
            writer = writer.push(property)?;
        }
        writer.finish().map(|properties| properties.as_bytes().len())
    };
    let (reason, method) = (Property::ReasonString("r"), Property::AuthenticationMethod("m"));
    let data = Property::AuthenticationData(b"");
    assert_eq!(written(PacketType::Auth, &[reason, method, data], 11), Ok(11));
    assert_eq!(written(PacketType::Auth, &[reason, method, data], 10), Err(PropertyError::NoRoom));
    for (packet_type, list, expected) in [
        (PacketType::Publish, &[reason][..], DecodeError::from(Malformed::PropertyId)),
        (PacketType::Pingreq, &[Property::UserProperty("", "")], Malformed::PropertyId.into()),
        (PacketType::Auth, &[method, method], ProtocolViolation::DuplicateProperty.into()),
        (PacketType::Auth, &[data], ProtocolViolation::AuthenticationDataAlone.into()),
    ] {
        assert_eq!(written(packet_type, list, 64), Err(PropertyError::NotAllowed(expected)));
    }
}

#[test]
fn texts_and_topics_say_what_is_wrong_with_them() {
    let (long, longest) = ("a".repeat(65_536), "a".repeat(65_535));
    // MQTT-1.5.4-2, MQTT-4.7.3-3
    assert_eq!((check_text(""), check_text(&longest)), (Ok(()), Ok(())));
    assert_eq!((check_text("a\0"), check_text(&long)), (Err(TextError::Nul), Err(TextError::TooLong)));
    // MQTT-4.7.3-1 to -3, MQTT-4.7.1-1
    for (name, expected) in [
        ("", TopicError::Empty),
        (&long, TopicError::TooLong),
        ("a\0b", TopicError::Nul),
        ("a/+", TopicError::Wildcard),
        ("plant/seven/#", TopicError::Wildcard),
    ] {
        assert_eq!(TopicName::new(name), Err(expected));
    }
    assert_eq!(TopicName::new(&longest).map(TopicName::as_str), Ok(&longest[..]));
    for name in ["/", "//", " ", "$SYS/x", "\u{FFFF}"] {
        assert!(TopicName::try_from(name).is_ok());
    }
}

#[test]
fn a_packet_may_have_268_435_455_bytes_behind_its_fixed_header_and_not_one_more() {
    let longest = "a".repeat(65_535);
    let subscription = |filter| SubscriptionFilter { filter, options: SubscriptionOptions::default() };
    let mut filters = [subscription(TopicFilter::new(&longest).unwrap()); 4_096];
    for (version, overhead) in [(V3_1_1, 2), (V5, 3)] {
        let last = 268_435_455 - overhead - 4_095 * (2 + 65_535 + 1) - (2 + 1);
        for (last, expected) in [(last, EncodeError::NoRoom(1 + 4 + 268_435_455)), (last + 1, EncodeError::TooLarge)] {
            filters[4_095] = subscription(TopicFilter::new(&longest[..last]).unwrap());
            let subscribe = Subscribe::new(PacketId::new(1).unwrap(), &filters);
            assert_eq!(subscribe.encode(version, &mut []), Err(expected), "{version}");
        }
    }
}

#[test]
fn a_will_without_a_topic_is_refused() {
    // U5-3.3.2.1-a: the topic of a received PUBLISH that gave an alias.
    let received = Publish::decode(V5, 0x30, b"\0\0\x03\x23\0\x01").unwrap();
    let (properties, qos) = (Properties::NONE, Qos::AtMostOnce);
    let will = Some(Will { topic: received.topic, payload: b"", qos, retain: false, properties });
    for version in [V3_1_1, V5] {
        let connect = Packet::Connect(Connect { will, ..Connect::new(version, "c") });
        assert_eq!(refused(version, connect), Some(EncodeError::TopicEmpty));
    }
}

/// The reason for which `packet` is not encoded.
fn refused(version: Version, packet: Packet<'_>) -> Option<EncodeError> {
    let mut out = vec![0xEE; 300_000];
    let error = packet.encode(version, &mut out).err()?;
    assert!(out.iter().all(|&byte| byte == 0xEE));
    assert_eq!(packet.encoded_len(version), Err(error));
    Some(error)
}

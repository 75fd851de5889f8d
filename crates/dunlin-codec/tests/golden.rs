//! Each packet in both versions is exactly these bytes: the standard's own examples and figures, the shortest legal
//! forms, and every field at its edges. Each is encoded to the bytes and decoded back to an equal view.

use dunlin_codec::{
    Ack, Auth, Connack, Connect, Decoded, Disconnect, EncodeError, FixedHeader, Packet, PacketId, PacketType,
    Properties, Property, PropertyError, PropertyId, PropertyOwner, PropertyWriter, Publish, Qos, ReasonCode,
    RetainHandling, Suback, Subscribe, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Unsuback,
    Unsubscribe, Version, Will, decode, variable_byte_integer_len,
};

use Version::{V3_1_1, V5};

#[test]
fn connect_of_the_standards_figures() {
    // 3.1.1 figure 3.6: user name and password, will with QoS 1, clean session, keep alive 10.
    let connect = Connect {
        keep_alive: 10,
        will: Some(Will {
            topic: topic("w"),
            payload: b"\x00\xff",
            qos: Qos::AtLeastOnce,
            retain: false,
            properties: Properties::NONE,
        }),
        user_name: Some("u"),
        password: Some(b"\xc0\x80\x00"),
        ..Connect::new(V3_1_1, "c")
    };
    let payload = "0001 'c' 0001 'w' 0002 00FF 0001 'u' 0003 C08000";
    golden(V3_1_1, Packet::Connect(connect), &format!("10 1C 0004 'MQTT' 04 CE 000A {payload}"));

    // 5.0 figure 3-6: the same flags, and a Session Expiry Interval of 10.
    let owner = PropertyOwner::Packet(PacketType::Connect);
    let properties = properties(owner, &[Property::SessionExpiryInterval(10)]);
    let connect = Connect { version: V5, properties, ..connect };
    let payload = "0001 'c' 00 0001 'w' 0002 00FF 0001 'u' 0003 C08000";
    golden(V5, Packet::Connect(connect), &format!("10 23 0004 'MQTT' 05 CE 000A 05 11 0000000A {payload}"));
    // A CONNECT tells its own version, whatever the reader expects.
    golden(V3_1_1, Packet::Connect(connect), &format!("10 23 0004 'MQTT' 05 CE 000A 05 11 0000000A {payload}"));
}

#[test]
fn connect_in_its_shortest_form_still_says_that_it_has_no_properties() {
    // MQTT-2.2.2-1
    golden(V3_1_1, Packet::Connect(Connect::new(V3_1_1, "")), "10 0C 0004 'MQTT' 04 02 003C 0000");
    golden(V5, Packet::Connect(Connect::new(V5, "")), "10 0D 0004 'MQTT' 05 02 003C 00 0000");
    let kept = Connect { clean_start: false, keep_alive: 0xFFFF, ..Connect::new(V5, "id") };
    golden(V5, Packet::Connect(kept), "10 0F 0004 'MQTT' 05 00 FFFF 00 0002 'id'");
}

/// Level 3 has another name, and everything else as 3.1.1; the first byte of its CONNACK means nothing.
#[cfg(feature = "v3_1")]
#[test]
fn connect_and_connack_of_3_1() {
    golden(Version::V3_1, Packet::Connect(Connect::new(Version::V3_1, "c")), "10 0F 0006 'MQIsdp' 03 02 003C 0001 'c'");
    for reserved in [0x00, 0x01, 0xFF] {
        let body = [reserved, 0];
        let decoded = Connack::decode(Version::V3_1, &body).unwrap();
        assert_eq!((decoded.session_present, decoded.reason), (false, ReasonCode::SUCCESS));
    }
}

#[test]
fn connect_flags_tell_which_fields_follow() {
    // MQTT-3.1.2-16 to -19: there or not, and empty is there.
    for (user_name, password, flags, tail) in [
        (None, None, "02", ""),
        (Some(""), None, "82", "0000"),
        (Some("u"), None, "82", "0001 'u'"),
        (Some(""), Some(&b""[..]), "C2", "0000 0000"),
        (Some("u"), Some(b"\xff"), "C2", "0001 'u' 0001 FF"),
    ] {
        for (version, level, none) in [(V3_1_1, "04", ""), (V5, "05", "00")] {
            let connect = Connect { user_name, password, ..Connect::new(version, "") };
            golden_body(
                version,
                Packet::Connect(connect),
                "10",
                &format!("0004 'MQTT' {level} {flags} 003C {none} 0000 {tail}"),
            );
        }
    }
    let alone = Connect { password: Some(b"token"), ..Connect::new(V5, "") };
    golden_body(V5, Packet::Connect(alone), "10", "0004 'MQTT' 05 42 003C 00 0000 0005 'token'");
    let alone = Connect { version: V3_1_1, ..alone };
    assert_eq!(alone.encode(&mut [0; 64]), Err(EncodeError::PasswordAlone)); // MQTT-3.1.2-22

    // MQTT-3.1.2-9, -12
    for (qos, retain, flags) in [
        (Qos::AtMostOnce, false, "06"),
        (Qos::AtMostOnce, true, "26"),
        (Qos::AtLeastOnce, false, "0E"),
        (Qos::AtLeastOnce, true, "2E"),
        (Qos::ExactlyOnce, false, "16"),
        (Qos::ExactlyOnce, true, "36"),
    ] {
        let will = Some(Will { topic: topic("w"), payload: b"", qos, retain, properties: Properties::NONE });
        let connect = |version| Packet::Connect(Connect { will, ..Connect::new(version, "") });
        golden_body(V3_1_1, connect(V3_1_1), "10", &format!("0004 'MQTT' 04 {flags} 003C 0000 0001 'w' 0000"));
        golden_body(V5, connect(V5), "10", &format!("0004 'MQTT' 05 {flags} 003C 00 0000 00 0001 'w' 0000"));
    }
}

#[test]
fn connect_with_every_property_of_its_own_and_of_its_will() {
    let own = properties(
        PropertyOwner::Packet(PacketType::Connect),
        &[
            Property::SessionExpiryInterval(u32::MAX),
            Property::ReceiveMaximum(1),
            Property::MaximumPacketSize(0x0102_0304),
            Property::TopicAliasMaximum(0),
            Property::RequestResponseInformation(true),
            Property::RequestProblemInformation(false),
            Property::UserProperty("a", ""),
            Property::UserProperty("a", "b"),
            Property::AuthenticationMethod("m"),
            Property::AuthenticationData(b"\x00"),
        ],
    );
    let wills = properties(
        PropertyOwner::Will,
        &[
            Property::WillDelayInterval(1),
            Property::PayloadFormatIndicator(true),
            Property::MessageExpiryInterval(2),
            Property::ContentType("t"),
            Property::ResponseTopic("r"),
            Property::CorrelationData(b"\xfe"),
            Property::UserProperty("", ""),
        ],
    );
    let will = Will { topic: topic("w"), payload: b"p", qos: Qos::AtMostOnce, retain: false, properties: wills };
    let connect = Connect { properties: own, will: Some(will), ..Connect::new(V5, "c") };
    let own = "11 FFFFFFFF 21 0001 27 01020304 22 0000 19 01 17 00 26 0001 'a' 0000 26 0001 'a' 0001 'b' 15 0001 'm' 16 0001 00";
    let wills = "18 00000001 01 01 02 00000002 03 0001 't' 08 0001 'r' 09 0001 FE 26 0000 0000";
    golden_body(
        V5,
        Packet::Connect(connect),
        "10",
        &format!("0004 'MQTT' 05 06 003C 29 {own} 0001 'c' 1D {wills} 0001 'w' 0001 'p'"),
    );
}

#[test]
fn connack_with_each_return_code_of_3_1_1() {
    golden(V3_1_1, Packet::Connack(Connack::new(V3_1_1, true, ReasonCode::SUCCESS)), "20 02 01 00");
    for (reason, wire) in [
        (ReasonCode::SUCCESS, "20 02 00 00"),
        (ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, "20 02 00 01"),
        (ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, "20 02 00 02"),
        (ReasonCode::SERVER_UNAVAILABLE, "20 02 00 03"),
        (ReasonCode::BAD_USER_NAME_OR_PASSWORD, "20 02 00 04"),
        (ReasonCode::NOT_AUTHORIZED, "20 02 00 05"),
    ] {
        golden(V3_1_1, Packet::Connack(Connack::new(V3_1_1, false, reason)), wire);
    }
    // MQTT-3.2.2.3-U1: reserved codes are kept as they came.
    let reserved = Connack { return_code: 7, ..Connack::new(V3_1_1, false, ReasonCode::UNSPECIFIED_ERROR) };
    golden(V3_1_1, Packet::Connack(reserved), "20 02 00 07");
}

#[test]
fn a_server_without_5_0_refuses_in_the_form_of_3_1_1() {
    // MQTT-3.1.2-2
    let refusal = Connack::new(V3_1_1, false, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
    golden(V5, Packet::Connack(refusal), "20 02 00 01");
    let own = Connack::new(V5, false, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
    golden(V5, Packet::Connack(own), "20 03 00 84 00");
}

#[test]
fn connack_with_every_property() {
    golden(V5, Packet::Connack(Connack::new(V5, true, ReasonCode::SUCCESS)), "20 03 01 00 00");
    let properties = properties(
        PropertyOwner::Packet(PacketType::Connack),
        &[
            Property::SessionExpiryInterval(0),
            Property::ReceiveMaximum(0xFFFF),
            Property::MaximumQos(true),
            Property::RetainAvailable(false),
            Property::MaximumPacketSize(1),
            Property::AssignedClientIdentifier("c"),
            Property::TopicAliasMaximum(10),
            Property::ReasonString("r"),
            Property::UserProperty("a", "b"),
            Property::WildcardSubscriptionAvailable(true),
            Property::SubscriptionIdentifierAvailable(false),
            Property::SharedSubscriptionAvailable(true),
            Property::ServerKeepAlive(60),
            Property::ResponseInformation("i"),
            Property::ServerReference("s"),
            Property::AuthenticationMethod("m"),
            Property::AuthenticationData(b"d"),
        ],
    );
    let connack = Connack { properties, ..Connack::new(V5, false, ReasonCode::SUCCESS) };
    let wire = "11 00000000 21 FFFF 24 01 25 00 27 00000001 12 0001 'c' 22 000A 1F 0001 'r' 26 0001 'a' 0001 'b' \
                28 01 29 00 2A 01 13 003C 1A 0001 'i' 1C 0001 's' 15 0001 'm' 16 0001 'd'";
    golden_body(V5, Packet::Connack(connack), "20", &format!("00 00 3C {wire}"));
    assert_eq!(connack.properties.iter().count(), 17);
    assert_eq!(connack.properties.number(PropertyId::ReceiveMaximum), Some(0xFFFF));
    assert_eq!(connack.properties.number(PropertyId::MaximumQos), Some(1));
    assert_eq!(connack.properties.text(PropertyId::AssignedClientIdentifier), Some("c"));
    assert_eq!(connack.properties.binary(PropertyId::AuthenticationData), Some(&b"d"[..]));
    assert_eq!(connack.properties.number(PropertyId::AssignedClientIdentifier), None);
    assert_eq!(connack.properties.binary(PropertyId::ReceiveMaximum), None);
    assert_eq!(connack.properties.text(PropertyId::ContentType), None);
    assert!(connack.properties.into_iter().eq(connack.properties.iter()));
    assert_eq!(connack.properties.user_properties().collect::<Vec<_>>(), [("a", "b")]);
}

#[test]
fn publish_of_the_standards_example() {
    // 3.1.1 figure 3.11 and 5.0 figure 3-9: topic a/b, packet identifier 10.
    let publish = Publish { qos: Qos::AtLeastOnce, packet_id: id(10), ..Publish::new(topic("a/b"), b"") };
    golden(V3_1_1, Packet::Publish(publish), "32 07 0003 'a/b' 000A");
    golden(V5, Packet::Publish(publish), "32 08 0003 'a/b' 000A 00");
}

#[test]
fn publish_with_each_legal_first_byte() {
    for (first_byte, dup, qos, retain) in [
        ("30", false, Qos::AtMostOnce, false),
        ("31", false, Qos::AtMostOnce, true),
        ("32", false, Qos::AtLeastOnce, false),
        ("33", false, Qos::AtLeastOnce, true),
        ("34", false, Qos::ExactlyOnce, false),
        ("35", false, Qos::ExactlyOnce, true),
        ("3A", true, Qos::AtLeastOnce, false),
        ("3B", true, Qos::AtLeastOnce, true),
        ("3C", true, Qos::ExactlyOnce, false),
        ("3D", true, Qos::ExactlyOnce, true),
    ] {
        let (packet_id, wire_id) = if qos == Qos::AtMostOnce { (None, "") } else { (id(0xFFFF), "FFFF") }; // MQTT-2.2.1-2
        let publish = Publish { dup, qos, retain, packet_id, ..Publish::new(topic("t"), b"\x00\xff") };
        golden_body(V3_1_1, Packet::Publish(publish), first_byte, &format!("0001 't' {wire_id} 00FF"));
        golden_body(V5, Packet::Publish(publish), first_byte, &format!("0001 't' {wire_id} 00 00FF"));
    }
}

#[test]
fn publish_with_every_property_and_with_an_alias_for_its_topic() {
    let owner = PropertyOwner::Packet(PacketType::Publish);
    let all = properties(
        owner,
        &[
            Property::PayloadFormatIndicator(false),
            Property::MessageExpiryInterval(60),
            Property::TopicAlias(1),
            Property::ResponseTopic("r/s"),
            Property::CorrelationData(b""),
            Property::UserProperty("z", "1"),
            Property::UserProperty("a", "2"),
            Property::SubscriptionIdentifier(1),
            Property::SubscriptionIdentifier(128),
            Property::ContentType("text/plain"),
        ],
    );
    let publish = Publish { properties: all, ..Publish::new(topic("t"), b"p") };
    let wire = "01 00 02 0000003C 23 0001 08 0003 'r/s' 09 0000 26 0001 'z' 0001 '1' 26 0001 'a' 0001 '2' 0B 01 0B 8001 \
                03 000A 'text/plain'";
    golden_body(V5, Packet::Publish(publish), "30", &format!("0001 't' 33 {wire} 'p'"));

    let wire = hex("30 06 0000 03 23 FFFF");
    let Ok(Decoded::Packet { packet: Packet::Publish(view), consumed: 8 }) = decode(V5, &wire) else { panic!() };
    assert!(view.topic.is_empty() && view.properties.number(PropertyId::TopicAlias) == Some(0xFFFF));
    golden(V5, Packet::Publish(view), "30 06 0000 03 23 FFFF");
    // The same topic without the alias cannot be sent on.
    let echo = Publish::new(view.topic, b"");
    assert_eq!(echo.head_len(V5), Err(EncodeError::TopicEmpty));
    assert_eq!(echo.head_len(V3_1_1), Err(EncodeError::TopicEmpty));
}

#[test]
fn strings_keep_every_byte() {
    // 1.5.4 figure 1-2: "A" and U+2A6D4.
    golden(V3_1_1, Packet::Publish(Publish::new(topic("A\u{2A6D4}"), b"")), "30 07 0005 41 F0AA9B94");
    golden(V5, Packet::Publish(Publish::new(topic("A\u{2A6D4}"), b"")), "30 08 0005 41 F0AA9B94 00");
    // MQTT-1.5.4-3: U+FEFF is a character like others, wherever it stands.
    golden(V5, Packet::Publish(Publish::new(topic("\u{FEFF}a"), b"")), "30 07 0004 EFBBBF 'a' 00");
    golden(V3_1_1, Packet::Publish(Publish::new(topic("\u{FEFF}a"), b"")), "30 06 0004 EFBBBF 'a'"); // MQTT-1.5.3-3
}

#[test]
fn acknowledgements_leave_out_what_need_not_be_said() {
    type Make = fn(Ack<'static>) -> Packet<'static>;
    let kinds: [(Make, PacketType, &str, ReasonCode); 4] = [
        (Packet::Puback, PacketType::Puback, "40", ReasonCode::NO_MATCHING_SUBSCRIBERS),
        (Packet::Pubrec, PacketType::Pubrec, "50", ReasonCode::QUOTA_EXCEEDED),
        (Packet::Pubrel, PacketType::Pubrel, "62", ReasonCode::PACKET_IDENTIFIER_NOT_FOUND), // MQTT-3.6.1-1
        (Packet::Pubcomp, PacketType::Pubcomp, "70", ReasonCode::PACKET_IDENTIFIER_NOT_FOUND),
    ];
    for (make, packet_type, first_byte, reason) in kinds {
        let plain = Ack::new(id(0x1234).unwrap());
        golden_body(V3_1_1, make(plain), first_byte, "1234");
        golden_body(V5, make(plain), first_byte, "1234");
        let code = format!("{:02X}", reason.get());
        golden_body(V5, make(Ack { reason, ..plain }), first_byte, &format!("1234 {code}"));
        let all = [Property::ReasonString("r"), Property::UserProperty("a", "b")];
        let properties = properties(PropertyOwner::Packet(packet_type), &all);
        let wire = "0B 1F 0001 'r' 26 0001 'a' 0001 'b'";
        golden_body(V5, make(Ack { reason, properties, ..plain }), first_byte, &format!("1234 {code} {wire}"));
        golden_body(V5, make(Ack { properties, ..plain }), first_byte, &format!("1234 00 {wire}"));

        // Longer forms of the same are read as well.
        for long in ["03 1234 00", "04 1234 00 00"] {
            let wire = hex(&format!("{first_byte} {long}"));
            assert_eq!(decode(V5, &wire), Ok(Decoded::Packet { packet: make(plain), consumed: wire.len() }));
        }
        // 3.1.1 cannot say a reason, and must not lose properties in silence.
        let mut out = [0; 8];
        assert_eq!(make(Ack { reason, ..plain }).encode(V3_1_1, &mut out), Ok(4));
        assert_eq!(make(Ack { properties, ..plain }).encode(V3_1_1, &mut out), Err(EncodeError::NeedsV5));
    }
}

#[test]
fn subscribe_and_unsubscribe_of_the_standards_examples() {
    // 3.1.1 figure 3.23, 5.0 figure 3-20: a/b with QoS 1, c/d with QoS 2.
    let filters = [
        SubscriptionFilter { filter: filter("a/b"), options: SubscriptionOptions::new(Qos::AtLeastOnce) },
        SubscriptionFilter { filter: filter("c/d"), options: SubscriptionOptions::new(Qos::ExactlyOnce) },
    ];
    let subscribe = Subscribe::new(id(10).unwrap(), &filters);
    golden(V3_1_1, Packet::Subscribe(subscribe), "82 0E 000A 0003 'a/b' 01 0003 'c/d' 02");
    golden(V5, Packet::Subscribe(subscribe), "82 0F 000A 00 0003 'a/b' 01 0003 'c/d' 02");

    // 3.1.1 figure 3.29, 5.0 figure 3-29.
    let filters = [filter("a/b"), filter("c/d")];
    let unsubscribe = Unsubscribe::new(id(10).unwrap(), &filters);
    golden(V3_1_1, Packet::Unsubscribe(unsubscribe), "A2 0C 000A 0003 'a/b' 0003 'c/d'");
    golden(V5, Packet::Unsubscribe(unsubscribe), "A2 0D 000A 00 0003 'a/b' 0003 'c/d'");

    let owner = PropertyOwner::Packet(PacketType::Unsubscribe);
    let properties = properties(owner, &[Property::UserProperty("a", "b")]);
    let wire = "A2 0F 000A 07 26 0001 'a' 0001 'b' 0003 'a/b'";
    golden(
        V5,
        Packet::Unsubscribe(Unsubscribe { properties, ..Unsubscribe::new(id(10).unwrap(), &filters[..1]) }),
        wire,
    );

    // MQTT-3.8.3-2, MQTT-3.10.3-2; 3.1.1: MQTT-3.8.3-3
    for version in [V3_1_1, V5] {
        assert_eq!(Subscribe::new(id(1).unwrap(), &[]).encode(version, &mut [0; 9]), Err(EncodeError::NoFilters));
        assert_eq!(Unsubscribe::new(id(1).unwrap(), &[]).encode(version, &mut [0; 9]), Err(EncodeError::NoFilters));
    }
}

#[test]
fn subscribe_with_each_legal_options_byte() {
    let mut bytes = Vec::new();
    for (handling, retain_handling) in
        [RetainHandling::OnSubscribe, RetainHandling::OnNewSubscribe, RetainHandling::Never].into_iter().enumerate()
    {
        for (retain_as_published, no_local) in [(false, false), (false, true), (true, false), (true, true)] {
            for (level, qos) in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce].into_iter().enumerate() {
                let options = SubscriptionOptions { qos, no_local, retain_as_published, retain_handling };
                let byte = handling << 4 | usize::from(retain_as_published) << 3 | usize::from(no_local) << 2 | level;
                let filters = [SubscriptionFilter { filter: filter("+/#"), options }];
                let packet = Packet::Subscribe(Subscribe::new(id(1).unwrap(), &filters));
                golden_body(V5, packet, "82", &format!("0001 00 0003 '+/#' {byte:02X}"));
                if byte < 3 {
                    golden_body(V3_1_1, packet, "82", &format!("0001 0003 '+/#' {byte:02X}"));
                } else {
                    assert_eq!(packet.encode(V3_1_1, &mut [0; 16]), Err(EncodeError::NeedsV5));
                }
                bytes.push(byte);
            }
        }
    }
    assert_eq!(bytes.len(), 36);

    // MQTT-3.8.3-4
    let options = SubscriptionOptions { no_local: true, ..SubscriptionOptions::default() };
    let filters = [SubscriptionFilter { filter: filter("$share/g/t"), options }];
    let subscribe = Subscribe::new(id(1).unwrap(), &filters);
    assert_eq!(subscribe.encode(V5, &mut [0; 32]), Err(EncodeError::SharedNoLocal));
}

#[test]
fn subscription_identifiers_at_the_edges_of_their_lengths() {
    for (value, wire) in EDGES {
        let owner = PropertyOwner::Packet(PacketType::Subscribe);
        let property = Property::SubscriptionIdentifier(value);
        if value == 0 {
            assert_eq!(property.check(), Err(PropertyError::Zero)); // U5-3.8.2.1.2-a
            continue;
        }
        let filters = [SubscriptionFilter { filter: filter("t"), options: SubscriptionOptions::default() }];
        let subscribe =
            Subscribe { properties: properties(owner, &[property]), ..Subscribe::new(id(1).unwrap(), &filters) };
        let len = 1 + hex(wire).len();
        golden_body(V5, Packet::Subscribe(subscribe), "82", &format!("0001 {len:02X} 0B {wire} 0001 't' 00"));
    }
    assert_eq!(Property::SubscriptionIdentifier(268_435_456).check(), Err(PropertyError::Zero));
}

#[test]
fn remaining_lengths_at_the_edges_of_their_lengths() {
    let zeros = vec![0; 268_435_456];
    for (value, wire) in EDGES {
        // MQTT-1.5.5-1
        let (value, wire) = (value as usize, hex(wire));
        assert_eq!(variable_byte_integer_len(value), wire.len());
        let packet = [&[0x30][..], &wire].concat();
        let header = FixedHeader { first_byte: 0x30, len: 1 + wire.len(), remaining_length: value };
        assert_eq!(FixedHeader::read(&packet), Ok(Some(header)));
        for cut in 0..packet.len() {
            assert_eq!(FixedHeader::read(&packet[..cut]), Ok(None));
        }
        if value > 0 {
            assert_eq!(decode(V5, &packet), Ok(Decoded::Incomplete { needed: 1 + wire.len() + value }));
            let publish = Publish::new(topic("t"), &zeros[..value - 3]);
            let mut head = vec![0xEE; publish.head_len(V3_1_1).unwrap()];
            publish.encode_head(V3_1_1, &mut head);
            assert_eq!(head, [&packet[..], &hex("0001 't'")].concat());
            assert_eq!(Packet::Publish(publish).encoded_len(V3_1_1), Ok(1 + wire.len() + value));
            let plain_len = (wire.len() <= 2).then_some(1 + wire.len() + value);
            assert_eq!(publish.plain_len(V3_1_1), plain_len);
            let mut plain = vec![0xEE; plain_len.unwrap_or_default()];
            publish.encode_plain(V3_1_1, &mut plain);
            assert!(plain.is_empty() || plain.starts_with(&head));
        }
    }
    let too_large = Publish::new(topic("t"), &zeros[..268_435_453]);
    assert_eq!(too_large.head_len(V3_1_1), Err(EncodeError::TooLarge));
    assert_eq!(too_large.encode(V3_1_1, &mut []), Err(EncodeError::TooLarge));
}

#[test]
fn verdicts_on_subscriptions() {
    // 3.1.1 figure 3.26: QoS 0, QoS 2, failure.
    let suback = Suback { packet_id: id(10).unwrap(), properties: Properties::NONE, codes: &[0, 2, 0x80] };
    golden(V3_1_1, Packet::Suback(suback), "90 05 000A 00 02 80");
    // In 3.1.1 every failure is 0x80 [MQTT-3.9.3-2].
    let mut out = [0; 7];
    assert_eq!(Suback { codes: &[0, 2, 0x8F], ..suback }.encode(V3_1_1, &mut out), Ok(7));
    assert_eq!(out, *hex("90 05 000A 00 02 80"));

    let all = [0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2];
    let suback = Suback { codes: &all, ..suback };
    golden(V5, Packet::Suback(suback), "90 0F 000A 00 00 01 02 80 83 87 8F 91 97 9E A1 A2");
    assert_eq!(suback.reasons().map(ReasonCode::get).collect::<Vec<_>>(), all);

    let plain = Unsuback { packet_id: id(10).unwrap(), properties: Properties::NONE, codes: &[] };
    golden(V3_1_1, Packet::Unsuback(plain), "B0 02 000A");
    let unsuback = Unsuback { codes: &[0, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91], ..plain };
    golden(V5, Packet::Unsuback(unsuback), "B0 0A 000A 00 00 11 80 83 87 8F 91");
    assert!(unsuback.reasons().map(ReasonCode::get).eq([0, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91]));
    assert_eq!(unsuback.encode(V3_1_1, &mut out), Ok(4));

    let all = [Property::ReasonString("r"), Property::UserProperty("a", "b")];
    let wire = "000A 0B 1F 0001 'r' 26 0001 'a' 0001 'b' 00";
    let said = properties(PropertyOwner::Packet(PacketType::Suback), &all);
    golden_body(V5, Packet::Suback(Suback { properties: said, codes: &[0], ..suback }), "90", wire);
    let said = properties(PropertyOwner::Packet(PacketType::Unsuback), &all);
    golden_body(V5, Packet::Unsuback(Unsuback { properties: said, codes: &[0], ..plain }), "B0", wire);
}

#[test]
fn pings_are_two_bytes() {
    for version in [V3_1_1, V5] {
        golden(version, Packet::Pingreq, "C0 00");
        golden(version, Packet::Pingresp, "D0 00");
    }
}

#[test]
fn disconnect_and_auth() {
    let plain = Disconnect::new(ReasonCode::SUCCESS);
    golden(V3_1_1, Packet::Disconnect(plain), "E0 00");
    golden(V5, Packet::Disconnect(plain), "E0 00");
    for long in ["E0 01 00", "E0 02 00 00"] {
        let wire = hex(long);
        let expected = Decoded::Packet { packet: Packet::Disconnect(plain), consumed: wire.len() };
        assert_eq!(decode(V5, &wire), Ok(expected));
    }
    let with_will = Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL);
    golden(V5, Packet::Disconnect(with_will), "E0 01 04");
    assert_eq!(with_will.encode(V3_1_1, &mut [0; 8]), Err(EncodeError::NeedsV5));
    let all = [
        Property::SessionExpiryInterval(1),
        Property::ReasonString("r"),
        Property::UserProperty("a", "b"),
        Property::ServerReference("s"),
    ];
    let moved = Disconnect {
        reason: ReasonCode::SERVER_MOVED,
        properties: properties(PropertyOwner::Packet(PacketType::Disconnect), &all),
    };
    let wire = "9D 14 11 00000001 1F 0001 'r' 26 0001 'a' 0001 'b' 1C 0001 's'";
    golden_body(V5, Packet::Disconnect(moved), "E0", wire);

    let all = [
        Property::AuthenticationMethod("m"),
        Property::AuthenticationData(b"\x00\xff"),
        Property::ReasonString("r"),
        Property::UserProperty("a", "b"),
    ];
    let all = properties(PropertyOwner::Packet(PacketType::Auth), &all);
    for (reason, code) in
        [(ReasonCode::SUCCESS, "00"), (ReasonCode::CONTINUE_AUTHENTICATION, "18"), (ReasonCode::RE_AUTHENTICATE, "19")]
    {
        let auth = Auth { reason, properties: all };
        let wire = format!("{code} 14 15 0001 'm' 16 0002 00FF 1F 0001 'r' 26 0001 'a' 0001 'b'");
        golden_body(V5, Packet::Auth(auth), "F0", &wire);
        assert_eq!(auth.encode(V3_1_1, &mut [0; 64]), Err(EncodeError::NeedsV5));
    }
}

#[test]
fn reason_codes_from_0x80_on_are_failures() {
    let failures: Vec<u8> = (0..=u8::MAX).filter(|code| ReasonCode::new(*code).is_error()).collect();
    assert_eq!(failures, (0x80..=u8::MAX).collect::<Vec<_>>());
}

#[test]
fn each_reason_code_is_listed_for_the_packets_of_its_table() {
    // 5.0 table 2-6; MQTT-3.2.2-8, -3.4.2-1, -3.5.2-1, -3.6.2-1, -3.7.2-1, -3.9.3-2, -3.11.3-2, -3.14.2-1, -3.15.2-1.
    let tables: [(PacketType, &str); 9] = [
        (PacketType::Connack, "00 80 81 82 83 84 85 86 87 88 89 8A 8C 90 95 97 99 9A 9B 9C 9D 9F"),
        (PacketType::Puback, "00 10 80 83 87 90 91 97 99"),
        (PacketType::Pubrec, "00 10 80 83 87 90 91 97 99"),
        (PacketType::Pubrel, "00 92"),
        (PacketType::Pubcomp, "00 92"),
        (PacketType::Suback, "00 01 02 80 83 87 8F 91 97 9E A1 A2"),
        (PacketType::Unsuback, "00 11 80 83 87 8F 91"),
        (
            PacketType::Disconnect,
            "00 04 80 81 82 83 87 89 8B 8C 8D 8E 8F 90 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F A0 A1 A2",
        ),
        (PacketType::Auth, "00 18 19"),
    ];
    for (packet_type, table) in tables {
        let listed = (0..=0xFF).filter(|&code| ReasonCode::new(code).is_listed_for(packet_type));
        assert_eq!(listed.collect::<Vec<_>>(), hex(table), "{packet_type:?}");
    }
    assert!(!ReasonCode::SUCCESS.is_listed_for(PacketType::Connect));
    assert_eq!(ReasonCode::new(0x7F).name(), "Unlisted reason code");
    assert_eq!(format!("{}", ReasonCode::NOT_AUTHORIZED), "Not authorized (0x87)");
}

#[test]
fn no_secret_is_shown() {
    let connect = Connect { user_name: Some("token-1"), password: Some(b"token-2"), ..Connect::new(V5, "c") };
    let owner = PropertyOwner::Packet(PacketType::Auth);
    let all = [Property::AuthenticationMethod("m"), Property::AuthenticationData(b"token-3")];
    let auth = Auth { reason: ReasonCode::SUCCESS, properties: properties(owner, &all) };
    let shown = format!("{connect:?} {auth:?} {:?}", all[1]);
    assert!(!shown.contains("token") && !shown.contains("116, 111"), "{shown}");
    let parts =
        ["client_id: \"c\"", "password: Some(\"...\")", "AuthenticationMethod(\"m\")", "AuthenticationData(...)"];
    assert!(parts.iter().all(|part| shown.contains(part)), "{shown}");
}

/// The edges of the one to four bytes of a Variable Byte Integer (5.0 table 1-1).
const EDGES: [(u32, &str); 8] = [
    (0, "00"),
    (127, "7F"),
    (128, "8001"),
    (16_383, "FF7F"),
    (16_384, "808001"),
    (2_097_151, "FFFF7F"),
    (2_097_152, "80808001"),
    (268_435_455, "FFFFFF7F"),
];

/// `packet` is exactly these bytes, in both directions.
#[track_caller]
fn golden(version: Version, packet: Packet<'_>, wire: &str) {
    let wire = hex(wire);
    let mut out = [0xEE; 256];
    assert_eq!(packet.encoded_len(version), Ok(wire.len()));
    assert_eq!(packet.encode(version, &mut out), Ok(wire.len()));
    assert_eq!(out[..wire.len()], wire);
    assert!(out[wire.len()..].iter().all(|&byte| byte == 0xEE));
    assert_eq!(decode(version, &wire), Ok(Decoded::Packet { packet, consumed: wire.len() }));
    assert_eq!(packet.packet_type() as u8, wire[0] >> 4);
}

/// As [`golden`], with a remaining length of one byte left to be filled in.
#[track_caller]
fn golden_body(version: Version, packet: Packet<'_>, first_byte: &str, body: &str) {
    golden(version, packet, &format!("{first_byte} {:02X} {body}", hex(body).len()));
}

fn topic(name: &str) -> TopicName<'_> {
    TopicName::new(name).unwrap()
}

fn filter(filter: &str) -> TopicFilter<'_> {
    TopicFilter::new(filter).unwrap()
}

fn id(number: u16) -> Option<PacketId> {
    PacketId::new(number)
}

fn properties(owner: PropertyOwner, list: &[Property<'_>]) -> Properties<'static> {
    let memory = Vec::leak(vec![0; list.iter().map(|property| property.encoded_len()).sum()]);
    let writer =
        list.iter().fold(PropertyWriter::new(owner, memory), |writer, &property| writer.push(property).unwrap());
    writer.finish().unwrap()
}

/// Bytes from hexadecimal digits and 'text', with spaces anywhere.
#[track_caller]
fn hex(notation: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (i, part) in notation.split('\'').enumerate() {
        if i % 2 == 1 {
            bytes.extend(part.bytes());
            continue;
        }
        let digits: String = part.split_whitespace().collect();
        assert!(digits.len().is_multiple_of(2), "{notation}");
        bytes.extend((0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()));
    }
    bytes
}

/// In windows of every size the packet is what it is in one piece.
#[test]
fn a_connect_in_parts_is_the_same_connect() {
    let will = Will {
        topic: TopicName::new("will").unwrap(),
        payload: b"gone",
        qos: Qos::ExactlyOnce,
        retain: true,
        properties: Properties::NONE,
    };
    let password = [7; 300];
    for version in [V3_1_1, V5] {
        let connect = Connect {
            will: Some(will),
            user_name: Some("user"),
            password: Some(&password),
            ..Connect::new(version, "client")
        };
        let mut whole = [0; 400];
        let len = connect.encode(&mut whole).unwrap();
        for size in 1..=len + 1 {
            let (mut parts, mut part) = (Vec::new(), vec![0; size]);
            loop {
                match connect.encode_part(parts.len(), &mut part).unwrap() {
                    0 => break,
                    taken => parts.extend_from_slice(&part[..taken]),
                }
            }
            assert_eq!(parts, &whole[..len], "in parts of {size}");
        }
        assert_eq!(connect.encode(&mut whole[..len - 1]), Err(EncodeError::NoRoom(len)));
    }
}

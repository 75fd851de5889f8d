//! Whatever can be encoded is decoded to the same; whatever arrives is a packet, a fault or a beginning, and never a
//! panic; the hand-written text check and topic matching agree with plain ones.

use dunlin_codec::{
    Ack, Auth, Connack, Connect, Decoded, Disconnect, EncodeError, FixedHeader, Packet, PacketId, PacketType,
    Properties, Property, PropertyId, PropertyOwner, PropertyWriter, Publish, PublishHead, Qos, ReasonCode,
    RetainHandling, Suback, Subscribe, SubscriptionFilter, SubscriptionOptions, TopicFilter, TopicName, Unsuback,
    Unsubscribe, Version, Will, copy_bytes, decode, move_bytes_down,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use Version::{V3_1_1, V5};

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_to_the_same((version, packet) in any_packet()) {
        let len = packet.encoded_len(version).unwrap();
        let mut wire = vec![0xEE; len];
        prop_assert_eq!(packet.encode(version, &mut wire), Ok(len));
        prop_assert_eq!(decode(version, &wire), Ok(Decoded::Packet { packet, consumed: len }));

        let header = FixedHeader::read(&wire).unwrap().unwrap();
        prop_assert_eq!(header.packet_len(), len);
        prop_assert_eq!(Packet::decode(version, header.first_byte, &wire[header.len..]), Ok(packet));

        // One byte short: told exactly, and nothing is written.
        let mut short = vec![0xEE; len - 1];
        prop_assert_eq!(packet.encode(version, &mut short), Err(EncodeError::NoRoom(len)));
        prop_assert!(short.iter().all(|&byte| byte == 0xEE));

        if let Packet::Publish(publish) = packet {
            let mut head = vec![0xEE; publish.head_len(version).unwrap()];
            publish.encode_head(version, &mut head);
            prop_assert_eq!([&head, publish.payload].concat(), &wire[..]);

            let is_plain = publish.properties.is_empty() && !publish.topic.is_empty() && header.remaining_length < 16_384;
            prop_assert_eq!(publish.plain_len(version), is_plain.then_some(len));
            if is_plain {
                let mut plain = vec![0xEE; len];
                publish.encode_plain(version, &mut plain);
                prop_assert_eq!(&plain, &wire);
            }

            // It is found again, whether the payload is behind it or not.
            for bytes in [&wire, &head] {
                let found = PublishHead::read(version, bytes).unwrap();
                prop_assert_eq!((found.len, found.packet_len, found.first_byte), (head.len(), len, wire[0]));
                prop_assert_eq!((found.qos, found.packet_id), (publish.qos, publish.packet_id));
                prop_assert_eq!((found.topic, found.properties), (publish.topic, publish.properties));
            }
            for cut in 0..head.len() {
                prop_assert_eq!(PublishHead::read(version, &head[..cut]), None);
            }
            if version == V5 && publish.properties.number(PropertyId::TopicAlias).is_none() {
                for topic in [publish.topic, TopicName::of_checked(b"")] {
                    let found = PublishHead::read(version, &head).unwrap();
                    let (head_len, packet_len) = found.aliased_len(topic).unwrap();
                    let mut aliased = vec![0xEE; head_len];
                    found.encode_aliased(topic, 0x0102, &mut aliased);
                    aliased.extend(publish.payload);
                    let decoded = decode(version, &aliased);
                    let Ok(Decoded::Packet { packet: Packet::Publish(decoded), consumed }) = decoded else {
                        panic!("{decoded:?} of {aliased:02x?}")
                    };
                    prop_assert_eq!((packet_len, consumed), (aliased.len(), aliased.len()));
                    let properties = [publish.properties.as_bytes(), &[0x23, 1, 2]].concat();
                    prop_assert_eq!(decoded.properties.as_bytes(), properties);
                    prop_assert_eq!(Publish { properties: publish.properties, topic: publish.topic, ..decoded }, publish);
                    prop_assert_eq!(decoded.topic, topic);
                }
            }
            let expiry = publish.properties.place(PropertyId::MessageExpiryInterval);
            let interval = expiry.map(|place| publish.properties.as_bytes()[place..][..4].try_into().unwrap());
            let expected = publish.properties.number(PropertyId::MessageExpiryInterval);
            prop_assert_eq!(interval.map(u32::from_be_bytes), expected);
        }
    }

    #[test]
    fn a_packet_that_is_not_all_there_tells_how_much_is_needed((version, packet) in any_packet(), more in vec(any::<u8>(), 0..9)) {
        let mut wire = encoded(version, &packet);
        for cut in 0..wire.len() {
            let decoded = decode(version, &wire[..cut]);
            let Ok(Decoded::Incomplete { needed }) = decoded else { panic!("cut at {cut}: {decoded:?}") };
            prop_assert!(needed > cut && needed <= wire.len());
            // Once the length is there it is told exactly.
            let told = FixedHeader::read(&wire[..cut]).unwrap().is_some();
            prop_assert!(!told || needed == wire.len());
        }
        let consumed = wire.len();
        wire.extend(more);
        prop_assert_eq!(decode(version, &wire), Ok(Decoded::Packet { packet, consumed }));
    }

    #[test]
    fn any_bytes_are_a_packet_a_fault_or_a_beginning(version in any_version(), input in vec(any::<u8>(), 0..64)) {
        holds_for_any_bytes(version, &input);
    }

    #[test]
    fn any_bytes_in_the_shape_of_a_packet(
        version in any_version(),
        first_byte in any::<u8>(),
        body in vec(prop_oneof![3 => 0..4_u8, 2 => 0..0x2B_u8, 1 => any::<u8>()], 0..48),
    ) {
        holds_for_any_bytes(version, &[&[first_byte, body.len() as u8], &body[..]].concat());
    }

    #[test]
    fn a_packet_with_some_bytes_changed((version, packet) in any_packet(), changes in vec((any::<u16>(), any::<u8>()), 1..4), expected in any_version()) {
        let mut wire = encoded(version, &packet);
        for (at, byte) in changes {
            let at = usize::from(at) % wire.len();
            wire[at] = byte;
        }
        holds_for_any_bytes(version, &wire);
        holds_for_any_bytes(expected, &wire);
    }

    #[test]
    fn the_text_check_agrees_with_the_library_on_any_bytes(bytes in vec(any::<u8>(), 0..24), at in 0..8_usize) {
        text_check_agrees(&bytes, at);
    }

    #[test]
    fn the_text_check_agrees_with_the_library_on_almost_text(
        text in any::<String>(),
        changes in vec((any::<u16>(), select(EDGE_BYTES)), 0..3),
        cut in any::<u16>(),
        at in 0..8_usize,
    ) {
        let mut bytes = text.into_bytes();
        if !bytes.is_empty() {
            for (at, byte) in changes {
                let at = usize::from(at) % bytes.len();
                bytes[at] = byte;
            }
            let len = bytes.len();
            text_check_agrees(&bytes, at);
            bytes.truncate(usize::from(cut) % len);
        }
        text_check_agrees(&bytes, at);
    }

    #[test]
    fn filters_match_what_the_slow_way_matches(filter in any_filter(), topic in small_topic()) {
        let levels: Vec<&str> = std::str::from_utf8(filter.levels()).unwrap().split('/').collect();
        let names: Vec<&str> = topic.as_str().split('/').collect();
        let hidden = topic.as_str().starts_with('$') && ["#", "+"].contains(&levels[0]); // MQTT-4.7.2-1
        prop_assert_eq!(filter.matches(topic), !hidden && slow_match(&levels, &names), "{} on {}", filter, topic);
        prop_assert_eq!(filter.has_wildcard(), levels.contains(&"#") || levels.contains(&"+"));
    }

    #[test]
    fn filters_are_what_the_slow_way_says(levels in vec(select(&["", "a", "+", "#", "a#", "+b", "$share", "g"][..]), 1..5)) {
        let text = levels.join("/");
        let shared = levels[0] == "$share" && levels.len() > 1;
        let rest = if shared { levels.get(2..).unwrap_or_default() } else { &levels[..] };
        let share_is_right = !shared || (!levels[1].is_empty() && !levels[1].contains(['#', '+']) && !rest.is_empty() && rest != [""]);
        let valid = !text.is_empty()
            && share_is_right
            && rest.iter().all(|level| level.len() == 1 || !level.contains(['#', '+']))
            && rest.iter().rev().skip(1).all(|level| *level != "#");
        prop_assert_eq!(TopicFilter::new(&text).is_ok(), valid, "{}", text);
    }

    #[test]
    fn copies_are_the_same_with_and_without_memcpy(mut bytes in vec(any::<u8>(), 0..24), from in 0..26_usize, to in 0..26_usize, len in 0..26_usize) {
        let mut expected = bytes.clone();
        if from + len <= bytes.len() && to <= from {
            expected.copy_within(from..from + len, to);
        }
        let mut moved = bytes.clone();
        move_bytes_down(&mut moved, from, to, len);
        prop_assert_eq!(&moved, &expected);

        let source = vec![0xEE; len];
        let both = len.min(bytes.len());
        let expected = [&source[..both], &bytes[both..]].concat();
        copy_bytes(&mut bytes, &source);
        prop_assert_eq!(bytes, expected);
    }
}

#[test]
fn the_text_check_agrees_with_the_library_at_the_edges_of_its_table() {
    for first in EDGE_BYTES {
        for second in EDGE_BYTES {
            for third in EDGE_BYTES {
                for fourth in EDGE_BYTES {
                    text_check_agrees(&[*first, *second, *third, *fourth], 0);
                }
                // At every place in words of eight bytes.
                for before in 0..17 {
                    let bytes = [
                        &b"sixteen bytes or"[..before.min(16)],
                        &[*first, *second, *third],
                        &b"8 behind"[..before % 9],
                    ];
                    text_check_agrees(&bytes.concat(), before % 8);
                }
            }
        }
    }
}

#[test]
fn the_topic_check_finds_a_forbidden_byte_wherever_it_stands() {
    // Neighbours of a forbidden byte in the same word may not hide it, nor be taken for it.
    for len in 1..34 {
        for at in 0..len {
            for byte in 0..=0xFF {
                for around in [b'a', 1, b'"', b'$', b'*', b',', 0x7F] {
                    let mut bytes = vec![around; len];
                    bytes[at] = byte;
                    text_check_agrees(&bytes, at % 8);
                }
            }
        }
    }
}

/// The promises of `decode` that hold whatever arrives.
fn holds_for_any_bytes(version: Version, input: &[u8]) {
    match decode(version, input) {
        Err(_) => {}
        Ok(Decoded::Incomplete { needed }) => {
            assert!(needed > input.len());
            let needed_told = FixedHeader::read(input).unwrap().map(|header| header.packet_len());
            assert!(needed_told.is_none_or(|told| told == needed));
        }
        Ok(Decoded::Packet { packet, consumed }) => {
            assert!((2..=input.len()).contains(&consumed));
            // Stable: what was decoded can be sent on, in its shortest form, and is then the same.
            let wire = encoded(version, &packet);
            assert!(wire.len() <= consumed);
            assert_eq!(decode(version, &wire), Ok(Decoded::Packet { packet, consumed: wire.len() }));
            assert_eq!(encoded(version, &packet), wire);
            // Views show themselves without a panic, and checked text is text.
            let _ = format!("{packet:?}");
            if let Packet::Publish(publish) = packet {
                assert_eq!(publish.topic.as_str().as_bytes(), publish.topic.as_bytes());
            }
        }
    }
}

fn encoded(version: Version, packet: &Packet<'_>) -> Vec<u8> {
    let mut wire = vec![0; packet.encoded_len(version).unwrap()];
    packet.encode(version, &mut wire).unwrap();
    wire
}

/// `bytes` as a topic, as a client identifier and as a property, `at` bytes behind the beginning of the memory.
#[track_caller]
fn text_check_agrees(bytes: &[u8], at: usize) {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let topic = text.filter(|text| !text.is_empty() && !text.contains(['#', '+']));
    let len = (bytes.len() as u16).to_be_bytes();

    let publish = [&vec![0; at][..], &len, bytes].concat();
    let decoded = Publish::decode(V3_1_1, 0x30, &publish[at..]).ok().map(|publish| publish.topic);
    assert_eq!(decoded.map(TopicName::as_bytes), topic.map(str::as_bytes), "{bytes:02X?}");
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(TopicName::new(text).ok().map(TopicName::as_str), topic, "{bytes:02X?}");
    }

    let connect = [&vec![0; at][..], b"\x00\x04MQTT\x04\x02\x00\x00", &len, bytes].concat();
    let decoded = Connect::decode(&connect[at..]).ok().map(|connect| connect.client_id);
    assert_eq!(decoded, text, "{bytes:02X?}");

    let property = [&vec![0; at][..], &[0x1F], &len, bytes].concat();
    let checked = Properties::check(PropertyOwner::Packet(PacketType::Puback), &property[at..]).ok();
    assert_eq!(checked.and_then(|checked| checked.iter().next()), text.map(Property::ReasonString), "{bytes:02X?}");
}

/// Topic matching as the standard tells it, by trying.
fn slow_match(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["#"], _) => true,
        ([], []) => true,
        (["+", filter @ ..], [_, topic @ ..]) => slow_match(filter, topic),
        ([level, filter @ ..], [name, topic @ ..]) => level == name && slow_match(filter, topic),
        _ => false,
    }
}

/// The borders of every row of the standard's table of UTF-8, and the bytes MQTT forbids in topics.
const EDGE_BYTES: &[u8] = &[
    0x00, b'#', b'+', b'a', 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
    0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
];

// Packets borrow what they are made of: strategies leak it, a few bytes a case.

fn any_version() -> impl Strategy<Value = Version> {
    select(&[V3_1_1, V5][..])
}

fn any_packet() -> impl Strategy<Value = (Version, Packet<'static>)> {
    any_version().prop_flat_map(|version| {
        let acks = [PacketType::Puback, PacketType::Pubrec, PacketType::Pubrel, PacketType::Pubcomp];
        let ack = select(acks.to_vec()).prop_flat_map(move |packet_type| any_ack(version, packet_type));
        let everywhere = prop_oneof![
            4 => any_connect(version).prop_map(Packet::Connect),
            2 => any_connack(version).prop_map(Packet::Connack),
            4 => any_publish(version).prop_map(Packet::Publish),
            4 => ack,
            2 => any_subscribe(version).prop_map(Packet::Subscribe),
            2 => any_unsubscribe(version).prop_map(Packet::Unsubscribe),
            2 => any_verdicts(version),
            1 => Just(Packet::Pingreq),
            1 => Just(Packet::Pingresp),
            1 => Just(Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS))),
        ];
        let packet = if version.is_v5() {
            prop_oneof![
                8 => everywhere,
                1 => any_disconnect().prop_map(Packet::Disconnect),
                1 => any_auth().prop_map(Packet::Auth),
            ]
            .boxed()
        } else {
            everywhere.boxed()
        };
        packet.prop_map(move |packet| (version, packet))
    })
}

fn any_connect(version: Version) -> impl Strategy<Value = Connect<'static>> {
    let will = (any_topic(), any_bytes(), any_qos(), any::<bool>(), any_properties(version, PropertyOwner::Will))
        .prop_map(|(topic, payload, qos, retain, properties)| Will { topic, payload, qos, retain, properties });
    let owner = PropertyOwner::Packet(PacketType::Connect);
    let credentials = (option::of(any_text()), option::of(any_bytes()));
    let rest = (any::<bool>(), any::<u16>(), any_text(), option::of(will), credentials, any_properties(version, owner));
    rest.prop_map(move |(clean_start, keep_alive, client_id, will, (user_name, password), properties)| Connect {
        version,
        clean_start,
        keep_alive,
        client_id,
        will,
        user_name,
        password: password.filter(|_| version.is_v5() || user_name.is_some()),
        properties,
    })
}

fn any_connack(version: Version) -> impl Strategy<Value = Connack<'static>> {
    let owner = PropertyOwner::Packet(PacketType::Connack);
    let reason = match version {
        V5 => any_reason(PacketType::Connack).boxed(),
        _ => (0..=5_u8).prop_map(ReasonCode::from_v3_return_code).boxed(),
    };
    (any::<bool>(), reason, any_properties(version, owner)).prop_map(move |(present, reason, properties)| Connack {
        properties,
        ..Connack::new(version, present && reason == ReasonCode::SUCCESS, reason)
    })
}

fn any_publish(version: Version) -> impl Strategy<Value = Publish<'static>> {
    let owner = PropertyOwner::Packet(PacketType::Publish);
    let payload = prop_oneof![9 => any_bytes(), 1 => (100..20_000_usize).prop_map(|len| &*vec![7; len].leak())];
    let flags = (any::<bool>(), any_qos(), any::<bool>());
    (flags, any_topic(), any_id(), any_properties(version, owner), payload).prop_map(
        |((dup, qos, retain), topic, id, properties, payload)| Publish {
            dup: dup && qos != Qos::AtMostOnce,
            qos,
            retain,
            topic,
            packet_id: (qos != Qos::AtMostOnce).then_some(id),
            properties,
            payload,
        },
    )
}

fn any_ack(version: Version, packet_type: PacketType) -> impl Strategy<Value = Packet<'static>> {
    let reason = if version.is_v5() { any_reason(packet_type).boxed() } else { Just(ReasonCode::SUCCESS).boxed() };
    let properties = any_properties(version, PropertyOwner::Packet(packet_type));
    (any_id(), reason, properties).prop_map(move |(packet_id, reason, properties)| {
        let ack = Ack { packet_id, reason, properties };
        match packet_type {
            PacketType::Puback => Packet::Puback(ack),
            PacketType::Pubrec => Packet::Pubrec(ack),
            PacketType::Pubrel => Packet::Pubrel(ack),
            _ => Packet::Pubcomp(ack),
        }
    })
}

fn any_subscribe(version: Version) -> impl Strategy<Value = Subscribe<'static>> {
    let handling = select(&[RetainHandling::OnSubscribe, RetainHandling::OnNewSubscribe, RetainHandling::Never][..]);
    let options = (any_qos(), any::<bool>(), any::<bool>(), handling);
    let filter = (any_filter(), options).prop_map(move |(filter, (qos, local, as_published, retain_handling))| {
        let no_local = local && filter.share_name().is_none();
        let options = SubscriptionOptions { qos, no_local, retain_as_published: as_published, retain_handling };
        let options = if version.is_v5() { options } else { SubscriptionOptions::new(qos) };
        SubscriptionFilter { filter, options }
    });
    let owner = PropertyOwner::Packet(PacketType::Subscribe);
    (any_id(), vec(filter, 1..4), any_properties(version, owner))
        .prop_map(|(id, filters, properties)| Subscribe { properties, ..Subscribe::new(id, filters.leak()) })
}

fn any_unsubscribe(version: Version) -> impl Strategy<Value = Unsubscribe<'static>> {
    let owner = PropertyOwner::Packet(PacketType::Unsubscribe);
    (any_id(), vec(any_filter(), 1..4), any_properties(version, owner))
        .prop_map(|(id, filters, properties)| Unsubscribe { properties, ..Unsubscribe::new(id, filters.leak()) })
}

fn any_verdicts(version: Version) -> impl Strategy<Value = Packet<'static>> {
    let verdicts = move |packet_type| {
        let code = match version {
            V5 => any_reason(packet_type).prop_map(ReasonCode::get).boxed(),
            _ => select(&[0, 1, 2, 0x80][..]).boxed(),
        };
        let codes = vec(code, 0..5).prop_map(|codes| &*codes.leak());
        (any_id(), any_properties(version, PropertyOwner::Packet(packet_type)), codes)
    };
    prop_oneof![
        verdicts(PacketType::Suback).prop_map(|(packet_id, properties, codes)| Packet::Suback(Suback {
            packet_id,
            properties,
            codes
        })),
        verdicts(PacketType::Unsuback).prop_map(move |(packet_id, properties, codes)| {
            let codes = if version.is_v5() { codes } else { &[] };
            Packet::Unsuback(Unsuback { packet_id, properties, codes })
        }),
    ]
}

fn any_disconnect() -> impl Strategy<Value = Disconnect<'static>> {
    let owner = PropertyOwner::Packet(PacketType::Disconnect);
    (any_reason(PacketType::Disconnect), any_properties(V5, owner))
        .prop_map(|(reason, properties)| Disconnect { reason, properties })
}

fn any_auth() -> impl Strategy<Value = Auth<'static>> {
    let owner = PropertyOwner::Packet(PacketType::Auth);
    let with_method = |properties: &Properties<'_>| !properties.is_empty() && properties.iter().any(is_method);
    (any_reason(PacketType::Auth), any_properties(V5, owner).prop_filter("method", with_method))
        .prop_map(|(reason, properties)| Auth { reason, properties })
}

fn is_method(property: Property<'_>) -> bool {
    matches!(property, Property::AuthenticationMethod(_))
}

/// Those of all properties that the table lets stand here, in any order.
fn any_properties(version: Version, owner: PropertyOwner) -> impl Strategy<Value = Properties<'static>> {
    if !version.is_v5() {
        return Just(Properties::NONE).boxed();
    }
    let list = vec(any_property(), 0..24);
    list.prop_map(move |list| {
        let mut properties = Properties::NONE;
        let mut accepted = Vec::new();
        for property in list {
            accepted.push(property);
            let memory = vec![0; accepted.iter().map(|property: &Property<'_>| property.encoded_len()).sum()].leak();
            let writer = accepted
                .iter()
                .fold(PropertyWriter::new(owner, memory), |writer, &property| writer.push(property).unwrap());
            match writer.finish() {
                Ok(written) => properties = written,
                Err(_) => drop(accepted.pop()),
            }
        }
        assert!(properties.iter().eq(accepted));
        properties
    })
    .boxed()
}

fn any_property() -> impl Strategy<Value = Property<'static>> {
    prop_oneof![
        any::<bool>().prop_map(Property::PayloadFormatIndicator),
        any::<u32>().prop_map(Property::MessageExpiryInterval),
        any_text().prop_map(Property::ContentType),
        any_topic().prop_map(|topic| Property::ResponseTopic(topic.as_str())),
        any_bytes().prop_map(Property::CorrelationData),
        prop_oneof![1..300_u32, 1..=268_435_455_u32].prop_map(Property::SubscriptionIdentifier),
        any::<u32>().prop_map(Property::SessionExpiryInterval),
        any_text().prop_map(Property::AssignedClientIdentifier),
        any::<u16>().prop_map(Property::ServerKeepAlive),
        any_text().prop_map(Property::AuthenticationMethod),
        any_text().prop_map(Property::AuthenticationMethod),
        any_text().prop_map(Property::AuthenticationMethod),
        any_bytes().prop_map(Property::AuthenticationData),
        any::<bool>().prop_map(Property::RequestProblemInformation),
        any::<u32>().prop_map(Property::WillDelayInterval),
        any::<bool>().prop_map(Property::RequestResponseInformation),
        any_text().prop_map(Property::ResponseInformation),
        any_text().prop_map(Property::ServerReference),
        any_text().prop_map(Property::ReasonString),
        (1..=u16::MAX).prop_map(Property::ReceiveMaximum),
        any::<u16>().prop_map(Property::TopicAliasMaximum),
        (1..=u16::MAX).prop_map(Property::TopicAlias),
        any::<bool>().prop_map(Property::MaximumQos),
        any::<bool>().prop_map(Property::RetainAvailable),
        (any_text(), any_text()).prop_map(|(name, value)| Property::UserProperty(name, value)),
        (1..=u32::MAX).prop_map(Property::MaximumPacketSize),
        any::<bool>().prop_map(Property::WildcardSubscriptionAvailable),
        any::<bool>().prop_map(Property::SubscriptionIdentifierAvailable),
        any::<bool>().prop_map(Property::SharedSubscriptionAvailable),
    ]
}

fn any_reason(packet_type: PacketType) -> impl Strategy<Value = ReasonCode> {
    let listed: Vec<_> = (0..=0xFF).map(ReasonCode::new).filter(|reason| reason.is_listed_for(packet_type)).collect();
    select(listed)
}

fn any_id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|id| PacketId::new(id).unwrap())
}

fn any_qos() -> impl Strategy<Value = Qos> {
    select(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce][..])
}

fn any_bytes() -> impl Strategy<Value = &'static [u8]> {
    vec(any::<u8>(), 0..12).prop_map(|bytes| &*bytes.leak())
}

fn any_text() -> impl Strategy<Value = &'static str> {
    vec(any::<char>().prop_filter("U+0000", |&char| char != '\0'), 0..10)
        .prop_map(|chars| &*chars.into_iter().collect::<String>().leak())
}

fn any_topic() -> impl Strategy<Value = TopicName<'static>> {
    any_text().prop_filter_map("topic", |text| TopicName::new(text).ok())
}

fn small_topic() -> impl Strategy<Value = TopicName<'static>> {
    vec(select(&["", "a", "b", "$SYS", "é"][..]), 1..5)
        .prop_filter_map("topic", |levels| TopicName::new(levels.join("/").leak()).ok())
}

fn any_filter() -> impl Strategy<Value = TopicFilter<'static>> {
    let level = select(&["", "a", "b", "+", "$SYS", "é"][..]);
    let share = select(&["", "", "$share/group/", "$share/é/"][..]);
    (share, vec(level, 0..5), any::<bool>()).prop_filter_map("filter", |(share, mut levels, hash)| {
        levels.extend(hash.then_some("#"));
        TopicFilter::new(format!("{share}{}", levels.join("/")).leak()).ok()
    })
}

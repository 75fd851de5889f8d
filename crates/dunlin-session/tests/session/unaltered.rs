//! Texts and properties go both ways byte by byte.

use dunlin_codec::{
    PacketType, Properties, Property, PropertyId, PropertyOwner, SubscriptionFilter, SubscriptionOptions, TopicFilter,
};
use dunlin_session::{Event, PublishOptions};

use crate::{
    scene::{QOS1, scenes, scenes_v5},
    wire::packet,
};

/// U+FEFF, first, last and in between: a character like others [MQTT-1.5.4-3], in 3.1.1 [MQTT-1.5.3-3].
const MARKED: &[u8] = b"\xEF\xBB\xBFa\xEF\xBB\xBF/b\xEF\xBB\xBF";

#[test]
fn a_byte_order_mark_is_part_of_its_topic_and_of_its_filter() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let none: &[u8] = if scene.is_v5() { &[0] } else { &[] };
        let message = packet(0x30, &[&[0, MARKED.len() as u8], MARKED, none].concat());
        let events = scene.receives(&message);
        let [Event::Message { publish, .. }] = events[..] else { panic!("{events:?}") };
        assert_eq!(publish.topic.as_bytes(), MARKED);
        let filter = TopicFilter::new(std::str::from_utf8(MARKED).unwrap()).unwrap();
        let wants = [SubscriptionFilter { filter, options: SubscriptionOptions::new(QOS1) }];
        scene.subscribe(&wants, Properties::NONE).unwrap();
        assert_eq!(scene.wire(), packet(0x82, &[&[0, 1][..], none, &[0, MARKED.len() as u8], MARKED, &[1]].concat()));
    }
}

/// Two with one name, in an order that nothing sorts, and one with nothing in it.
const USER_PROPERTIES: &[u8] = b"\x26\0\x01z\0\x011\x26\0\x01a\0\x012\x26\0\x01z\0\x04\xEF\xBB\xBF3\x26\0\0\0\0";

fn user_properties(properties: Properties<'_>) -> Vec<(String, String)> {
    properties.user_properties().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// [MQTT-3.3.2-17] [MQTT-3.3.2-18]
#[test]
fn user_properties_keep_their_order_and_their_doubles_both_ways() {
    let expected = [("z", "1"), ("a", "2"), ("z", "\u{FEFF}3"), ("", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let message = packet(0x30, &[&b"\0\x01t"[..], &[USER_PROPERTIES.len() as u8], USER_PROPERTIES, b"p"].concat());
        let events = scene.receives(&message);
        let [Event::Message { publish, .. }] = events[..] else { panic!("{events:?}") };
        assert_eq!(user_properties(publish.properties), expected);
        // The same goes on to another server.
        let options = PublishOptions { properties: publish.properties, ..PublishOptions::default() };
        scene.publish(b"p", options).unwrap();
        assert_eq!(scene.wire(), message);
    }
}

/// [MQTT-3.3.4-4]
#[test]
fn every_subscription_identifier_of_a_message_is_told_in_its_order() {
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        let events = scene.receives(b"\x30\x0C\0\x01t\x07\x0B\x07\x0B\xFF\x7F\x0B\x02p\x30\x04\0\x01t\0");
        let identifiers = events.iter().map(|event| match event {
            Event::Message { publish, .. } => publish.properties.iter().collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        });
        let three = [7, 16_383, 2].map(Property::SubscriptionIdentifier);
        assert_eq!(identifiers.collect::<Vec<_>>(), [three.to_vec(), vec![]]);
    }
}

#[test]
fn every_other_property_of_a_message_is_told_and_sent_as_it_is() {
    let bytes = b"\x01\x01\x02\0\0\0\x3C\x03\0\x04text\x08\0\x03r/s\x09\0\x02\0\xFF";
    let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), bytes).unwrap();
    for scene in scenes_v5() {
        let mut scene = scene.connected();
        scene.publish(b"p", PublishOptions { properties, ..PublishOptions::default() }).unwrap();
        let wire = scene.wire();
        assert_eq!(wire, packet(0x30, &[&b"\0\x01t"[..], &[bytes.len() as u8], &bytes[..], b"p"].concat()));
        let events = scene.receives(&wire);
        let [Event::Message { publish, .. }] = events[..] else { panic!("{events:?}") };
        let told = publish.properties;
        assert_eq!(told.number(PropertyId::PayloadFormatIndicator), Some(1));
        assert_eq!(told.number(PropertyId::MessageExpiryInterval), Some(60));
        assert_eq!(
            (told.text(PropertyId::ContentType), told.text(PropertyId::ResponseTopic)),
            (Some("text"), Some("r/s"))
        );
        assert_eq!(told.binary(PropertyId::CorrelationData), Some(&[0, 0xFF][..]));
    }
}

use dunlin_codec::{Packet, PacketType, Property, Qos, ReasonCode};
use dunlin_testkit::{Message, ServerOptions};

use crate::story::{Story, V3, V5, owned, properties, publish, seconds};
use PacketType::{Puback, Pubcomp, Pubrec, Pubrel};

#[test]
fn each_qos_goes_both_ways_in_both_versions() {
    for (from, to) in [(V3, V3), (V3, V5), (V5, V3), (V5, V5)] {
        let mut story = Story::new();
        let (sender, receiver) = (story.client(from, "sender"), story.client(to, "receiver"));
        story.subscribe(receiver, "t", Qos::ExactlyOnce);

        story.publish(sender, "t", "zero", 0, 0);
        assert_eq!(story.read(sender), [""; 0]);
        assert_eq!(story.read(receiver), ["PUBLISH q0 t=zero"]);

        story.publish(sender, "t", "one", 1, 5);
        assert_eq!(story.read(sender), ["PUBACK #5 0x00"]);
        assert_eq!(story.read(receiver), ["PUBLISH q1 #1 t=one"]);
        story.ack(receiver, Puback, 1);

        story.publish(sender, "t", "two", 2, 6);
        assert_eq!(story.read(sender), ["PUBREC #6 0x00"]);
        story.ack(sender, Pubrel, 6);
        assert_eq!(story.read(sender), ["PUBCOMP #6 0x00"]);
        assert_eq!(story.read(receiver), ["PUBLISH q2 #2 t=two"]);
        story.ack(receiver, Pubrec, 2);
        assert_eq!(story.read(receiver), ["PUBREL #2 0x00"]);
        story.ack(receiver, Pubcomp, 2);
        assert_eq!(story.server.clients()[0].in_flight, 0);
        story.assert_no_breaches();

        let received = story.server.received();
        let told: Vec<_> = received.iter().map(|it| (it.message.text(), it.message.qos() as u8, it.dup)).collect();
        assert_eq!(told, [("zero".into(), 0, false), ("one".into(), 1, false), ("two".into(), 2, false)]);
    }
}

#[test]
fn messages_leave_in_the_order_they_came() {
    let mut story = Story::new();
    let (sender, receiver) = (story.client(V5, "sender"), story.client(V5, "receiver"));
    story.subscribe(receiver, "#", Qos::ExactlyOnce);
    for id in 1..=50_u16 {
        story.publish(sender, "t", &id.to_string(), 1 + (id % 2) as u8, id);
    }
    let told = story.read(receiver);
    for (index, line) in told.iter().enumerate() {
        assert!(line.ends_with(&format!("t={}", index + 1)), "{line}");
    }
    assert_eq!(told.len(), 50);
}

#[test]
fn a_qos_2_message_sent_again_is_delivered_once_also_over_connections() {
    for version in [V3, V5] {
        let mut story = Story::new();
        let (sender, _) = story.resuming(version, "sender");
        story.publish(sender, "t", "once", 2, 9);
        story.lose(sender);
        let (sender, told) = story.resuming(version, "sender");
        assert_eq!(told.len(), 1);
        story.publish_again(sender, "t", "once", 2, 9);
        assert_eq!(story.read(sender).len(), 1);
        story.ack(sender, Pubrel, 9);
        assert_eq!(story.read(sender), ["PUBCOMP #9 0x00"]);
        assert_eq!(story.server.received_total(), 1);

        // Free again: a new message.
        story.publish(sender, "t", "twice", 2, 9);
        assert_eq!(story.server.received_total(), 2);
        story.assert_no_breaches();
    }
}

#[test]
fn a_qos_1_message_sent_again_is_delivered_again() {
    let mut story = Story::new();
    let (sender, _) = story.resuming(V5, "sender");
    story.publish(sender, "t", "x", 1, 9);
    story.lose(sender);
    let (sender, _) = story.resuming(V5, "sender");
    story.publish_again(sender, "t", "x", 1, 9);
    let dups: Vec<_> = story.server.received().iter().map(|it| it.dup).collect();
    assert_eq!(dups, [false, true]);
    story.assert_no_breaches();
}

#[test]
fn a_pubrel_sent_again_after_its_pubcomp_was_lost_is_answered() {
    let mut story = Story::new();
    let (sender, _) = story.resuming(V5, "sender");
    story.publish(sender, "t", "x", 2, 9);
    story.ack(sender, Pubrel, 9);
    story.lose(sender);
    let (sender, _) = story.resuming(V5, "sender");
    story.ack(sender, Pubrel, 9);
    assert_eq!(story.read(sender), ["PUBCOMP #9 0x92"]);
    story.assert_no_breaches();
}

#[test]
fn a_resumed_session_begins_with_what_was_not_acknowledged() {
    for version in [V3, V5] {
        let mut story = Story::new();
        let (client, _) = story.resuming(version, "a");
        story.subscribe(client, "t", Qos::ExactlyOnce);
        for (payload, qos) in [("1", 1), ("2", 2), ("3", 2), ("4", 1)] {
            story.server.publish("t", payload, Qos::from_u8(qos).unwrap(), false, story.now).unwrap();
        }
        story.read(client);
        story.ack(client, Pubrec, 2);
        story.lose(client);
        story.server.publish("t", "5", Qos::AtLeastOnce, false, story.now).unwrap();

        let (client, told) = story.resuming(version, "a");
        assert_eq!(
            told[1..],
            [
                "PUBLISH q1 #1 dup t=1",
                "PUBREL #2 0x00",
                "PUBLISH q2 #3 dup t=3",
                "PUBLISH q1 #4 dup t=4",
                "PUBLISH q1 #5 t=5"
            ]
        );
        story.ack(client, Puback, 1);
        story.ack(client, Pubcomp, 2);
        story.ack(client, Puback, 4);
        story.ack(client, Puback, 5);
        story.ack(client, Pubrec, 3);
        story.ack(client, Pubcomp, 3);
        assert_eq!(story.server.clients()[0].in_flight, 0);
        story.assert_no_breaches();
    }
}

#[test]
fn a_server_can_be_told_to_forget_redelivery() {
    let mut story = Story::with(ServerOptions::new().redeliver_on_resume(false));
    let (client, _) = story.resuming(V5, "a");
    story.subscribe(client, "t", Qos::AtLeastOnce);
    story.server.publish("t", "1", Qos::AtLeastOnce, false, story.now).unwrap();
    story.lose(client);
    assert_eq!(story.resuming(V5, "a").1.len(), 1);
}

#[test]
fn properties_arrive_unaltered_and_in_order() {
    let mut story = Story::new();
    let (sender, receiver) = (story.client(V5, "sender"), story.client(V5, "receiver"));
    story.subscribe(receiver, "t", Qos::AtMostOnce);
    let bytes = properties([
        Property::UserProperty("b", "1"),
        Property::ContentType("text/plain"),
        Property::UserProperty("a", "2"),
        Property::TopicAlias(1),
        Property::CorrelationData(b"\0\xFF"),
        Property::ResponseTopic("answers"),
    ]);
    let mut packet = publish("t", "x", 0, 0);
    packet.properties = owned(PacketType::Publish, &bytes);
    story.send(sender, &Packet::Publish(packet));
    assert_eq!(
        story.read(receiver),
        ["PUBLISH q0 t=x UserProperty(\"b\", \"1\") ContentType(\"text/plain\") UserProperty(\"a\", \"2\") \
          CorrelationData([0, 255]) ResponseTopic(\"answers\")"]
    );
    // The alias now stands for the topic: a PUBLISH without one.
    story.send_bytes(sender, b"\x30\x07\x00\x00\x03\x23\x00\x01y");
    assert_eq!(story.read(receiver), ["PUBLISH q0 t=y"]);
    story.assert_no_breaches();
}

#[test]
fn message_expiry_counts_down_and_ends_what_was_not_sent() {
    let mut story = Story::new();
    let (client, _) = story.resuming(V5, "a");
    story.subscribe(client, "t", Qos::AtLeastOnce);
    story.lose(client);
    for (payload, expiry) in [("short", 5), ("long", 10)] {
        let message = Message::new("t", payload).unwrap().with_qos(Qos::AtLeastOnce);
        let message = message.with_property(Property::MessageExpiryInterval(expiry)).unwrap();
        story.server.publish_message(message, story.now);
    }
    story.pass(seconds(6));
    let (client, told) = story.resuming(V5, "a");
    assert_eq!(told[1..], ["PUBLISH q1 #1 t=long MessageExpiryInterval(4)"]);
    story.lose(client);
    // What was sent once never expires [MQTT-4.3.3-7].
    story.pass(seconds(60));
    assert_eq!(story.resuming(V5, "a").1[1..], ["PUBLISH q1 #1 dup t=long MessageExpiryInterval(4)"]);
}

#[test]
fn a_message_that_nobody_wants_is_told_to_be_so() {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    story.publish(client, "t", "x", 1, 1);
    assert_eq!(story.read(client), ["PUBACK #1 0x10"]);
    story.server.reconfigure(|options| options.tell_no_matching_subscribers(false));
    story.publish(client, "t", "x", 1, 2);
    assert_eq!(story.read(client), ["PUBACK #2 0x00"]);
}

#[test]
fn a_denied_publish_is_told_in_5_0_and_dropped_in_3_1_1() {
    let options = ServerOptions::new().deny_publish("secret/#", ReasonCode::NOT_AUTHORIZED).unwrap();
    let mut story = Story::with(options.reason_strings(true));
    let reader = story.client(V5, "reader");
    story.subscribe(reader, "#", Qos::AtMostOnce);
    let client = story.client(V5, "new");
    story.publish(client, "secret/1", "x", 2, 1);
    assert_eq!(story.read(client), ["PUBREC #1 0x87 ReasonString(\"Not authorized\")"]);
    story.publish(client, "secret/1", "x", 2, 1);
    assert_eq!(story.read(client).len(), 1);
    let client = story.client(V3, "old");
    story.publish(client, "secret/1", "x", 2, 1);
    assert_eq!(story.read(client), ["PUBREC #1 0x00"]);
    story.ack(client, Pubrel, 1);
    assert_eq!(story.read(client), ["PUBCOMP #1 0x00"]);
    assert_eq!(story.read(reader), [""; 0]);
    story.assert_no_breaches();
}

#[test]
fn aliases_and_identifiers_of_the_test_are_not_passed_on() {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    story.subscribe(client, "t", Qos::AtMostOnce);
    let mut message = Message::new("t", "x").unwrap();
    for property in [Property::TopicAlias(5), Property::SubscriptionIdentifier(5), Property::ContentType("c")] {
        message = message.with_property(property).unwrap();
    }
    story.server.publish_message(message, story.now);
    assert_eq!(story.read(client), ["PUBLISH q0 t=x ContentType(\"c\")"]);
}

use dunlin_codec::{PacketType, Qos, ReasonCode, SubscriptionOptions};
use dunlin_testkit::ServerOptions;

use crate::story::{Story, V3, V5};

#[test]
fn verdicts_come_for_each_filter_in_order() {
    let options = ServerOptions::new().maximum_qos(Qos::AtLeastOnce);
    let mut story = Story::with(options.deny_subscribe("no", ReasonCode::NOT_AUTHORIZED).unwrap());
    let client = story.client(V5, "a");
    // SUBSCRIBE of "a" QoS 0, "b" QoS 2, "no" QoS 1.
    story.send_bytes(client, b"\x82\x10\x00\x07\x00\x00\x01a\x00\x00\x01b\x02\x00\x02no\x01");
    assert_eq!(story.read(client), ["SUBACK #7 [00, 01, 87]"]);
    assert_eq!(story.server.clients()[0].subscriptions, ["a", "b"]);
    let old = story.client(V3, "b");
    assert_eq!(story.subscribe(old, "no", Qos::AtMostOnce), ["SUBACK #1000 [80]"]);
}

#[test]
fn unsubscribing_what_is_not_there_is_told() {
    let mut story = Story::new();
    let (old, new) = (story.client(V3, "old"), story.client(V5, "new"));
    assert_eq!(story.unsubscribe(new, "t"), ["UNSUBACK #1001 [11]"]);
    assert_eq!(story.unsubscribe(old, "t"), ["UNSUBACK #1001 []"]);
    story.subscribe(new, "t", Qos::AtMostOnce);
    assert_eq!(story.unsubscribe(new, "t"), ["UNSUBACK #1001 [00]"]);
    story.server.publish("t", "x", Qos::AtMostOnce, false, story.now).unwrap();
    assert_eq!(story.read(new), [""; 0]);
}

#[test]
fn overlapping_subscriptions_give_one_copy_with_all_identifiers() {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    for (filter, qos, identifier) in [("a/#", 0, Some(1)), ("a/+", 2, Some(2)), ("a/b", 1, None), ("x", 2, Some(9))] {
        let options = SubscriptionOptions::new(Qos::from_u8(qos).unwrap());
        story.subscribe_with(client, filter, options, identifier);
    }
    story.server.publish("a/b", "x", Qos::ExactlyOnce, false, story.now).unwrap();
    assert_eq!(story.read(client), ["PUBLISH q2 #1 a/b=x SubscriptionIdentifier(1) SubscriptionIdentifier(2)"]);
}

#[test]
fn no_local_keeps_a_clients_own_messages_from_it() {
    let mut story = Story::new();
    let (one, other) = (story.client(V5, "one"), story.client(V5, "other"));
    let options = SubscriptionOptions { no_local: true, ..SubscriptionOptions::new(Qos::AtMostOnce) };
    story.subscribe_with(one, "t", options, None);
    story.publish(one, "t", "mine", 0, 0);
    story.publish(other, "t", "yours", 0, 0);
    assert_eq!(story.read(one), ["PUBLISH q0 t=yours"]);
}

#[test]
fn leading_wildcards_do_not_match_dollar_topics() {
    let mut story = Story::new();
    let client = story.client(V5, "a");
    story.subscribe(client, "#", Qos::AtMostOnce);
    story.subscribe(client, "+/x", Qos::AtMostOnce);
    story.server.publish("$SYS/x", "no", Qos::AtMostOnce, false, story.now).unwrap();
    assert_eq!(story.read(client), [""; 0]);
    story.subscribe(client, "$SYS/#", Qos::AtMostOnce);
    story.server.publish("$SYS/x", "yes", Qos::AtMostOnce, false, story.now).unwrap();
    assert_eq!(story.read(client), ["PUBLISH q0 $SYS/x=yes"]);
}

#[test]
fn shared_subscriptions_take_turns() {
    let mut story = Story::new();
    let clients = [story.client(V5, "a"), story.client(V3, "b"), story.client(V5, "c")];
    for client in clients {
        story.subscribe(client, "$share/g/t/+", Qos::AtLeastOnce);
    }
    let whole = story.client(V5, "whole");
    story.subscribe(whole, "t/+", Qos::AtMostOnce);
    for n in 0..9 {
        story.server.publish("t/1", n.to_string(), Qos::AtMostOnce, false, story.now).unwrap();
    }
    for client in clients {
        assert_eq!(story.read(client).len(), 3);
    }
    assert_eq!(story.read(whole).len(), 9);
}

#[test]
fn shared_subscriptions_prefer_members_that_are_connected() {
    let mut story = Story::new();
    let (away, _) = story.resuming(V5, "away");
    story.subscribe(away, "$share/g/t", Qos::AtLeastOnce);
    story.lose(away);
    let here = story.client(V5, "here");
    story.subscribe(here, "$share/g/t", Qos::AtLeastOnce);
    for _ in 0..4 {
        story.server.publish("t", "x", Qos::AtLeastOnce, false, story.now).unwrap();
    }
    assert_eq!(story.read(here).len(), 4);
    story.ack(here, PacketType::Puback, 1);
    story.unsubscribe(here, "$share/g/t");
    story.server.publish("t", "kept", Qos::AtLeastOnce, false, story.now).unwrap();
    assert_eq!(story.resuming(V5, "away").1[1..], ["PUBLISH q1 #1 t=kept"]);
}

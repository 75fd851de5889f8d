use dunlin_codec::{Packet, Property, Qos, RetainHandling, SubscriptionOptions};
use dunlin_testkit::Message;

use crate::story::{Story, V3, V5, publish, seconds};

fn retain(story: &mut Story, topic: &str, payload: &str) {
    story.server.publish(topic, payload, Qos::AtLeastOnce, true, story.now).unwrap();
}

#[test]
fn a_retained_message_comes_to_new_subscriptions_until_it_is_deleted() {
    for version in [V3, V5] {
        let mut story = Story::new();
        let sender = story.client(version, "sender");
        let mut packet = publish("t", "kept", 0, 0);
        packet.retain = true;
        story.send(sender, &Packet::Publish(packet));
        let client = story.client(version, "a");
        assert_eq!(story.subscribe(client, "#", Qos::AtMostOnce), ["SUBACK #1000 [00]", "PUBLISH q0 retain t=kept"]);
        packet.payload = b"";
        story.send(sender, &Packet::Publish(packet));
        assert_eq!(story.read(client), ["PUBLISH q0 t="]);
        assert_eq!(story.subscribe(client, "t", Qos::AtMostOnce), ["SUBACK #1000 [00]"]);
    }
}

#[test]
fn retain_handling_says_which_retained_messages_come() {
    let mut story = Story::new();
    retain(&mut story, "t", "kept");
    let client = story.client(V5, "a");
    let mut ask = |handling| {
        let options = SubscriptionOptions { retain_handling: handling, ..SubscriptionOptions::new(Qos::AtMostOnce) };
        story.subscribe_with(client, "t", options, None).len() - 1
    };
    assert_eq!(ask(RetainHandling::Never), 0);
    assert_eq!(ask(RetainHandling::OnNewSubscribe), 0);
    assert_eq!(ask(RetainHandling::OnSubscribe), 1);
    assert_eq!(story.unsubscribe(client, "t"), ["UNSUBACK #1001 [00]"]);
    let options = SubscriptionOptions {
        retain_handling: RetainHandling::OnNewSubscribe,
        ..SubscriptionOptions::new(Qos::AtMostOnce)
    };
    assert_eq!(story.subscribe_with(client, "t", options, None).len(), 2);
}

#[test]
fn retain_as_published_keeps_the_flag_of_new_messages() {
    let mut story = Story::new();
    let (plain, keeping) = (story.client(V5, "plain"), story.client(V5, "keeping"));
    story.subscribe(plain, "t", Qos::AtMostOnce);
    let options = SubscriptionOptions { retain_as_published: true, ..SubscriptionOptions::new(Qos::AtMostOnce) };
    story.subscribe_with(keeping, "t", options, None);
    retain(&mut story, "t", "x");
    assert_eq!(story.read(plain), ["PUBLISH q0 t=x"]);
    assert_eq!(story.read(keeping), ["PUBLISH q0 retain t=x"]);
}

#[test]
fn a_retained_message_expires() {
    let mut story = Story::new();
    let message = Message::new("t", "x").unwrap().with_retain(true);
    story.server.publish_message(message.with_property(Property::MessageExpiryInterval(5)).unwrap(), story.now);
    let client = story.client(V5, "a");
    story.pass(seconds(2));
    let told = story.subscribe(client, "t", Qos::AtMostOnce);
    assert_eq!(told[1..], ["PUBLISH q0 retain t=x MessageExpiryInterval(3)"]);
    story.pass(seconds(3));
    assert_eq!(story.subscribe(client, "t", Qos::AtMostOnce).len(), 1);
}

#[test]
fn shared_subscriptions_get_no_retained_messages() {
    let mut story = Story::new();
    retain(&mut story, "t", "x");
    let client = story.client(V5, "a");
    assert_eq!(story.subscribe(client, "$share/g/t", Qos::AtMostOnce), ["SUBACK #1000 [00]"]);
}

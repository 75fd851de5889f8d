use dunlin_codec::{Connect, PacketType, Property, Qos, ReasonCode, Version};
use dunlin_testkit::ServerOptions;

use crate::story::{Client, Story, V3, V5, owned, properties, will};

#[test]
fn each_connection_speaks_the_version_of_its_connect() {
    let mut story = Story::new();
    let old = story.connect(V3, &Connect::new(V3, "old"));
    let new = story.connect(V5, &Connect::new(V5, "new"));
    assert_eq!(story.read(old), ["CONNACK new 0x00"]);
    assert_eq!(story.read(new), ["CONNACK new 0x00 MaximumPacketSize(1048576) TopicAliasMaximum(16)"]);
    story.assert_no_breaches();
}

#[test]
fn limits_are_announced_in_5_0_alone() {
    let mut story = Story::with(
        ServerOptions::new()
            .receive_maximum(7)
            .maximum_qos(Qos::AtLeastOnce)
            .retain_available(false)
            .maximum_packet_size(500)
            .topic_alias_maximum(0)
            .wildcard_subscription_available(false)
            .subscription_identifier_available(false)
            .shared_subscription_available(false)
            .server_keep_alive(9)
            .session_expiry_maximum(60),
    );
    let wanted = properties([Property::SessionExpiryInterval(100)]);
    let connect = Connect { properties: owned(PacketType::Connect, &wanted), ..Connect::new(V5, "") };
    let new = story.connect(V5, &connect);
    assert_eq!(
        story.read(new),
        ["CONNACK new 0x00 SessionExpiryInterval(60) ReceiveMaximum(7) MaximumQos(true) RetainAvailable(false) \
          MaximumPacketSize(500) AssignedClientIdentifier(\"assigned1\") WildcardSubscriptionAvailable(false) \
          SubscriptionIdentifierAvailable(false) SharedSubscriptionAvailable(false) ServerKeepAlive(9)"]
    );
    let old = story.connect(V3, &Connect::new(V3, ""));
    assert_eq!(story.read(old), ["CONNACK new 0x00"]);
}

#[test]
fn a_refusal_says_why_and_closes() {
    let secret = ServerOptions::new().credentials("user", "right").reason_strings(true);
    let mut story = Story::with(secret);
    let wrong = Connect { user_name: Some("user"), password: Some(b"wrong"), ..Connect::new(V5, "a") };
    let client = story.connect(V5, &wrong);
    let told = story.read(client);
    assert!(told[0].starts_with("CONNACK new 0x86 ReasonString"), "{told:?}");
    assert_eq!(told[1], "closed");

    let client = story.connect(V3, &Connect { version: V3, ..wrong });
    assert_eq!(story.read(client), ["CONNACK new 0x04", "closed"]);
    let right = Connect { password: Some(b"right"), ..wrong };
    let client = story.connect(V5, &right);
    assert!(story.read(client)[0].starts_with("CONNACK new 0x00"));

    let shown = format!("{:?}", story.server.connects());
    assert!(!shown.contains("right") && shown.contains("user"), "{shown}");
    let reasons: Vec<_> = story.server.connects().iter().map(|connect| connect.reason.get()).collect();
    assert_eq!(reasons, [0x86, 0x86, 0x00]);
    story.assert_no_breaches();
}

#[test]
fn any_code_can_be_refused_with() {
    let mut story = Story::with(ServerOptions::new().refuse_with_return_code(7));
    let client = story.connect(V3, &Connect::new(V3, "a"));
    assert_eq!(story.read(client), ["CONNACK new 0x07", "closed"]);
    story.server.reconfigure(|options| options.refuse(ReasonCode::SERVER_BUSY));
    let client = story.connect(V5, &Connect::new(V5, "a"));
    assert_eq!(story.read(client), ["CONNACK new 0x89", "closed"]);
    story.server.reconfigure(ServerOptions::refuse_none);
    story.client(V5, "a");
}

#[test]
fn a_version_that_is_not_spoken_is_refused_in_a_form_that_is_understood() {
    let mut story = Story::with(ServerOptions::new().only(Version::V3_1_1));
    let client = story.connect(V5, &Connect::new(V5, "a"));
    assert_eq!(story.server.poll_output(client.id, story.now).bytes, [0x20, 0x02, 0x00, 0x01]);

    for (bytes, answer) in [
        (&b"\x10\x0d\x00\x04MQTT\x06\x02\x00\x3c\x00\x01a"[..], &[0x20, 0x03, 0x00, 0x84, 0x00][..]),
        (b"\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01a", &[0x20, 0x02, 0x00, 0x01]),
        (b"\x10\x0d\x00\x04MOST\x04\x02\x00\x3c\x00\x01a", &[]),
    ] {
        let id = story.server.handle_connection(story.now);
        story.send_bytes(Client { id, version: V5 }, bytes);
        let output = story.server.poll_output(id, story.now);
        assert_eq!((output.bytes.as_slice(), output.close.is_some()), (answer, true));
    }
}

#[test]
fn enhanced_authentication_is_refused() {
    let mut story = Story::new();
    let method = properties([Property::AuthenticationMethod("SCRAM")]);
    let connect = Connect { properties: owned(PacketType::Connect, &method), ..Connect::new(V5, "a") };
    let client = story.connect(V5, &connect);
    assert_eq!(story.read(client), ["CONNACK new 0x8C", "closed"]);
}

#[test]
fn a_will_above_the_limits_is_refused() {
    let mut story = Story::with(ServerOptions::new().maximum_qos(Qos::AtMostOnce).retain_available(false));
    let mut connect = Connect { will: Some(will("w", "gone", &[])), ..Connect::new(V5, "a") };
    connect.will.as_mut().unwrap().qos = Qos::AtLeastOnce;
    let client = story.connect(V5, &connect);
    assert_eq!(story.read(client), ["CONNACK new 0x9B", "closed"]);
    connect.will.as_mut().unwrap().qos = Qos::AtMostOnce;
    connect.will.as_mut().unwrap().retain = true;
    let client = story.connect(V5, &connect);
    assert_eq!(story.read(client), ["CONNACK new 0x9A", "closed"]);
}

#[test]
fn an_empty_identifier_with_a_kept_session_is_a_breach_in_3_1_1() {
    let mut story = Story::new();
    let client = story.connect(V3, &Connect { clean_start: false, ..Connect::new(V3, "") });
    assert_eq!(story.read(client), ["CONNACK new 0x02", "closed"]);
    assert_eq!(story.statements(), ["MQTT-3.1.3-7"]);
    let client = story.connect(V5, &Connect { clean_start: false, ..Connect::new(V5, "") });
    assert!(story.read(client)[0].contains("AssignedClientIdentifier"));
}

#[test]
fn a_connection_without_connect_is_closed_after_ten_seconds() {
    let mut story = Story::new();
    let id = story.server.handle_connection(story.now);
    story.pass(crate::story::seconds(9));
    assert_eq!(story.server.poll_output(id, story.now).close, None);
    story.pass(crate::story::seconds(1));
    assert!(story.server.poll_output(id, story.now).close.is_some());
}

#[test]
fn connections_above_the_maximum_are_closed() {
    let mut story = Story::with(ServerOptions::new().maximum_connections(1));
    let first = story.client(V5, "a");
    let id = story.server.handle_connection(story.now);
    assert!(story.server.poll_output(id, story.now).close.is_some());
    story.send_bytes(first, &[0xC0, 0x00]);
    assert_eq!(story.read(first), ["PINGRESP"]);
}

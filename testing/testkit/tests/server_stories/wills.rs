use dunlin_codec::{Connect, Disconnect, Packet, PacketType, Property, Qos, ReasonCode};

use crate::story::{Client, Story, V3, V5, owned, properties, seconds, will};

/// Someone who listens for wills.
fn watcher(story: &mut Story) -> Client {
    let watcher = story.connect(V5, &Connect { keep_alive: 0, ..Connect::new(V5, "watcher") });
    story.read(watcher);
    story.subscribe(watcher, "wills/#", Qos::ExactlyOnce);
    watcher
}

#[test]
fn a_will_is_published_when_the_connection_is_lost_and_not_after_disconnect() {
    for version in [V3, V5] {
        let mut story = Story::new();
        let watcher = watcher(&mut story);
        let mut connect = Connect { will: Some(will("wills/a", "gone", &[])), ..Connect::new(version, "a") };
        connect.will.as_mut().unwrap().qos = Qos::AtLeastOnce;
        connect.will.as_mut().unwrap().retain = true;
        let client = story.connect(version, &connect);
        story.send(client, &Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)));
        story.lose(client);
        assert_eq!(story.read(watcher), [""; 0]);

        let client = story.connect(version, &connect);
        story.lose(client);
        assert_eq!(story.read(watcher), ["PUBLISH q1 #1 wills/a=gone"]);
        let late = story.client(version, "late");
        assert_eq!(story.subscribe(late, "wills/a", Qos::AtMostOnce)[1], "PUBLISH q0 retain wills/a=gone");
        story.assert_no_breaches();
    }
}

#[test]
fn a_disconnect_can_ask_for_the_will_and_a_fault_brings_it_too() {
    let mut story = Story::new();
    let watcher = watcher(&mut story);
    let connect = Connect { will: Some(will("wills/a", "gone", &[])), ..Connect::new(V5, "a") };
    let client = story.connect(V5, &connect);
    story.send(client, &Packet::Disconnect(Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL)));
    assert_eq!(story.read(watcher), ["PUBLISH q0 wills/a=gone"]);

    let client = story.connect(V5, &connect);
    story.send_bytes(client, &[0xFF, 0x00]);
    assert_eq!(story.read(watcher), ["PUBLISH q0 wills/a=gone"]);
    story.connect(V5, &connect);
    story.server.disconnect_client("a", ReasonCode::ADMINISTRATIVE_ACTION, story.now);
    assert_eq!(story.read(watcher), ["PUBLISH q0 wills/a=gone"]);
}

#[test]
fn a_delayed_will_waits_and_is_forgotten_when_the_client_comes_back() {
    let mut story = Story::new();
    let watcher = watcher(&mut story);
    let delay = properties([Property::WillDelayInterval(30), Property::ContentType("text/plain")]);
    let expiry = properties([Property::SessionExpiryInterval(100)]);
    let connect = Connect {
        clean_start: false,
        will: Some(will("wills/a", "gone", &delay)),
        properties: owned(PacketType::Connect, &expiry),
        ..Connect::new(V5, "a")
    };
    let client = story.connect(V5, &connect);
    story.lose(client);
    story.pass(seconds(29));
    assert_eq!(story.read(watcher), [""; 0]);
    let client = story.connect(V5, &connect);
    story.pass(seconds(29));
    story.lose(client);
    story.pass(seconds(29));
    assert_eq!(story.read(watcher), [""; 0]);
    story.pass(seconds(1));
    assert_eq!(story.read(watcher), ["PUBLISH q0 wills/a=gone ContentType(\"text/plain\")"]);
    story.pass(seconds(200));
    assert_eq!(story.read(watcher), [""; 0]);
}

#[test]
fn the_end_of_the_session_ends_the_wait_of_the_will() {
    let mut story = Story::new();
    let watcher = watcher(&mut story);
    let delay = properties([Property::WillDelayInterval(30)]);
    let expiry = properties([Property::SessionExpiryInterval(10)]);
    let connect = Connect {
        will: Some(will("wills/a", "gone", &delay)),
        properties: owned(PacketType::Connect, &expiry),
        ..Connect::new(V5, "a")
    };
    let client = story.connect(V5, &connect);
    story.lose(client);
    story.pass(seconds(10));
    assert_eq!(story.read(watcher), ["PUBLISH q0 wills/a=gone"]);

    // A clean start ends it too.
    let client = story.connect(V5, &connect);
    story.lose(client);
    story.connect(V5, &connect);
    assert_eq!(story.read(watcher), ["PUBLISH q0 wills/a=gone"]);
}

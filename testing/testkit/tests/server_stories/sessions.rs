use dunlin_codec::{Connect, Disconnect, Packet, PacketType, Property, Qos, ReasonCode};
use dunlin_testkit::ServerOptions;

use crate::story::{Story, V3, V5, owned, properties, seconds};

#[test]
fn a_kept_session_is_present_and_a_clean_one_is_not() {
    for version in [V3, V5] {
        let mut story = Story::new();
        let (client, told) = story.resuming(version, "a");
        assert!(told[0].starts_with("CONNACK new"), "{told:?}");
        story.subscribe(client, "t", Qos::AtLeastOnce);
        story.lose(client);

        story.server.publish("t", "while away", Qos::AtLeastOnce, false, story.now).unwrap();
        let (client, told) = story.resuming(version, "a");
        assert!(told[0].starts_with("CONNACK present"), "{told:?}");
        assert_eq!(told[1..], ["PUBLISH q1 #1 t=while away"]);
        story.ack(client, PacketType::Puback, 1);

        let clean = story.client(version, "a");
        story.server.publish("t", "lost", Qos::AtLeastOnce, false, story.now).unwrap();
        assert_eq!(story.read(clean), [""; 0]);
        story.assert_no_breaches();
    }
}

#[test]
fn a_session_ends_when_its_expiry_has_run_out() {
    let mut story = Story::new();
    let (client, _) = story.resuming(V5, "a");
    story.lose(client);
    story.pass(seconds(999));
    let (client, told) = story.resuming(V5, "a");
    assert!(told[0].starts_with("CONNACK present"));
    story.lose(client);
    story.pass(seconds(1_000));
    assert!(story.resuming(V5, "a").1[0].starts_with("CONNACK new"));
}

#[test]
fn disconnect_may_change_the_expiry_but_not_from_zero() {
    let mut story = Story::new();
    let zero = properties([Property::SessionExpiryInterval(0)]);
    let sixty = properties([Property::SessionExpiryInterval(60)]);
    let disconnect = |bytes| {
        Packet::Disconnect(Disconnect {
            properties: owned(PacketType::Disconnect, bytes),
            ..Disconnect::new(ReasonCode::SUCCESS)
        })
    };
    let (client, _) = story.resuming(V5, "a");
    story.send(client, &disconnect(&zero));
    assert!(story.server.clients().is_empty());
    story.assert_no_breaches();

    let client = story.client(V5, "a");
    story.send(client, &disconnect(&sixty));
    assert_eq!(story.read(client), ["DISCONNECT 0x82", "closed"]);
    assert_eq!(story.statements(), ["U5-3.14.2.2.2-a"]);
}

#[test]
fn a_second_connection_takes_the_client_over() {
    let mut story = Story::new();
    let (first, _) = story.resuming(V5, "a");
    let (second, told) = story.resuming(V5, "a");
    assert_eq!(story.read(first), ["DISCONNECT 0x8E", "closed"]);
    assert!(told[0].starts_with("CONNACK present"));
    story.lose(first);
    assert!(story.server.is_connected("a"));
    story.send_bytes(second, &[0xC0, 0x00]);
    assert_eq!(story.read(second), ["PINGRESP"]);
}

#[test]
fn forgotten_sessions_are_not_present() {
    let mut story = Story::new();
    let (away, _) = story.resuming(V5, "away");
    story.lose(away);
    let (here, _) = story.resuming(V5, "here");
    story.server.forget_sessions();
    assert!(story.resuming(V5, "away").1[0].starts_with("CONNACK new"));
    assert!(story.server.is_connected("here"));
    story.lose(here);
    assert!(story.resuming(V5, "here").1[0].starts_with("CONNACK new"));
}

#[test]
fn the_queue_of_a_client_that_is_away_is_bounded_and_counted() {
    let mut story = Story::with(ServerOptions::new().maximum_queued(2));
    let (client, _) = story.resuming(V5, "a");
    story.subscribe(client, "t", Qos::AtLeastOnce);
    story.lose(client);
    for payload in ["1", "2", "3"] {
        story.server.publish("t", payload, Qos::AtLeastOnce, false, story.now).unwrap();
    }
    let state = &story.server.clients()[0];
    assert_eq!((state.queued, state.dropped, state.in_flight), (2, 1, 0));
    assert_eq!(story.resuming(V5, "a").1[1..], ["PUBLISH q1 #1 t=1", "PUBLISH q1 #2 t=2"]);
}

#[test]
fn keep_alive_is_enforced_at_one_and_a_half_times() {
    for (version, statement, told) in
        [(V3, "MQTT-3.1.2-23", &["closed"][..]), (V5, "MQTT-3.1.2-20", &["DISCONNECT 0x8D", "closed"])]
    {
        let mut story = Story::new();
        let client = story.connect(version, &Connect { keep_alive: 10, ..Connect::new(version, "a") });
        story.read(client);
        story.pass(seconds(14));
        story.send_bytes(client, &[0xC0, 0x00]);
        assert_eq!(story.read(client), ["PINGRESP"]);
        story.pass(seconds(14));
        story.assert_no_breaches();
        story.pass(seconds(1));
        assert_eq!(story.read(client), told);
        assert_eq!(story.statements(), [statement]);
    }
}

#[test]
fn the_servers_keep_alive_counts_where_it_was_announced() {
    let mut story = Story::with(ServerOptions::new().server_keep_alive(2));
    let (old, new) = (story.client(V3, "old"), story.client(V5, "new"));
    story.pass(seconds(3));
    assert_eq!(story.read(new), ["DISCONNECT 0x8D", "closed"]);
    assert_eq!(story.read(old), [""; 0]);
}

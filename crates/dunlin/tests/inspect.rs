//! Every packet is seen, in its order, and none of its secrets.

mod scene;

use std::sync::{Arc, Mutex};

use dunlin::{
    Client, Drain, Qos, Version,
    inspect::{Direction, Inspected, Packet},
};
use dunlin_testkit::{Script, Scripted, Server};
use scene::{to_script, to_server, within};

type Lines = Arc<Mutex<Vec<String>>>;

/// Keeps a line about each packet.
fn lines() -> (Lines, impl Fn(&Inspected<'_>) + Send + Sync) {
    let lines = Lines::default();
    let kept = lines.clone();
    (lines, move |packet: &Inspected<'_>| kept.lock().unwrap().push(packet.to_string()))
}

#[tokio::test(start_paused = true)]
async fn every_packet_is_one_line_in_the_order_of_both_directions() {
    let server = Arc::new(Server::start().await.unwrap());
    let (lines, look) = lines();
    let options = to_server(&server).client_id("c").inspect(look).maximum_packet_size(u32::MAX).topic_alias_maximum(0);
    let client = within(Client::connect(options.subscription_identifiers(false).topic_aliases(0))).await.unwrap();
    let mut subscription = within(client.subscribe("a/#").qos(Qos::AtLeastOnce)).await.unwrap();
    within(client.publish("b", "12345").qos(Qos::ExactlyOnce).retain(true)).await.unwrap();
    // Large enough to go by reference.
    within(client.publish("b", vec![0; 5_000]).qos(Qos::AtLeastOnce)).await.unwrap();
    server.publish("a/1", "x", Qos::AtLeastOnce, false).unwrap();
    assert_eq!(within(subscription.next()).await.unwrap().topic(), "a/1");
    within(subscription.unsubscribe()).await.unwrap();
    within(client.close(Drain::ALL)).await;
    let seen = lines.lock().unwrap().join("\n");
    let expected = "\
-> CONNECT \"c\", MQTT 5.0, keep alive 60 s, clean start, 16 bytes
<- CONNACK 0x00, 13 bytes
-> SUBSCRIBE 1: \"a/#\" QoS 1, 11 bytes
<- SUBACK 1: 0x01, 6 bytes
-> PUBLISH 2 \"b\", QoS 2, retain, payload 5, 13 bytes
<- PUBREC 2, 0x10, 5 bytes
-> PUBREL 2, 4 bytes
<- PUBCOMP 2, 4 bytes
-> PUBLISH 3 \"b\", QoS 1, payload 5000, 5009 bytes
<- PUBACK 3, 0x10, 5 bytes
<- PUBLISH 1 \"a/1\", QoS 1, payload 1, 11 bytes
-> PUBACK 1, 4 bytes
-> UNSUBSCRIBE 4: \"a/#\", 10 bytes
<- UNSUBACK 4: 0x00, 6 bytes
-> DISCONNECT 0x00, 2 bytes";
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a_packet_that_ends_the_connection_is_seen() {
    let accept: &[u8] = b"\x20\x02\0\0";
    let script = Script::new().expect_packet().send(accept).expect_packet();
    // In parts, and then one that a server may not send.
    let script =
        script.send(*b"\xD0").expect_nothing(std::time::Duration::from_millis(5)).send(*b"\0\x82\x06\0\x01\0\x01a\0");
    let (_server, connector) = Scripted::in_memory([script]);
    let (lines, look) = lines();
    let options = to_script(connector).version(Version::V3_1_1).client_id("c").inspect(look);
    let client = within(Client::connect(options)).await.unwrap();
    client.publish("t", "x").post().unwrap();
    let mut changes = client.status_changes();
    while within(changes.next()).await != Some(dunlin::Status::Disconnected) {}
    within(client.abort()).await;
    let seen = lines.lock().unwrap().join("\n");
    let expected = "\
-> CONNECT \"c\", MQTT 3.1.1, keep alive 60 s, clean start, 15 bytes
<- CONNACK 0x00, 4 bytes
-> PUBLISH \"t\", payload 1, 6 bytes
<- PINGRESP, 2 bytes
<- SUBSCRIBE 1: \"a\" QoS 0, 8 bytes";
    assert!(seen.starts_with(expected), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn the_bytes_are_those_on_the_wire_but_for_packets_with_secrets() {
    let (server, connector) = Scripted::in_memory([Script::new()
        .expect_packet()
        .send(*b"\x20\x03\0\0\0")
        .expect_packet()
        .expect_packet()
        .expect_close()]);
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = sent.clone();
    let look = move |seen: &Inspected<'_>| {
        if let Packet::Connect(connect) = seen.packet() {
            assert_eq!((connect.user_name, connect.password), (Some("..."), Some(&b"..."[..])));
            assert_eq!((seen.bytes(), seen.direction()), (None, Direction::Sent));
            kept.lock().unwrap().resize(seen.len(), 0);
        } else if seen.direction() == Direction::Sent {
            kept.lock().unwrap().extend(seen.bytes().unwrap());
        }
    };
    let client =
        within(Client::connect(to_script(connector).user_name("u").password("p").inspect(look))).await.unwrap();
    client.publish("t", vec![7; 5_000]).post().unwrap();
    within(client.close(Drain::ALL)).await;
    let received = within(server.finish()).await.unwrap();
    let (sent, received) = (sent.lock().unwrap(), &received[0].bytes);
    assert_eq!(sent.len(), received.len());
    let connect = 2 + usize::from(received[1]);
    assert_eq!(sent[connect..], received[connect..]);
}

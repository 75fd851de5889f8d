//! The server says by an identifier which subscriptions a message is for. It is believed once it has confirmed the
//! identifier; until then, and where there is none, the topic decides.

mod scene;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, Drain, Event, Qos, Subscription, Version};
use dunlin_testkit::{Connector, Recorded, Script, Scripted};
use scene::{event, text, to_script, within};

#[tokio::test(start_paused = true)]
async fn the_filters_of_a_subscription_share_one_identifier_and_no_two_subscriptions_do() {
    let script = accepted().expect(*b"\x82\x0F\0\x01\x02\x0B\x01\0\x01a\0\0\x03b/#\0").send(*b"\x90\x05\0\x01\0\0\0");
    let script = script.expect(*b"\x82\x09\0\x02\x02\x0B\x02\0\x01c\x01").send(*b"\x90\x04\0\x02\0\x01");
    let (client, server) = connected([goodbye(script)], |options| options).await;
    let _both = within(client.subscribe("a").and("b/#")).await.unwrap();
    let _other = within(client.subscribe("c").qos(Qos::AtLeastOnce)).await.unwrap();
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn no_identifier_is_given_where_the_server_has_none_or_none_is_wanted() {
    type Change = fn(ConnectOptions) -> ConnectOptions;
    let unchanged: Change = |options| options;
    let cases: [(Change, &[u8]); 3] = [
        (unchanged, b"\x20\x05\0\0\x02\x29\0"),
        (|options| options.subscription_identifiers(false), b"\x20\x03\0\0\0"),
        (|options| options.version(Version::V3_1_1), b"\x20\x02\0\0"),
    ];
    for (change, connack) in cases {
        let v5 = connack.len() != 4;
        let (subscribe, suback): (&[u8], &[u8]) = match v5 {
            true => (b"\x82\x07\0\x01\0\0\x01a\0", b"\x90\x04\0\x01\0\0"),
            false => (b"\x82\x06\0\x01\0\x01a\0", b"\x90\x03\0\x01\0"),
        };
        let script = Script::new().expect_packet().send(connack).expect(subscribe).send(suback);
        let (client, server) = connected([goodbye(script)], change).await;
        let _subscription = within(client.subscribe("a")).await.unwrap();
        closed(client, server).await;
    }
}

#[tokio::test(start_paused = true)]
async fn bare_options_give_no_identifier() {
    let script = Script::new().expect(*b"\x10\x13\0\x04MQTT\x05\x02\0\x3c\0\0\x06golden").send(CONNACK);
    let script = script.expect(*b"\x82\x07\0\x01\0\0\x01a\0").send(*b"\x90\x04\0\x01\0\0");
    let (server, connector) = Scripted::in_memory([goodbye(script)]);
    let bare = ConnectOptions::bare("server").client_id("golden").connector(move || {
        let connector = connector.clone();
        async move { connector.connect().await }
    });
    let client = within(Client::connect(bare)).await.unwrap();
    let _subscription = within(client.subscribe("a")).await.unwrap();
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_server_that_sends_a_copy_for_each_filter_every_subscription_gets_its_own_and_no_other() {
    let script = subscribed(subscribed(subscribed(accepted(), 1, 1), 2, 1), 3, 1);
    let copies = [publish("a/b", &[1], "wide"), publish("a/b", &[2], "narrow"), publish("a/b", &[3], "shared")];
    let script = script.send(copies.concat()).send(publish("a/b", &[2, 1], "both"));
    let (client, server) = connected([goodbye(script)], |options| options).await;
    let mut wide = within(client.subscribe("a/#")).await.unwrap();
    let mut narrow = within(client.subscribe("a/b")).await.unwrap();
    let mut shared = within(client.subscribe("$share/group/a/b")).await.unwrap();
    assert_eq!([text(&mut wide).await, text(&mut wide).await], ["wide", "both"]);
    assert_eq!([text(&mut narrow).await, text(&mut narrow).await], ["narrow", "both"]);
    assert_eq!(text(&mut shared).await, "shared");
    nothing_else([&mut wide, &mut narrow, &mut shared]);
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_where_its_identifier_says_though_the_server_has_changed_its_topic() {
    let script = subscribed(accepted(), 1, 1).send(publish("b", &[1], "rewritten"));
    let (client, server) = connected([goodbye(script)], |options| options).await;
    let mut subscription = within(client.subscribe("$exclusive/a")).await.unwrap();
    assert_eq!(text(&mut subscription).await, "rewritten");
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn the_topic_decides_where_an_identifier_is_absent_unknown_or_not_confirmed() {
    let script = subscribed(accepted(), 1, 1).send(publish("a/b", &[], "absent")).send(publish("a/b", &[9], "unknown"));
    // The second SUBSCRIBE is not answered yet.
    let script = script.expect_packet().send(publish("a/b", &[1, 2], "early")).send(*b"\x90\x04\0\x02\0\0");
    let (client, server) = connected([goodbye(script)], |options| options).await;
    let mut wide = within(client.subscribe("a/#")).await.unwrap();
    assert_eq!([text(&mut wide).await, text(&mut wide).await], ["absent", "unknown"]);
    let mut narrow = within(client.subscribe("a/b")).await.unwrap();
    assert_eq!([text(&mut wide).await, text(&mut narrow).await], ["early", "early"]);
    nothing_else([&mut wide, &mut narrow]);
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn among_the_filters_of_one_identifier_the_topic_tells_who_holds_which() {
    let script = subscribed(subscribed(accepted(), 1, 2), 2, 1).expect_packet().send(*b"\x40\x02\0\x03");
    let script = script.send(publish("a/x", &[1], "to one")).send(publish("b", &[1], "to two"));
    let (client, server) = connected([goodbye(script)], |options| options).await;
    let mut both = within(client.subscribe("a/#").and("b")).await.unwrap();
    let mut all = within(client.subscribe("#")).await.unwrap();
    // The server has it already and is not asked again.
    let mut one = within(client.subscribe("b")).await.unwrap();
    within(client.publish("go", "on").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!([text(&mut both).await, text(&mut both).await], ["to one", "to two"]);
    assert_eq!(text(&mut one).await, "to two");
    nothing_else([&mut both, &mut one, &mut all]);
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_joins_or_leaves_a_filter_changes_whom_its_identifier_stands_for() {
    let script = subscribed(accepted(), 1, 1).expect_packet().send(*b"\x40\x02\0\x02");
    let script = script.send(publish("a", &[1], "to two"));
    let script = script.expect_packet().send(*b"\x40\x02\0\x03").send(publish("a", &[1], "to one"));
    let (client, server) = connected([goodbye(script)], |options| options).await;
    let mut first = within(client.subscribe("a")).await.unwrap();
    let mut second = within(client.subscribe("a")).await.unwrap();
    within(client.publish("go", "on").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!([text(&mut first).await, text(&mut second).await], ["to two", "to two"]);
    drop(first);
    within(client.publish("go", "on").qos(Qos::AtLeastOnce)).await.unwrap();
    assert_eq!(text(&mut second).await, "to one");
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_made_again_has_a_new_identifier_and_the_old_one_means_nothing() {
    let first = subscribed(subscribed(accepted(), 1, 1), 2, 1).close();
    // In the order in which they were made, and each with its own.
    let second = accepted().expect(*b"\x82\x09\0\x03\x02\x0B\x03\0\x01a\0\x82\x0B\0\x04\x02\x0B\x04\0\x03a/#\0");
    let second = second.send(*b"\x90\x04\0\x03\0\0\x90\x04\0\x04\0\0");
    let second = second.send([publish("a", &[3], "new"), publish("a", &[1], "old")].concat());
    let (client, server) = connected([first, goodbye(second)], |options| options).await;
    let mut one = within(client.subscribe("a")).await.unwrap();
    let mut all = within(client.subscribe("a/#")).await.unwrap();
    assert_eq!([text(&mut one).await, text(&mut one).await], ["new", "old"]);
    assert_eq!(text(&mut all).await, "old", "a kept message may carry it, and its topic decides");
    nothing_else([&mut one, &mut all]);
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_server_has_one_filter_without_an_identifier_those_of_others_do_not_decide() {
    let first = Script::new().expect_packet().send(*b"\x20\x05\0\0\x02\x29\0");
    let first = first.expect(*b"\x82\x09\0\x01\0\0\x03a/#\0").send(*b"\x90\x04\0\x01\0\0").close();
    let second = subscribed(Script::new().expect_packet().send(*b"\x20\x03\x01\0\0"), 2, 1);
    // One copy for both subscriptions, of which one alone has an identifier.
    let second = goodbye(second.send(publish("a/b", &[1], "to both")));
    let (client, server) =
        connected([first, second], |options| options.session_expiry(Duration::from_secs(3_600))).await;
    let mut events = client.events();
    let mut wide = within(client.subscribe("a/#")).await.unwrap();
    event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    let mut narrow = within(client.subscribe("a/b")).await.unwrap();
    assert_eq!([text(&mut wide).await, text(&mut narrow).await], ["to both", "to both"]);
    closed(client, server).await;
}

async fn connected<const N: usize>(
    scripts: [Script; N],
    change: impl FnOnce(ConnectOptions) -> ConnectOptions,
) -> (Client, Scripted) {
    let (server, connector): (Scripted, Connector) = Scripted::in_memory(scripts);
    (within(Client::connect(change(to_script(connector)))).await.unwrap(), server)
}

async fn closed(client: Client, server: Scripted) -> Vec<Recorded> {
    within(client.close(Drain::ALL)).await;
    within(server.finish()).await.unwrap()
}

fn nothing_else<const N: usize>(subscriptions: [&mut Subscription; N]) {
    for subscription in subscriptions {
        assert!(subscription.try_next().is_none(), "{subscription:?} got a message of another");
    }
}

fn accepted() -> Script {
    Script::new().expect_packet().send(CONNACK)
}

/// The next SUBSCRIBE, of so many filters, is granted.
fn subscribed(script: Script, packet_id: u8, filters: usize) -> Script {
    let mut suback = vec![0x90, 3 + filters as u8, 0, packet_id, 0];
    suback.resize(5 + filters, 0);
    script.expect_packet().send(suback)
}

fn goodbye(script: Script) -> Script {
    script.expect([0xE0, 0]).expect_close()
}

fn publish(topic: &str, identifiers: &[u8], payload: &str) -> Vec<u8> {
    let properties: Vec<u8> = identifiers.iter().flat_map(|identifier| [0x0B, *identifier]).collect();
    let mut packet = vec![0x30, (3 + topic.len() + properties.len() + payload.len()) as u8, 0, topic.len() as u8];
    packet.extend(topic.as_bytes());
    packet.push(properties.len() as u8);
    packet.extend(properties);
    packet.extend(payload.as_bytes());
    packet
}

const CONNACK: [u8; 5] = *b"\x20\x03\0\0\0";

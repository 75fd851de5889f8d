//! The application acknowledges its messages itself: in any order, more than once, late, and after the subscription is
//! gone. On the wire the answers leave in the order of the messages.

mod scene;

use std::{sync::Arc, time::Duration};

use dunlin::{Client, ConnectOptions, Drain, Event, Qos, Subscription};
use dunlin_testkit::{Script, Scripted, Server};
use scene::{EVERY_QOS, VERSIONS, event, message, text, to_script, to_server, within};

#[tokio::test(start_paused = true)]
async fn messages_are_acknowledged_in_any_order_and_answered_in_theirs() {
    let script = subscribed().send([publish(1), publish(2), publish(3)].concat()).expect_nothing(WHILE);
    let script = script.expect(puback(1)).expect_nothing(WHILE).expect([puback(2), puback(3)].concat());
    let (client, mut subscription, server) = connected([goodbye(script)]).await;
    let messages =
        [message(&mut subscription).await, message(&mut subscription).await, message(&mut subscription).await];
    // Asking for the next one acknowledges nothing.
    assert!(subscription.try_next().is_none());
    messages[2].acknowledge();
    moves_on(2 * WHILE).await;
    messages[0].acknowledge();
    moves_on(2 * WHILE).await;
    messages[1].acknowledge();
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_lent_are_acknowledged_as_others_are() {
    let script = subscribed().send([publish(1), publish(2)].concat()).expect_nothing(WHILE);
    let script = script.expect([puback(1), puback(2)].concat());
    let (client, mut subscription, server) = connected([goodbye(script)]).await;
    let first = within(subscription.next_ref()).await.unwrap().clone();
    let second = within(subscription.next_ref()).await.unwrap();
    assert_eq!((first.topic(), first.payload()), (second.topic(), second.payload()));
    // Asking for the next one acknowledges nothing.
    moves_on(2 * WHILE).await;
    second.acknowledge();
    first.acknowledge();
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_acknowledged_twice_answers_no_other_message() {
    let script = subscribed().send(publish(1)).expect(puback(1)).send(publish(1)).expect_nothing(WHILE);
    let (client, mut subscription, server) = connected([goodbye(script.expect(puback(1)))]).await;
    let first = message(&mut subscription).await;
    first.acknowledge();
    let second = message(&mut subscription).await;
    first.acknowledge();
    first.detach().acknowledge();
    moves_on(2 * WHILE).await;
    second.clone().acknowledge();
    second.acknowledge();
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_acknowledged_after_its_connection_is_gone_answers_nothing_and_comes_again() {
    let first = subscribed().send(publish(1)).expect_nothing(WHILE).close();
    let second = Script::new().expect_packet().send(*b"\x20\x03\x01\0\0").send(publish(1)).expect_nothing(WHILE);
    let (client, mut subscription, server) = connected([first, goodbye(second.expect(puback(1)))]).await;
    let mut events = client.events();
    let before = message(&mut subscription).await;
    event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
    before.acknowledge();
    let again = message(&mut subscription).await;
    before.acknowledge();
    moves_on(2 * WHILE).await;
    again.acknowledge();
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_subscription_answers_what_nobody_has_seen_and_leaves_the_rest_to_the_application() {
    // UNSUBSCRIBE, and then the answer to the second message has to wait for that to the first.
    let script = subscribed().send([publish(1), publish(2)].concat()).expect_packet().expect_nothing(WHILE);
    let script = script.expect([puback(1), puback(2)].concat());
    let (client, mut subscription, server) = connected([goodbye(script)]).await;
    let seen = message(&mut subscription).await;
    drop(subscription);
    moves_on(2 * WHILE).await;
    seen.acknowledge();
    seen.acknowledge();
    closed(client, server).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_of_two_subscriptions_is_answered_when_both_are_done_with_it() {
    for version in VERSIONS {
        for qos in &EVERY_QOS[1..] {
            let server = Arc::new(Server::start().await.unwrap());
            let client = within(Client::connect(to_server(&server).version(version))).await.unwrap();
            let mut manual = within(client.subscribe("t").qos(*qos).manual_acknowledgement()).await.unwrap();
            let mut automatic = within(client.subscribe("t").qos(*qos)).await.unwrap();
            server.publish("t", "x", *qos, false).unwrap();
            let in_hand = message(&mut manual).await;
            assert_eq!(text(&mut automatic).await, "x");
            in_hand.acknowledge();
            in_hand.acknowledge();
            within(client.publish("a/round", "trip").qos(Qos::AtLeastOnce)).await.unwrap();
            assert_eq!(server.clients()[0].in_flight, 1, "once for each of them: {version:?} {qos:?}");
            assert!(automatic.try_next().is_none());
            within(server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
            within(client.close(Drain::ALL)).await;
            server.assert_no_breaches();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_never_acknowledged_comes_again_on_every_connection_at_qos_1_and_once_at_qos_2() {
    for version in VERSIONS {
        for qos in &EVERY_QOS[1..] {
            let server = Arc::new(Server::start().await.unwrap());
            let options = to_server(&server).version(version).session_expiry(HOUR).client_id("it");
            let client = within(Client::connect(options)).await.unwrap();
            let mut events = client.events();
            let mut subscription = within(client.subscribe("t").qos(*qos).manual_acknowledgement()).await.unwrap();
            server.publish("t", "x", *qos, false).unwrap();
            let first = message(&mut subscription).await;
            for _ in 0..3 {
                server.cut("it");
                event(&mut events, |event| matches!(event, Event::Connected(_))).await;
                if *qos == Qos::AtLeastOnce {
                    assert!(message(&mut subscription).await.dup());
                }
                within(client.publish("a/round", "trip").qos(Qos::AtLeastOnce)).await.unwrap();
                assert!(subscription.try_next().is_none());
            }
            first.acknowledge();
            within(client.publish("a/round", "trip").qos(Qos::AtLeastOnce)).await.unwrap();
            let still = usize::from(*qos == Qos::AtLeastOnce);
            assert_eq!(server.clients()[0].in_flight, still, "of QoS 2 the first was the last: {version:?} {qos:?}");
            within(client.close(Drain::ALL)).await;
            server.assert_no_breaches();
        }
    }
}

async fn connected<const N: usize>(scripts: [Script; N]) -> (Client, Subscription, Scripted) {
    let (server, connector) = Scripted::in_memory(scripts);
    let options: ConnectOptions = to_script(connector).session_expiry(if N > 1 { HOUR } else { Duration::ZERO });
    let client = within(Client::connect(options)).await.unwrap();
    let subscription = client.subscribe("t").qos(Qos::AtLeastOnce).manual_acknowledgement();
    (client.clone(), within(subscription).await.unwrap(), server)
}

async fn closed(client: Client, server: Scripted) {
    within(client.close(Drain::ALL)).await;
    within(server.finish()).await.unwrap();
}

/// The clock of the story goes on.
async fn moves_on(time: Duration) {
    tokio::time::sleep(time).await;
}

fn subscribed() -> Script {
    let script = Script::new().timeout(HOUR).expect_packet().send(*b"\x20\x03\0\0\0");
    script.expect_packet().send(*b"\x90\x04\0\x01\0\x01")
}

fn goodbye(script: Script) -> Script {
    script.expect([0xE0, 0]).expect_close()
}

fn publish(id: u8) -> Vec<u8> {
    vec![0x32, 7, 0, 1, b't', 0, id, 0, b'x']
}

fn puback(id: u8) -> Vec<u8> {
    vec![0x40, 2, 0, id]
}

const WHILE: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

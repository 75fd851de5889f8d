//! What a server says with its answers: reason strings and user properties of PUBACK, PUBREC, SUBACK and UNSUBACK.

mod scene;

use dunlin::{Client, Drain, Event, Outcome, PublishError, Qos, ReasonCode, Rejection, Said, SubscribeError};
use dunlin_testkit::{Script, Scripted};
use scene::{event, to_script, within};

/// A reason string and two user properties of one name.
const WORDS: &[u8] = b"\x15\x1F\0\x04full\x26\0\x01k\0\x01a\x26\0\x01k\0\x01b";

/// A packet with these words behind its head.
fn answer(first_byte: u8, head: &[u8], rest: &[u8]) -> Vec<u8> {
    let body = [head, WORDS, rest].concat();
    [&[first_byte, body.len() as u8], &body[..]].concat()
}

fn are_all_there(said: &Said) {
    assert_eq!(said.reason_string(), Some("full"));
    assert_eq!(said.user_properties().collect::<Vec<_>>(), [("k", "a"), ("k", "b")]);
    assert!(!said.is_empty() && said.to_string() == ": \"full\"" && format!("{said:?}").contains("full"));
}

fn script() -> Script {
    Script::new().expect_packet().send(b"\x20\x03\0\0\0".as_slice()).expect_packet()
}

/// A client that was connected, and publishes to this server.
async fn connect(script: Script) -> (Scripted, Client) {
    let (server, connector) = Scripted::in_memory([script.silence()]);
    (server, within(Client::connect(to_script(connector))).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_tells_what_the_server_said() {
    for (qos, first_byte) in [(Qos::AtLeastOnce, 0x40), (Qos::ExactlyOnce, 0x50)] {
        let refusal = |id| answer(first_byte, &[0, id, 0x97], &[]);
        let (_server, client) = connect(script().send(refusal(1)).expect_packet().send(refusal(2))).await;
        let mut events = client.events();
        let error = within(client.publish("t", "x").qos(qos)).await.unwrap_err();
        assert!(error.to_string().ends_with(": \"full\""), "{error}");
        let PublishError::Refused { reason: ReasonCode::QUOTA_EXCEEDED, said } = error else { panic!("{error:?}") };
        are_all_there(&said);
        let told = event(&mut events, |event| matches!(event, Event::Published { .. })).await;
        let Event::Published { said, outcome, .. } = told else { unreachable!() };
        are_all_there(&said);
        assert_eq!(outcome, Outcome::Rejected(Rejection::ByServer(ReasonCode::QUOTA_EXCEEDED)));

        let mut receipt = client.publish("t", "x").qos(qos).enqueue().unwrap();
        assert!(receipt.said().is_empty(), "nothing yet");
        assert_eq!(within(&mut receipt).await, outcome);
        are_all_there(&receipt.said());
        within(client.close(Drain::NONE)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_taken_tells_it_too_and_mostly_there_is_nothing() {
    let script = script().send(answer(0x40, &[0, 1, 0x10], &[])).expect_packet().send(*b"\x40\x02\0\x02");
    let (_server, client) = connect(script).await;
    let mut receipt = client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap();
    let outcome = within(receipt.delivered()).await.unwrap();
    assert_eq!(outcome, Outcome::Delivered(ReasonCode::NO_MATCHING_SUBSCRIBERS));
    are_all_there(&receipt.said());
    let mut receipt = client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap();
    within(receipt.delivered()).await.unwrap();
    assert_eq!(receipt.said(), Said::NOTHING);
    assert_eq!(receipt.said().to_string(), "");
    within(client.close(Drain::NONE)).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_tells_it_when_it_is_made_refused_and_ended() {
    let script = script().send(answer(0x90, &[0, 1], &[1])).expect_packet();
    let script = script.send(answer(0xB0, &[0, 2], &[0])).expect_packet().send(answer(0x90, &[0, 3], &[0x87]));
    let (_server, client) = connect(script).await;
    let mut events = client.events();
    let subscription = within(client.subscribe("t").qos(Qos::AtLeastOnce)).await.unwrap();
    let told = event(&mut events, |event| matches!(event, Event::Subscribed { .. })).await;
    let Event::Subscribed { said, .. } = told else { unreachable!() };
    are_all_there(&said);
    within(subscription.unsubscribe()).await.unwrap();
    let told = event(&mut events, |event| matches!(event, Event::Unsubscribed { .. })).await;
    let Event::Unsubscribed { said, .. } = told else { unreachable!() };
    are_all_there(&said);
    let error = within(client.subscribe("t")).await.unwrap_err();
    assert!(error.to_string().ends_with(": \"full\""), "{error}");
    let SubscribeError::Refused { said, .. } = error else { panic!("{error:?}") };
    are_all_there(&said);
    within(client.close(Drain::NONE)).await;
}

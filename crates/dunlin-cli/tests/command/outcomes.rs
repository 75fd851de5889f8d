//! What became of a message or a subscription, when it was not what the user wanted.

use dunlin_testkit::{ReasonCode, Server};

use crate::program::dunlin;

#[tokio::test]
async fn a_refused_message_is_an_error_with_the_servers_reason() {
    let server = Server::options().deny_publish("a", ReasonCode::NOT_AUTHORIZED).unwrap().start().await.unwrap();
    let ended = dunlin(["pub", "-q", "1", "--json", "--url", &server.url(), "a", "b"]).run().await;
    let (error, _) = ended.assert_error(40);
    assert!(error.contains("Not authorized (0x87)"), "{error}");
    assert!(ended.text().contains(r#""outcome":"rejected","code":135,"reason":"Not authorized""#), "{ended:?}");
    server.assert_no_breaches();
}

#[tokio::test]
async fn lines_go_on_behind_one_that_was_refused_and_the_count_is_told() {
    let server = Server::options().maximum_packet_size(100).start().await.unwrap();
    let lines = format!("one\n{}\nthree\n", "x".repeat(1_000));
    let ended = dunlin(["pub", "-q", "1", "--lines", "--url", &server.url(), "a"]).stdin(lines).run().await;
    assert_eq!(ended.code, Some(40), "{ended:?}");
    assert!(ended.stderr[0].starts_with("error: line 2: "), "{ended:?}");
    assert!(ended.stderr.contains(&"error: 1 of 3 messages were not delivered".to_owned()), "{ended:?}");
    let received: Vec<_> = server.received().iter().map(|received| received.message.text().to_owned()).collect();
    assert_eq!(received, ["one", "three"]);
}

#[tokio::test]
async fn a_message_without_an_answer_is_unknown() {
    let server = Server::options().hold_acks(true).start().await.unwrap();
    let ended = dunlin(["pub", "-q", "1", "-W", "0.3", "--json", "--url", &server.url(), "a", "b"]).run().await;
    assert_eq!(ended.code, Some(41), "{ended:?}");
    let expected = [
        "sent and not answered, so perhaps delivered: 1 message",
        "error: no answer for 300ms though the server is connected",
        "hint: the server may be overloaded; --timeout waits longer",
    ];
    assert_eq!(ended.stderr, expected);
    assert!(ended.text().contains(r#""outcome":"unknown""#), "{ended:?}");
}

#[tokio::test]
async fn a_lost_connection_is_told_and_the_message_goes_out_on_the_next() {
    let server = Server::options().hold_acks(true).start().await.unwrap();
    let mut publisher = dunlin(["pub", "-q", "1", "-i", "me", "--url", &server.url(), "a", "b"]).start().await;
    server.wait_for_messages(1).await;
    server.hold_acks(false);
    assert!(server.cut("me"));
    publisher.says("connection lost: ").await;
    publisher.says("connected again").await;
    publisher.end().await.assert_success();
}

#[tokio::test]
async fn a_refused_subscription_is_an_error() {
    let server = Server::options().deny_subscribe("a/#", ReasonCode::NOT_AUTHORIZED).unwrap().start().await.unwrap();
    for version in ["5", "3.1.1"] {
        let ended = dunlin(["sub", "--mqtt", version, "--url", &server.url(), "b", "a/#"]).run().await;
        let (error, _) = ended.assert_error(42);
        assert!(error.contains("a/#"), "{error}");
    }
}

#[tokio::test]
async fn properties_of_a_message_are_shown() {
    use dunlin_testkit::{Message, Property};

    let server = Server::start().await.unwrap();
    let mut subscriber = dunlin(["sub", "--ready", "--json", "-C", "1", "--url", &server.url(), "a"]).start().await;
    subscriber.says("subscribed").await;
    let message = Message::new("a", "{}")
        .unwrap()
        .with_property(Property::ContentType("application/json"))
        .unwrap()
        .with_property(Property::UserProperty("unit", "°C"))
        .unwrap();
    server.publish_message(message);
    let ended = subscriber.end().await.assert_success();
    let expected = r#""properties":{"content_type":"application/json","user_properties":[["unit","°C"]]}}"#;
    assert!(ended.text().trim_end().ends_with(expected), "{ended:?}");
}

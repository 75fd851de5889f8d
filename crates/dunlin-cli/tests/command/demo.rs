use dunlin_testkit::Mosquitto;

use crate::program::dunlin;

#[tokio::test]
async fn the_demo_needs_nothing_and_shows_the_message_that_came_back() {
    for version in ["5", "3.1.1"] {
        let ended = dunlin(["demo", "--mqtt", version]).run().await.assert_success();
        let shown = ended.text();
        assert!(shown.contains("return code Success (0x00)"), "{shown}");
        assert!(shown.contains("your_topic with QoS 2, granted QoS 2"), "{shown}");
        for qos in ["QoS 0", "QoS 1", "QoS 2"] {
            assert!(shown.contains(&format!("Received     \"your message\" on your_topic with {qos}")), "{shown}");
        }
        assert!(shown.contains("All of it worked"), "{shown}");
        assert!(ended.stderr.is_empty(), "{ended:?}");
    }
}

#[tokio::test]
async fn the_demo_tells_the_events_in_their_order() {
    let ended = dunlin(["demo"]).run().await.assert_success();
    let (_, events) = ended.text().split_once("Events ").expect("events are shown");
    let (events, _) = events.split_once("\n\n").expect("a blank line follows");
    let events: Vec<_> = events.split(',').map(str::trim).collect();
    assert_eq!(events.first_chunk(), Some(&["Connecting", "Connected", "Subscribed"]), "{events:?}");
    assert_eq!(events.last_chunk(), Some(&["Unsubscribed", "Disconnected", "Closed"]), "{events:?}");
    for name in ["Published", "PublishReceived"] {
        assert_eq!(events.iter().filter(|event| **event == name).count(), 3, "{events:?}");
    }
}

#[tokio::test]
async fn the_demo_does_the_same_against_a_real_server() {
    let mosquitto = Mosquitto::start().unwrap();
    let ca = mosquitto.certificates().authority_file().to_str().unwrap();
    let ended = dunlin(["demo", "--server", &mosquitto.tls_url(), "--ca", ca]).run().await.assert_success();
    assert!(ended.text().contains(&mosquitto.tls_url()), "{ended:?}");
    assert!(ended.text().contains("Received     \"your message\" on dunlin-demo/"), "{ended:?}");
}

#[tokio::test]
async fn the_demo_says_which_step_failed() {
    let ended = dunlin(["demo", "--server", "mqtt://nowhere.invalid"]).run().await;
    let (error, _) = ended.assert_error(10);
    assert!(error.starts_with("step 2, connect: "), "{error}");
    assert!(ended.text().contains("1. Server"), "{ended:?}");
}

#[tokio::test]
async fn options_for_a_real_server_are_not_ignored_without_one() {
    let (error, hint) = &{
        let ended = dunlin(["demo", "--ca", "ca.crt"]).run().await;
        let (error, hint) = ended.assert_error(2);
        (error.to_owned(), hint.to_owned())
    };
    assert!(error.contains("none is given") && hint.contains("--server"), "{error}, {hint}");
}

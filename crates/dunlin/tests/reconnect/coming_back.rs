//! When the next try comes, and what has waited for it.

use std::time::Duration;

use dunlin::{Client, ConnectionError, Drain, Event, Outcome, ReasonCode, Status};
use dunlin_testkit::{Cut, LinkOptions, Server};

use crate::{
    HOUR, behind_a_link, reconnected,
    scene::{EVERY_QOS, VERSIONS, event, options, within},
};

#[tokio::test]
async fn a_client_whose_session_was_taken_over_waits_for_about_the_longest_interval() {
    let server = Server::start().await.unwrap();
    let options = options(server.port()).client_id("twin").reconnect(Duration::from_millis(1), HOUR);
    let first = within(Client::connect(options.clone())).await.unwrap();
    let mut events = first.events();
    let second = within(Client::connect(options)).await.unwrap();
    let told = event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
    let Event::Disconnected { error: ConnectionError::Server(refusal), retry_in: Some(retry_in) } = told else {
        panic!("{told:?}")
    };
    assert_eq!((refusal.reason, refusal.to_connect), (ReasonCode::SESSION_TAKEN_OVER, false));
    assert!(retry_in > HOUR * 3 / 4, "{retry_in:?}");
    within(first.close(Drain::ALL)).await;
    assert_eq!(second.status(), Status::Connected);
    server.assert_no_breaches();
}

#[tokio::test]
async fn credentials_that_are_refused_after_a_success_are_tried_again_at_the_longest_interval() {
    for version in VERSIONS {
        let server = Server::options().credentials("anna", "old").start().await.unwrap();
        let (client, link) = behind_a_link(&server, |o| o.version(version).user_name("anna").password("old")).await;
        let mut events = client.events();
        server.reconfigure(|o| o.credentials("anna", "new"));
        link.cut(Cut::Close);
        for _ in 0..5 {
            let told = event(&mut events, |event| matches!(event, Event::ConnectFailed { .. })).await;
            let Event::ConnectFailed { error: ConnectionError::Server(refusal), retry_in: Some(retry_in), .. } = told
            else {
                panic!("{told:?}")
            };
            assert_eq!(refusal.reason, ReasonCode::BAD_USER_NAME_OR_PASSWORD);
            assert!(retry_in >= Duration::from_millis(17), "an eighth below 20 ms: {retry_in:?}");
        }
        server.reconfigure(|o| o.credentials("anna", "old"));
        reconnected(&mut events).await;
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn what_is_published_before_the_first_connection_and_between_two_waits_and_goes_in_order() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let (link, address) = LinkOptions::new().listen(server.address()).await.unwrap();
        link.refuse();
        let client = Client::start(options(address.port()).version(version)).unwrap();
        let mut receipts = Vec::new();
        for number in 0..30 {
            let qos = EVERY_QOS[number % 3];
            receipts.push(client.publish("queued", number.to_string()).qos(qos).enqueue().unwrap());
        }
        let failed = event(&mut client.events(), |event| matches!(event, Event::ConnectFailed { .. })).await;
        assert!(matches!(failed, Event::ConnectFailed { retry_in: Some(_), .. }), "{failed:?}");
        link.heal();
        for receipt in receipts {
            assert!(matches!(within(receipt).await, Outcome::Sent | Outcome::Delivered(_)));
        }
        within(server.wait_for_messages(30)).await;
        let received: Vec<String> = server.received().iter().map(|received| received.message.text()).collect();
        assert_eq!(received, (0..30).map(|number| number.to_string()).collect::<Vec<_>>());
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

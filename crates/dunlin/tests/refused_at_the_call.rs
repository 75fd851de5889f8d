//! What the server has said it does not have is refused where it is asked for: it is not sent, does not cost the
//! connection, and is not tried again and again.

mod scene;

use std::{sync::Arc, time::Duration};

use dunlin::{Client, Drain, Event, PublishError, Qos, ReasonCode, Rejection, SubscribeError};
use dunlin_testkit::{Server, ServerOptions};
use scene::{event, text, to_server, within};

#[tokio::test(start_paused = true)]
async fn a_filter_that_the_server_does_not_have_is_an_error_of_its_call_and_nothing_else() {
    for (without, filter, error, reason) in cases() {
        let server = Arc::new(without(Server::options()).start().await.unwrap());
        let client = within(Client::connect(to_server(&server).client_id("it"))).await.unwrap();
        let mut plain = within(client.subscribe("plain")).await.unwrap();
        let mut events = client.events();
        assert_eq!(within(client.subscribe(filter).label(1)).await.unwrap_err(), error);
        let told = event(&mut events, |event| matches!(event, Event::Subscribed { .. })).await;
        assert!(
            matches!(&told, Event::Subscribed { label: Some(1), filter: told, granted: Err(why), .. }
                if **told == *filter && *why == reason),
            "{told:?}"
        );
        // Whatever it is among, and the label is free again.
        let among = client.subscribe("one").and("two").and(filter).and("three").label(1);
        assert_eq!(within(among).await.unwrap_err(), error);
        within(server.wait_for(|server| server.clients()[0].subscriptions == ["plain"])).await;
        within(client.publish("plain", "still here")).await.unwrap();
        assert_eq!(text(&mut plain).await, "still here");
        assert_eq!(client.statistics().connections, 1);
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_the_server_has_no_more_after_a_reconnect_ends_its_subscription_and_no_other() {
    for (without, filter, error, reason) in cases() {
        let server = Arc::new(Server::start().await.unwrap());
        let client = within(Client::connect(to_server(&server).client_id("it"))).await.unwrap();
        let mut events = client.events();
        let mut ended = within(client.subscribe(filter)).await.unwrap();
        let mut plain = within(client.subscribe("plain").qos(Qos::AtLeastOnce)).await.unwrap();
        event(&mut events, |event| matches!(event, Event::Subscribed { .. })).await;
        event(&mut events, |event| matches!(event, Event::Subscribed { .. })).await;
        server.reconfigure(without);
        server.cut("it");
        assert!(within(ended.next()).await.is_none());
        assert_eq!(ended.error(), Some(error));
        let told = event(&mut events, |event| matches!(event, Event::Subscribed { .. })).await;
        assert!(matches!(&told, Event::Subscribed { granted: Err(why), .. } if *why == reason), "{told:?}");
        within(server.wait_for_subscription("plain")).await;
        within(client.publish("plain", "still here")).await.unwrap();
        assert_eq!(text(&mut plain).await, "still here");
        // However long it goes on: no connection more.
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(client.statistics().connections, 2);
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_limits_is_refused_at_the_call_and_after_a_reconnect_at_the_head_of_the_queue() {
    let limits = |options: ServerOptions| {
        options.maximum_qos(Qos::AtMostOnce).retain_available(false).maximum_packet_size(1_000)
    };
    let server = Arc::new(limits(Server::options()).start().await.unwrap());
    let client = within(Client::connect(to_server(&server).client_id("it"))).await.unwrap();
    let qos = client.publish("t", "x").qos(Qos::AtLeastOnce);
    assert_eq!(within(qos).await, Err(PublishError::QosNotSupported));
    assert_eq!(within(client.publish("t", "x").retain(true)).await, Err(PublishError::RetainNotSupported));
    assert_eq!(within(client.publish("t", vec![0; 2_000])).await, Err(PublishError::TooLarge));
    // What was queued while nobody knew.
    server.reconfigure(|options| options.refuse(ReasonCode::SERVER_BUSY));
    server.cut("it");
    let mut events = client.events();
    event(&mut events, |event| matches!(event, Event::ConnectFailed { .. })).await;
    let queued = [
        (client.publish("t", "x").qos(Qos::AtLeastOnce).enqueue().unwrap(), ReasonCode::QOS_NOT_SUPPORTED),
        (client.publish("t", "x").retain(true).enqueue().unwrap(), ReasonCode::RETAIN_NOT_SUPPORTED),
        (client.publish("t", vec![0; 2_000]).enqueue().unwrap(), ReasonCode::PACKET_TOO_LARGE),
    ];
    let fits = client.publish("t", "fits").enqueue().unwrap();
    server.reconfigure(ServerOptions::refuse_none);
    for (receipt, reason) in queued {
        assert_eq!(within(receipt).await, dunlin::Outcome::Rejected(Rejection::BeyondLimits(reason)));
    }
    assert_eq!(within(fits).await, dunlin::Outcome::Sent);
    assert_eq!(client.statistics().connections, 2);
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

type Change = fn(ServerOptions) -> ServerOptions;

/// What the server lacks, a filter that needs it, and what is said about it.
fn cases() -> [(Change, &'static str, SubscribeError, ReasonCode); 2] {
    [
        (
            |options| options.wildcard_subscription_available(false),
            "a/#",
            SubscribeError::WildcardNotSupported("a/#".into()),
            ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
        ),
        (
            |options| options.shared_subscription_available(false),
            "$share/group/a",
            SubscribeError::SharedNotSupported("$share/group/a".into()),
            ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
        ),
    ]
}

//! What a server does not have, and how an application learns it.

use std::time::Duration;

use dunlin::{
    Client, ConnectionError, Drain, Event, Outcome, PublishError, Qos, ReasonCode, SubscribeError, Uncertainty, Version,
};

use crate::place::{Place, event, text, within};

pub(crate) async fn shared(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let error = within(client.subscribe("$share/workers/jobs")).await.unwrap_err();
    assert!(matches!(error, SubscribeError::SharedNotSupported(_)), "{error:?}");
    assert_eq!(client.statistics().connections, 1, "it costs no connection");
    within(client.close(Drain::ALL)).await;
}

pub(crate) async fn v5(place: &mut Place, version: Version) {
    let error = within(Client::connect(place.options(version))).await.unwrap_err();
    let ConnectionError::Server(refusal) = &error else { panic!("{error:?}") };
    assert_eq!(refusal.reason, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
    assert!(error.hint().is_some(), "and what to do about it: {error}");
}

/// In 3.1.1 a server cannot say it: it closes the connection. Without a session to go on with, that is the message's end.
pub(crate) async fn exactly_once(place: &mut Place, version: Version) {
    let client = place.connect(version).await;
    let mut subscription = within(client.subscribe("granted").qos(Qos::ExactlyOnce)).await.unwrap();
    let outcome = within(client.publish("granted", "at least once").qos(Qos::AtLeastOnce)).await.unwrap();
    assert!(matches!(outcome, Outcome::Delivered(_)));
    assert_eq!(text(&mut subscription).await, "at least once");
    let outcome = within(client.publish("refused", "exactly once").qos(Qos::ExactlyOnce)).await;
    assert_eq!(outcome, Err(PublishError::Unknown(Uncertainty::SessionLost)));
    within(client.close(Drain::ALL)).await;
}

/// With a session to go on with the message is sent again, and the connection closed again: that is told, and ends where
/// the options say so.
pub(crate) async fn exactly_once_kept(place: &mut Place, version: Version) {
    let options = place.options(version).client_id("kept").clean_start(false).session_expiry(Duration::from_secs(60));
    let client = within(Client::connect(options.reconnect_when_stalled(true))).await.unwrap();
    let mut events = client.events();
    let publish = client.publish("refused", "exactly once").qos(Qos::ExactlyOnce).label(7);
    let refused = within(publish.accepted()).await.unwrap();
    event(&mut events, |event| matches!(event, Event::AckStalled { label: Some(7), times: 3 })).await;
    assert_eq!(within(refused).await, Outcome::Unknown(Uncertainty::NoAnswer));
    let outcome = within(client.publish("granted", "at least once").qos(Qos::AtLeastOnce)).await.unwrap();
    assert!(matches!(outcome, Outcome::Delivered(_)));
    within(client.close(Drain::ALL)).await;
}

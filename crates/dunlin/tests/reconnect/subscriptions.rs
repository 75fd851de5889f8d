//! Subscriptions that outlive their connection.

use std::time::Duration;

use dunlin::{Client, Drain, Event, Qos, ReasonCode, SubscribeError, Version};
use dunlin_testkit::{Cut, Script, Scripted, Server};

use crate::{
    HOUR, behind_a_link, reconnected,
    scene::{VERSIONS, event, options, text, within},
};

#[tokio::test]
async fn a_subscription_is_made_again_when_the_server_forgot_it_and_not_when_it_did_not() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let (client, link) = behind_a_link(&server, |o| o.version(version).session_expiry(HOUR)).await;
        let mut events = client.events();
        let mut subscription = within(client.subscribe("a/+").and("b").qos(Qos::AtLeastOnce)).await.unwrap();
        for forgets in [false, true, false, true] {
            link.refuse();
            link.cut(Cut::Reset);
            event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
            within(server.wait_for_departure("behind")).await;
            if forgets {
                server.forget_sessions();
            }
            link.heal();
            assert_eq!(reconnected(&mut events).await, !forgets, "{version:?}");
            let mut subscribed = Vec::new();
            while forgets && subscribed.len() < 2 {
                let is_subscribed = |event: &Event| matches!(event, Event::Subscribed { .. });
                let Event::Subscribed { label, filter, granted, .. } = event(&mut events, is_subscribed).await else {
                    unreachable!()
                };
                assert_eq!((label, granted), (None, Ok(Qos::AtLeastOnce)));
                subscribed.push(filter);
            }
            // Were a resumed subscription asked for again, its SUBACK would come before this is answered.
            within(client.publish("a/1", "here").qos(Qos::AtLeastOnce)).await.unwrap();
            assert_eq!(text(&mut subscription).await, "here", "{version:?}");
            while let Some(event) = events.try_next() {
                assert!(!matches!(event, Event::Subscribed { .. }), "{version:?}: {event:?}");
            }
        }
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn without_a_session_every_connection_makes_the_subscriptions_again() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let (client, link) = behind_a_link(&server, |o| o.version(version)).await;
        let mut events = client.events();
        let mut subscription = within(client.subscribe("a").qos(Qos::ExactlyOnce)).await.unwrap();
        let many: Vec<String> = (0..100).map(|number| format!("many/{number}")).collect();
        let mut all = client.subscribe("many/x");
        for filter in &many {
            all = all.and(filter);
        }
        let _all = within(all).await.unwrap();
        for _ in 0..5 {
            link.cut(Cut::Close);
            assert!(!reconnected(&mut events).await);
            within(server.wait_for(|server| server.clients().iter().any(|client| client.subscriptions.len() == 102)))
                .await;
            server.publish("a", "still here", Qos::ExactlyOnce, false).unwrap();
            assert_eq!(text(&mut subscription).await, "still here");
        }
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn a_subscription_that_is_dropped_while_offline_is_not_made_again() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let (client, link) = behind_a_link(&server, |o| o.version(version)).await;
        let mut events = client.events();
        let kept = within(client.subscribe("kept")).await.unwrap();
        let dropped = within(client.subscribe("dropped")).await.unwrap();
        let left = within(client.subscribe("left")).await.unwrap();
        link.refuse();
        link.cut(Cut::Reset);
        event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
        drop(dropped);
        // The session ended with the connection, so there is nothing to wait for.
        within(left.unsubscribe()).await.unwrap();
        let never = client.subscribe("never").label(4).into_future();
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        link.heal();
        reconnected(&mut events).await;
        within(server.wait_for_subscription("kept")).await;
        within(client.publish("a/round", "trip").qos(Qos::AtLeastOnce)).await.unwrap();
        assert_eq!(server.clients()[0].subscriptions, ["kept"], "{version:?}");
        drop(within(client.subscribe("now").label(4)).await.expect("the label is free again"));
        drop(kept);
        within(server.wait_for(|server| server.clients()[0].subscriptions.is_empty())).await;
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn a_subscription_that_nobody_waits_for_any_more_is_never_asked_for() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let (client, link) = behind_a_link(&server, |o| o.version(version).session_expiry(HOUR)).await;
        let mut events = client.events();
        link.refuse();
        link.cut(Cut::Reset);
        event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
        let never = client.subscribe("never").label(4).into_future();
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        link.heal();
        assert!(reconnected(&mut events).await);
        let now = within(client.subscribe("now").label(4)).await.expect("the label is free again");
        assert_eq!(server.clients()[0].subscriptions, ["now"], "{version:?}");
        within(now.unsubscribe()).await.unwrap();
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn unsubscribing_survives_a_cut_and_a_kept_session_is_told() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let (client, link) = behind_a_link(&server, |o| o.version(version).session_expiry(HOUR)).await;
        let mut events = client.events();
        let subscription = within(client.subscribe("a").qos(Qos::AtLeastOnce)).await.unwrap();
        let dropped = within(client.subscribe("b").qos(Qos::AtLeastOnce)).await.unwrap();
        server.hold_acks(true);
        let unsubscribing = tokio::spawn(subscription.unsubscribe().label(9).into_future());
        within(server.wait_for(|server| !server.held_acks("behind").is_empty())).await;
        drop(dropped);
        link.cut(Cut::Reset);
        assert!(reconnected(&mut events).await);
        within(server.wait_for(|server| !server.held_acks("behind").is_empty())).await;
        assert!(!unsubscribing.is_finished());
        server.hold_acks(false);
        within(unsubscribing).await.unwrap().unwrap();
        let told = event(&mut events, |event| matches!(event, Event::Unsubscribed { .. })).await;
        assert!(matches!(told, Event::Unsubscribed { label: Some(9), .. }), "{told:?}");
        // A subscription that is only dropped goes on collecting for the session.
        assert_eq!(server.clients()[0].subscriptions, ["b"], "{version:?}");
        let mut again = within(client.subscribe("b").qos(Qos::AtLeastOnce)).await.unwrap();
        server.publish("b", "collected", Qos::AtLeastOnce, false).unwrap();
        assert_eq!(text(&mut again).await, "collected");
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn two_holders_share_one_filter_and_the_last_to_leave_ends_it() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let client = within(Client::connect(options(server.port()).version(version))).await.unwrap();
        let mut events = client.events();
        let mut one = within(client.subscribe("shared").label(1)).await.unwrap();
        let mut other = within(client.subscribe("shared").qos(Qos::AtLeastOnce).label(2)).await.unwrap();
        let third = within(client.subscribe("shared").qos(Qos::AtMostOnce).label(3)).await.unwrap();
        for expected in 1..=3 {
            let told = event(&mut events, |event| matches!(event, Event::Subscribed { .. })).await;
            assert!(matches!(told, Event::Subscribed { label, .. } if label == Some(expected)), "{told:?}");
        }
        if version == Version::V5 {
            let conflict = within(client.subscribe("shared").no_local(true)).await.unwrap_err();
            assert_eq!(conflict, SubscribeError::Conflict);
        }
        within(third.unsubscribe().label(3)).await.unwrap();
        let told = event(&mut events, |event| matches!(event, Event::Unsubscribed { .. })).await;
        assert!(matches!(told, Event::Unsubscribed { label: Some(3), .. }), "the label is free again: {told:?}");
        server.publish("shared", "to both", Qos::AtLeastOnce, false).unwrap();
        let in_flight = |server: &Server| server.clients()[0].in_flight;
        assert_eq!(text(&mut one).await, "to both");
        assert!(one.try_next().is_none());
        within(client.publish("a/round", "trip").qos(Qos::AtLeastOnce)).await.unwrap();
        assert_eq!(in_flight(&server), 1, "both must be done with it");
        assert_eq!(text(&mut other).await, "to both");
        assert!(other.try_next().is_none());
        within(server.wait_for(|server| in_flight(server) == 0)).await;
        drop(one);
        server.publish("shared", "to the other", Qos::AtLeastOnce, false).unwrap();
        assert_eq!(text(&mut other).await, "to the other");
        assert_eq!(server.clients()[0].subscriptions, ["shared"]);
        within(other.unsubscribe()).await.unwrap();
        assert!(server.clients()[0].subscriptions.is_empty());
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn a_filter_that_is_taken_again_while_it_is_given_up_stays() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let client = within(Client::connect(options(server.port()).version(version).client_id("it"))).await.unwrap();
        let first = within(client.subscribe("again")).await.unwrap();
        server.hold_acks(true);
        let leaving = tokio::spawn(first.unsubscribe().label(1).into_future());
        within(server.wait_for(|server| server.held_acks("it").len() == 1)).await;
        let taking = client.subscribe("again").qos(Qos::AtLeastOnce).label(2).into_future();
        let (mut taking, mut polled) = (taking, None);
        std::future::poll_fn(|cx| {
            polled = Some(taking.as_mut().poll(cx).is_ready());
            std::task::Poll::Ready(())
        })
        .await;
        assert_eq!(polled, Some(false));
        server.hold_acks(false);
        within(leaving).await.unwrap().unwrap();
        let mut again = within(taking).await.unwrap();
        server.publish("again", "here", Qos::AtLeastOnce, false).unwrap();
        assert_eq!(text(&mut again).await, "here", "{version:?}");
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn a_filter_that_is_taken_again_before_the_server_was_told_is_not_given_up() {
    for version in VERSIONS {
        let server = Server::start().await.unwrap();
        let (client, link) = behind_a_link(&server, |o| o.version(version).session_expiry(HOUR)).await;
        let mut events = client.events();
        let first = within(client.subscribe("again").qos(Qos::AtLeastOnce)).await.unwrap();
        link.refuse();
        link.cut(Cut::Close);
        event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
        let leaving = tokio::spawn(first.unsubscribe().label(1).into_future());
        tokio::task::yield_now().await;
        assert!(!leaving.is_finished(), "the server has the session, and must be told");
        let taker = client.clone();
        let taking = tokio::spawn(async move { taker.subscribe("again").qos(Qos::AtLeastOnce).label(2).await });
        within(leaving).await.unwrap().unwrap();
        link.heal();
        let mut again = within(taking).await.unwrap().unwrap();
        server.publish("again", "here", Qos::AtLeastOnce, false).unwrap();
        assert_eq!(text(&mut again).await, "here", "{version:?}");
        // Both labels are free.
        drop(within(client.subscribe("other").label(1)).await.unwrap());
        drop(within(client.subscribe("other").label(2)).await.unwrap());
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn unsubscribing_ends_though_the_filter_is_refused_meanwhile() {
    let script = Script::new().expect_packet().send(*b"\x20\x03\0\0\0").expect_packet().send(*b"\x90\x04\0\x01\0\0");
    // A SUBSCRIBE with a higher QoS, and an UNSUBSCRIBE; then the refusal of the former.
    let script = script.expect_packet().expect_packet().send(*b"\x90\x04\0\x02\0\x87\xB0\x04\0\x03\0\x11");
    let (server, address) = Scripted::listen([script.silence()]).await.unwrap();
    let client = within(Client::connect(options(address.port()))).await.unwrap();
    let first = within(client.subscribe("f").label(1)).await.unwrap();
    let (other, before) = (client.clone(), server.received()[0].len());
    let raising = tokio::spawn(async move { other.subscribe("f").qos(Qos::AtLeastOnce).label(2).await.map(drop) });
    let asked = async {
        while server.received()[0].len() == before {
            tokio::task::yield_now().await;
        }
    };
    within(asked).await;
    raising.abort();
    assert!(raising.await.unwrap_err().is_cancelled());
    within(first.unsubscribe().label(3)).await.unwrap();
    for label in 1..=3 {
        within(client.publish("t", "x").label(label)).await.expect("the label is free again");
    }
    within(client.close(Drain::ALL)).await;
    server.finish().await.unwrap();
}

#[tokio::test]
async fn a_refused_filter_is_an_error_now_and_the_end_of_a_subscription_later() {
    for version in VERSIONS {
        let options = Server::options().deny_subscribe("secret", ReasonCode::NOT_AUTHORIZED).unwrap();
        let server = options.start().await.unwrap();
        let (client, link) = behind_a_link(&server, |o| o.version(version).session_expiry(HOUR)).await;
        let expected = if version == Version::V5 { ReasonCode::NOT_AUTHORIZED } else { ReasonCode::UNSPECIFIED_ERROR };
        let refused = |error: &SubscribeError| matches!(error, SubscribeError::Refused { filter, reason, .. } if **filter == *"secret" && *reason == expected);
        let error = within(client.subscribe("open").and("secret").qos(Qos::AtLeastOnce)).await.unwrap_err();
        assert!(refused(&error), "{error:?}");
        within(server.wait_for(|server| server.clients()[0].subscriptions.is_empty())).await;

        server.reconfigure(|_| Server::options());
        link.cut(Cut::Close);
        let mut events = client.events();
        reconnected(&mut events).await;
        let mut subscription = within(client.subscribe("secret").qos(Qos::AtLeastOnce)).await.unwrap();
        server.reconfigure(|o| o.deny_subscribe("secret", ReasonCode::NOT_AUTHORIZED).unwrap());
        server.forget_sessions();
        link.cut(Cut::Close);
        assert!(within(subscription.next()).await.is_none(), "{version:?}");
        assert!(refused(&subscription.error().unwrap()));
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

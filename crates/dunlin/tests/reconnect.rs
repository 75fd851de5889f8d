//! What holds over broken connections: every accepted message is settled once, nothing of QoS 1 and 2 is lost, QoS 2
//! is not doubled, order is kept, subscriptions live on, and the events obey their grammar.

mod scene;

use std::time::Duration;

use dunlin::{
    Client, ConnectOptions, ConnectionError, Drain, Event, Events, Outcome, Qos, ReasonCode, Receipt, Status,
    SubscribeError, Uncertainty, Version,
};
use dunlin_testkit::{Cut, Link, LinkOptions, Plan, Script, Scripted, Server};
use scene::{EVERY_QOS, VERSIONS, event, message, options, text, within};

#[tokio::test]
async fn cut_at_random_bytes_every_message_is_settled_once_and_none_of_qos_1_or_2_is_lost() {
    for seed in 0..SEEDS {
        for version in VERSIONS {
            assert!(within(storm(seed, version, false)).await);
        }
    }
}

#[tokio::test]
async fn cut_at_random_bytes_while_the_server_forgets_nothing_is_doubled_that_is_said_to_be_delivered() {
    let mut strict = 0;
    for seed in 0..SEEDS {
        for version in VERSIONS {
            strict += u64::from(within(storm(seed, version, true)).await);
        }
    }
    assert!(strict > SEEDS, "of twice as many");
}

/// Messages at every QoS go both ways through a link that is cut again and again. Gives whether the client heard of
/// every new session.
async fn storm(seed: u64, version: Version, forgetful: bool) -> bool {
    let server = Server::start().await.unwrap();
    let how = if seed.is_multiple_of(2) { Cut::Reset } else { Cut::Close };
    let plan = |bytes| Plan::new().split(97).cut_within(bytes, how).only_first(CUTS);
    let link = LinkOptions::new().seed(seed).to_server(plan(4_000)).to_client(plan(3_000));
    let (link, address) = link.listen(server.address()).await.unwrap();
    let client =
        Client::start(options(address.port()).version(version).client_id("storm").session_expiry(HOUR)).unwrap();
    let events = client.events();
    let lifecycle = tokio::spawn(all(events));
    let mut down = client.subscribe("down/#").qos(Qos::ExactlyOnce).await.unwrap();

    let mut receipts: Vec<(usize, Receipt)> = Vec::new();
    for number in 0..MESSAGES {
        for qos in EVERY_QOS {
            let payload = format!("{number} {}", "x".repeat(number));
            server.publish(&format!("down/{}", qos as u8), payload.as_str(), qos, false).unwrap();
            let topic = format!("up/{}", qos as u8);
            receipts.push((number, client.publish(&topic, payload).qos(qos).accepted().await.unwrap()));
        }
        if forgetful && number % 17 == 5 {
            server.forget_sessions();
        }
    }
    let mut outcomes = [const { Vec::new() }; 3];
    for (index, (number, receipt)) in receipts.into_iter().enumerate() {
        outcomes[index % 3].push((number, receipt.await));
    }
    let context = format!("seed {seed}, {version:?}, forgetful: {forgetful}, {link:?}");
    // What the server sent last was sent after all the rest.
    server.publish("down/end", "end", Qos::AtLeastOnce, false).unwrap();
    let mut numbers = [const { Vec::new() }; 3];
    if !forgetful {
        loop {
            let message = message(&mut down).await;
            if message.topic() == "down/end" {
                break;
            }
            let qos = usize::from(message.topic().as_bytes()[5] - b'0');
            numbers[qos].push(number_of(message.text().unwrap()));
        }
        check_numbers(&numbers, &context);
    }
    assert!(forgetful || client.statistics().connections > 3, "{context}");
    let closed = client.close(Drain::ALL).await;
    assert_eq!((closed.unsent, closed.unknown), (0, 0), "{context}");
    let told = lifecycle.await.unwrap();
    check_grammar(&told, &context);
    server.assert_no_breaches();

    // When the CONNACK that told of a new session was lost, the next tells of a session that goes on. No client can see
    // that its own is gone, and it must send again what it sent there.
    let anew = |event: &&Event| matches!(event, Event::Connected(connected) if !connected.session_present);
    let begun = server.connects().iter().filter(|connect| !connect.session_present).count();
    let begun = if version == Version::V5 { begun } else { begun - 1 };
    let heard_all = told.iter().filter(anew).count() == begun;
    check_sent(&server, &outcomes, forgetful, heard_all, &context);
    heard_all
}

fn check_sent(server: &Server, outcomes: &[Vec<(usize, Outcome)>; 3], forgetful: bool, heard_all: bool, context: &str) {
    let mut numbers = [const { Vec::new() }; 3];
    for received in server.received() {
        numbers[received.message.qos() as usize].push(number_of(&received.message.text()));
    }
    check_sequence(&numbers[0], context);
    if heard_all {
        check_sequence(&numbers[2], context);
    }
    let mut first = numbers[1].clone();
    let mut seen = std::collections::HashSet::new();
    first.retain(|number| seen.insert(*number));
    assert_eq!(first, (0..MESSAGES).collect::<Vec<_>>(), "QoS 1 is never lost, and its order is kept: {context}");
    for (number, outcome) in &outcomes[0] {
        let fair = matches!(outcome, Outcome::Sent | Outcome::Unknown(Uncertainty::PartlyWritten));
        assert!(fair, "{number}: {outcome:?}, {context}");
    }
    for (number, outcome) in &outcomes[1] {
        assert!(matches!(outcome, Outcome::Delivered(_)), "{number}: {outcome:?}, {context}");
    }
    for (number, outcome) in &outcomes[2] {
        match outcome {
            Outcome::Delivered(_) => assert!(numbers[2].contains(number), "{number}: {context}"),
            Outcome::Unknown(Uncertainty::SessionLost) if forgetful => {}
            _ => panic!("{number}: {outcome:?}, {context}"),
        }
    }
}

/// What came down: QoS 2 each once, QoS 1 each at least once, QoS 0 perhaps; all in order.
fn check_numbers(numbers: &[Vec<usize>; 3], context: &str) {
    check_sequence(&numbers[0], context);
    assert_eq!(numbers[2], (0..MESSAGES).collect::<Vec<_>>(), "QoS 2 comes exactly once: {context}");
    let mut seen = std::collections::HashSet::new();
    let first: Vec<usize> = numbers[1].iter().copied().filter(|number| seen.insert(*number)).collect();
    assert_eq!(first, numbers[2], "QoS 1 is never lost: {context}");
}

/// Each at most once, in order.
fn check_sequence(numbers: &[usize], context: &str) {
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}, {context}");
}

fn number_of(text: &str) -> usize {
    text.split_once(' ').unwrap().0.parse().unwrap()
}

/// Every event until the client is closed.
async fn all(mut events: Events) -> Vec<Event> {
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        if !matches!(event, Event::PublishReceived(_)) {
            told.push(event);
        }
    }
    told
}

/// Every `Connecting` ends in one `Connected` or `ConnectFailed`, every `Connected` in one `Disconnected`, and `Closed`
/// is the last.
fn check_grammar(events: &[Event], context: &str) {
    #[derive(Debug, PartialEq)]
    enum At {
        Apart,
        Connecting,
        Connected,
        Closed,
    }
    let mut at = At::Apart;
    for event in events {
        at = match (at, event) {
            (At::Apart, Event::Connecting) => At::Connecting,
            (At::Connecting, Event::Connected(_)) => At::Connected,
            (At::Connecting, Event::ConnectFailed { .. }) | (At::Connected, Event::Disconnected { .. }) => At::Apart,
            (At::Apart, Event::Closed) => At::Closed,
            (
                at @ (At::Apart | At::Connecting | At::Connected),
                Event::Published { .. } | Event::Subscribed { .. } | Event::Unsubscribed { .. },
            ) => at,
            (at, event) => panic!("{event:?} when {at:?}: {context}"),
        };
    }
    assert_eq!(at, At::Closed, "{context}");
}

#[tokio::test]
async fn the_events_obey_their_grammar_however_a_client_ends() {
    let server = Server::start().await.unwrap();
    let refusing = Server::options().refuse(ReasonCode::SERVER_BUSY).start().await.unwrap();
    let silent = Scripted::listen([Script::new().silence(), Script::new().silence()]).await.unwrap();
    let ports = [server.port(), refusing.port(), silent.1.port(), 1];
    for port in ports {
        for abort in [false, true] {
            let (client, driver) = Client::with_driver(options(port)).unwrap();
            let mut events = client.events();
            let lifecycle = tokio::spawn(all(client.events()));
            let driver = tokio::spawn(driver);
            event(&mut events, |event| matches!(event, Event::Connecting)).await;
            if port == server.port() {
                within(client.connected()).await.unwrap();
            }
            match abort {
                true => within(client.abort()).await,
                false => within(client.close(Drain::within(Duration::from_millis(5)))).await,
            };
            within(driver).await.unwrap();
            check_grammar(&within(lifecycle).await.unwrap(), &format!("port {port}, abort: {abort}"));
        }
    }
    // A driver that is dropped, at each of its waits.
    for port in ports {
        for polls in 0..8 {
            let (client, driver) = Client::with_driver(options(port)).unwrap();
            let lifecycle = tokio::spawn(all(client.events()));
            let mut driver = Some(driver);
            for _ in 0..polls {
                let polled = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(driver.as_mut().map(|driver| std::pin::Pin::new(driver).poll(cx)))
                });
                let _ = polled.await;
                tokio::task::yield_now().await;
            }
            drop(driver.take());
            assert_eq!(client.status(), Status::Closed);
            check_grammar(&within(lifecycle).await.unwrap(), &format!("port {port}, polled {polls} times"));
        }
    }
}

/// A client behind a link that the test can cut.
async fn behind_a_link(server: &Server, change: impl FnOnce(ConnectOptions) -> ConnectOptions) -> (Client, Link) {
    let (link, address) = LinkOptions::new().listen(server.address()).await.unwrap();
    let options = options(address.port()).client_id("behind");
    let client = within(Client::connect(change(options))).await.unwrap();
    (client, link)
}

async fn reconnected(events: &mut Events) -> bool {
    match event(events, |event| matches!(event, Event::Connected(_))).await {
        Event::Connected(connected) => {
            assert_eq!(*connected.client_id, *"behind");
            connected.session_present
        }
        _ => unreachable!(),
    }
}

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

const SEEDS: u64 = 12;
const CUTS: u64 = 12;
const MESSAGES: usize = 60;
const HOUR: Duration = Duration::from_secs(3600);

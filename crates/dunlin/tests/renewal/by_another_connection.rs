//! Where the server takes credentials in CONNECT alone.

use std::{fs, sync::Mutex};

use dunlin::{Client, ConnectionError, Drain, Qos, RenewError, Status};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::{Instant, sleep},
};

use super::*;
use crate::scene::{VERSIONS, message, within, within_an_hour};

#[tokio::test(start_paused = true)]
async fn it_is_done_when_it_is_asked_for_and_all_who_ask_wait_for_the_same() {
    for version in VERSIONS {
        let server = start(|options| options).await;
        let (options, _) = with_tokens(&server, None);
        let client = within(Client::connect(options.version(version))).await.unwrap();
        let before = server.connects().len();
        let mut events = client.events();
        let (one, other) = tokio::join!(within(client.renew()), within(client.renew()));
        assert_eq!((one, other), (Ok(RESUMED), Ok(RESUMED)));
        assert_eq!(server.connects().len(), before + 1);
        assert_eq!(tokens(&server).last().unwrap(), "token 2");
        let told = core::iter::from_fn(|| events.try_next()).collect::<Vec<_>>();
        let [Event::Disconnected { error, retry_in }, Event::Connecting, Event::Connected(_), Event::Renewed(RESUMED)] =
            &told[..]
        else {
            panic!("{told:?}")
        };
        assert_eq!((error, *retry_in), (&ConnectionError::Renewal, Some(Duration::ZERO)));
        assert_eq!(error.to_string(), "the client makes another connection, with fresh credentials");
        assert!(error.hint().is_none());
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_say_how_long_they_are_good_are_not_used_to_their_end() {
    let server = start(|options| options).await;
    let client = within(Client::connect(with_tokens(&server, Some(HOUR)).0)).await.unwrap();
    let mut events = client.events();
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(renewed(&mut events).await, RESUMED);
        let minutes = began.elapsed().as_secs() / 60;
        assert!((45..=51).contains(&minutes), "after {minutes} minutes");
    }
    assert_eq!(tokens(&server), ["token 1", "token 2", "token 3", "token 4"]);
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_have_an_age_and_a_signal() {
    let server = start(|options| options).await;
    let signals = Arc::new(tokio::sync::Notify::new());
    let signal = signals.clone();
    let options = with_tokens(&server, Some(24 * HOUR)).0.renew_after(10 * MINUTE).renew_when(move || {
        let signal = signal.clone();
        async move { signal.notified().await }
    });
    let client = within(Client::connect(options)).await.unwrap();
    let mut events = client.events();
    let began = Instant::now();
    renewed(&mut events).await;
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    assert!((8.9..=10.1).contains(&minutes), "after {minutes} minutes");
    signals.notify_one();
    let began = Instant::now();
    renewed(&mut events).await;
    assert!(began.elapsed() < MINUTE);
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn what_is_good_for_ever_is_renewed_when_it_is_asked_for() {
    let server = start(|options| options).await;
    let options = with_tokens(&server, Some(Duration::MAX)).0.renew_after(Duration::MAX).renew_drain(Duration::MAX);
    let client = within(Client::connect(options)).await.unwrap();
    sleep(24 * HOUR).await;
    assert_eq!(client.statistics().connections, 1);
    assert_eq!(within(client.renew()).await, Ok(RESUMED));
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_is_noticed() {
    let server = start(|options| options).await;
    let file = std::env::temp_dir().join(format!("dunlin-token-{}", std::process::id()));
    fs::write(&file, "one").unwrap();
    let options = with_tokens(&server, None).0.renew_when_changed(&file);
    let client = within(Client::connect(options)).await.unwrap();
    let mut events = client.events();
    for token in ["the second", "3"] {
        sleep(10 * MINUTE).await;
        assert!(!core::iter::from_fn(|| events.try_next()).any(|event| matches!(event, Event::Renewed(_))));
        let began = Instant::now();
        fs::write(&file, token).unwrap();
        renewed(&mut events).await;
        assert!(began.elapsed() <= Duration::from_secs(11));
    }
    fs::remove_file(&file).unwrap();
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_waited_for_so_long_and_no_longer() {
    let server = start(|options| options.hold_acks(true)).await;
    // Nothing else wakes it.
    let options =
        with_tokens(&server, None).0.keep_alive(Duration::ZERO).ping_timeout(HOUR).ack_timeout(Duration::ZERO);
    let client = within(Client::connect(options.renew_drain(7 * MINUTE))).await.unwrap();
    let begun = client.publish("t", "begun").qos(Qos::AtLeastOnce).enqueue().unwrap();
    within(server.wait_for(|server| server.held_acks("it").len() == 1)).await;
    let renewal = tokio::spawn({
        let client = client.clone();
        async move { client.renew().await }
    });
    let began = Instant::now();
    sleep(MINUTE).await;
    let waits = client.publish("t", "waits").qos(Qos::AtLeastOnce).enqueue().unwrap();
    sleep(5 * MINUTE).await;
    assert_eq!((server.held_acks("it").len(), client.status()), (1, Status::Connected), "nothing new is begun");
    within_an_hour(renewal).await.unwrap().unwrap();
    assert_eq!(began.elapsed().as_secs(), 7 * 60);
    server.hold_acks(false);
    server.release_acks();
    within(begun).await;
    within(waits).await;
    let received = server.received();
    let told = received.iter().map(|it| (it.message.text(), it.dup)).collect::<Vec<_>>();
    let expected = [("begun", false), ("begun", true), ("waits", false)];
    assert_eq!(told, expected.map(|(text, dup)| (text.to_owned(), dup)));
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn while_there_are_no_credentials_the_connection_goes_on() {
    let server = start(|options| options).await;
    let fails = Arc::new(Mutex::new(0));
    let (failing, asked) = (fails.clone(), Arc::new(AtomicUsize::new(0)));
    let options = to_server(&server).client_id("it").session_expiry(HOUR).credentials_from(move || {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let fails = number > 0 && core::mem::replace(&mut *failing.lock().unwrap(), number) < 4;
        let credentials = Credentials::new().user_name("it").password("secret").good_for(HOUR);
        core::future::ready(if fails { Err("the vault is sealed") } else { Ok(credentials) })
    });
    let client = within(Client::connect(options)).await.unwrap();
    let mut events = client.events();
    let error = within(client.renew()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no credentials to connect with: the vault is sealed");
    assert!(matches!(error, RenewError::Provider(_)));
    let mut waits = Vec::new();
    loop {
        match within_an_hour(events.next()).await.unwrap() {
            Event::RenewalFailed { retry_in, .. } => {
                waits.push(retry_in.as_secs());
                within(client.publish("t", "x").qos(Qos::AtLeastOnce)).await.unwrap();
            }
            Event::Renewed(renewed) => break assert_eq!(renewed, RESUMED),
            Event::Disconnected { error, .. } => assert_eq!(error, ConnectionError::Renewal),
            Event::Connecting | Event::Connected(_) => assert_eq!(waits.len(), 4),
            _ => {}
        }
    }
    assert_eq!(waits, [1, 2, 4, 8]);
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

/// The server takes its time to close its side.
#[tokio::test(start_paused = true)]
async fn between_the_two_connections_messages_are_accepted() {
    let (opened, mut open) = mpsc::unbounded_channel();
    let options = ConnectOptions::bare("server").connector(move || {
        let (ours, theirs) = tokio::io::duplex(1 << 10);
        opened.send(theirs).unwrap();
        core::future::ready(Ok(ours))
    });
    let client = Client::start(options).unwrap();
    let mut reads = [0; 64];
    let mut server = within(open.recv()).await.unwrap();
    within(server.read(&mut reads)).await.unwrap();
    server.write_all(CONNACK).await.unwrap();
    within(client.connected()).await.unwrap();
    let (renewal, ()) = tokio::join!(client.renew(), async {
        assert_eq!(within(server.read(&mut reads)).await.unwrap(), 2, "DISCONNECT");
        client.publish("t", "between").post().unwrap();
        drop(server);
        let mut server = within(open.recv()).await.unwrap();
        within(server.read(&mut reads)).await.unwrap();
        client.publish("t", "before CONNACK").post().unwrap();
        server.write_all(CONNACK).await.unwrap();
        let mut messages = Vec::new();
        while !messages.ends_with(b"before CONNACK") {
            let len = within(server.read(&mut reads)).await.unwrap();
            messages.extend(&reads[..len]);
        }
        assert!(messages.windows(7).any(|part| part == b"between"));
        within(client.clone().abort()).await;
    });
    assert_eq!(renewal, Ok(Renewed::Reconnected { session_present: false }));
}

const CONNACK: &[u8] = b"\x20\x03\0\0\0";

/// Its own end is none of the renewal.
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_meanwhile_is_replaced_and_that_is_the_renewal() {
    let server = start(|options| options.hold_acks(true)).await;
    let options = with_tokens(&server, None).0.renew_drain(HOUR).ping_timeout(HOUR);
    let client = within(Client::connect(options)).await.unwrap();
    let begun = client.publish("t", "begun").qos(Qos::AtLeastOnce).enqueue().unwrap();
    within(server.wait_for(|server| server.held_acks("it").len() == 1)).await;
    let (renewal, ()) = tokio::join!(client.renew(), async {
        sleep(MINUTE).await;
        server.hold_acks(false);
        server.cut("it");
    });
    assert_eq!(renewal, Ok(RESUMED));
    within(begun).await;
    within(client.publish("t", "goes on").qos(Qos::AtLeastOnce)).await.unwrap();
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn who_closes_the_client_does_not_wait_for_the_renewal() {
    let server = start(|options| options.hold_acks(true)).await;
    let options = with_tokens(&server, None).0.renew_drain(HOUR).ping_timeout(HOUR);
    let client = within(Client::connect(options)).await.unwrap();
    let begun = client.publish("t", "begun").qos(Qos::AtLeastOnce).enqueue().unwrap();
    within(server.wait_for(|server| server.held_acks("it").len() == 1)).await;
    let (renewal, _) = tokio::join!(client.renew(), async {
        sleep(MINUTE).await;
        let waits = client.publish("t", "waits").qos(Qos::AtLeastOnce).enqueue().unwrap();
        let (closed, ()) = tokio::join!(within_an_hour(client.clone().close(Drain::ALL)), async {
            sleep(MINUTE).await;
            server.hold_acks(false);
            server.release_acks();
        });
        assert_eq!((closed.settled, closed.unsent), (2, 0));
        within(waits).await;
    });
    assert_eq!(renewal, Err(RenewError::Closed));
    within(begun).await;
    assert_eq!(server.connects().len(), 1);
    assert_eq!(client.renew().await, Err(RenewError::Closed));
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn where_the_next_connection_is_refused_whoever_waits_is_told() {
    let server = start(|options| options).await;
    let client = within(Client::connect(with_tokens(&server, None).0)).await.unwrap();
    server.reconfigure(|options| options.credentials("it", "token 3"));
    let error = within(client.renew()).await.unwrap_err();
    let RenewError::Connect(why) = &error else { panic!("{error:?}") };
    assert!(matches!(**why, ConnectionError::Server(_)), "{why:?}");
    assert_eq!(client.renew().await, Err(RenewError::NotConnected));
    within_an_hour(client.connected()).await.unwrap();
    assert_eq!(tokens(&server), ["token 1", "token 2", "token 3"]);
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

/// A message of the server that is in hand is waited for: otherwise it would come again.
#[tokio::test(start_paused = true)]
async fn the_application_has_time_to_acknowledge() {
    for version in VERSIONS {
        for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
            let server = start(|options| options).await;
            let options = with_tokens(&server, None).0.version(version).renew_drain(HOUR).ping_timeout(HOUR);
            let client = within(Client::connect(options)).await.unwrap();
            let mut subscription = within(client.subscribe("t").qos(qos).manual_acknowledgement()).await.unwrap();
            let before = server.connects().len();
            server.publish("t", "in hand", qos, false).unwrap();
            let in_hand = message(&mut subscription).await;
            let (renewal, ()) = tokio::join!(client.renew(), async {
                sleep(MINUTE).await;
                assert_eq!(server.connects().len(), before, "{version:?} {qos:?}");
                // It comes too late for this connection.
                server.publish("t", "next", qos, false).unwrap();
                sleep(MINUTE).await;
                assert!(subscription.try_next().is_none());
                in_hand.acknowledge();
            });
            assert_eq!(renewal, Ok(RESUMED));
            let next = message(&mut subscription).await;
            assert_eq!(next.text().unwrap(), "next", "{version:?} {qos:?}");
            next.acknowledge();
            within(client.close(Drain::ALL)).await;
            assert!(subscription.try_next().is_none());
            server.assert_no_breaches();
        }
    }
}

//! Connections that end, come back, and are watched.

use dunlin::{Credentials, Drain, Qos, SubscribeError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep},
};

use super::*;
use crate::scene::{VERSIONS, on_a_stopped_clock, text, within_an_hour};

#[tokio::test(start_paused = true)]
async fn promise_07_subscriptions_are_made_again_and_the_verdicts_are_told() {
    let server = server().await;
    let client = within(Client::connect(to_server(&server).client_id("it").session_expiry(HOUR))).await.unwrap();
    let mut news = within(client.subscribe("news").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut secret = within(client.subscribe("secret").qos(Qos::AtLeastOnce)).await.unwrap();
    let mut events = client.events();

    // Another server comes back under the old name: it knows no session, and other rules.
    goes_away(&server, &mut events).await;
    server.forget_sessions();
    server.reconfigure(|options| options.deny_subscribe("secret", ReasonCode::NOT_AUTHORIZED).unwrap());
    comes_back(&server);

    let mut verdicts = Vec::new();
    while verdicts.len() < 2 {
        let subscribed = event(&mut events, |event| matches!(event, Event::Subscribed { .. })).await;
        let Event::Subscribed { filter, granted, .. } = subscribed else { unreachable!() };
        verdicts.push((filter.to_string(), granted));
    }
    let refused = Err(ReasonCode::NOT_AUTHORIZED);
    assert_eq!(verdicts, [("news".to_owned(), Ok(Qos::AtLeastOnce)), ("secret".to_owned(), refused)]);
    assert!(within(secret.next()).await.is_none(), "it ends, and says why");
    let why = secret.error();
    assert!(matches!(why, Some(SubscribeError::Refused { reason: ReasonCode::NOT_AUTHORIZED, .. })), "{why:?}");
    server.publish("news", "all is well", Qos::AtLeastOnce, false).unwrap();
    assert_eq!(text(&mut news).await, "all is well");
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn promise_10_credentials_are_renewed_before_each_try() {
    let server = start(|options| options.credentials("it", "token 1")).await;
    let (give, tokens) = mpsc::unbounded_channel();
    let tokens = Arc::new(tokio::sync::Mutex::new(tokens));
    give.send("token 1").unwrap();
    let options = to_server(&server).client_id("it").credentials_from(move || {
        let tokens = tokens.clone();
        async move {
            // It may take its time.
            sleep(Duration::from_secs(3)).await;
            let token = tokens.lock().await.try_recv().map_err(|_| "no token today")?;
            Ok::<_, &str>(Credentials::new().user_name("it").password(token))
        }
    });
    let client = within(Client::connect(options)).await.unwrap();
    let mut events = client.events();

    // The token has expired. The first answer of the application is no, the second one is refused.
    server.reconfigure(|options| options.credentials("it", "token 3"));
    server.cut("it");
    let failed = |event: &Event| matches!(event, Event::ConnectFailed { .. });
    let Event::ConnectFailed { error, .. } = event(&mut events, failed).await else { unreachable!() };
    assert_eq!(error.to_string(), "there is no credentials to connect with: no token today");
    give.send("token 2").unwrap();
    let refused = |event: &Event| matches!(event, Event::ConnectFailed { error: ConnectionError::Server(_), .. });
    event(&mut events, refused).await;
    give.send("token 3").unwrap();
    event(&mut events, |event| matches!(event, Event::Connected(_))).await;
    within(client.close(Drain::ALL)).await;
    server.assert_no_breaches();
}

#[test]
fn promise_11_a_dead_link_is_noticed_though_qos_0_goes_out_all_the_time() {
    on_a_stopped_clock(async {
        for version in VERSIONS {
            let options = ConnectOptions::new("server").version(version);
            let options = options.keep_alive(Duration::from_secs(60)).ping_timeout(Duration::from_secs(10));
            let (client, mut open) = by_hand(options);
            let mut events = client.events();
            let mut server = within(open.recv()).await.unwrap();
            let accept: &[u8] = if version.is_v5() { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
            server.write_all(accept).await.unwrap();
            event(&mut events, |event| matches!(event, Event::Connected(_))).await;
            let connected = Instant::now();

            // The server takes all of it and says nothing: to a client that only looks at what it sends, all is well.
            tokio::spawn(async move { while server.read(&mut [0; 1_024]).await.is_ok_and(|n| n > 0) {} });
            let talker = client.clone();
            let talks = tokio::spawn(async move {
                while talker.publish("t", "21.5").post().is_ok() {
                    sleep(Duration::from_secs(1)).await;
                }
            });
            let ended = within_an_hour(events.next()).await;
            let Some(Event::Disconnected { error: ended, .. }) = ended else { panic!("{ended:?}") };
            assert!(matches!(ended, ConnectionError::ServerSilent(_)), "{ended:?}");
            assert_eq!(connected.elapsed().as_secs(), 70, "the keep alive and the ping timeout: {version:?}");
            within(client.abort()).await;
            within(talks).await.unwrap();
        }
    });
}

#[tokio::test(start_paused = true)]
async fn promise_12_an_acknowledgement_that_never_comes_is_told() {
    for version in VERSIONS {
        let server = start(|options| options.hold_acks(true)).await;
        let options = to_server(&server).client_id("it").version(version).ack_timeout(Duration::from_secs(30));
        // Else it would be the silence that ends the connection.
        let client = within(Client::connect(options.ping_timeout(HOUR))).await.unwrap();
        let mut events = client.events();
        let (publish, began) = (|| client.publish("t", "x").qos(Qos::AtLeastOnce), Instant::now());
        let forgotten = publish().label(7).enqueue().unwrap();
        within(server.wait_for(|server| server.held_acks("it").len() == 1)).await;
        for told in 1..=3 {
            let times = loop {
                assert!(began.elapsed() < HOUR, "it is not told");
                // The server answers everybody else.
                let other = publish().enqueue().unwrap();
                within(server.wait_for(|server| server.held_acks("it").len() == 2)).await;
                assert!(server.release_ack("it", server.held_acks("it")[1].packet_id));
                within(other).await;
                sleep(Duration::from_secs(1)).await;
                let stalled = core::iter::from_fn(|| events.try_next()).find_map(|event| match event {
                    Event::AckStalled { label: Some(7), times } => Some(times),
                    _ => None,
                });
                if let Some(times) = stalled {
                    break times;
                }
            };
            assert_eq!(times, told, "{version:?}");
            let after = began.elapsed().as_secs();
            assert!(told > 1 || (30..=92).contains(&after), "first told after {after} s");
        }
        assert_eq!(client.statistics().connections, 1, "it is told, and no more");
        server.hold_acks(false);
        within(forgotten).await;
        within(client.close(Drain::ALL)).await;
        server.assert_no_breaches();
    }
}

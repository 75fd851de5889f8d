use dunlin::{Client, Drain, Durability, Event, Outcome, PublishError, Rejection, Uncertainty};

use super::*;
use crate::scene::event;

const QOS: [Qos; 2] = [Qos::AtLeastOnce, Qos::ExactlyOnce];

#[tokio::test]
async fn nothing_leaves_before_it_is_stored() {
    for (version, qos) in VERSIONS.into_iter().flat_map(|version| QOS.map(|qos| (version, qos))) {
        let (server, store) = (server().await, MemoryStore::default());
        let client = within(Client::connect(with_store(&server, &store, version))).await.unwrap();
        let _the_session_is_stored = within(client.subscribe("e")).await.unwrap();
        store.hold(true);
        let receipt = enqueue(&client, "1", qos);
        until(|| store.is_waiting()).await;
        // A request goes its way meanwhile, so what is not there has not been sent.
        let _subscription = within(client.subscribe("f")).await.unwrap();
        assert_eq!(server.received_total(), 0);
        store.hold(false);
        let id = within(receipt.stored()).await.unwrap();
        assert_eq!(receipt.outbox_id(), Some(id));
        assert!(matches!(within(receipt).await, Outcome::Delivered(_)));
        assert_eq!(payloads(&server), ["1"]);
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn what_was_accepted_goes_out_in_the_next_process() {
    for version in VERSIONS {
        let (server, store) = (server().await, MemoryStore::default());
        let options = with_store(&server, &store, version).connector(pending::<io::Result<DuplexStream>>);
        let client = Client::start(options).unwrap();
        let large = "x".repeat(5_000);
        let mut ids = Vec::new();
        for (payload, qos) in [("1", QOS[0]), ("2", QOS[1]), (&large, QOS[0]), ("4", QOS[1])] {
            let receipt = client.publish("t", payload.to_owned()).qos(qos).enqueue().unwrap();
            ids.push(within(receipt.stored()).await.unwrap());
        }
        assert!(ids.is_sorted());
        within(client.abort()).await;
        let client = within(Client::connect(with_store(&server, &store, version))).await.unwrap();
        let receipts = client.recovered();
        assert_eq!(receipts.iter().filter_map(Receipt::outbox_id).collect::<Vec<_>>(), ids);
        assert!(client.recovered().is_empty(), "they are given once");
        for receipt in receipts {
            assert!(receipt.stored().await.is_ok());
            assert!(matches!(within(receipt).await, Outcome::Delivered(_)));
        }
        assert_eq!(payloads(&server), ["1", "2", &large, "4"]);
        let next = enqueue(&client, "5", QOS[0]);
        assert!(next.outbox_id() > ids.last().copied(), "a name is given once");
        within(next).await;
        within(client.close(Drain::ALL)).await;
        assert_eq!(store.of_kind(MESSAGE), []);
        server.assert_no_breaches();
    }
}

/// Wherever it is on its way when the process is killed.
#[tokio::test]
async fn a_message_of_qos_2_arrives_once_over_a_crash() {
    for version in VERSIONS {
        let (server, store) = (server().await, MemoryStore::default());
        server.hold_acks(true);
        let (client, driver) = mortal(with_store(&server, &store, version));
        within(client.connected()).await.unwrap();
        let released = enqueue(&client, "released", Qos::ExactlyOnce);
        within(server.wait_for_messages(1)).await;
        let sent = enqueue(&client, "sent", Qos::ExactlyOnce);
        within(server.wait_for_messages(2)).await;
        let first = server.held_acks("c")[0].packet_id;
        assert!(server.release_ack("c", first));
        until(|| store.of_kind(MESSAGE).iter().any(|(_, value)| value[0] == 1)).await;
        drop((released, sent));
        let store = kill(driver, &store).await;
        within(server.wait_for_departure("c")).await;
        server.hold_acks(false);
        let client = within(Client::connect(with_store(&server, &store, version))).await.unwrap();
        for receipt in client.recovered() {
            assert!(matches!(within(receipt).await, Outcome::Delivered(_)));
        }
        assert_eq!(payloads(&server), ["released", "sent"]);
        server.assert_no_breaches();
    }
}

#[tokio::test]
async fn a_client_that_is_closed_keeps_what_is_stored() {
    let store = MemoryStore::default();
    let client = apart(&store);
    let (kept, never) = (enqueue(&client, "1", QOS[0]), enqueue(&client, "0", Qos::AtMostOnce));
    within(kept.stored()).await.unwrap();
    within(client.close(Drain::NONE)).await;
    assert_eq!(within(kept).await, Outcome::Unknown(Uncertainty::Kept));
    assert_eq!(within(never).await, Outcome::Rejected(Rejection::Closed));
    assert_eq!(store.of_kind(MESSAGE).len(), 1);
}

#[test]
fn the_blocking_face_has_the_same() {
    let store = MemoryStore::default();
    let options = || {
        let options = ConnectOptions::new("server").client_id("c").session_expiry(HOUR).store(store.clone());
        options.connector(pending::<io::Result<DuplexStream>>)
    };
    let client = dunlin::blocking::Client::start(options()).unwrap();
    let id = client.publish("t", "1").qos(QOS[0]).enqueue().unwrap().wait_stored().unwrap();
    client.abort();
    let client = dunlin::blocking::Client::start(options()).unwrap();
    assert_eq!(client.recovered()[0].outbox_id(), Some(id));
    client.abort();
}

/// Identifiers rest until their messages are deleted in the store.
#[tokio::test]
async fn whoever_waits_for_an_identifier_goes_on_when_it_is_stored_that_one_is_free() {
    let (server, store) = (server().await, MemoryStore::default());
    server.hold_acks(true);
    let options = with_store(&server, &store, Version::V3_1_1).send_maximum(u16::MAX).queue_bytes(8 << 20);
    let client = within(Client::connect(options)).await.unwrap();
    for _ in 0..u16::MAX {
        client.publish("t", "").qos(QOS[0]).post().unwrap();
    }
    within(server.wait_for_messages(u16::MAX.into())).await;
    store.hold(true);
    server.hold_acks(false);
    server.release_acks();
    until(|| client.statistics().delivered == u64::from(u16::MAX)).await;
    let waiting = tokio::spawn(async move { client.publish("t", "").qos(QOS[0]).accepted().await.map(drop) });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    store.hold(false);
    within(waiting).await.unwrap().unwrap();
}

/// The last group is written before the client is closed.
#[tokio::test]
async fn a_client_that_is_closed_at_once_keeps_what_it_accepted() {
    let store = MemoryStore::default();
    let client = apart(&store);
    let receipt = enqueue(&client, "1", QOS[1]);
    within(client.abort()).await;
    assert!(receipt.stored().await.is_ok());
    assert_eq!(store.of_kind(MESSAGE).len(), 1);
}

#[tokio::test]
async fn without_a_store_and_for_qos_0_nothing_is_stored() {
    let server = server().await;
    let client = within(Client::connect(to_server(&server))).await.unwrap();
    let receipt = enqueue(&client, "1", QOS[0]);
    assert_eq!((receipt.outbox_id(), receipt.stored().await), (None, Err(dunlin::NotStored::NoStore)));
    assert!(client.recovered().is_empty());
    let client = within(Client::connect(with_store(&server, &MemoryStore::default(), Version::V5))).await.unwrap();
    let receipt = enqueue(&client, "1", Qos::AtMostOnce);
    assert_eq!((receipt.outbox_id(), receipt.stored().await), (None, Err(dunlin::NotStored::AtMostOnce)));
}

#[tokio::test]
async fn messages_share_a_commit() {
    let store = MemoryStore::default();
    let client = apart(&store);
    within(enqueue(&client, "", QOS[0]).stored()).await.unwrap();
    let before = store.commits();
    store.hold(true);
    let receipts: Vec<_> = (0..100).map(|number| enqueue(&client, &number.to_string(), QOS[0])).collect();
    until(|| store.is_waiting()).await;
    let more: Vec<_> = (0..100).map(|number| enqueue(&client, &number.to_string(), QOS[0])).collect();
    store.hold(false);
    for receipt in receipts.iter().chain(&more) {
        within(receipt.stored()).await.unwrap();
    }
    assert_eq!(store.commits(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn with_an_interval_messages_wait_for_their_group() {
    let store = MemoryStore::default();
    let options = ConnectOptions::new("server").client_id("c").session_expiry(HOUR).store(store.clone());
    let options = options.connector(pending::<io::Result<DuplexStream>>).connect_timeout(HOUR);
    let client = Client::start(options.durability(Durability::Within(Duration::from_millis(200)))).unwrap();
    let began = tokio::time::Instant::now();
    let receipt = enqueue(&client, "1", QOS[0]);
    tokio::time::sleep(Duration::from_millis(150)).await;
    let second = enqueue(&client, "2", QOS[0]);
    receipt.stored().await.unwrap();
    assert_eq!(began.elapsed().as_millis() / 10, 20);
    second.stored().await.unwrap();
    assert_eq!((began.elapsed().as_millis() / 10, store.commits()), (20, 1));
}

/// The interval is that of the day, because no process ran meanwhile.
#[tokio::test]
async fn a_message_that_expired_while_no_process_ran_is_rejected() {
    let (server, store) = (server().await, MemoryStore::default());
    let client = apart(&store);
    let publish = |payload: &str, seconds| {
        let message = client.publish("t", payload).qos(Qos::AtLeastOnce);
        message.expires_after(Duration::from_secs(seconds)).enqueue().unwrap()
    };
    let (short, long) = (publish("short", 50), publish("long", 1_000));
    within(long.stored()).await.unwrap();
    let ids = [short.outbox_id(), long.outbox_id()];
    within(client.abort()).await;
    // A hundred seconds pass.
    for (number, _) in store.of_kind(MESSAGE) {
        store.change(MESSAGE, number, |value| {
            let stored_at: &mut [u8; 8] = (&mut value[17..25]).try_into().unwrap();
            *stored_at = (u64::from_le_bytes(*stored_at) - 100).to_le_bytes();
        });
    }
    let client = within(Client::connect(with_store(&server, &store, Version::V5))).await.unwrap();
    let receipts = client.recovered();
    assert_eq!(receipts.iter().map(Receipt::outbox_id).collect::<Vec<_>>(), ids);
    let mut outcomes = Vec::new();
    for receipt in receipts {
        outcomes.push(within(receipt).await);
    }
    assert_eq!(outcomes[0], Outcome::Rejected(Rejection::Expired));
    assert!(matches!(outcomes[1], Outcome::Delivered(_)));
    let received = server.received();
    assert_eq!(payloads(&server), ["long"]);
    let left = received[0].message.properties().number(dunlin::PropertyId::MessageExpiryInterval);
    assert!((800..=900).contains(&left.unwrap()), "{left:?}");
    within(client.close(Drain::ALL)).await;
    assert_eq!(store.of_kind(MESSAGE), []);
}

/// The session on the server is that of the store's client identifier.
#[tokio::test]
async fn the_client_identifier_stays() {
    let (server, store) = (server().await, MemoryStore::default());
    let options = || to_server(&server).session_expiry(HOUR).store(store.clone());
    within(within(Client::connect(options())).await.unwrap().close(Drain::ALL)).await;
    let client = within(Client::connect(options())).await.unwrap();
    let connects = server.connects();
    assert_eq!(connects[0].client_id, connects[1].client_id);
    assert!(!connects[0].client_id.is_empty());
    drop(client);
}

/// Also where the server chose it.
#[tokio::test]
async fn an_assigned_client_identifier_stays() {
    let server = Arc::new(Server::options().assign_client_ids(true).start().await.unwrap());
    let store = MemoryStore::default();
    let options = || to_server(&server).client_id("").session_expiry(HOUR).store(store.clone());
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (client, driver) = Client::with_driver(options()).unwrap();
        let mut events = client.events();
        tokio::spawn(driver);
        let Event::Connected(connected) = event(&mut events, |event| matches!(event, Event::Connected(_))).await else {
            unreachable!()
        };
        ids.push((connected.client_id, connected.session_present));
        within(client.close(Drain::ALL)).await;
    }
    assert_eq!(ids[0].0, ids[1].0);
    assert_eq!([ids[0].1, ids[1].1], [false, true]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_from_before_counts_as_queued() {
    let store = MemoryStore::default();
    let client = apart(&store);
    for number in 0..5 {
        within(enqueue(&client, &number.to_string(), Qos::AtLeastOnce).stored()).await.unwrap();
    }
    within(client.abort()).await;
    let options = ConnectOptions::new("server").client_id("c").session_expiry(HOUR).store(store.snapshot());
    let options = options.queue_messages(6).connector(pending::<io::Result<DuplexStream>>);
    let client = Client::start(options).unwrap();
    let _sixth = enqueue(&client, "5", Qos::AtMostOnce);
    assert_eq!(client.publish("t", "one too many").enqueue().map(drop), Err(PublishError::Full));
    within(client.abort()).await;
}

use dunlin::{Client, Event, OptionsError, OptionsWarning, Outcome, StoreError, StoreSetupError};

use super::*;
use crate::scene::event;

fn setup_error(options: ConnectOptions) -> StoreSetupError {
    match Client::start(options) {
        Err(OptionsError::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// A store with two messages in it.
async fn filled() -> MemoryStore {
    let store = MemoryStore::default();
    let client = apart(&store);
    let receipts = ["1", "2"].map(|payload| enqueue(&client, payload, Qos::AtLeastOnce));
    within(receipts[1].stored()).await.unwrap();
    within(client.abort()).await;
    store
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_told_and_tried_again() {
    let store = MemoryStore::default();
    let options = ConnectOptions::new("server").client_id("c").session_expiry(HOUR).store(store.clone());
    let client = Client::start(options.connector(pending::<io::Result<DuplexStream>>)).unwrap();
    let mut events = client.events();
    within(enqueue(&client, "", Qos::AtLeastOnce).stored()).await.unwrap();
    store.fail(Some(StoreError::NoSpace));
    let receipt = enqueue(&client, "1", Qos::AtLeastOnce);
    for _ in 0..3 {
        let failed = event(&mut events, |event| matches!(event, Event::StoreFailed(_))).await;
        assert!(matches!(failed, Event::StoreFailed(StoreError::NoSpace)));
    }
    assert_eq!(store.of_kind(MESSAGE).len(), 1);
    store.fail(None);
    within(receipt.stored()).await.unwrap();
    assert_eq!(store.of_kind(MESSAGE).len(), 2);
}

/// Closing does not wait for ever; what is not stored is not called kept.
#[tokio::test]
async fn a_client_with_a_store_that_fails_can_be_closed() {
    let store = MemoryStore::default();
    let client = apart(&store);
    within(enqueue(&client, "", Qos::AtLeastOnce).stored()).await.unwrap();
    store.fail(Some(StoreError::Device));
    let receipt = enqueue(&client, "1", Qos::AtLeastOnce);
    within(client.abort()).await;
    assert_eq!(receipt.stored().await, Err(dunlin::NotStored::Closed));
    let outcome = within(receipt).await;
    assert!(matches!(outcome, Outcome::Unknown(dunlin::Uncertainty::Closed)), "{outcome:?}");
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_an_error() {
    let store = MemoryStore::default();
    store.fail(Some(StoreError::Denied));
    let error = setup_error(ConnectOptions::new("server").store(store));
    assert_eq!(error, StoreSetupError::Store(StoreError::Denied));
}

#[tokio::test]
async fn a_store_is_for_one_client() {
    let options = ConnectOptions::new("server").store(MemoryStore::default());
    let _client = Client::start(options.clone()).unwrap();
    assert_eq!(setup_error(options), StoreSetupError::Taken);
}

#[tokio::test]
async fn a_store_is_for_one_session_and_one_version() {
    let store = filled().await;
    let options = || ConnectOptions::new("server").store(store.clone());
    assert_eq!(setup_error(options().client_id("another")), StoreSetupError::ClientId("c".into()));
    assert_eq!(setup_error(options().version(Version::V3_1_1)), StoreSetupError::Version(Version::V5));
    assert_eq!(setup_error(options().memory_bytes(1)), StoreSetupError::Memory);
    store.change(1, 0, |value| value[0] = 2);
    assert_eq!(setup_error(options()), StoreSetupError::Format(2));
    assert!(store.quarantined().is_empty());
}

/// The others go their way.
#[tokio::test]
async fn an_entry_that_means_nothing_is_put_into_quarantine() {
    let spoil: [fn(&mut Vec<u8>); 4] = [
        |value| value[0] = 9,
        |value| value.truncate(20),
        |value| value.truncate(value.len() - 1),
        |value| value[29] = 0xFF,
    ];
    for spoil in spoil {
        let (server, store) = (server().await, filled().await);
        store.change(MESSAGE, 1, spoil);
        let client = within(Client::connect(with_store(&server, &store, Version::V5))).await.unwrap();
        assert_eq!((client.statistics().quarantined, store.quarantined().len()), (1, 1));
        let receipts = client.recovered();
        assert_eq!(receipts.len(), 1);
        for receipt in receipts {
            assert!(matches!(within(receipt).await, Outcome::Delivered(_)));
        }
        assert_eq!(payloads(&server), ["2"]);
    }
}

#[tokio::test]
async fn without_the_session_nothing_is_known_of_its_messages() {
    let (server, store) = (server().await, filled().await);
    store.remove(SESSION, 0);
    let client = within(Client::connect(with_store(&server, &store, Version::V5))).await.unwrap();
    assert_eq!(client.statistics().quarantined, 2);
    assert!(client.recovered().is_empty());
    within(client.publish("t", "3").qos(Qos::ExactlyOnce)).await.unwrap();
}

#[tokio::test]
async fn without_the_client_all_of_it_is_nobodys() {
    let (server, store) = (server().await, filled().await);
    store.change(1, 0, Vec::clear);
    let client = within(Client::connect(with_store(&server, &store, Version::V5))).await.unwrap();
    assert_eq!(client.statistics().quarantined, 4);
    within(client.publish("t", "3").qos(Qos::ExactlyOnce)).await.unwrap();
}

#[test]
fn a_store_wants_a_session_that_is_kept() {
    let options = ConnectOptions::new("server").store(MemoryStore::default());
    assert_eq!(options.warnings(), [OptionsWarning::StoreWithoutSession]);
    assert_eq!(options.session_expiry(HOUR).warnings(), []);
}

//! Ten thousand messages, and tokens that end meanwhile.

use dunlin::{Client, Drain, Qos};
use tokio::time::sleep;

use super::*;
use crate::scene::{VERSIONS, within, within_an_hour};

const MESSAGES: usize = 10_000;
/// So many at a time, and then a pause.
const BURST: usize = 40;

#[tokio::test(start_paused = true)]
async fn what_is_published_arrives_once_and_in_order() {
    for version in VERSIONS {
        for (qos, kept) in [(Qos::AtLeastOnce, true), (Qos::AtLeastOnce, false), (Qos::ExactlyOnce, true)] {
            let server = start(|options| options.ack_delay(Duration::from_millis(30))).await;
            let (options, made) = with_tokens(&server, Some(5 * MINUTE));
            let options = options.version(version).session_expiry(if kept { HOUR } else { Duration::ZERO });
            let client = within(Client::connect(options)).await.unwrap();
            for number in 0..MESSAGES {
                let publish = client.publish("t", number.to_string()).qos(qos);
                drop(within_an_hour(publish.accepted()).await.unwrap());
                if number % BURST == 0 {
                    sleep(Duration::from_secs(10)).await;
                }
            }
            let closed = within_an_hour(client.close(Drain::ALL)).await;
            assert_eq!((closed.unsent, closed.unknown), (0, 0));
            assert!(made.load(Ordering::Relaxed) > 8, "{made:?} tokens");
            let received = server.received();
            assert!(received.iter().all(|received| !received.dup), "{version:?} {qos:?} {kept}");
            let numbers = received.iter().map(|received| received.message.text());
            assert!(numbers.eq((0..MESSAGES).map(|number| number.to_string())), "{version:?} {qos:?} {kept}");
            server.assert_no_breaches();
        }
    }
}

/// With a session that is kept.
#[tokio::test(start_paused = true)]
async fn what_is_received_comes_once_and_in_order() {
    for version in VERSIONS {
        for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
            let server = start(|options| options).await;
            let (options, made) = with_tokens(&server, Some(5 * MINUTE));
            let options = options.version(version).renew_drain(HOUR);
            let client = within(Client::connect(options)).await.unwrap();
            let mut subscription = within(client.subscribe("t").qos(qos)).await.unwrap();
            let publisher = server.clone();
            let publishes = tokio::spawn(async move {
                for number in 0..MESSAGES {
                    publisher.publish("t", number.to_string(), qos, false).unwrap();
                    if number % BURST == 0 {
                        sleep(Duration::from_secs(10)).await;
                    }
                }
            });
            for number in 0..MESSAGES {
                let message = within_an_hour(subscription.next()).await.unwrap();
                assert_eq!(message.text().unwrap(), number.to_string(), "{version:?} {qos:?}");
                if number % 1_000 == 999 {
                    // The application is slow now and then.
                    sleep(MINUTE).await;
                }
            }
            within(publishes).await.unwrap();
            assert!(made.load(Ordering::Relaxed) > 8, "{made:?} tokens");
            within(client.close(Drain::ALL)).await;
            assert!(subscription.try_next().is_none());
            server.assert_no_breaches();
        }
    }
}

//! A subscription whose buffer is full: its messages are dropped, the oldest or the newest, each gap told in its place;
//! or nothing more is read.

mod scene;

use std::time::Duration;

use dunlin::{Client, ConnectOptions, Drain, OnSlow, Qos, Subscription, Version};
use dunlin_testkit::{Script, Scripted};
use scene::{EVERY_QOS, VERSIONS, message, options, to_script, within};

const SIZE: usize = 1_000;

/// PUBLISHes of [`SIZE`] bytes to `t`, numbered from 0.
fn flood(version: Version, qos: impl IntoIterator<Item = Qos>) -> Vec<u8> {
    let mut flood = Vec::new();
    for (number, qos) in (0_u16..).zip(qos) {
        let mut packet = vec![0x30 | (qos as u8) << 1, 0, 0, 0, 1, b't'];
        if qos != Qos::AtMostOnce {
            packet.extend((number + 1).to_be_bytes());
        }
        packet.extend(version.is_v5().then_some(0));
        packet.extend(number.to_be_bytes());
        packet.resize(SIZE, b'.');
        let rest = SIZE - 3;
        (packet[1], packet[2]) = ((rest & 0x7F | 0x80) as u8, (rest >> 7) as u8);
        flood.extend(packet);
    }
    flood
}

/// Accepts a client and a subscription, and sends this.
fn script(version: Version, flood: Vec<u8>) -> Script {
    let accept: &[u8] = if version.is_v5() { b"\x20\x03\0\0\0" } else { b"\x20\x02\0\0" };
    let suback: &[u8] = if version.is_v5() { b"\x90\x04\0\x01\0\x02" } else { b"\x90\x03\0\x01\x02" };
    Script::new().expect_packet().send(accept).expect_packet().send(suback).send(flood)
}

async fn connect(options: ConnectOptions) -> Client {
    within(Client::connect(options.keep_alive(Duration::ZERO))).await.unwrap()
}

/// Until so many messages were read from the server.
async fn received(client: &Client, count: u64) {
    let come = async {
        while client.statistics().received < count {
            tokio::task::yield_now().await;
        }
    };
    within(come).await;
}

/// The numbers of the messages that wait, each with how many are missing before it.
fn waiting(subscription: &mut Subscription) -> Vec<(u16, u64)> {
    let next = || subscription.try_next();
    std::iter::from_fn(next).map(|message| (number(message.payload()), message.missed_before())).collect()
}

fn number(payload: &[u8]) -> u16 {
    u16::from_be_bytes([payload[0], payload[1]])
}

/// The test is the future that its runtime blocks on: that has its turn when no task wants one.
#[tokio::test]
async fn an_application_that_takes_what_comes_has_its_turn_before_its_buffer_is_full() {
    const COUNT: u16 = 20_000;
    for version in VERSIONS {
        let flood = flood(version, [Qos::AtMostOnce; COUNT as usize]);
        let (_server, address) = Scripted::listen([script(version, flood).silence()]).await.unwrap();
        let client = connect(options(address.port()).version(version)).await;
        let mut subscription = within(client.subscribe("t").buffer_bytes(1 << 20)).await.unwrap();
        for expected in 0..COUNT {
            let next = message(&mut subscription).await;
            assert_eq!((number(next.payload()), next.missed_before()), (expected, 0));
        }
        client.abort().await;
    }
}

#[tokio::test(start_paused = true)]
async fn new_messages_are_dropped_and_the_next_says_how_many() {
    for version in VERSIONS {
        let script = script(version, flood(version, [Qos::AtMostOnce; 100])).expect_packet();
        let last = flood(version, [Qos::AtMostOnce; 101]).split_off(100 * SIZE);
        let (_server, connector) = Scripted::in_memory([script.send(last).silence()]);
        let client = connect(to_script(connector).version(version)).await;
        let mut subscription = within(client.subscribe("t").buffer_bytes(10 * SIZE)).await.unwrap();
        received(&client, 100).await;
        let taken = waiting(&mut subscription);
        assert!((10..=11).contains(&taken.len()), "{taken:?}");
        assert!(
            taken.iter().enumerate().all(|(index, (number, missed))| index == usize::from(*number) && *missed == 0)
        );
        client.publish("t", "go on").post().unwrap();
        let missing = 100 - taken.len() as u64;
        let next = message(&mut subscription).await;
        assert_eq!((number(next.payload()), next.missed_before()), (100, missing));
        assert_eq!(client.statistics().dropped, missing);
        within(client.close(Drain::NONE)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn old_messages_are_dropped_and_those_of_qos_1_and_2_stay_where_they_were() {
    for version in VERSIONS {
        for between in EVERY_QOS {
            let qos = |number| if number % 25 == 7 { between } else { Qos::AtMostOnce };
            let script = script(version, flood(version, (0..100).map(qos))).silence();
            let (_server, connector) = Scripted::in_memory([script]);
            let client = connect(to_script(connector).version(version)).await;
            let subscribe = client.subscribe("t").qos(Qos::ExactlyOnce).buffer_bytes(10 * SIZE);
            let mut subscription = within(subscribe.on_slow(OnSlow::DropOldest)).await.unwrap();
            received(&client, 100).await;
            let taken = waiting(&mut subscription);
            assert!((10..=11).contains(&taken.len()) && taken.last().unwrap().0 == 99, "{taken:?}");
            let stays = |number: u16| taken.iter().any(|(known, _)| *known == number);
            assert!(between == Qos::AtMostOnce || [7, 32, 57, 82].into_iter().all(stays), "{taken:?}");
            // Each gap is told where it is.
            let mut next = 0;
            for (number, missed) in &taken {
                assert_eq!(u64::from(*number), next + missed, "{taken:?}");
                next = u64::from(*number) + 1;
            }
            assert_eq!(client.statistics().dropped, 100 - taken.len() as u64);
            within(client.close(Drain::NONE)).await;
        }
    }
}

/// Far more than what is read at once.
const MANY: u16 = 3_000;

#[tokio::test(start_paused = true)]
async fn nothing_more_is_read_until_there_is_room() {
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let script = script(version, flood(version, vec![qos; MANY.into()])).silence();
            let (_server, connector) = Scripted::in_memory([script.timeout(Duration::from_secs(3_600))]);
            let client = connect(to_script(connector).version(version)).await;
            let subscribe = client.subscribe("t").qos(qos).buffer_bytes(10 * SIZE);
            let mut subscription = within(subscribe.on_slow(OnSlow::Backpressure)).await.unwrap();
            for expected in 0..MANY {
                let next = message(&mut subscription).await;
                assert_eq!((number(next.payload()), next.missed_before()), (expected, 0));
                let ahead = client.statistics().received - u64::from(expected);
                assert!(ahead < 600, "{ahead} messages wait, far more than a buffer and one read");
            }
            assert_eq!(client.statistics().dropped, 0);
            within(client.close(Drain::NONE)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_when_the_slow_subscription_is_dropped() {
    let (_server, connector) =
        Scripted::in_memory([script(Version::V5, flood(Version::V5, [Qos::AtMostOnce; MANY as usize])).silence()]);
    let client = connect(to_script(connector)).await;
    let subscribe = client.subscribe("t").buffer_bytes(SIZE).on_slow(OnSlow::Backpressure);
    let subscription = within(subscribe).await.unwrap();
    received(&client, 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(client.statistics().received < MANY.into());
    drop(subscription);
    received(&client, MANY.into()).await;
    within(client.close(Drain::NONE)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_server_is_read_behind_what_has_no_room() {
    for version in VERSIONS {
        let flood = flood(version, vec![Qos::AtMostOnce; MANY.into()]);
        let script = script(version, [&flood[..], b"\x40\x02\0\x02"].concat()).silence();
        let (_server, connector) = Scripted::in_memory([script]);
        let client = connect(to_script(connector).version(version)).await;
        let subscribe = client.subscribe("t").buffer_bytes(10 * SIZE);
        let mut subscription = within(subscribe.on_slow(OnSlow::Backpressure)).await.unwrap();
        within(client.publish("up", "x").qos(Qos::AtLeastOnce)).await.unwrap();
        let statistics = client.statistics();
        assert_eq!(statistics.received, u64::from(MANY));
        let taken = waiting(&mut subscription);
        assert_eq!(taken.len() as u64 + statistics.dropped, u64::from(MANY));
        assert!(statistics.dropped > 0 && taken.iter().all(|(_, missed)| *missed == 0), "the first of them stay");
        within(client.close(Drain::NONE)).await;
    }
}

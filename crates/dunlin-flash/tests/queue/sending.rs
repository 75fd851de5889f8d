//! A client that sends what is in a queue, over links that break, and restarts of both.

use dunlin_codec::{PacketType, Property, PropertyOwner, PropertyWriter, Qos, ReasonCode, Version};
use dunlin_embedded::{Blocking as BlockingLink, Cause, Client, Event, Line, Options};
use dunlin_flash::{Given, Queue, WhenFull, wait};
use dunlin_session::{
    Backoff, ConnectOptions, Outcome, PublishError, PublishOptions, Received, Rejection, Slot, Storage, Uncertainty,
};
use dunlin_testkit::ServerOptions;

use crate::chip::Chip;
use crate::scene::{Opened, topic};
use crate::slow::{Slow, drop_after};
use crate::world::{Blocked, World};

type Flash = Chip<4, 256>;
type Sensor<'a> = Client<'a, BlockingLink<Blocked, World>>;

fn options() -> Options<'static> {
    Options {
        connect: ConnectOptions { client_id: "sensor-17", session_expiry_interval: 3_600, ..ConnectOptions::default() },
        backoff: Backoff::new(1_000, 60_000, 30_000, 17),
        ..Options::default()
    }
}

/// A client whose memory begins empty, as after a restart, with a queue that goes on.
fn restarted<T>(
    world: &World,
    version: Version,
    options: &Options<'_>,
    chip: &mut Flash,
    when_full: WhenFull,
    story: impl AsyncFnOnce(&mut Sensor<'_>, &mut Opened<'_, 4, 256>) -> T,
) -> T {
    let (mut log, mut control, mut receive) = ([0; 128], [0; 64], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let mut client = Client::blocking(version, storage, options, &mut receive, Blocked(world.clone()), world.clone());
    let (mut buffer, mut given) = ([0; 64], [Given::FREE; 3]);
    let range = 0..chip.len();
    let opened = wait(Queue::open(chip.blocking(), range, &mut buffer, &mut given, when_full));
    world.play(std::future::pending::<()>(), story(&mut client, &mut opened.expect("it is whole")))
}

/// Sends until so many messages have left the queue, or it is empty.
async fn send(world: &World, client: &mut Sensor<'_>, queue: &mut Opened<'_, 4, 256>, mut most: usize) {
    while most > 0 && !wait(queue.is_empty()).unwrap() {
        assert_eq!(wait(queue.give(client)), Ok(None));
        match client.poll() {
            Some(Event::Published { id, outcome }) => {
                assert!(wait(queue.settle(id, outcome)).unwrap(), "there are no others");
                most -= usize::from(matches!(outcome, Outcome::Delivered(_) | Outcome::Sent));
            }
            Some(Event::Connected { .. } | Event::Disconnected { cause: Cause::Link, .. }) => {}
            Some(other) => panic!("{other:?}"),
            None => world.idle(client.poll_timeout()).await,
        }
    }
}

fn publish(queue: &mut Opened<'_, 4, 256>, number: usize, qos: Qos) {
    wait(queue.push(topic(), number.to_string().as_bytes(), PublishOptions::qos(qos))).expect("there is room");
}

fn arrived(world: &World) -> Vec<String> {
    world.server(|server, _| {
        assert_eq!(server.breaches(), []);
        server.received().iter().map(|received| received.message.text()).collect()
    })
}

fn numbers(of: impl Iterator<Item = usize>) -> Vec<String> {
    of.map(|number| number.to_string()).collect()
}

/// Each number at least once, and first arrivals in order.
fn without_repetitions(arrived: &[String]) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for number in arrived {
        if !once.contains(number) {
            once.push(number.clone());
        }
    }
    once
}

#[test]
fn messages_accepted_without_a_connection_are_sent_in_order_when_there_is_one() {
    for (version, qos) in
        [(Version::V3_1_1, Qos::AtMostOnce), (Version::V5, Qos::AtLeastOnce), (Version::V5, Qos::ExactlyOnce)]
    {
        let world = World::strict(ServerOptions::new());
        world.unreachable(5);
        let mut chip = Flash::erased(4);
        restarted(&world, version, &options(), &mut chip, WhenFull::DropNewest, async |client, queue| {
            (0..20).for_each(|number| publish(queue, number, qos));
            send(&world, client, queue, usize::MAX).await;
            assert!(client.is_idle());
        });
        assert_eq!(arrived(&world), numbers(0..20), "once each, since nothing was restarted");
    }
}

/// Links break after any number of bytes, and after every few messages the device restarts: with QoS 1 and 2 every message
/// arrives, the first time in its order.
#[test]
fn every_message_arrives_in_order_over_broken_links_and_restarts() {
    for version in [Version::V3_1_1, Version::V5] {
        for qos in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
            for first in 40..90 {
                let world =
                    World::strict(ServerOptions::new()).with_cuts((0..12).map(|n| first + n * 7)).with_chunks(11);
                let mut chip = Flash::erased(4);
                let mut next = 0;
                loop {
                    let is_empty = restarted(
                        &world,
                        version,
                        &options(),
                        &mut chip,
                        WhenFull::DropNewest,
                        async |client, queue| {
                            for number in next..(next + 5).min(20) {
                                publish(queue, number, qos);
                            }
                            next += 5;
                            // It is switched off in the middle of its work, with messages on their way.
                            send(&world, client, queue, if next < 20 { 2 } else { usize::MAX }).await;
                            wait(queue.is_empty()).unwrap()
                        },
                    );
                    world.cut();
                    if is_empty {
                        break;
                    }
                }
                assert_eq!(without_repetitions(&arrived(&world)), numbers(0..20), "{version:?} {qos:?} {first}");
            }
        }
    }
}

/// The power goes between the acknowledgement and the removal: nobody knows any more that it arrived.
#[test]
fn a_message_that_arrived_and_was_not_removed_is_sent_again_after_a_restart() {
    let world = World::strict(ServerOptions::new());
    let mut chip = Flash::erased(4);
    for _ in 0..2 {
        restarted(&world, Version::V5, &options(), &mut chip, WhenFull::DropNewest, async |client, queue| {
            if wait(queue.is_empty()).unwrap() {
                publish(queue, 1, Qos::ExactlyOnce);
            }
            wait(queue.give(client)).unwrap();
            loop {
                match client.poll() {
                    Some(Event::Published { outcome: Outcome::Delivered(_), .. }) => break,
                    Some(_) => {}
                    None => world.idle(client.poll_timeout()).await,
                }
            }
        });
        world.cut();
    }
    assert_eq!(arrived(&world), ["1", "1"], "QoS 2 is not exactly once over a restart");
}

#[test]
fn what_a_server_refuses_leaves_the_queue_and_what_nobody_knows_of_does_not() {
    let world = World::strict(ServerOptions::new());
    let mut chip = Flash::erased(4);
    restarted(&world, Version::V5, &options(), &mut chip, WhenFull::DropNewest, async |client, queue| {
        (0..3).for_each(|number| publish(queue, number, Qos::ExactlyOnce));
        wait(queue.give(client)).unwrap();
        let id = |id| dunlin_codec::PacketId::new(id).unwrap();
        assert!(!wait(queue.settle(id(9), Outcome::Sent)).unwrap(), "not one of the queue's");
        let refused = Outcome::Rejected(Rejection::ByServer(ReasonCode::NOT_AUTHORIZED));
        assert!(wait(queue.settle(id(1), refused)).unwrap());
        assert_eq!(wait(queue.len()), Ok(2));
        assert!(wait(queue.settle(id(2), Outcome::Unknown(Uncertainty::SessionLost))).unwrap());
        assert_eq!(wait(queue.len()), Ok(2));
        assert_eq!(wait(queue.oldest()).unwrap().map(|message| message.payload.to_vec()), Some(b"1".to_vec()));
        assert!(!wait(queue.settle(id(2), Outcome::Sent)).unwrap(), "it was taken back");
    });
}

/// The client has no room for more than three, and no more than `given` are on their way.
#[test]
fn a_message_that_the_client_never_takes_is_told_and_does_not_hold_up_the_others() {
    let mut memory = [0; 32];
    let writer = PropertyWriter::new(PropertyOwner::Packet(PacketType::Publish), &mut memory);
    let properties = writer.push(Property::ContentType("text")).unwrap().finish().unwrap();
    let world = World::strict(ServerOptions::new());
    let mut chip = Flash::erased(4);
    restarted(&world, Version::V3_1_1, &options(), &mut chip, WhenFull::DropNewest, async |client, queue| {
        publish(queue, 0, Qos::AtLeastOnce);
        let options = PublishOptions { properties, ..PublishOptions::qos(Qos::AtLeastOnce) };
        wait(queue.push(topic(), b"text", options)).unwrap();
        publish(queue, 1, Qos::AtLeastOnce);
        assert_eq!(wait(queue.give(client)), Ok(Some(PublishError::NeedsV5)));
        assert_eq!(queue.dropped(), 1);
        send(&world, client, queue, usize::MAX).await;
    });
    assert_eq!(arrived(&world), numbers(0..2));
}

#[test]
fn another_client_is_given_what_the_first_one_did_not_settle() {
    let world = World::strict(ServerOptions::new());
    let mut chip = Flash::erased(4);
    restarted(&world, Version::V5, &options(), &mut chip, WhenFull::DropNewest, async |client, queue| {
        (0..5).for_each(|number| publish(queue, number, Qos::AtLeastOnce));
        {
            let (mut log, mut control, mut receive) = ([0; 128], [0; 64], [0; 64]);
            let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
            let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
            let options = options();
            let link = Blocked(World::strict(ServerOptions::new()));
            let mut gone = Client::blocking(Version::V5, storage, &options, &mut receive, link, world.clone());
            wait(queue.give(&mut gone)).unwrap();
            assert!(!gone.is_idle());
        }
        queue.take_back();
        send(&world, client, queue, usize::MAX).await;
    });
    assert_eq!(arrived(&world), numbers(0..5));
}

/// Messages that are on their way make room for new ones: they arrive, and nothing waits for them afterwards.
#[test]
fn messages_that_were_given_may_be_dropped_for_new_ones() {
    let world = World::strict(ServerOptions::new());
    let mut chip = Flash::erased(3);
    let (mut pushed, mut dropped) = (0, 0);
    restarted(&world, Version::V5, &options(), &mut chip, WhenFull::DropOldest, async |client, queue| {
        (0..3).for_each(|number| publish(queue, number, Qos::AtLeastOnce));
        assert_eq!(wait(queue.give(client)), Ok(None));
        pushed = 3;
        while dropped == 0 {
            let options = PublishOptions::qos(Qos::AtLeastOnce);
            dropped = wait(queue.push(topic(), pushed.to_string().as_bytes(), options)).unwrap() as usize;
            pushed += 1;
        }
        assert!(dropped > 3, "all three, and some that were not given");
        send(&world, client, queue, usize::MAX).await;
        assert_eq!(format!("{queue:?}").matches("Free").count(), 3);
    });
    assert_eq!(arrived(&world), numbers((0..3).chain(dropped..pushed)));
}

/// Futures of the queue are dropped after any number of looks, over a driver that lets others work. Then they are begun
/// anew, and nothing is lost or left behind.
#[test]
fn futures_of_a_queue_may_be_dropped_at_any_time() {
    let options = options();
    for looks in 1..120 {
        let world = World::strict(ServerOptions::new());
        let mut slow = Slow(Flash::erased(4));
        let (mut buffer, mut given) = ([0; 64], [Given::FREE; 3]);
        let mut queue = wait(Queue::open(&mut slow, 0..1_024, &mut buffer, &mut given, WhenFull::DropNewest)).unwrap();
        let (mut log, mut control) = ([0; 128], [0; 64]);
        let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
        let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
        let (mut receive, mut transmit) = ([0; 64], [0; 48]);
        let line = Line::new(&mut receive, &mut transmit);
        let mut client = Client::new(Version::V5, storage, &options, &line, world.clone());
        let mut accepted = Vec::new();
        let application = async {
            for number in 0..12 {
                let text = number.to_string();
                let push = queue.push(topic(), text.as_bytes(), PublishOptions::qos(Qos::AtLeastOnce));
                if drop_after(looks, push).is_some() {
                    accepted.push(text);
                }
            }
            while !wait(queue.is_empty()).unwrap() {
                if drop_after(looks, queue.give(&mut client)).is_none() {
                    wait(queue.give(&mut client)).unwrap();
                }
                if let Event::Published { id, outcome } = client.poll().await
                    && drop_after(looks, queue.settle(id, outcome)).is_none()
                {
                    // It is marked, or it is not: whoever does not know asks again.
                    wait(queue.settle(id, outcome)).unwrap();
                }
            }
        };
        world.play(line.run(world.clone()), application);
        let (given, left) = (format!("{queue:?}"), arrived(&world));
        assert_eq!(given.matches("Free").count(), 3, "{given}");
        // What was dropped may be in the queue nevertheless.
        let order: Vec<_> = left.iter().filter(|number| accepted.contains(number)).cloned().collect();
        assert_eq!(order, accepted, "{looks}: {left:?}");
        assert_eq!(without_repetitions(&left), left, "{looks}");
    }
}

//! A connection that makes room for another one without a message in doubt.

use dunlin_codec::{Properties, ReasonCode, SubscriptionFilter, SubscriptionOptions, TopicFilter};
use dunlin_session::{Event, Outcome, State};

use crate::{
    scene::{QOS0, QOS1, QOS2, outcomes, scenes},
    wire::{self, PUBACK, PUBCOMP, PUBREC, PUBREL, ack, all},
};

fn filter() -> SubscriptionFilter<'static> {
    let filter = TopicFilter::new("t").expect("a filter");
    SubscriptionFilter { filter, options: SubscriptionOptions::new(QOS1) }
}

/// The whole of it, with a message on either side of the line.
#[test]
fn what_was_begun_is_settled_and_what_was_not_waits_for_the_next_connection() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let (one, two) = (scene.send(QOS1, b"1"), scene.send(QOS2, b"2"));
        let begun = all(&[scene.publish_packet(0x32, one, b"1"), scene.publish_packet(0x34, two, b"2")]);
        assert_eq!(scene.wire(), begun);
        scene.hold(true);
        let three = scene.send(QOS1, b"3");
        scene.send(QOS0, b"4");
        assert_eq!((scene.wire(), scene.is_drained()), (vec![], false));
        assert_eq!(scene.receives(&ack(PUBACK, one)).len(), 1);
        scene.receives(&ack(PUBREC, two));
        assert_eq!((scene.wire(), scene.is_drained()), (ack(PUBREL, two), false), "its PUBCOMP is missing");
        assert_eq!(outcomes(&scene.receives(&ack(PUBCOMP, two))), [(two, Outcome::Delivered(SUCCESS))]);
        assert!(scene.is_drained());
        scene.interrupt();
        assert_eq!((scene.state(), scene.wire()), (State::Closing, vec![0xE0, 0]));
        // Between the connections messages are accepted as ever.
        let five = scene.send(QOS1, b"5");
        scene.break_link();
        let connack = wire::connack(scene.version, true);
        scene.meet(&connack);
        let waited = all(&[
            scene.publish_packet(0x32, three, b"3"),
            scene.publish_packet(0x30, 0, b"4"),
            scene.publish_packet(0x32, five, b"5"),
        ]);
        assert_eq!(scene.wire(), waited);
    }
}

const SUCCESS: ReasonCode = ReasonCode::SUCCESS;

#[test]
fn a_packet_that_was_begun_is_finished_and_a_request_has_its_answer() {
    for scene in scenes() {
        let mut scene = scene.connected();
        let one = scene.send(QOS1, b"1");
        let mut begun = scene.wire_at_most(3);
        scene.hold(true);
        assert!(!scene.is_drained());
        begun.extend(scene.wire());
        assert_eq!(begun, scene.publish_packet(0x32, one, b"1"));
        scene.receives(&ack(PUBACK, one));
        assert!(scene.is_drained());
        let request = scene.subscribe(&[filter()], Properties::NONE).expect("room").get();
        assert!(!scene.is_drained() && scene.wire().starts_with(&[0x82]));
        let suback =
            if scene.is_v5() { vec![0x90, 4, 0, request as u8, 0, 1] } else { vec![0x90, 3, 0, request as u8, 1] };
        assert!(matches!(scene.receives(&suback)[..], [Event::Subscribed(_)]));
        assert!(scene.is_drained());
    }
}

#[test]
fn who_is_held_no_more_goes_on_and_a_new_connection_holds_nothing() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.hold(true);
        let one = scene.send(QOS1, b"1");
        assert_eq!(scene.wire(), []);
        scene.hold(false);
        assert_eq!(scene.wire(), scene.publish_packet(0x32, one, b"1"));
        scene.hold(true);
        scene.resume();
        assert_eq!(scene.wire(), scene.publish_packet(0x3A, one, b"1"));
    }
}

/// Messages of the server: their answers go out while messages of ours are held.
#[test]
fn the_application_is_waited_for() {
    for scene in scenes() {
        let mut scene = scene.connected();
        scene.hold(true);
        let packets = all(&[scene.publish_packet(0x32, 7, b""), scene.publish_packet(0x34, 8, b"")]);
        let deliveries = scene.deliveries(&packets);
        for (delivery, answer) in deliveries.into_iter().zip([ack(PUBACK, 7), ack(PUBREC, 8)]) {
            assert!(scene.has_unacknowledged());
            assert!(scene.acknowledge(delivery));
            assert_eq!(scene.wire(), answer);
        }
        assert!(!scene.has_unacknowledged() && scene.is_drained());
    }
}

#[test]
fn there_is_nothing_to_interrupt_without_a_connection() {
    for mut scene in scenes() {
        scene.interrupt();
        assert_eq!((scene.state(), scene.wire()), (State::Disconnected, vec![]));
        scene.begin();
        scene.interrupt();
        assert_eq!(scene.state(), State::Connecting);
    }
}

//! The control lane has an end, and nothing that needs an answer is taken when it is full.

use dunlin_session::Progress;

use crate::{
    memory::{Kind, Room},
    scene::{QOS2, Scene, outcomes, scenes_with},
    wire::{PUBCOMP, PUBREC, PUBREL, ack, ack_with, all},
};

/// Room for CONNECT, and for few acknowledgements.
const SMALL: Room = Room { log: 16_384, control: 24, slots: 32, received: 32 };

fn is_blocked(scene: &mut Scene, packet: &[u8]) -> bool {
    let now = scene.now;
    scene.handle_input(now, packet) == Progress::Blocked
}

/// Until the next packet that needs an answer is not taken.
fn fill(scene: &mut Scene) -> usize {
    let packet = ack(PUBREL, 60);
    (0..100).find(|_| is_blocked(scene, &packet)).expect("an end")
}

#[test]
fn a_pubrel_is_not_taken_while_there_is_no_room_for_its_pubcomp() {
    for scene in scenes_with(SMALL) {
        let mut scene = scene.connected();
        let count = fill(&mut scene);
        assert!(is_blocked(&mut scene, &ack(PUBREL, 65)));
        // A part that was written makes room.
        let mut wire = scene.wire_at_most(7);
        assert!(!is_blocked(&mut scene, &ack(PUBREL, 65)));
        wire.extend(scene.wire());
        let pubcomp = |id| if scene.is_v5() { ack_with(PUBCOMP, id, 0x92) } else { ack(PUBCOMP, id) };
        assert_eq!(wire, [vec![pubcomp(60); count].concat(), pubcomp(65)].concat());
    }
}

#[test]
fn a_lane_on_the_heap_grows_to_its_limit_and_no_further() {
    for scene in scenes_with(Room { control: 200, ..SMALL }) {
        let mut scene = scene.connected();
        let count = fill(&mut scene);
        let len = if scene.is_v5() { 5 } else { 4 };
        // Room is kept for the longest acknowledgement.
        assert_eq!(count, (200 - 5) / len + 1, "{:?}", scene.kind);
        assert_eq!(scene.wire().len(), count * len);
    }
}

#[test]
fn a_pubrec_is_not_taken_either_and_goes_on_where_it_stopped() {
    for scene in scenes_with(SMALL) {
        let mut scene = scene.connected();
        for _ in 0..20 {
            scene.send(QOS2, b"");
        }
        scene.wire();
        let (now, mut wire, mut stops) = (scene.now, Vec::new(), 0);
        for id in 1..=20 {
            while scene.handle_input(now, &ack(PUBREC, id)) == Progress::Blocked {
                stops += 1;
                wire.extend(scene.wire_at_most(7));
            }
        }
        // With a store they wait for their record, and take room when it is there.
        assert!(stops > 5 || scene.kind == Kind::Stored);
        wire.extend(scene.wire());
        assert_eq!(wire, all(&(1..=20).map(|id| ack(PUBREL, id)).collect::<Vec<_>>()));
        let told = outcomes(&scene.receives(&all(&(1..=20).map(|id| ack(PUBCOMP, id)).collect::<Vec<_>>())));
        assert_eq!(told.len(), 20);
    }
}

/// An outcome needs no room: it frees some.
#[test]
fn a_pubcomp_is_taken_though_the_lane_is_full() {
    for scene in scenes_with(SMALL) {
        let mut scene = scene.connected();
        scene.send(QOS2, b"");
        scene.wire();
        scene.receives(&ack(PUBREC, 1));
        scene.wire();
        fill(&mut scene);
        assert_eq!(outcomes(&scene.receives(&ack(PUBCOMP, 1))).len(), 1);
    }
}

/// More acknowledgements than fit wait in order, and the connection does not forget them.
#[test]
fn acknowledgements_that_find_no_room_follow() {
    for scene in scenes_with(SMALL) {
        let mut scene = scene.connected();
        let packets: Vec<_> = (1..=20).map(|id| scene.publish_packet(0x32, id, b"")).collect();
        for delivery in scene.deliveries(&all(&packets)) {
            assert!(scene.acknowledge(delivery));
        }
        let pubacks: Vec<_> = (1..=20).map(|id| ack(0x40, id)).collect();
        assert_eq!(scene.wire(), all(&pubacks));
    }
}

#[test]
fn so_do_the_pubrels_of_a_resumed_session() {
    for scene in scenes_with(SMALL) {
        let mut scene = scene.connected();
        for _ in 0..20 {
            scene.send(QOS2, b"");
        }
        scene.wire();
        for id in 1..=20 {
            scene.receives(&ack(PUBREC, id));
            scene.wire();
        }
        scene.resume();
        let mut wire = scene.wire_at_most(9);
        // Some are answered before the others have left.
        assert_eq!(outcomes(&scene.receives(&all(&[ack(PUBCOMP, 1), ack(PUBCOMP, 2)]))).len(), 2);
        wire.extend(scene.wire());
        assert_eq!(wire, all(&(1..=20).map(|id| ack(PUBREL, id)).collect::<Vec<_>>()));
    }
}

//! 3.1.1 has one flag for "begin without a session" and "keep none": to begin clean and keep takes two connections.

use dunlin_codec::{Connect, Version};
use dunlin_session::{ConnectOptions, Event, State};

use crate::{
    memory::Room,
    scene::{QOS1, Scene, scenes_of, usual},
    wire::connack,
};

fn begin(scene: &mut Scene) -> bool {
    let now = scene.now;
    scene.connect(now, &ConnectOptions { clean_start: true, ..usual() }).unwrap();
    Connect::decode(&scene.wire()[2..]).unwrap().clean_start
}

fn scenes() -> impl Iterator<Item = Scene> {
    scenes_of(Version::V3_1_1, Room::default())
}

#[test]
fn the_first_connection_discards_and_the_second_keeps() {
    for mut scene in scenes() {
        let id = scene.send(QOS1, b"1");
        assert!(begin(&mut scene));
        assert_eq!(scene.receives(&connack(Version::V3_1_1, false)), [Event::SessionDiscarded]);
        // A message may be accepted in between, and none is sent.
        let other = scene.send(QOS1, b"2");
        assert_eq!((scene.wire(), scene.state()), (vec![0xE0, 0], State::Closing));
        scene.break_link();
        assert!(!begin(&mut scene));
        let connack = connack(Version::V3_1_1, false);
        let events = scene.receives(&connack);
        assert!(matches!(events[..], [Event::Connected { session_present: false, .. }]), "{events:?}");
        let sent = [scene.publish_packet(0x32, id, b"1"), scene.publish_packet(0x32, other, b"2")].concat();
        assert_eq!(scene.wire(), sent);
        scene.break_link();
        assert!(!begin(&mut scene), "the session is kept from here on");
    }
}

#[test]
fn it_is_tried_again_where_it_failed() {
    for mut scene in scenes() {
        assert!(begin(&mut scene));
        scene.break_link();
        assert!(begin(&mut scene));
        scene.receives(&[0x20, 2, 0, 3]);
        scene.break_link();
        assert!(begin(&mut scene));
        assert_eq!(scene.receives(&connack(Version::V3_1_1, false)), [Event::SessionDiscarded]);
        scene.break_link();
        assert!(!begin(&mut scene));
    }
}

/// The server may have begun a session of which no CONNACK told: it would be unexpected.
#[test]
fn it_is_done_again_where_the_second_connection_failed() {
    for mut scene in scenes() {
        begin(&mut scene);
        scene.receives(&connack(Version::V3_1_1, false));
        scene.break_link();
        assert!(!begin(&mut scene));
        scene.break_link();
        assert!(begin(&mut scene));
    }
}

//! Outcomes that nobody has asked for yet, and the store: nothing that came up behind one is stored before it is told.

use dunlin_codec::{PacketType, Properties, PropertyOwner, Version};
use dunlin_session::{MessageStage, Outcome, PublishError, PublishOptions, Rejection, Uncertainty};

use crate::{
    memory::Room,
    scene::{QOS1, QOS2, Scene, usual},
    store::{Kept, Store},
    wire::{PUBACK, ack, connack},
};

const EXPIRED: Outcome = Outcome::Rejected(Rejection::Expired);

/// It expires after ten seconds.
fn send_aging(scene: &mut Scene, payload: &[u8]) -> u16 {
    let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), &[0x02, 0, 0, 0, 10]).unwrap();
    let options = PublishOptions { properties, ..PublishOptions::qos(QOS1) };
    scene.publish(payload, options).expect("room").expect("an identifier").get()
}

/// Time passes between connections.
fn pass_ten_seconds(scene: &mut Scene) {
    scene.now = scene.now + 10_000;
    assert_eq!(scene.wire(), []);
}

/// It gave up its place in memory, so what takes that place must not stand in the store beside it.
#[test]
fn a_message_that_ran_out_is_deleted_before_what_takes_its_place_is_stored() {
    let room = Room { log: 400, ..Room::default() };
    let (mut scene, mut store) = (Scene::with_store(Version::V5).in_room(room).connected(), Store::default());
    store.take(&mut scene);
    scene.break_link();
    send_aging(&mut scene, &[1; 200]);
    store.take(&mut scene);
    scene.wire();
    assert_eq!(scene.publish(&[2; 200], PublishOptions::qos(QOS1)), Err(PublishError::Full));
    pass_ten_seconds(&mut scene);
    scene.send(QOS1, &[2; 200]);
    assert_eq!(scene.store(), [], "nobody has heard what became of the first");
    assert_eq!(scene.settled(), [(1, EXPIRED)]);
    let records = scene.give();
    assert!(matches!(records[..], [Kept::MessageDeleted(1), Kept::Message(2, _), ..]), "{records:?}");
    // Wherever a crash cuts them off, the next process has room.
    for cut in 0..=records.len() {
        let mut store = store.clone();
        records[..cut].iter().for_each(|record| store.apply(record));
        store.restart_in(Version::V5, room);
    }
}

/// It was accepted and not yet given to the store: of this too the outcome is told first.
#[test]
fn what_ran_out_before_it_was_stored_holds_back_what_is_behind_it() {
    let mut scene = Scene::with_store(Version::V5).connected_and_stored();
    scene.break_link();
    scene.store();
    send_aging(&mut scene, b"1");
    scene.wire();
    scene.send(QOS1, b"2");
    pass_ten_seconds(&mut scene);
    assert_eq!(scene.store(), []);
    assert_eq!(scene.settled(), [(1, EXPIRED)]);
    let records = scene.store();
    assert!(
        matches!(records[..], [Kept::MessageDeleted(1), Kept::Message(2, _), Kept::MessageDeleted(1)]),
        "{records:?}"
    );
}

/// What the server settles is told by its packet, so it holds back nothing.
#[test]
fn an_acknowledged_message_is_told_already() {
    let mut scene = Scene::with_store(Version::V5).connected_and_stored();
    scene.send(QOS1, b"1");
    scene.store();
    scene.wire();
    scene.receives(&ack(PUBACK, 1));
    assert_eq!(scene.give().first(), Some(&Kept::MessageDeleted(1)));
}

/// A message that was never begun stays so, whatever is settled behind it.
#[test]
fn an_outcome_that_nobody_has_heard_makes_no_later_message_a_begun_one() {
    let (mut scene, mut store) = (Scene::with_store(Version::V5).connected_and_stored(), Store::default());
    scene.send(QOS2, b"1");
    store.take(&mut scene);
    scene.wire();
    scene.break_link();
    store.take(&mut scene);
    scene.send(QOS1, b"2");
    // The server has forgotten the session, and is gone before anything is stored.
    scene.begin_with(&usual());
    scene.receives(&connack(Version::V5, false));
    scene.break_link();
    assert_eq!(scene.settled(), [(1, Outcome::Unknown(Uncertainty::SessionLost))]);
    store.take(&mut scene);
    let (session, waiting) = (store.session.unwrap(), &store.messages[&2]);
    assert_eq!(waiting.stage, MessageStage::Published);
    assert!(session.sent_up_to < waiting.number, "{session:?}, {waiting:?}");
}

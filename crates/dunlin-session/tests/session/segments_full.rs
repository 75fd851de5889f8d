//! Payloads that ride beside the log need memory too, and may not get it.

use std::marker::PhantomData;

use dunlin_codec::{PacketId, Qos, TopicName, Version};
use dunlin_session::{
    Memory, NoAliases, NoJournal, Nothing, PublishError, PublishOptions, Received, Segments, Session, Slot, Storage,
};

/// Slices, and long payloads ride beside the log, for which there is never room.
struct Crowded<'a>(PhantomData<&'a ()>);

struct NoRoom;

impl<'a> Memory for Crowded<'a> {
    type Log = &'a mut [u8];
    type Control = &'a mut [u8];
    type Segments = NoRoom;
    type Slots = &'a mut [Slot<()>];
    type Inbound = &'a mut [Received];
    type InboundAliases = NoAliases;
    type OutboundAliases = NoAliases;
    type Journal = NoJournal;
}

impl Segments for NoRoom {
    type Payload<'p> = &'p [u8];
    type Kept = ();
    type Shared = Nothing;

    fn rides_beside(payload: &&[u8]) -> bool {
        payload.len() > 8
    }

    fn push(&mut self, _: usize, _: &[u8]) -> Option<()> {
        None
    }

    fn push_again(&mut self, _: usize, (): &()) {}

    fn len((): &()) -> usize {
        0
    }

    fn shared((): &()) -> Option<&Nothing> {
        None
    }

    fn release(&mut self, (): ()) {}

    fn first(&self) -> Option<(usize, &Nothing)> {
        None
    }

    fn pop(&mut self) {}

    fn shift(&mut self, _: usize) {}

    fn clear(&mut self) {}
}

#[test]
fn a_message_that_is_refused_for_it_leaves_no_trace() {
    let (mut log, mut control) = ([0; 256], [0; 64]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 3], [Received::EMPTY; 1]);
    let mut session = Session::<Crowded<'_>>::new(
        Version::V5,
        Storage {
            log: &mut log,
            control: &mut control,
            segments: NoRoom,
            slots: &mut slots,
            inbound: &mut received,
            inbound_aliases: NoAliases,
            outbound_aliases: NoAliases,
            journal: NoJournal,
        },
    );
    let mut publish = |qos, payload: &[u8]| {
        session.publish(TopicName::new("t").unwrap(), payload, PublishOptions::qos(qos)).map(|id| id.map(PacketId::get))
    };
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
        assert_eq!(publish(qos, b"a long one"), Err(PublishError::Full));
    }
    // All three identifiers are there.
    let mut taken = [(); 3].map(|()| publish(Qos::AtLeastOnce, b"short").unwrap().unwrap());
    taken.sort_unstable();
    assert_eq!(taken, [1, 2, 3]);
    assert_eq!(publish(Qos::AtLeastOnce, b"short"), Err(PublishError::Full));
    assert_eq!(session.backlog(), 3 * 13);
}

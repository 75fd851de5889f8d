use std::hint::black_box;

use dunlin_codec::{PacketId, Qos, TopicName, Version};
use dunlin_session::{
    ConnectOptions, Event, HeapBuffer, HeapInbound, HeapTable, Instant, Memory, NoAliases, NoJournal, NoSegments,
    Progress, PublishOptions, Session, Storage,
};

use crate::{PAYLOAD, ROOM, Result, TOPIC, message};

/// Memory that grows, without topic aliases and without a store.
struct Heap;

impl Memory for Heap {
    type Log = HeapBuffer;
    type Control = HeapBuffer;
    type Segments = NoSegments;
    type Slots = HeapTable<()>;
    type Inbound = HeapInbound;
    type InboundAliases = NoAliases;
    type OutboundAliases = NoAliases;
    type Journal = NoJournal;
}

/// So many at a time, and as many in flight.
const BURST: u16 = 100;
const NOW: Instant = Instant::from_millis(0);

/// Publishes, and handles what the server answers.
pub(crate) fn publish(version: Version, qos: Qos, count: u64) -> Result {
    let mut session = connected(version)?;
    let topic = TopicName::new(TOPIC)?;
    let mut ids = Vec::with_capacity(BURST.into());
    for _ in 0..count / u64::from(BURST) {
        ids.clear();
        for _ in 0..BURST {
            ids.extend(session.publish(black_box(topic), black_box(PAYLOAD), PublishOptions::qos(qos))?);
        }
        transmit(&mut session);
        for first_byte in answers(qos) {
            for id in &ids {
                black_box(handle(&mut session, &acknowledgement(*first_byte, *id))?);
            }
            transmit(&mut session);
        }
    }
    if session.is_idle() { Ok(()) } else { Err("not every message is settled".into()) }
}

/// What a server says to a message, the first bytes in turn.
fn answers(qos: Qos) -> &'static [u8] {
    match qos {
        Qos::AtMostOnce => &[],
        Qos::AtLeastOnce => &[0x40],
        Qos::ExactlyOnce => &[0x50, 0x70],
    }
}

/// Receives and acknowledges.
pub(crate) fn receive(version: Version, qos: Qos, count: u64) -> Result {
    let mut session = connected(version)?;
    let mut packets = Vec::new();
    for id in 1..=BURST {
        let mut packet = vec![0; ROOM];
        let len = message(qos, id)?.encode(version, &mut packet)?;
        packet.truncate(len);
        packets.push(packet);
    }
    for _ in 0..count / u64::from(BURST) {
        for packet in &packets {
            let Some(Event::Message { delivery, .. }) = black_box(handle(&mut session, packet)?) else {
                return Err("a packet was no message".into());
            };
            if let Some(delivery) = delivery {
                session.acknowledge(delivery);
            }
        }
        transmit(&mut session);
        if qos == Qos::ExactlyOnce {
            for id in (1..=BURST).filter_map(PacketId::new) {
                handle(&mut session, &acknowledgement(0x62, id))?;
            }
            transmit(&mut session);
        }
    }
    Ok(())
}

fn connected(version: Version) -> Result<Session<Heap>> {
    let storage = Storage {
        log: HeapBuffer::new(LOG, LOG),
        control: HeapBuffer::new(LOG, LOG),
        segments: NoSegments,
        slots: HeapTable::new(BURST.into()),
        inbound: HeapInbound::default(),
        inbound_aliases: NoAliases,
        outbound_aliases: NoAliases,
        journal: NoJournal,
    };
    let mut session = Session::new(version, storage);
    session.connect(NOW, &ConnectOptions::default())?;
    transmit(&mut session);
    let connack: &[u8] = if version.is_v5() { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] };
    match handle(&mut session, connack)? {
        Some(Event::Connected { .. }) => Ok(session),
        other => Err(format!("not connected, but {other:?}").into()),
    }
}

/// Everything that there is to write is written.
fn transmit(session: &mut Session<Heap>) {
    while let Some(chunk) = session.poll_transmit(NOW) {
        let len = black_box(chunk.as_slice()).len();
        session.transmitted(len);
    }
    session.flushed();
}

/// One packet.
fn handle<'i>(session: &mut Session<Heap>, packet: &'i [u8]) -> Result<Option<Event<'i>>> {
    match session.handle_input(NOW, black_box(packet)) {
        Progress::Packet { event, .. } => Ok(event),
        other => Err(format!("a packet was not taken: {other:?}").into()),
    }
}

fn acknowledgement(first_byte: u8, id: PacketId) -> [u8; 4] {
    let [high, low] = id.get().to_be_bytes();
    [first_byte, 2, high, low]
}

/// More than a burst takes.
const LOG: usize = 16 << 10;

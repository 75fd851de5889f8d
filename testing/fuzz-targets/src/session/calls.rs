//! The byte code of calls: what the application, the driver and the server do, one decision after another.

use dunlin_codec::{
    PacketType, Properties, PropertyOwner, Qos, ReasonCode, RetainHandling, SubscriptionFilter, SubscriptionOptions,
    TopicFilter, TopicName, Version, Will,
};
use dunlin_session::{ConnectOptions, PublishOptions, ResumeWithoutState};

use super::{client::Client, memory::Given, wire};
use crate::decision::Decisions;

/// One call.
pub(super) fn call<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    match decisions.byte() % 24 {
        0 => connect(client, decisions),
        1 => connack(client, decisions),
        2..4 => publish(client, decisions),
        4 => {
            client.transmit(decisions.below(40));
        }
        5 => client.drain(),
        6 => client.flush(),
        7 => client.feed(decisions.below(30)),
        8 => client.feed(usize::MAX),
        9..11 => server_acks(client, decisions),
        11..13 => server_publishes(client, decisions),
        13 => server_releases(client, decisions),
        14 => request(client, decisions),
        15 => server_answers(client, decisions),
        16 => acknowledge(client, decisions),
        17 => {
            client.now += u64::from(decisions.of(&[1_u32, 500, 2_000, 10_000, 60_000, 90_000, u32::MAX]));
            client.handle_timeout();
        }
        18 => client.handle_connection_lost(decisions.byte()),
        19 => disconnect(client, decisions),
        20 => server_says(client, decisions),
        21 => {
            let len = decisions.below(24);
            client.incoming.extend(decisions.take(len));
        }
        22 => authenticate(client, decisions),
        _ => driver(client, decisions),
    }
}

fn connect<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let version = client.session.version();
    let (shape, numbers) = (decisions.byte(), decisions.byte());
    let expiry = [3_600, 3_600, 0, u32::MAX][usize::from(shape & 3)];
    let will = Will {
        topic: TopicName::new("w").expect("a topic"),
        payload: b"gone",
        qos: Qos::AtLeastOnce,
        retain: false,
        properties: Properties::NONE,
    };
    let method = if version.is_v5() && shape & 0x40 != 0 { wire::METHOD } else { &[] };
    let properties = Properties::check(PropertyOwner::Packet(PacketType::Connect), method).expect("a method");
    client.connect(&ConnectOptions {
        client_id: if shape & 4 == 0 { "c" } else { "" },
        user_name: (shape & 8 != 0).then_some("u"),
        password: (shape & 16 != 0).then_some(b"p"),
        will: (shape & 32 != 0).then_some(will),
        clean_start: shape & 0x80 != 0,
        keep_alive: [2, 0, 60, u16::MAX][usize::from(numbers & 3)],
        // Whether a server of 3.1 goes on with a session nobody can tell.
        session_expiry_interval: if version == Version::V3_1 { 0 } else { expiry },
        receive_maximum: [u16::MAX, 1, 2, 3][usize::from(numbers >> 2 & 3)],
        topic_alias_maximum: [0, 2][usize::from(numbers >> 4 & 1)],
        maximum_packet_size: [u32::MAX, 40][usize::from(numbers >> 5 & 1)],
        send_maximum: [u16::MAX, 1, 2, 0][usize::from(numbers >> 6)],
        request_problem_information: !version.is_v5() || numbers & 0x10 == 0,
        properties,
        ping_timeout: 5_000,
        ack_timeout: if shape & 8 == 0 { 0 } else { 1_500 },
        resume_without_state: if shape & 3 == 1 { ResumeWithoutState::Adopt } else { ResumeWithoutState::Refuse },
        ..ConnectOptions::default()
    });
}

fn connack<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let version = client.session.version();
    let (shape, limits) = (decisions.byte(), decisions.byte());
    let mut properties = Vec::new();
    let mut push = |bit: u8, property: &[u8]| {
        if limits >> bit & 1 == 1 {
            properties.extend(property);
        }
    };
    push(0, &[0x21, 0, 1 + (shape >> 5)]);
    push(1, &[0x24, shape >> 4 & 1]);
    push(2, &[0x25, 0]);
    push(3, &[0x27, 0, 0, 0, 8 + (shape >> 2)]);
    push(4, &[0x22, 0, shape >> 6]);
    push(5, &[0x13, 0, shape >> 5]);
    push(6, &[0x11, 0, 0, 0, shape >> 7]);
    push(7, &[0x28, 0, 0x29, 0, 0x2A, 0]);
    if shape & 2 != 0 {
        properties.extend(wire::METHOD);
    }
    let refused = if shape & 0x0C == 0x0C { 0x87 } else { 0 };
    let refused = if version.is_v5() { refused } else { refused & 5 };
    let body = [&[shape & 1, refused], &wire::properties(version, &properties)[..]].concat();
    client.incoming.extend(wire::packet(0x20, &body));
}

fn publish<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let (shape, len) = (decisions.byte(), decisions.below(60));
    let len = if shape & 0x80 == 0 { len } else { len * 8 };
    let expiry = (shape & 0x60 == 0x60).then_some(u32::from(shape & 0x10));
    let bytes = expiry.map(|expiry| [&[2], &expiry.to_be_bytes()[..]].concat()).unwrap_or_default();
    let owner = PropertyOwner::Packet(PacketType::Publish);
    let properties = Properties::check(owner, &bytes).expect("an expiry");
    let qos = Qos::from_u8(shape & 3).unwrap_or(Qos::AtLeastOnce);
    client.publish(len, expiry, PublishOptions { qos, retain: shape & 4 != 0, tracked: shape & 8 != 0, properties });
}

/// PUBACK, PUBREC or PUBCOMP, mostly for what waits for one.
fn server_acks<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let (shape, ids) = (decisions.byte(), client.judge.ids());
    let id = match ids.is_empty() || shape & 0x80 != 0 {
        true => u16::from(shape >> 4 & 7),
        false => ids[decisions.below(ids.len())],
    };
    let first_byte = [0x40, 0x50, 0x70][usize::from(shape) % 3];
    server_ack(client, first_byte, id, shape);
}

/// PUBREL, mostly for what was told.
fn server_releases<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let (shape, known) = (decisions.byte(), client.judge.known());
    let id = match known.is_empty() || shape & 0x80 != 0 {
        true => u16::from(shape >> 4 & 7),
        false => known[decisions.below(known.len())],
    };
    server_ack(client, 0x62, id, shape);
}

fn server_ack<M: Given>(client: &mut Client<M>, first_byte: u8, id: u16, shape: u8) {
    let reason = match (first_byte, shape & 0x0C) {
        (0x40 | 0x50, 0x0C) => &[0x97][..],
        (0x40 | 0x50, 0x08) => &[0x10],
        (_, 0x0C) => &[0x92],
        (_, 0x04) => &[0, 4, 0x1F, 0, 1, b'r'],
        _ => &[],
    };
    let reason = if client.session.version().is_v5() { reason } else { &[] };
    client.incoming.extend(wire::packet(first_byte, &[&id.to_be_bytes(), reason].concat()));
}

fn server_publishes<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let (shape, len) = (decisions.byte(), decisions.below(24));
    let version = client.session.version();
    let qos = shape & 3;
    let dup = if qos == 0 { 0 } else { shape & 8 };
    let topic: &[u8] = if shape & 0xC0 == 0xC0 { b"" } else { b"t" };
    let mut body = [&[0, topic.len() as u8], topic].concat();
    if qos > 0 {
        body.extend([0, 1 + (shape >> 4 & 3)]);
    }
    let alias = [0x23, 0, 1 + (shape >> 2 & 3)];
    let properties: &[u8] = if shape & 0x80 == 0 { &[] } else { &alias };
    body.extend(wire::properties(version, properties));
    body.resize(body.len() + len, b'x');
    client.incoming.extend(wire::packet(0x30 | dup | qos << 1, &body));
}

fn request<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let shape = decisions.byte();
    let text = ["a", "a/+", "$share/g/a", "long/enough/to/fill/a/lane/#"][usize::from(shape & 3)];
    let filter = TopicFilter::new(text).expect("a filter");
    let count = 1 + usize::from(shape >> 2 & 3);
    let requested = if shape & 0x80 != 0 {
        client.session.unsubscribe(&vec![filter; count])
    } else {
        let qos = Qos::from_u8(shape >> 4 & 3).unwrap_or_default();
        let retain_handling = if shape & 0x40 != 0 { RetainHandling::Never } else { RetainHandling::OnSubscribe };
        let options = SubscriptionOptions { retain_handling, ..SubscriptionOptions::new(qos) };
        let identifier: &[u8] = if shape & 0x30 == 0x30 { &[0x0B, 7] } else { &[] };
        let properties = Properties::check(PropertyOwner::Packet(PacketType::Subscribe), identifier);
        client.session.subscribe(&vec![SubscriptionFilter { filter, options }; count], properties.expect("a number"))
    };
    if let Ok(id) = requested {
        client.judge.handle_request(id, count);
    }
}

/// SUBACK or UNSUBACK, mostly right.
fn server_answers<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let shape = decisions.byte();
    let requests: Vec<_> = client.judge.account.requests.iter().map(|(id, filters)| (*id, *filters)).collect();
    let (id, filters) = match requests.is_empty() || shape & 0xC0 == 0xC0 {
        true => (u16::from(shape & 7), 1 + usize::from(shape >> 3 & 3)),
        false => requests[decisions.below(requests.len())],
    };
    let version = client.session.version();
    let unsuback = shape & 0x20 != 0;
    let verdicts = if unsuback && !version.is_v5() { Vec::new() } else { vec![0; filters] };
    let body = [&id.to_be_bytes(), &wire::properties(version, &[])[..], &verdicts].concat();
    client.incoming.extend(wire::packet(if unsuback { 0xB0 } else { 0x90 }, &body));
}

fn acknowledge<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let shape = decisions.byte();
    let reasons = [ReasonCode::SUCCESS, ReasonCode::SUCCESS, ReasonCode::SUCCESS, ReasonCode::QUOTA_EXCEEDED];
    client.acknowledge(usize::from(shape & 15), reasons[usize::from(shape >> 4 & 3)]);
}

fn disconnect<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let shape = decisions.byte();
    let before = client.session.state();
    let reasons = [ReasonCode::SUCCESS, ReasonCode::DISCONNECT_WITH_WILL, ReasonCode::SERVER_BUSY];
    let reason = reasons[usize::from(shape & 3) % 3];
    if shape & 4 == 0 {
        return client.disconnect(reason);
    }
    let properties: &[u8] = if shape & 8 != 0 { &[0x11, 0, 0, 0, 0] } else { &[0x1F, 0, 1, b'r'] };
    let properties = Properties::check(PropertyOwner::Packet(PacketType::Disconnect), properties).expect("a text");
    if client.session.disconnect_with(reason, properties).is_ok() {
        client.handle_left(before, Some(reason));
    }
}

/// What needs no state.
fn server_says<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let packet: &[u8] = match decisions.byte() % 6 {
        0 => &[0xD0, 0],
        1 => &[0xE0, 0],
        2 => &[0xE0, 2, 0x8B, 0],
        3 => &[0xF0, 6, 0x18, 4, 0x15, 0, 1, b'm'],
        4 => &[0xF0, 6, 0x00, 4, 0x15, 0, 1, b'm'],
        _ => &[0xF0, 6, 0x18, 4, 0x15, 0, 1, b'n'],
    };
    client.incoming.extend(packet);
}

fn authenticate<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let method = Properties::check(PropertyOwner::Packet(PacketType::Auth), wire::METHOD).expect("a method");
    // Whether it may be is for the session to tell, and for the judge of what is transmitted.
    let _ = match decisions.byte() % 2 {
        0 => client.session.authenticate(method),
        _ => client.session.reauthenticate(method),
    };
}

fn driver<M: Given>(client: &mut Client<M>, decisions: &mut Decisions<'_>) {
    let now = client.now();
    match decisions.byte() % 8 {
        0 => client.session.handle_reading_stopped(),
        1 => client.session.handle_reading_resumed(now),
        2 => client.session.handle_packet_skipped(),
        3 => client.settle(),
        4 => client.session.flushed(),
        5 => client.give_up(decisions.below(4)),
        6 => client.take_back(decisions.below(5)),
        _ => client.handle_timeout(),
    }
}

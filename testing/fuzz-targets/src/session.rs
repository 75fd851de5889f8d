mod account;
mod calls;
mod client;
#[path = "../../../crates/dunlin-session/tests/session/heap.rs"]
mod heap;
mod judge;
mod memory;
mod wire;

use dunlin_codec::{Properties, Qos, SubscriptionFilter, SubscriptionOptions, TopicFilter, Version};
use dunlin_session::{ConnectOptions, PublishOptions};
use std::{cell::Cell, rc::Rc};

use crate::decision::Decisions;
use client::Client;
use memory::{Board, Given, Room, on_the_heap};

/// The bytes are what the application, the driver and the server do, call after call, in any order.
///
/// What is transmitted is what a strict server accepts from a client that was told what this one was told; every message
/// has one outcome, and one that fits; memory is bounded; a deadline that is over is not told again. At the end a server
/// that is kind settles everything, or the application gives it up.
pub fn session_calls(data: &[u8]) {
    let mut decisions = Decisions::new(data);
    let (version, room) = (version(&mut decisions), room(&mut decisions));
    match decisions.byte() % 2 {
        0 => {
            let mut board = Board::new(room);
            play(Client::new(version, board.storage(), Rc::new(Cell::new(0)), room), &mut decisions);
        }
        _ => {
            let (storage, held) = on_the_heap(room);
            play(Client::new(version, storage, held, room), &mut decisions);
        }
    }
}

fn play<M: Given>(mut client: Client<M>, decisions: &mut Decisions<'_>) {
    let kind = decisions.byte();
    while !decisions.is_empty() {
        calls::call(&mut client, decisions);
    }
    if kind & 2 == 0 {
        client.handle_connection_lost(2);
        settle_kindly(&mut client, kind & 1 == 0);
    }
    client.abandon();
}

/// A server without limits answers everything: in a few rounds nothing waits any more.
fn settle_kindly<M: Given>(client: &mut Client<M>, session_present: bool) {
    let options = ConnectOptions { client_id: "c", clean_start: false, keep_alive: 0, ..ConnectOptions::default() };
    let session_present = session_present && client.session.version() != Version::V3_1;
    let options = ConnectOptions { session_expiry_interval: if session_present { 60 } else { 0 }, ..options };
    if !client.connect(&options) {
        return;
    }
    client.drain();
    client.judge.answers = Some(Vec::new());
    let version = client.session.version();
    for flags in [u8::from(session_present), 0] {
        let body = [&[flags, 0], &wire::properties(version, &[])[..]].concat();
        client.incoming = wire::packet(0x20, &body);
        client.feed(usize::MAX);
        if client.session.state() == dunlin_session::State::Connected {
            break;
        }
        // There was no session to go on with.
        client.handle_connection_lost(2);
        client.connect(&options);
        client.drain();
    }
    let rounds = 4 * client.judge.account.messages.len() + 8;
    for _ in 0..rounds {
        client.drain();
        client.flush();
        client.incoming = client.judge.answers.replace(Vec::new()).unwrap_or_default();
        client.feed(usize::MAX);
    }
    let waiting = &client.judge.account.waiting;
    assert!(waiting.is_empty() && client.session.is_idle(), "after {rounds} rounds: {waiting:?}");
}

/// The bytes are what a server sends, to a client that waits for all kinds of answers.
///
/// It tells and transmits the same whether the bytes come at once or one by one, and nothing that a strict server would
/// not accept.
pub fn session_input(data: &[u8]) {
    let mut decisions = Decisions::new(data);
    let (version, shape) = (version(&mut decisions), decisions.byte());
    let input = decisions.rest();
    let room = Room { log: 600, control: 128, slots: 8, received: 3, beside: 600 };
    let records = [false, true].map(|slowly| match shape & 1 {
        0 => {
            let mut board = Board::new(room);
            hear(Client::new(version, board.storage(), Rc::new(Cell::new(0)), room), shape, input, slowly)
        }
        _ => {
            let (storage, held) = on_the_heap(room);
            hear(Client::new(version, storage, held, room), shape, input, slowly)
        }
    });
    assert_eq!(records[0], records[1], "at once, and one by one");
}

/// All that was told and transmitted.
fn hear<M: Given>(mut client: Client<M>, shape: u8, input: &[u8], slowly: bool) -> String {
    let version = client.session.version();
    let options = ConnectOptions {
        client_id: "c",
        clean_start: false,
        session_expiry_interval: if version == Version::V3_1 { 0 } else { 60 },
        topic_alias_maximum: 2,
        ..ConnectOptions::default()
    };
    client.connect(&options);
    client.drain();
    if shape & 2 == 0 {
        let connack = wire::packet(0x20, &[&[0, 0], &wire::properties(version, &[])[..]].concat());
        client.incoming.extend(connack);
        client.feed(usize::MAX);
        for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
            client.publish(8, None, PublishOptions { tracked: true, ..PublishOptions::qos(qos) });
        }
        let filter = TopicFilter::new("a/#").expect("a filter");
        let filters = [SubscriptionFilter { filter, options: SubscriptionOptions::new(Qos::ExactlyOnce) }; 2];
        if let Ok(id) = client.session.subscribe(&filters, Properties::NONE) {
            client.judge.handle_request(id, 2);
        }
        if let Ok(id) = client.session.unsubscribe(&[filter]) {
            client.judge.handle_request(id, 1);
        }
        client.drain();
    }
    client.record = Some(String::new());
    client.acknowledges = shape & 4 == 0;
    if slowly {
        client.feed_slowly(input);
    } else {
        client.incoming.extend(input);
        client.feed(usize::MAX);
    }
    client.drain();
    client.record.take().unwrap_or_default()
}

fn version(decisions: &mut Decisions<'_>) -> Version {
    decisions.of(&[Version::V5, Version::V3_1_1, Version::V5, Version::V3_1])
}

fn room(decisions: &mut Decisions<'_>) -> Room {
    let shape = usize::from(decisions.byte());
    Room {
        log: [64, 120, 400, 1_000][shape & 3],
        control: [40, 64][shape >> 2 & 1],
        slots: [2, 3, 5, 20][shape >> 3 & 3],
        received: [1, 2, 3, 5][shape >> 5 & 3],
        beside: [100, 1_000][shape >> 7],
    }
}

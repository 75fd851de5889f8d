//! Thousands of schedules, each from one seed: commands, partial writes, cuts at every byte, silence, refusals, forgotten
//! sessions, and processes that end and go on with what a slow store has of them, against a server that is strict. A run that fails prints its seed; `DUNLIN_SEED=n` plays it again.

mod client;
mod crash;
mod server;

use client::Client;
use server::Server;

/// In every memory, and in both versions by the lowest bit of the seed.
#[test]
fn nothing_is_lost_doubled_or_reordered() {
    let only = std::env::var("DUNLIN_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut connections = 0;
    for seed in only.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let failing = Seed(seed);
        connections += run(seed);
        std::mem::forget(failing);
    }
    println!("{connections} connections");
}

fn run(seed: u64) -> usize {
    let mut random = Random::new(seed);
    let mut server = Server::new(seed, &mut random);
    let mut client = Client::new(seed, &mut random);
    let mut wire = Wire::default();
    let mut connections = 0;
    for _ in 0..STEPS {
        match random.below(16) {
            0..3 => client.publish(&mut random),
            3..6 => client.transmit(&mut wire, random.below(60)),
            6..8 => wire.carry_up(&mut server, random.below(60)),
            8..10 => server.act(&mut random),
            10..12 => wire.carry_down(&mut server, &mut client, random.below(60)),
            12 => client.acknowledge(&mut random),
            13 => client.request_or_wait(&mut random),
            14 => server.publish(&mut random),
            _ if client.is_connected() => {
                if random.below(6) == 0 {
                    client.maybe_leave(&mut random);
                } else if random.below(5) == 0 {
                    cut(&mut random, &mut wire, &mut server, &mut client);
                }
            }
            _ => {
                connections += 1;
                client.connect();
            }
        }
        if client.must_close() || server.has_closed() {
            cut(&mut random, &mut wire, &mut server, &mut client);
        }
        match random.below(60) {
            0 => crash(&mut random, &mut wire, &mut server, &mut client),
            1..15 => client.store(&mut random),
            _ => {}
        }
    }
    server.be_kind();
    for round in 0.. {
        assert!(round < 300, "stuck: {client:?} {server:?}");
        if client.must_close() || server.has_closed() {
            cut(&mut random, &mut wire, &mut server, &mut client);
        }
        if !client.is_connected() {
            connections += 1;
            client.connect();
        }
        client.store_all();
        client.transmit(&mut wire, usize::MAX);
        wire.carry_up(&mut server, usize::MAX);
        for _ in 0..20 {
            server.act(&mut random);
        }
        wire.carry_down(&mut server, &mut client, usize::MAX);
        for _ in 0..20 {
            client.acknowledge(&mut random);
        }
        if client.is_done() && server.is_done() {
            break;
        }
    }
    client.check(&server);
    connections
}

/// The link breaks: of what is on its way, each side gets a part.
fn cut(random: &mut Random, wire: &mut Wire, server: &mut Server, client: &mut Client) {
    wire.carry_up(server, random.below(wire.up.len() + 1));
    wire.carry_down(server, client, random.below(server.out.len() + 1));
    (wire.up, wire.down) = (Vec::new(), Vec::new());
    server.handle_connection_lost(client.is_told());
    client.handle_connection_lost(random);
}

/// The process of the client ends, at any moment between giving a record and hearing that it is stored.
fn crash(random: &mut Random, wire: &mut Wire, server: &mut Server, client: &mut Client) {
    if client.has_store() {
        cut(random, wire, server, client);
        let knows_of_the_session = client.crash(random);
        if !knows_of_the_session {
            server.forget();
        }
    }
}

/// Bytes on their way, and those that the client has received but not taken.
#[derive(Default)]
struct Wire {
    up: Vec<u8>,
    down: Vec<u8>,
}

impl Wire {
    fn carry_up(&mut self, server: &mut Server, at_most: usize) {
        let len = at_most.min(self.up.len());
        server.feed(&self.up[..len]);
        self.up.drain(..len);
    }

    fn carry_down(&mut self, server: &mut Server, client: &mut Client, at_most: usize) {
        let len = at_most.min(server.out.len());
        self.down.extend(server.out.drain(..len));
        let consumed = client.handle_input(&self.down);
        self.down.drain(..consumed);
    }
}

struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        eprintln!("play it again with DUNLIN_SEED={}", self.0);
    }
}

/// A generator that has no other job than to be the same everywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.below(2);
        }
        random
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit.max(1)
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A payload says which message it is, and is as long as it should be.
fn payload(number: u32, len: usize) -> Vec<u8> {
    let mut payload = vec![number as u8; len.max(4)];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    payload
}

fn number_of(payload: &[u8]) -> u32 {
    let (number, rest) = payload.split_first_chunk().expect("a number");
    let number = u32::from_be_bytes(*number);
    assert!(rest.iter().all(|byte| *byte == number as u8), "message {number} is mangled");
    number
}

const SEEDS: u64 = 8_000;
const STEPS: usize = 600;

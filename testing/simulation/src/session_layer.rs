mod client;
mod disk;
#[path = "../../../crates/dunlin-session/tests/session/heap.rs"]
mod heap;
mod memory;
mod watch;

use dunlin_session::{HeapJournal, NoJournal, Session};

use crate::{plan::Plan, random::Random, remote::Remote};
use client::{Client, Ended};
use memory::{Bounds, Given, Room};

/// Plays one seed with the session alone, in one of its memories: slices, the heap, or the heap with a store.
pub(crate) fn run(plan: Plan, traced: bool) -> Remote {
    let (version, memory) = (plan.version, plan.seed % 4);
    let mut random = Random::new(plan.seed, 4);
    let mut client = Client::new(Remote::new(plan, traced), random.clone());
    let bounds = Bounds::draw(&mut random);
    loop {
        // What a client that crashed had in its memory is gone. The next one has as much of it.
        let ended = match memory {
            0 => {
                let mut room = Room::new(&mut random.clone());
                live(&mut client, Session::new(version, room.storage()))
            }
            1 => live(&mut client, Session::new(version, bounds.storage::<NoJournal>())),
            _ => live(&mut client, Session::new(version, bounds.storage::<HeapJournal>())),
        };
        if ended == Ended::Settled {
            return client.into_remote();
        }
    }
}

fn live<M: Given>(client: &mut Client, mut session: Session<M>) -> Ended {
    client.live(&mut session)
}

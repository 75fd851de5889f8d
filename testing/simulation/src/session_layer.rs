mod client;
mod memory;

use dunlin_session::Session;

use crate::{plan::Plan, random::Random, remote::Remote};
use client::{Client, Ended, Given};
use memory::{Heap, Room};

/// Plays one seed with the session alone, in one of its memories.
pub(crate) fn run(plan: Plan, traced: bool) -> Remote {
    let in_slices = plan.seed % 4 < 2;
    let version = plan.version;
    let mut random = Random::new(plan.seed, 4);
    let mut client = Client::new(Remote::new(plan, traced), random.clone());
    loop {
        // What a client that crashed had in its memory is gone.
        let ended = if in_slices {
            let mut room = Room::new(&mut random);
            live(&mut client, Session::new(version, room.storage()))
        } else {
            live(&mut client, Session::new(version, Heap::storage(&mut random)))
        };
        if ended == Ended::Settled {
            return client.into_remote();
        }
    }
}

fn live<M: Given>(client: &mut Client, mut session: Session<M>) -> Ended {
    client.live(&mut session)
}

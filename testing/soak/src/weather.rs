//! What happens to the links.

use std::{fmt, time::Duration};

use dunlin_testkit::{Cut, Direction, Link};
use tokio::time::sleep;

/// From one seed.
pub(crate) struct Weather {
    state: u64,
    cuts: u32,
    stalls: u32,
    slow: u32,
}

impl Weather {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, cuts: 0, stalls: 0, slow: 0 }
    }

    /// Some seconds: fine ones, and then something that goes over.
    pub(crate) async fn next(&mut self, up: &Link, down: &Link) {
        sleep(Duration::from_millis(500 + self.below(2_500))).await;
        let both = [up, down];
        let links = [&both[..], &both[..1], &both[1..]][self.below(3) as usize];
        match self.below(4) {
            0 => {
                self.cuts += 1;
                links.iter().for_each(|link| link.cut(Cut::Reset));
            }
            1 => {
                self.cuts += 1;
                links.iter().for_each(|link| link.cut(Cut::Close));
            }
            2 => {
                // Up to longer than the clients' patience, and in one direction alone, too.
                self.stalls += 1;
                let both = [Direction::ToServer, Direction::ToClient];
                let directions = [&both[..], &both[..1], &both[1..]][self.below(3) as usize];
                let stall = |link: &&Link| directions.iter().for_each(|direction| link.stall(*direction));
                links.iter().for_each(stall);
                sleep(Duration::from_millis(300 + self.below(6_000))).await;
                links.iter().for_each(|link| link.heal());
            }
            _ => {
                self.slow += 1;
                for _ in 0..20 {
                    links.iter().for_each(|link| link.stall(Direction::ToServer));
                    links.iter().for_each(|link| link.stall(Direction::ToClient));
                    sleep(Duration::from_millis(20 + self.below(80))).await;
                    links.iter().for_each(|link| link.heal());
                    sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % limit
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cuts, {} stalls, {} times slow", self.cuts, self.stalls, self.slow)
    }
}

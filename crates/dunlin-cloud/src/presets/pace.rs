use core::time::Duration;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::time::{Instant, sleep_until};

use crate::Service;

/// Keeps a connection within the rates of its service, for whoever publishes more than that at times: a service answers no
/// message that is above them.
///
/// ```
/// # use dunlin::{Client, Message, PublishError, Qos};
/// # async fn example(client: Client, mut readings: impl Iterator<Item = String>) -> Result<(), PublishError> {
/// use dunlin_cloud::{Pace, Service};
///
/// let pace = Pace::of(Service::AwsIotCore);
/// for reading in readings {
///     pace.wait("plant/3".len() + reading.len()).await;
///     client.publish("plant/3", reading).qos(Qos::AtLeastOnce).accepted().await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// Bursts go out at once, as far as a second allows; what is more waits for its turn, in the order of the calls. One is for
/// one connection, and may be shared. It counts what it is told alone: messages that are repeated after a reconnect come on
/// top.
#[derive(Debug)]
pub struct Pace {
    messages: usize,
    bytes: usize,
    taken: Mutex<Taken>,
}

/// Turns that were given.
#[derive(Debug, Default)]
struct Taken {
    /// Those that count still, at most as many as a second takes.
    turns: VecDeque<(Instant, usize)>,
    bytes: usize,
}

impl Pace {
    /// As the service takes it; without limits for a service that has none.
    pub fn of(service: Service) -> Self {
        let limits = service.limits();
        let number = |limit: Option<u32>| limit.map_or(usize::MAX, |limit| limit as usize);
        Self {
            messages: number(limits.publishes_per_second),
            bytes: number(limits.bytes_per_second),
            taken: Mutex::default(),
        }
    }

    /// Waits until a message with so many bytes of topic and payload may be published. Dropped before, its turn is lost and
    /// nothing else.
    pub async fn wait(&self, bytes: usize) {
        let turn = self.turn(bytes);
        // Whoever need not wait goes on without a turn of the runtime.
        if turn > Instant::now() {
            sleep_until(turn).await;
        }
    }

    /// The same for whoever waits in a way of his own: when that message may be published. It is counted then.
    pub fn turn(&self, bytes: usize) -> Instant {
        let now = Instant::now();
        if self.messages == usize::MAX && self.bytes == usize::MAX {
            return now;
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = taken.turns.back().map_or(now, |(last, _)| now.max(*last));
        let turn = taken.make_room(turn, bytes, self.messages, self.bytes);
        taken.turns.push_back((turn, bytes));
        taken.bytes = taken.bytes.saturating_add(bytes);
        turn
    }
}

impl Taken {
    /// From `turn` on, when there is room for a message of so many bytes. One that is larger than all there is has a second
    /// of its own.
    fn make_room(&mut self, mut turn: Instant, bytes: usize, most_messages: usize, most_bytes: usize) -> Instant {
        while let Some((first, first_bytes)) = self.turns.front().copied() {
            let is_over = first + SECOND <= turn;
            let is_full = self.turns.len() >= most_messages || self.bytes.saturating_add(bytes) > most_bytes;
            if !is_over && !is_full {
                break;
            }
            turn = turn.max(first + SECOND);
            self.turns.pop_front();
            self.bytes = self.bytes.saturating_sub(first_bytes);
        }
        turn
    }
}

/// And a tenth: on the way messages may come closer together.
const SECOND: Duration = Duration::from_millis(1_100);

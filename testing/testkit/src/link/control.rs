use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::{Cut, Direction};

/// What the test does to a link, seen by the tasks that carry its bytes.
#[derive(Debug)]
pub(super) struct Control {
    state: watch::Sender<State>,
    to_server: AtomicU64,
    to_client: AtomicU64,
    connections: AtomicU64,
}

impl Control {
    pub(super) fn new() -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            to_server: AtomicU64::new(0),
            to_client: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        }
    }

    pub(super) fn cut(&self, how: Cut) {
        self.state.send_modify(|state| {
            state.cuts += 1;
            state.how = how;
        });
    }

    pub(super) fn stall(&self, direction: Direction) {
        self.state.send_modify(|state| match direction {
            Direction::ToServer => state.to_server_stalled = true,
            Direction::ToClient => state.to_client_stalled = true,
        });
    }

    pub(super) fn refuse(&self) {
        self.state.send_modify(|state| state.refusing = true);
    }

    pub(super) fn heal(&self) {
        self.state.send_modify(|state| {
            state.to_server_stalled = false;
            state.to_client_stalled = false;
            state.refusing = false;
            state.heals += 1;
        });
    }

    pub(super) fn close(&self) {
        self.state.send_modify(|state| state.closed = true);
        self.cut(Cut::Reset);
    }

    pub(super) fn bytes(&self, direction: Direction) -> u64 {
        self.counter(direction).load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, direction: Direction, bytes: usize) {
        self.counter(direction).fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// The number of a new connection, from 0.
    pub(super) fn number(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn gate(&self) -> Gate {
        let state = self.state.subscribe();
        let cuts = state.borrow().cuts;
        Gate { state, cuts }
    }

    fn counter(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

/// Waits for what the test does. Every method is cancel safe.
///
/// The `Control` outlives its gates, since whoever carries bytes holds both: the error of `wait_for` cannot occur.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    state: watch::Receiver<State>,
    /// The cuts before this gate was made concern others.
    cuts: u64,
}

impl Gate {
    /// Waits while the test stalls `direction`.
    pub(super) async fn open(&mut self, direction: Direction) {
        let _ = self
            .state
            .wait_for(|state| !match direction {
                Direction::ToServer => state.to_server_stalled,
                Direction::ToClient => state.to_client_stalled,
            })
            .await;
    }

    /// Waits for the next heal.
    pub(super) async fn healed(&mut self) {
        let heals = self.state.borrow().heals;
        let _ = self.state.wait_for(|state| state.heals != heals).await;
    }

    /// Waits until the test cuts.
    pub(super) async fn cut(&mut self) -> Cut {
        let cuts = self.cuts;
        let cut = self.state.wait_for(|state| state.cuts != cuts).await;
        cut.map_or(Cut::Reset, |state| state.how)
    }

    /// Waits until the link is dropped.
    pub(super) async fn closed(&mut self) {
        let _ = self.state.wait_for(|state| state.closed).await;
    }

    pub(super) fn refuses(&self) -> bool {
        self.state.borrow().refusing
    }
}

#[derive(Debug)]
struct State {
    to_server_stalled: bool,
    to_client_stalled: bool,
    refusing: bool,
    closed: bool,
    heals: u64,
    cuts: u64,
    /// How the last of the cuts was.
    how: Cut,
}

impl Default for State {
    fn default() -> Self {
        Self {
            to_server_stalled: false,
            to_client_stalled: false,
            refusing: false,
            closed: false,
            heals: 0,
            cuts: 0,
            how: Cut::Reset,
        }
    }
}

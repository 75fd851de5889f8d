use core::ops::AddAssign;

/// What is done to a client. The first [`DISRUPTIONS`] end something; the others only make it harder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Reset,
    HalfClose,
    Stall,
    Refusal,
    Redirect,
    NoConnack,
    SessionForgotten,
    LimitsLowered,
    ServerDisconnect,
    ServerClose,
    Crash,
    Departure,
    StoreFailure,
    ErrorCode,
    Delay,
    Duplicate,
    Disorder,
    Split,
}

/// Counts of one run, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs, those without faults apart.
    pub seeds: u64,
    /// Runs in which nothing went wrong, to compare.
    pub calm_runs: u64,
    /// Control packets, both ways.
    pub packets: u64,
    /// Connections that were begun.
    pub connections: u64,
    /// Messages that were accepted from the application.
    pub published: u64,
    /// Messages that were told to the application.
    pub received: u64,
    /// Messages of QoS 1 and 2 that ended `Unknown`.
    pub unknown: u64,
    /// QoS 0 messages that ended `Unknown`, because the link broke inside them.
    pub partly_written: u64,
    /// Messages whose time ran out before they were sent.
    pub expired: u64,
    /// Messages that went down with a client that has no store.
    pub crashed_with: u64,
    /// Milliseconds of virtual time.
    pub virtual_time: u64,
    /// The longest that a run took to settle after its faults, in milliseconds.
    pub longest_settling: u64,
    faults: [u64; FAULTS.len()],
}

impl Tally {
    pub(crate) fn count(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    /// Faults that ended something.
    pub(crate) fn disruptions(&self) -> u64 {
        self.faults[..DISRUPTIONS].iter().sum()
    }

    /// Faults by kind.
    pub fn faults(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        FAULTS.iter().copied().zip(self.faults.iter().copied())
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.calm_runs += other.calm_runs;
        self.packets += other.packets;
        self.connections += other.connections;
        self.published += other.published;
        self.received += other.received;
        self.unknown += other.unknown;
        self.partly_written += other.partly_written;
        self.expired += other.expired;
        self.crashed_with += other.crashed_with;
        self.virtual_time += other.virtual_time;
        self.longest_settling = self.longest_settling.max(other.longest_settling);
        for (sum, more) in self.faults.iter_mut().zip(other.faults) {
            *sum += more;
        }
    }
}

/// In the order of [`Fault`].
const FAULTS: [&str; 18] = [
    "connections reset",
    "connections half-closed",
    "connections stalled",
    "connections refused",
    "connections redirected",
    "CONNECTs without CONNACK",
    "sessions forgotten",
    "limits lowered",
    "DISCONNECTs of the server",
    "closed by the server",
    "clients crashed",
    "clients gone and come back",
    "writes failed",
    "error codes",
    "delays",
    "duplicates after resumption",
    "acks out of order",
    "splits",
];
/// How many kinds of faults count as such.
const DISRUPTIONS: usize = Fault::Departure as usize + 1;

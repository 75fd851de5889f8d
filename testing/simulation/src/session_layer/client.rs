mod application;
mod driver;

use dunlin_codec::{PacketId, Qos};
use dunlin_session::{
    Backoff, ConnectOptions, Delivery, Instant, Outcome, Rejection, ResumeWithoutState, Session, State, Timeout,
};

use super::{
    disk::Disk,
    memory::Given,
    watch::{PING_TIMEOUT, Watch},
};
use crate::{
    SETTLES_WITHIN,
    random::Random,
    remote::Remote,
    run::{FAULTS, PACKETS},
    trace::Who,
};

/// The application and the driver of a session under virtual time.
pub(super) struct Client {
    remote: Remote,
    random: Random,
    now: u64,
    input: Vec<u8>,
    /// The rest of a payload that the session holds by reference: it gives such a one whole.
    rest: Vec<u8>,
    /// The session, the server or the application said that this connection ends.
    closing: bool,
    /// The next connection waits as after a refusal.
    refused: bool,
    /// A packet waits for room for its answer, or for the store.
    blocked: bool,
    /// What the identifiers in use stand for: a message, by number, or a request.
    in_use: Vec<Option<Use>>,
    unacknowledged: Vec<(Delivery, u32)>,
    /// QoS 2 messages that are acknowledged, and handed over as soon as that is written.
    in_hand: Vec<Arrived>,
    payload: Vec<u8>,
    /// When the application acts next.
    act_at: u64,
    /// Only QoS 0, at long intervals, so many times.
    drips: u32,
    turns: u32,
    /// When faults ended.
    calm_since: Option<u64>,
    watch: Watch,
    disk: Disk,
    /// Steps until the process ends, at whatever it does then.
    steps_left: Option<u32>,
    /// There may be outcomes that were not asked for.
    asks_late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Message(u32),
    Request,
}

/// A message of the server.
#[derive(Debug, Clone, Copy)]
struct Arrived {
    number: u32,
    qos: Qos,
}

/// Why a life of the client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Crashed,
    Settled,
}

impl Client {
    pub(super) fn new(remote: Remote, random: Random) -> Self {
        Self {
            remote,
            random,
            now: 0,
            input: Vec::new(),
            rest: Vec::new(),
            closing: false,
            refused: false,
            blocked: false,
            in_use: Vec::new(),
            unacknowledged: Vec::new(),
            in_hand: Vec::new(),
            payload: Vec::new(),
            act_at: 0,
            drips: 0,
            turns: 0,
            calm_since: None,
            watch: Watch::default(),
            disk: Disk::default(),
            steps_left: None,
            asks_late: false,
        }
    }

    pub(super) fn into_remote(self) -> Remote {
        self.remote
    }

    /// From the first connection until everything is settled, or a crash.
    pub(super) fn live<M: Given>(&mut self, session: &mut Session<M>) -> Ended {
        session.set_backoff(Backoff::new(50, 4_000, 10_000, self.random.below(1 << 30) as u32));
        let plan = &self.remote.run.plan;
        let crash_within = plan.crash_within;
        self.steps_left = (crash_within > 0).then(|| 1 + self.random.below(crash_within) as u32);
        for (id, number) in self.disk.restore(plan.version, session) {
            self.take_id(id, Use::Message(number));
        }
        let plan = &self.remote.run.plan;
        let options = ConnectOptions {
            client_id: "c",
            clean_start: !plan.adopts,
            resume_without_state: if plan.adopts { ResumeWithoutState::Adopt } else { ResumeWithoutState::Refuse },
            session_expiry_interval: plan.session_expiry,
            keep_alive: plan.keep_alive,
            receive_maximum: plan.receive_maximum,
            topic_alias_maximum: self.random.of(&[0, 2, 9]),
            connect_timeout: CONNECT_TIMEOUT,
            ping_timeout: PING_TIMEOUT,
            ..ConnectOptions::default()
        };
        self.connect(session, &options);
        loop {
            self.turn(session);
            let is_due = session.state() == State::Disconnected && !self.has_crashed();
            if is_due {
                self.remote.run.account.count(self.now, M::STORES);
            }
            if is_due && session.handle_timeout(at(self.now)) == Some(Timeout::Reconnect) {
                self.connect(session, &options);
                continue;
            }
            if self.act_at <= self.now && !self.step() {
                self.act(session);
            }
            if self.has_crashed() {
                self.crash(session);
                return Ended::Crashed;
            }
            if self.is_settled(session) {
                self.finish();
                return Ended::Settled;
            }
            let due = session.poll_timeout().map_or(u64::MAX, Instant::as_millis);
            let next = due.min(self.act_at).min(self.remote.next_at()).min(self.disk.next_at());
            assert!(next < u64::MAX, "nothing will ever happen again: {session:?}");
            self.now = next.max(self.now);
            self.remote.run.tally.virtual_time = self.now;
        }
    }

    // ---- the end of a process ----

    /// Something is about to happen; true: the process ends before it does.
    fn step(&mut self) -> bool {
        if let Some(left) = &mut self.steps_left {
            *left = left.saturating_sub(1);
        }
        self.has_crashed()
    }

    fn has_crashed(&self) -> bool {
        self.steps_left == Some(0)
    }

    fn crash<M: Given>(&mut self, session: &mut Session<M>) {
        let what = if M::STORES { "crashes, and has a store" } else { "crashes, and has no store" };
        self.remote.run.trace.line(self.now, Who::Application, format_args!("{what}"));
        // A connection is closing too when its CONNACK never came.
        let told = match session.state() {
            State::Connected => true,
            State::Closing => self.remote.was_told(),
            _ => false,
        };
        let run = &mut self.remote.run;
        if M::STORES {
            // Whether the store was behind is known to the session alone.
            self.disk.check_marks(session, &run.account);
            let (knows_all, received) = self.disk.crash(&mut self.random, &run.account);
            self.remote.crash(self.now, told, self.disk.knows_session());
            if !knows_all {
                self.remote.forget_session();
            }
            let account = &mut self.remote.run.account;
            for number in received.into_iter().chain(self.disk.received()) {
                account.handle_received(number, self.in_hand.iter().any(|arrived| arrived.number == number));
            }
            account.restart(self.now, |number| self.disk.find(number));
        } else {
            self.remote.crash(self.now, told, false);
            self.remote.run.account.crash(&mut self.remote.run.tally);
        }
        self.in_use.clear();
        self.unacknowledged.clear();
        self.in_hand.clear();
        self.closing = false;
    }

    // ---- the books ----

    fn take_id(&mut self, id: PacketId, what: Use) {
        let index = id.get() as usize;
        if self.in_use.len() <= index {
            self.in_use.resize(index + 1, None);
        }
        let before = self.in_use[index].replace(what);
        assert_eq!(before, None, "identifier {id} is in use");
    }

    fn end_request(&mut self, id: PacketId) {
        let used = self.in_use.get_mut(id.get() as usize).and_then(Option::take);
        assert_eq!(used, Some(Use::Request), "identifier {id} is not that of a request");
    }

    /// Hears outcomes, now or a little later.
    fn poll_settled<M: Given>(&mut self, session: &mut Session<M>) {
        self.asks_late = self.calm_since.is_none() && self.random.once_in(self.remote.run.plan.asks_late_in);
        if self.asks_late {
            return;
        }
        while let Some((id, outcome)) = session.poll_settled() {
            self.settle(id, outcome);
        }
    }

    fn settle(&mut self, id: PacketId, outcome: Outcome) {
        match self.in_use.get_mut(id.get() as usize).and_then(Option::take) {
            Some(Use::Message(number)) => {
                self.trace(format_args!("settles message {number}: {outcome:?}"));
                if outcome == Outcome::Rejected(Rejection::Expired) {
                    self.remote.run.account.check_expired(self.now, number);
                }
                self.remote.run.account.settle(number, outcome);
            }
            other => panic!("{outcome:?} for identifier {id}, which stands for {other:?}"),
        }
    }

    fn trace(&mut self, what: core::fmt::Arguments<'_>) {
        self.remote.run.trace.line(self.now, Who::Client, what);
    }

    // ---- the end of a run ----

    /// Enough has happened, or the run has no faults to wait for.
    fn has_enough(&self) -> bool {
        let tally = &self.remote.run.tally;
        tally.packets >= PACKETS && (self.remote.run.plan.calm || tally.disruptions() >= FAULTS)
    }

    fn is_settled<M: Given>(&mut self, session: &Session<M>) -> bool {
        let Some(since) = self.calm_since else { return false };
        let has_all = self.unacknowledged.is_empty() && self.in_hand.is_empty() && self.disk.is_idle();
        let client_done = session.is_idle() && session.state() == State::Connected && has_all;
        let done = client_done && self.in_use.iter().all(Option::is_none) && self.remote.is_done();
        let took = self.now - since;
        assert!(
            done || took <= SETTLES_WITHIN,
            "not settled {took} ms after the last fault: {:?}, {} unacknowledged, {:?} in hand, {:?}, {session:?}, {:?}",
            self.in_use,
            self.unacknowledged.len(),
            self.in_hand,
            self.disk,
            self.remote.server
        );
        done
    }

    fn finish(&mut self) {
        let took = self.now - self.calm_since.unwrap_or(self.now);
        let run = &mut self.remote.run;
        run.tally.longest_settling = took;
        run.account.check(run.plan.calm, &mut run.tally);
    }
}

fn at(now: u64) -> Instant {
    Instant::from_millis(now)
}

const CONNECT_TIMEOUT: u32 = 3_000;

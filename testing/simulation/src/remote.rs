use crate::{
    account::Account,
    plan::Plan,
    random::Random,
    server::{Run, Server},
    tally::{Fault, Tally},
    trace::{Trace, Who},
    wire::{Break, Wire},
};

/// All that is not the client: the server, the link to it, the account of every message, the count and the trace.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) run: Run,
    pub(crate) server: Server,
    wire: Option<Wire>,
    /// Bytes that the client can read, and how many it has read of this connection.
    arrived: Vec<u8>,
    read: usize,
    end: Option<End>,
    /// The server does not know yet that the connection is gone; whether the client had its CONNACK.
    lingering: Option<bool>,
    random: Random,
    scratch: Vec<u8>,
    /// Filters that the application holds.
    pub(crate) wanted: Vec<&'static str>,
}

/// What the client reads behind the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The server sends no more.
    Finished,
    /// The link is broken.
    Reset,
}

impl Remote {
    pub(crate) fn new(plan: Plan, traced: bool) -> Self {
        let (server, random) = (Server::new(&plan), Random::new(plan.seed, 3));
        let run = Run { plan, account: Account::default(), tally: Tally::default(), trace: Trace::new(traced) };
        Self {
            run,
            server,
            wire: None,
            arrived: Vec::new(),
            read: 0,
            end: None,
            lingering: None,
            random,
            scratch: Vec::new(),
            wanted: Vec::new(),
        }
    }

    // ---- what the client does ----

    /// Opens a link.
    pub(crate) fn open(&mut self, now: u64) {
        if let Some(told) = self.lingering.take() {
            self.server.handle_connection_lost(told, &mut self.run);
        }
        self.server.handle_link();
        self.run.tally.connections += 1;
        self.run.trace.line(now, Who::Client, format_args!("opens connection {}", self.run.tally.connections));
        self.wire = Some(Wire::new(now, &self.run.plan, &mut self.random));
        self.arrived.clear();
        (self.read, self.end) = (0, None);
    }

    /// Takes as many bytes as the link has room for.
    pub(crate) fn write(&mut self, now: u64, bytes: &[u8]) -> usize {
        match &mut self.wire {
            Some(wire) => wire.up.write(now, bytes, &mut self.random, &mut self.run.tally),
            // It goes nowhere, as it does until a client learns that its link is broken.
            None => {
                self.server.discard(bytes, &mut self.run);
                bytes.len()
            }
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.wire.as_ref().is_none_or(|wire| wire.up.has_room())
    }

    /// Moves what has arrived behind `into`, and tells what is behind that.
    pub(crate) fn read(&mut self, into: &mut Vec<u8>) -> Option<End> {
        self.read += self.arrived.len();
        into.append(&mut self.arrived);
        self.end
    }

    /// As [`Remote::read`], at most so many bytes.
    pub(crate) fn read_at_most(&mut self, most: usize) -> (Vec<u8>, Option<End>) {
        let len = most.min(self.arrived.len());
        self.read += len;
        (self.arrived.drain(..len).collect(), self.end.filter(|_| self.arrived.is_empty()))
    }

    /// The client sends no more on this link.
    pub(crate) fn finish(&mut self) {
        if let Some(wire) = &mut self.wire {
            wire.up.finish();
        }
    }

    /// Whether there is something to read, or the end.
    pub(crate) fn has_arrived(&self) -> bool {
        !self.arrived.is_empty() || self.end.is_some()
    }

    /// Closes the link. Of what is on its way to the server any part arrives.
    pub(crate) fn close(&mut self, now: u64) {
        let told = self.was_told();
        self.close_as(now, told);
    }

    /// Whether the client has read the CONNACK.
    pub(crate) fn was_told(&self) -> bool {
        self.server.was_told(self.read)
    }

    fn close_as(&mut self, now: u64, told: bool) {
        if let Some(wire) = self.wire.take() {
            let rest = wire.up.rest();
            let len = if self.random.once_in(2) { rest.len() } else { self.random.below(rest.len() + 1) };
            self.server.handle_bytes(now, &rest[..len], &mut self.run);
            self.server.discard(&rest[len..], &mut self.run);
        }
        self.server.discard_part(&mut self.run);
        self.run.trace.line(now, Who::Network, format_args!("the client's end is closed"));
        self.arrived.clear();
        if !self.run.plan.calm && self.random.once_in(4) {
            self.lingering = Some(told);
        } else {
            self.server.handle_connection_lost(told, &mut self.run);
        }
    }

    /// Breaks the link, if there is one.
    pub(crate) fn reset(&mut self, now: u64) {
        if self.wire.is_some() {
            self.lose(now, Fault::Reset, End::Reset);
        }
    }

    /// The client's process ends. `told`: it had looked at the CONNACK. `knows_session`: the next one begins with what it
    /// stored of a session.
    pub(crate) fn crash(&mut self, now: u64, told: bool, knows_session: bool) {
        self.run.tally.count(Fault::Crash);
        self.close_as(now, told);
        if let Some(told) = self.lingering.take() {
            self.server.handle_connection_lost(told, &mut self.run);
        }
        self.server.handle_crash(knows_session);
    }

    /// A client that crashed before it had stored that the server began a new session takes that one for the old one,
    /// and no client can know better. It is not the client that is judged by this, so the server starts anew.
    pub(crate) fn forget_session(&mut self) {
        self.server.forget_session();
        self.run.account.session_was_lost = true;
    }

    /// No more faults: what is under way is finished.
    pub(crate) fn be_calm(&mut self) {
        self.run.plan.be_calm();
        if let Some(wire) = &mut self.wire {
            wire.widen();
        }
    }

    /// What the application holds, the server has.
    pub(crate) fn check_subscriptions(&self) {
        for filter in &self.wanted {
            assert!(self.server.has_subscription(filter), "the subscription to {filter} is forgotten");
        }
    }

    /// Nothing is on its way and nothing is owed.
    pub(crate) fn is_done(&self) -> bool {
        let on_its_way = |wire: &Wire| !wire.up.rest().is_empty() || !wire.down.rest().is_empty();
        self.server.is_done() && self.arrived.is_empty() && self.wire.as_ref().is_some_and(|wire| !on_its_way(wire))
    }

    // ---- what happens by itself ----

    /// When something happens.
    pub(crate) fn next_at(&self) -> u64 {
        let wire = self.wire.as_ref().map_or(u64::MAX, Wire::next_at);
        wire.min(self.server.next_at())
    }

    /// Moves bytes, and lets the server do what is due.
    pub(crate) fn advance(&mut self, now: u64) {
        let Self { run, server, wire, scratch, .. } = self;
        let Some(link) = wire else {
            server.advance(now, run);
            server.out().clear();
            return;
        };
        scratch.clear();
        let up = link.up.deliver(now, scratch);
        if !scratch.is_empty() {
            server.handle_bytes(now, scratch, run);
        }
        server.advance(now, run);
        if !server.out().is_empty() {
            let out = server.out();
            let len = link.down.write(now, out, &mut self.random, &mut run.tally);
            out.drain(..len);
        }
        if server.has_closed() {
            link.down.finish();
        }
        let down = link.down.deliver(now, &mut self.arrived);
        if link.is_stalled_for_good(now) {
            return self.lose(now, Fault::Reset, End::Reset);
        }
        match (up, down) {
            (None, None) => {}
            (Some(Break::Reset), _) | (_, Some(Break::Reset)) => self.lose(now, Fault::Reset, End::Reset),
            (Some(Break::HalfClose), _) if link.up.is_finished() => {
                self.server_lost(now);
                self.end = Some(End::Finished);
            }
            (Some(Break::HalfClose), _) => {
                // The server hears that the client sends no more, and does the same.
                let how = if self.random.once_in(2) { End::Reset } else { End::Finished };
                self.lose(now, Fault::HalfClose, how);
            }
            (None, Some(Break::HalfClose)) if self.server.has_closed() => {
                self.server_lost(now);
                self.end = Some(End::Finished);
            }
            (None, Some(Break::HalfClose)) => {
                if self.end.is_none() {
                    self.run.tally.count(Fault::HalfClose);
                    self.run.trace.line(now, Who::Network, format_args!("nothing more comes to the client"));
                }
                self.end = Some(End::Finished);
            }
        }
    }

    fn lose(&mut self, now: u64, fault: Fault, end: End) {
        self.run.tally.count(fault);
        self.run.trace.line(now, Who::Network, format_args!("the link breaks: the client sees {end:?}"));
        self.server_lost(now);
        self.end = Some(end);
    }

    /// The server's end is gone. What the client could still read, it can; whether it had its CONNACK is known when it
    /// closes its own end.
    fn server_lost(&mut self, now: u64) {
        if let Some(wire) = self.wire.take() {
            self.server.discard(wire.up.rest(), &mut self.run);
        }
        self.run.trace.line(now, Who::Network, format_args!("the server's end is closed"));
    }
}

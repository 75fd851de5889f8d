use dunlin_codec::Version;
use dunlin_session::{InboundAliases, Instant, Slices, Storage};

use crate::{
    Client, Event, Line, Options, Timer,
    engine::{Engine, Step},
    input::Input,
    line::LineState,
};

/// The link of an asynchronous client: a [`Line`], and the time.
pub struct Async<'l, 'b, T> {
    line: &'l Line<'b>,
    timer: T,
    /// The session knows of the link.
    is_open: bool,
    /// When to give up opening or closing it.
    until: Option<Instant>,
}

impl<'a, 'l, T: Timer, A: InboundAliases> Client<'a, Async<'l, 'a, T>, A> {
    /// A client that connects when it is polled. The version stays, because what is queued is encoded already.
    #[inline(always)]
    pub fn new(
        version: Version,
        storage: Storage<Slices<'a, A>>,
        options: &'a Options<'a>,
        line: &'l Line<'a>,
        timer: T,
    ) -> Self {
        let mut client = Self {
            engine: Engine::new(version, storage, Input::default(), options),
            link: Async { line, timer, is_open: false, until: None },
        };
        client.engine.session.set_backoff(options.backoff.clone());
        client
    }

    /// Waits for the next event. Connects, keeps the connection alive and connects again, as long as it is called.
    ///
    /// The future may be dropped at any time: nothing is lost, and the next call goes on.
    pub async fn poll(&mut self) -> Event<'_> {
        self.engine.forget_told();
        loop {
            let now = self.link.timer.now();
            if self.turn(now) {
                break;
            }
            let deadline = match (self.engine.session.poll_timeout(), self.link.until) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            self.link.line.client.heard_until(&mut self.link.timer, deadline).await;
        }
        self.engine.event()
    }

    /// Does all that can be done without waiting. True: there is an event.
    fn turn(&mut self, now: Instant) -> bool {
        if self.engine.handle_timeout(now) || self.engine.tells_settled() {
            return true;
        }
        match self.link.line.state() {
            LineState::Idle => {
                if self.engine.takes_link() {
                    self.link.until = Some(now + self.engine.options.connect.connect_timeout);
                    self.link.line.set_state(LineState::Wanted);
                }
                // Nothing goes out, but time passes for messages that expire.
                self.engine.has_output(now);
                self.engine.tells_settled()
            }
            LineState::Wanted => {
                if self.engine.is_retired() || self.link.until.is_some_and(|at| at <= now) {
                    self.close();
                }
                false
            }
            LineState::Open => {
                if !self.link.is_open {
                    (self.link.is_open, self.link.until) = (true, None);
                    self.engine.handle_open(now);
                }
                self.exchange(now)
            }
            LineState::Closing => false,
            LineState::Closed => self.handle_closed(now),
        }
    }

    /// Moves bytes both ways.
    fn exchange(&mut self, now: Instant) -> bool {
        let line = self.link.line;
        loop {
            let sent = if line.writes.get() { None } else { Some(self.transmit(now)) };
            if self.engine.is_over() {
                // The last words are given as much time as the server for an answer.
                let until = *self.link.until.get_or_insert(now + self.engine.options.connect.ping_timeout);
                if sent == Some(0) || until <= now {
                    self.close();
                    return false;
                }
            }
            self.take_input();
            match self.engine.step(now) {
                Step::Told => return true,
                Step::Read => line.fill(core::mem::take(&mut self.engine.input)),
                Step::Write => {}
            }
            if line.writes.get() || !self.engine.has_output(now) && !self.engine.is_over() {
                return false;
            }
        }
    }

    /// Gives away what is to be transmitted, and tells how much it is. All that was given before is written.
    fn transmit(&mut self, now: Instant) -> usize {
        self.engine.session.flushed();
        let output = self.link.line.take_output();
        let len = self.engine.transmit_into(now, output);
        self.link.line.send(output, len);
        len
    }

    /// Where it is not with the line.
    fn take_input(&mut self) {
        if !self.link.line.reads.get() && self.engine.input.is_away() {
            self.engine.input = self.link.line.take_input();
        }
    }

    fn close(&mut self) {
        self.link.until = None;
        self.link.line.set_state(LineState::Closing);
    }

    fn handle_closed(&mut self, now: Instant) -> bool {
        let line = self.link.line;
        line.reads.set(false);
        line.writes.set(false);
        self.take_input();
        // What came before the end may tell why.
        if self.link.is_open && self.engine.step(now) == Step::Told {
            return true;
        }
        (self.link.is_open, self.link.until) = (false, None);
        line.set_state(LineState::Idle);
        let tells = self.engine.handle_closed(now);
        // There may be more to do at once.
        line.client.ring();
        tells
    }
}

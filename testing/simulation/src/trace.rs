use core::{cell::RefCell, fmt};

/// What happened, one line an act. Off, it costs a comparison: a run that fails is played again with it.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    on: bool,
}

thread_local! {
    /// Here, because the run that fails unwinds.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Who acts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    /// The application that uses the client.
    Application,
    /// The client under test.
    Client,
    /// The link between the two.
    Network,
    /// The simulated server.
    Server,
}

impl Trace {
    pub(crate) fn new(on: bool) -> Self {
        Self { on }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    pub(crate) fn line(&mut self, now: u64, who: Who, what: fmt::Arguments<'_>) {
        if self.on {
            let who = match who {
                Who::Application => "application",
                Who::Client => "client",
                Who::Network => "network",
                Who::Server => "server",
            };
            let line = format!("{:>4}.{:03} s  {who:<12} {what}", now / 1_000, now % 1_000);
            LINES.with_borrow_mut(|lines| lines.push(line));
        }
    }

    /// The lines of this thread since they were taken last.
    pub(crate) fn take_lines() -> Vec<String> {
        LINES.take()
    }
}

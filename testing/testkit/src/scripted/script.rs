use std::fmt;
use std::time::Duration;

/// What a [`Scripted`](super::Scripted) server does on one connection, step by step.
///
/// When the last step is done the connection stays open and silent, until the client closes it or
/// the server is dropped or finished.
///
/// ```
/// use dunlin_testkit::Script;
///
/// let script = Script::new()
///     .expect_packet() // CONNECT, whatever it says
///     .send([0x20, 0x02, 0x00, 0x00]) // CONNACK of 3.1.1: accepted
///     .expect([0xc0, 0x00]) // PINGREQ
///     .reset();
/// # let _ = script;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) timeout: Duration,
}

impl Script {
    /// A script without a step: takes the connection and says nothing.
    pub fn new() -> Self {
        Self { steps: Vec::new(), timeout: Duration::from_secs(10) }
    }

    /// The next bytes must be exactly these. Fails at the first that differs, without waiting
    /// for the rest.
    pub fn expect(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Expect(bytes.into()))
    }

    /// Takes one whole packet, whichever, by its remaining length, and keeps it in
    /// [`Recorded::packets`](super::Recorded::packets).
    pub fn expect_packet(self) -> Self {
        self.then(Step::ExpectPacket)
    }

    /// The client must send nothing for `duration`, and not close.
    pub fn expect_nothing(self, duration: Duration) -> Self {
        self.then(Step::ExpectNothing(duration))
    }

    /// The client must close or reset the connection next, without another byte. The script ends
    /// here.
    pub fn expect_close(self) -> Self {
        self.then(Step::ExpectClose)
    }

    /// Sends these bytes.
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Send(bytes.into()))
    }

    /// Does nothing for `duration`; what comes in meanwhile waits. Not subject to the timeout.
    pub fn wait(self, duration: Duration) -> Self {
        self.then(Step::Wait(duration))
    }

    /// Says nothing more and takes whatever comes, until the client gives up and closes or resets
    /// the connection. The script ends here.
    pub fn silence(self) -> Self {
        self.then(Step::Silence)
    }

    /// Closes the connection in order (FIN). The script ends here.
    pub fn close(self) -> Self {
        self.then(Step::Close)
    }

    /// Resets the connection (RST); the operating system may throw away what was sent just
    /// before. The script ends here.
    pub fn reset(self) -> Self {
        self.then(Step::Reset)
    }

    /// How long each step may wait for the client, and how long the client may take to connect.
    /// Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Expect(Vec<u8>),
    ExpectPacket,
    ExpectNothing(Duration),
    ExpectClose,
    Send(Vec<u8>),
    Wait(Duration),
    Silence,
    Close,
    Reset,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expect(bytes) => write!(f, "expect {}", count(bytes.len())),
            Self::ExpectPacket => f.write_str("expect a packet"),
            Self::ExpectNothing(duration) => write!(f, "expect nothing for {duration:?}"),
            Self::ExpectClose => f.write_str("expect close"),
            Self::Send(bytes) => write!(f, "send {}", count(bytes.len())),
            Self::Wait(duration) => write!(f, "wait {duration:?}"),
            Self::Silence => f.write_str("silence"),
            Self::Close => f.write_str("close"),
            Self::Reset => f.write_str("reset"),
        }
    }
}

fn count(bytes: usize) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        bytes => format!("{bytes} bytes"),
    }
}

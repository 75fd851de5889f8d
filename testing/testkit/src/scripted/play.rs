use std::io;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::script::Step;
use super::{Problem, Recorded, Script, ScriptError, dropped};
use crate::link::{MemoryStream, Resettable, close_gently};

/// Plays one script after the other, each on the next connection. The connections stay open
/// behind it, until their clients or the end of the server (`ended`) close them.
pub(super) async fn play_all(
    scripts: Vec<Script>,
    door: Door,
    record: Record,
    ended: watch::Receiver<()>,
) -> Result<(), ScriptError> {
    let mut scripts = (1..).zip(scripts).peekable();
    // From the last connection on nobody else is let in.
    let mut door = scripts.peek().is_some().then_some(door);
    while let (Some((connection, script)), Some(mut open)) = (scripts.next(), door.take()) {
        let accepted = timeout(script.timeout, open.accept()).await;
        let Ok(Some(stream)) = accepted else {
            return Err(ScriptError { connection, step: 0, doing: String::new(), problem: Problem::NoConnection });
        };
        door = scripts.peek().is_some().then_some(open);

        record.begin();
        let mut player = Player { stream, record: record.clone(), connection, limit: script.timeout, got: Vec::new() };
        if player.play(&script).await? == Flow::Stay {
            tokio::spawn(player.stay(ended.clone()));
        }
    }
    Ok(())
}

/// Where connections come from.
#[derive(Debug)]
pub(super) enum Door {
    Tcp(TcpListener),
    Memory(mpsc::Receiver<MemoryStream>),
}

impl Door {
    /// `None` when there can be no further one.
    async fn accept(&mut self) -> Option<Box<dyn Resettable>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await.ok()?;
                // Bytes shall leave as the script sends them; one that fails at this still plays.
                let _ = stream.set_nodelay(true);
                Some(Box::new(stream))
            }
            Self::Memory(connections) => Some(Box::new(connections.recv().await?)),
        }
    }
}

/// What all connections have received.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(Arc<Mutex<Vec<Recorded>>>);

impl Record {
    pub(super) fn all(&self) -> Vec<Recorded> {
        self.lock().clone()
    }

    fn begin(&self) {
        self.lock().push(Recorded::default());
    }

    /// `connection` counts from 1, as everywhere here.
    fn bytes(&self, connection: usize, bytes: &[u8]) -> Result<(), Problem> {
        if let Some(recorded) = self.lock().get_mut(connection - 1) {
            if recorded.bytes.len() + bytes.len() > KEPT_AT_MOST {
                return Err(Problem::TooMuch);
            }
            recorded.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn packet(&self, connection: usize, packet: Vec<u8>) {
        if let Some(recorded) = self.lock().get_mut(connection - 1) {
            recorded.packets.push(packet);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One script on one connection.
struct Player {
    stream: Box<dyn Resettable>,
    record: Record,
    connection: usize,
    limit: Duration,
    /// What came in during the step of the moment.
    got: Vec<u8>,
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Next,
    /// The script is over, the connection stays.
    Stay,
    /// Both are over.
    Drop,
}

impl Player {
    async fn play(&mut self, script: &Script) -> Result<Flow, ScriptError> {
        for (number, step) in (1..).zip(&script.steps) {
            self.got.clear();
            match self.step_in_time(step).await {
                Ok(Flow::Next) => {}
                Ok(over) => return Ok(over),
                Err(problem) => {
                    self.stream.prepare_reset();
                    return Err(ScriptError {
                        connection: self.connection,
                        step: number,
                        doing: step.to_string(),
                        problem,
                    });
                }
            }
        }
        Ok(Flow::Stay)
    }

    /// Takes what still comes, until the client closes or the server ends.
    async fn stay(mut self, ended: watch::Receiver<()>) {
        let taken = tokio::select! {
            () = dropped(ended) => None,
            taken = self.take_all() => Some(taken),
        };
        match taken {
            None => close_gently(self.stream).await,
            Some(Err(_)) => self.stream.prepare_reset(),
            Some(Ok(())) => {}
        }
    }

    async fn step_in_time(&mut self, step: &Step) -> Result<Flow, Problem> {
        let limit = match step {
            Step::Wait(_) | Step::ExpectNothing(_) => return self.step(step).await,
            _ => self.limit,
        };
        let in_time = timeout(limit, self.step(step)).await;
        in_time.unwrap_or_else(|_| {
            Err(Problem::TimedOut { limit, expected: expected(step).to_vec(), got: take(&mut self.got) })
        })
    }

    async fn step(&mut self, step: &Step) -> Result<Flow, Problem> {
        match step {
            Step::Expect(bytes) => self.expect(bytes).await?,
            Step::ExpectPacket => self.take_packet().await?,
            Step::ExpectNothing(duration) => {
                if let Ok(came) = timeout(*duration, self.read(1)).await {
                    came?;
                    return Err(self.unexpected());
                }
            }
            Step::ExpectClose => match self.read(SCRAP).await {
                Ok(()) => return Err(self.unexpected()),
                Err(Problem::Closed { .. } | Problem::Broken { .. }) => return Ok(Flow::Stay),
                Err(problem) => return Err(problem),
            },
            Step::Send(bytes) => {
                let sent = self.stream.write_all(bytes).await;
                sent.and(self.stream.flush().await).map_err(|error| self.broken(&error))?;
            }
            Step::Wait(duration) => sleep(*duration).await,
            Step::Silence => {
                self.take_all().await?;
                return Ok(Flow::Stay);
            }
            Step::Close => {
                // A client that was faster has closed it already.
                let _ = self.stream.shutdown().await;
                return Ok(Flow::Stay);
            }
            Step::Reset => {
                self.stream.prepare_reset();
                return Ok(Flow::Drop);
            }
        }
        Ok(Flow::Next)
    }

    async fn expect(&mut self, expected: &[u8]) -> Result<(), Problem> {
        while self.got.len() < expected.len() {
            let read = self.read(expected.len() - self.got.len()).await;
            read.map_err(|problem| match problem {
                Problem::Closed { got, .. } => Problem::Closed { expected: expected.to_vec(), got },
                problem => problem,
            })?;
            if !expected.starts_with(&self.got) {
                return Err(Problem::Different { expected: expected.to_vec(), got: take(&mut self.got) });
            }
        }
        Ok(())
    }

    /// A packet is its type and flags, its remaining length (seven bits a byte, the lowest first,
    /// the top bit telling that another follows), and as many bytes as that says.
    async fn take_packet(&mut self) -> Result<(), Problem> {
        self.read(1).await?;
        let mut remaining = 0;
        for place in 0..LENGTH_BYTES {
            self.read(1).await?;
            let byte = self.got.last().copied().unwrap_or_default();
            remaining |= usize::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return self.take_rest(remaining).await;
            }
        }
        Err(Problem::RemainingLength { got: take(&mut self.got) })
    }

    async fn take_rest(&mut self, remaining: usize) -> Result<(), Problem> {
        if remaining > KEPT_AT_MOST {
            return Err(Problem::TooMuch);
        }
        let whole = self.got.len() + remaining;
        while self.got.len() < whole {
            self.read(whole - self.got.len()).await?;
        }
        self.record.packet(self.connection, take(&mut self.got));
        Ok(())
    }

    /// Until the client closes or resets.
    async fn take_all(&mut self) -> Result<(), Problem> {
        loop {
            self.got.clear();
            match self.read(SCRAP).await {
                Ok(()) => {}
                Err(Problem::Closed { .. } | Problem::Broken { .. }) => return Ok(()),
                Err(problem) => return Err(problem),
            }
        }
    }

    /// Reads once, from 1 to `most` bytes.
    async fn read(&mut self, most: usize) -> Result<(), Problem> {
        let before = self.got.len();
        self.got.reserve(most.min(SCRAP));
        let mut stream = (&mut self.stream).take(most as u64);
        match stream.read_buf(&mut self.got).await {
            Ok(0) => Err(Problem::Closed { expected: Vec::new(), got: take(&mut self.got) }),
            Ok(_) => {
                let new = self.got.get(before..).unwrap_or_default();
                self.record.bytes(self.connection, new)
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    fn broken(&mut self, error: &io::Error) -> Problem {
        Problem::Broken { kind: error.kind(), got: take(&mut self.got) }
    }

    fn unexpected(&mut self) -> Problem {
        Problem::Unexpected { got: take(&mut self.got) }
    }
}

fn expected(step: &Step) -> &[u8] {
    match step {
        Step::Expect(bytes) => bytes,
        _ => &[],
    }
}

const LENGTH_BYTES: usize = 4;
const SCRAP: usize = 4 * 1024;
const KEPT_AT_MOST: usize = 16 * 1024 * 1024;

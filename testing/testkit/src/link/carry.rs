use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::control::{Control, Gate};
use super::plan::{Due, End, Lane};
use super::random::Random;
use super::{Cut, Direction, LinkOptions};

/// A stream that can end abruptly.
pub(crate) trait Resettable: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes dropping the stream reset the connection (RST) instead of closing it in order (FIN).
    fn prepare_reset(&self);
}

impl Resettable for TcpStream {
    fn prepare_reset(&self) {
        // A socket that refuses is broken already, and its end is no longer ours to choose.
        let _ = self.set_zero_linger();
    }
}

#[cfg(unix)]
impl Resettable for UnixStream {
    /// Such a socket knows no reset: what is dropped is closed.
    fn prepare_reset(&self) {}
}

impl Resettable for Box<dyn Resettable> {
    fn prepare_reset(&self) {
        (**self).prepare_reset();
    }
}

/// Tells the peer that no more comes, then takes what it still sends until it closes too, at most
/// 5 s. Dropped with something unread, a TCP stream would be reset instead, and the peer might
/// lose what it had not read yet.
pub(crate) async fn close_gently(mut stream: impl Resettable) {
    if stream.shutdown().await.is_ok() {
        // Over time or an error: dropped either way.
        let _ = timeout(CLOSING, discard(&mut stream)).await;
    }
}

/// What one connection through a link needs besides its two streams.
pub(super) struct Connection {
    to_server: Lane,
    to_client: Lane,
    gate: Gate,
    control: Arc<Control>,
}

impl Connection {
    pub(super) fn new(options: &LinkOptions, control: &Arc<Control>) -> Self {
        let number = control.number();
        let lane = |plan, sequence| Lane::new(plan, Random::new(options.seed, sequence), number);
        Self {
            to_server: lane(&options.to_server, 2 * number),
            to_client: lane(&options.to_client, 2 * number + 1),
            gate: control.gate(),
            control: Arc::clone(control),
        }
    }
}

/// Carries bytes both ways until both sides have ended, the plan or the test cuts, or one side
/// breaks.
pub(super) async fn carry(mut client: impl Resettable, mut server: impl Resettable, connection: Connection) {
    let Connection { to_server, to_client, mut gate, control } = connection;
    let end = {
        let (from_client, into_client) = split(&mut client);
        let (from_server, into_server) = split(&mut server);
        let lane = |lane, direction| Carrier { lane, direction, gate: gate.clone(), control: Arc::clone(&control) };
        let to_server = lane(to_server, Direction::ToServer).run(from_client, into_server);
        let to_client = lane(to_client, Direction::ToClient).run(from_server, into_client);
        tokio::select! {
            biased;
            how = gate.cut() => Err(how),
            end = async { tokio::try_join!(to_server, to_client) } => end,
        }
    };
    match end {
        Ok(((), ())) => {}
        Err(Cut::Reset) => {
            client.prepare_reset();
            server.prepare_reset();
        }
        Err(Cut::Close) => {
            tokio::join!(close_gently(client), close_gently(server));
        }
    }
}

struct Carrier {
    lane: Lane,
    direction: Direction,
    gate: Gate,
    control: Arc<Control>,
}

impl Carrier {
    /// `Err` ends the other direction too. A side that breaks is passed on as a reset, since that
    /// is how the other side would have learnt of it without the link.
    async fn run(mut self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> Result<(), Cut> {
        let mut held = Vec::new();
        loop {
            match self.lane.due() {
                Some(Due::Stall) => self.gate.healed().await,
                Some(Due::End(End::Cut(how))) => return Err(how),
                Some(Due::End(End::HalfClose)) => {
                    to.shutdown().await.map_err(broken)?;
                    return discard(&mut from).await.map_err(broken);
                }
                None => {
                    held.clear();
                    self.fill(&mut from, &mut held).await.map_err(broken)?;
                    if held.is_empty() {
                        self.gate.open(self.direction).await;
                        return to.shutdown().await.map_err(broken);
                    }
                    self.pass(&held, &mut to).await?;
                }
            }
        }
    }

    /// Reads once, or until enough is together. Leaves `held` empty at the end of the stream.
    async fn fill(&self, from: &mut (impl AsyncRead + Unpin), held: &mut Vec<u8>) -> io::Result<()> {
        let (enough, within) = self.lane.coalesce().unwrap_or((1, Duration::ZERO));
        let room = enough.max(READ_AT_MOST);
        held.reserve(room);
        let mut from = from.take(room as u64);
        if from.read_buf(held).await? == 0 {
            return Ok(());
        }
        let deadline = Instant::now() + within;
        while held.len() < enough {
            match timeout_at(deadline, from.read_buf(held)).await {
                Ok(Ok(1..)) => {}
                // The end, or a break, which the next call finds again: first what came before.
                Ok(Ok(0) | Err(_)) | Err(_) => break,
            }
        }
        Ok(())
    }

    /// Passes `held` on in pieces; what the plan wants on the way is done between them.
    async fn pass(&mut self, held: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> Result<(), Cut> {
        let mut rest = held;
        while !rest.is_empty() {
            match self.lane.due() {
                Some(Due::Stall) => {
                    self.gate.healed().await;
                    continue;
                }
                Some(Due::End(End::Cut(how))) => return Err(how),
                // The rest is what the sender still sent: thrown away by the caller's next look.
                Some(Due::End(End::HalfClose)) => return Ok(()),
                None => {}
            }
            let (piece, later) = rest.split_at(self.lane.piece(rest.len()));
            if let Some(delay) = self.lane.delay() {
                sleep(delay).await;
            }
            self.gate.open(self.direction).await;
            to.write_all(piece).await.map_err(broken)?;
            to.flush().await.map_err(broken)?;
            self.lane.passed(piece.len());
            self.control.count(self.direction, piece.len());
            rest = later;
        }
        Ok(())
    }
}

async fn discard(from: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut scrap = [0; 1024];
    while from.read(&mut scrap).await? > 0 {}
    Ok(())
}

fn broken(_: io::Error) -> Cut {
    Cut::Reset
}

const READ_AT_MOST: usize = 16 * 1024;
const CLOSING: Duration = Duration::from_secs(5);

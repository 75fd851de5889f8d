//! A server that plays bytes.

mod difference;
mod error;
mod play;
mod script;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

pub use self::error::{Problem, ScriptError};
pub use self::script::Script;

use self::play::{Door, Record, play_all};
use crate::link::MemoryStream;

/// A server that knows no MQTT: it plays one [`Script`] for each connection, one connection after
/// the other, and keeps what it gets.
///
/// The next connection is taken when the script of the one before is over; what the earlier one
/// still sends is kept too. Connections beyond the last script are refused: with no script at
/// all, every one is. When a script fails, its connection is reset and the server ends.
///
/// It keeps at most 16 MiB of each connection and resets one that sends more. Dropping it ends
/// it and closes its connections.
///
/// Time is tokio's. Pause it only with [`Scripted::in_memory`]: a paused clock runs ahead while
/// bytes are on their way through a socket.
#[derive(Debug)]
#[must_use = "dropping the server ends it; `finish` tells what went wrong"]
pub struct Scripted {
    record: Record,
    over: oneshot::Receiver<Result<(), ScriptError>>,
    /// Its tasks end when this is dropped.
    _alive: watch::Sender<()>,
}

impl Scripted {
    /// Plays `scripts` on a free port of 127.0.0.1. Returns the server and the address that
    /// clients connect to.
    ///
    /// # Errors
    /// What the operating system says when no port can be had.
    pub async fn listen(scripts: impl IntoIterator<Item = Script>) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = Self::start(scripts.into_iter().collect(), Door::Tcp(listener));
        Ok((server, address))
    }

    /// Plays `scripts` in memory. Returns the server and what makes connections to it.
    ///
    /// Must be called within a tokio runtime.
    pub fn in_memory(scripts: impl IntoIterator<Item = Script>) -> (Self, Connector) {
        let (connections, door) = mpsc::channel(WAITING_CONNECTIONS);
        let server = Self::start(scripts.into_iter().collect(), Door::Memory(door));
        (server, Connector { connections })
    }

    /// What came in so far: all bytes, by connection.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        let received = self.record.all();
        received.into_iter().map(|one| one.bytes).collect()
    }

    /// Waits until all scripts are over, closes what is still open, and returns what each
    /// connection received.
    ///
    /// It waits a bounded time, since every step has its limit ([`Script::timeout`]), and so has
    /// the wait for each connection.
    ///
    /// # Errors
    /// The first [`ScriptError`].
    pub async fn finish(self) -> Result<Vec<Recorded>, ScriptError> {
        // The task that plays ends without a word only when its runtime does, and this with it.
        if let Ok(result) = self.over.await {
            result?;
        }
        Ok(self.record.all())
    }

    fn start(scripts: Vec<Script>, door: Door) -> Self {
        let record = Record::default();
        let (tell, over) = oneshot::channel();
        let (alive, ended) = watch::channel(());
        let play = play_all(scripts, door, record.clone(), ended.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = dropped(ended) => {}
                // Fails when the server was dropped, and then nobody wants to know.
                result = play => drop(tell.send(result)),
            }
        });
        Self { record, over, _alive: alive }
    }
}

/// What one connection of a [`Scripted`] server received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// Every byte, in order, also after the end of the script.
    pub bytes: Vec<u8>,
    /// The packets that [`Script::expect_packet`] took, each whole.
    pub packets: Vec<Vec<u8>>,
}

/// Makes connections to a [`Scripted`] server in memory.
#[derive(Clone, Debug)]
pub struct Connector {
    connections: mpsc::Sender<MemoryStream>,
}

impl Connector {
    /// Connects. It waits only while 16 earlier connections have not been taken.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] when the server takes no more connections: its last
    /// script is playing or over, a script failed, or it was dropped.
    pub async fn connect(&self) -> io::Result<MemoryStream> {
        let (client, server) = MemoryStream::pair(MEMORY_BUFFER);
        match self.connections.send(server).await {
            Ok(()) => Ok(client),
            Err(_) => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

/// Waits until the server of `ended` is dropped.
async fn dropped(mut ended: watch::Receiver<()>) {
    while ended.changed().await.is_ok() {}
}

const WAITING_CONNECTIONS: usize = 16;
const MEMORY_BUFFER: usize = 16 * 1024;

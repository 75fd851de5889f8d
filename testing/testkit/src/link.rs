//! A connection that is bad on purpose.

mod carry;
mod control;
mod memory;
mod plan;
mod random;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

pub use self::memory::MemoryStream;
pub use self::plan::{Cut, Plan};

pub(crate) use self::carry::{Resettable, close_gently};

use self::carry::{Connection, carry};
use self::control::Control;
#[cfg(unix)]
use crate::directory::Directory;

/// A connection between a client and a server that splits, joins, delays, stalls and cuts what
/// passes through it, over TCP, a socket of the file system, or in memory.
///
/// What it does by itself is in a [`Plan`] for each [`Direction`]; what the test does to it is in
/// the methods here. All that is random comes from one seed, which [`Link::seed`] and `Debug` tell:
/// in memory and with tokio's time paused, the same seed gives the same run. Over TCP the plan is the
/// same, but how many bytes each read finds is the operating system's choice.
///
/// Each connection holds at most 16 KiB a direction (more if [`Plan::coalesce`] asks for it); a
/// sender that is faster is held back, as by any network.
///
/// Dropping the link resets all its connections and frees its port.
///
/// ```
/// use dunlin_testkit::{Cut, LinkOptions, Plan};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> std::io::Result<()> {
/// let to_client = Plan::new().split(3).cut_after(5, Cut::Reset);
/// let (link, mut client, mut server) = LinkOptions::new().seed(7).to_client(to_client).pair();
///
/// server.write_all(b"0123456789").await?;
/// let mut got = Vec::new();
/// let error = client.read_to_end(&mut got).await.unwrap_err();
/// assert_eq!(got, b"01234", "{link:?}");
/// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the link resets its connections"]
pub struct Link {
    control: Arc<Control>,
    seed: u64,
}

impl Link {
    /// Ends all connections of the moment as `how` says. New ones may be made at once.
    ///
    /// Returns at once; the ends notice as soon as the runtime runs the link's tasks.
    pub fn cut(&self, how: Cut) {
        self.control.cut(how);
    }

    /// Lets nothing more through in `direction`, without closing anything: the cable is out, and
    /// nobody notices. Also holds for new connections, until [`heal`](Self::heal).
    pub fn stall(&self, direction: Direction) {
        self.control.stall(direction);
    }

    /// Resets every new connection as soon as it is made, until [`heal`](Self::heal): the server
    /// is away. Those of the moment stay; [`cut`](Self::cut) ends them.
    pub fn refuse(&self) {
        self.control.refuse();
    }

    /// Ends [`stall`](Self::stall) and [`refuse`](Self::refuse), and also the stalls that plans
    /// have begun on connections of the moment. What was held back goes on, in order.
    pub fn heal(&self) {
        self.control.heal();
    }

    /// How many bytes have passed in `direction`, over all connections.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.control.bytes(direction)
    }

    /// How many connections have been made so far, refused ones not counted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.control.connections()
    }

    /// The seed that all its random choices come from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.control.close();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("seed", &self.seed)
            .field("connections", &self.connections())
            .field("bytes_to_server", &self.bytes(Direction::ToServer))
            .field("bytes_to_client", &self.bytes(Direction::ToClient))
            .finish()
    }
}

/// One of the two ways through a [`Link`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// How a [`Link`] shall be. By default it passes on everything at once and unharmed.
#[derive(Clone, Debug, Default)]
pub struct LinkOptions {
    seed: u64,
    to_server: Plan,
    to_client: Plan,
}

impl LinkOptions {
    /// The defaults: two empty plans, seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The seed of all random choices. Default: 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What happens on the way to the server.
    #[must_use]
    pub fn to_server(mut self, plan: Plan) -> Self {
        self.to_server = plan;
        self
    }

    /// What happens on the way to the client.
    #[must_use]
    pub fn to_client(mut self, plan: Plan) -> Self {
        self.to_client = plan;
        self
    }

    /// Listens on a free port of 127.0.0.1 and carries each connection to `server`. Returns the
    /// link and the address that clients connect to.
    ///
    /// When the server does not answer, the client's connection is reset.
    ///
    /// # Errors
    /// What the operating system says when no port can be had.
    pub async fn listen(self, server: impl Into<SocketAddr>) -> io::Result<(Link, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let link = self.link();
        tokio::spawn(accept(Listener::Tcp(listener), server.into(), self, Arc::clone(&link.control)));
        Ok((link, address))
    }

    /// As [`listen`](Self::listen), at a socket of the file system, which goes with the link.
    ///
    /// # Errors
    /// What the operating system says when there can be no such socket.
    #[cfg(unix)]
    pub fn listen_at_a_socket(self, server: impl Into<SocketAddr>) -> io::Result<(Link, PathBuf)> {
        let directory = Directory::create()?;
        let path = directory.path().join("link.sock");
        let listener = Listener::Unix { listener: UnixListener::bind(&path)?, _directory: directory };
        let link = self.link();
        tokio::spawn(accept(listener, server.into(), self, Arc::clone(&link.control)));
        Ok((link, path))
    }

    /// A link in memory with one connection: returns it with its client's and its server's end.
    ///
    /// All waiting is by tokio's clock. Must be called within a tokio runtime.
    pub fn pair(self) -> (Link, MemoryStream, MemoryStream) {
        let link = self.link();
        let (client, client_side) = MemoryStream::pair(MEMORY_BUFFER);
        let (server, server_side) = MemoryStream::pair(MEMORY_BUFFER);
        let connection = Connection::new(&self, &link.control);
        tokio::spawn(carry(client_side, server_side, connection));
        (link, client, server)
    }

    fn link(&self) -> Link {
        Link { control: Arc::new(Control::new()), seed: self.seed }
    }
}

/// Where clients come in.
enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        _directory: Directory,
    },
}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Resettable>> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (client, _) = listener.accept().await?;
                // Pieces shall leave as the plan cut them; a link that fails at this is still a link.
                let _ = client.set_nodelay(true);
                Box::new(client)
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => Box::new(listener.accept().await?.0),
        })
    }
}

async fn accept(listener: Listener, server: SocketAddr, options: LinkOptions, control: Arc<Control>) {
    let mut gate = control.gate();
    loop {
        let accepted = tokio::select! {
            () = gate.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok(client) = accepted else {
            // Out of file descriptors, as a rule: they may come back.
            sleep(BETWEEN_ACCEPTS).await;
            continue;
        };
        if gate.refuses() {
            client.prepare_reset();
            continue;
        }
        let connection = Connection::new(&options, &control);
        tokio::spawn(async move {
            match TcpStream::connect(server).await {
                Ok(server) => {
                    let _ = server.set_nodelay(true);
                    carry(client, server, connection).await;
                }
                Err(_) => client.prepare_reset(),
            }
        });
    }
}

const MEMORY_BUFFER: usize = 16 * 1024;
const BETWEEN_ACCEPTS: Duration = Duration::from_millis(20);

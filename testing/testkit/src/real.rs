//! Real servers of several authors, each started for one test and gone with it.

mod recipes;

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use dunlin_codec::Version;

use crate::directory::Directory;
use crate::process::{Process, START_ATTEMPTS, Started, find, free_ports};

/// A real server on a free port of 127.0.0.1, with the settings that its author gives it as far as these let a test in.
/// Whoever wants TLS, passwords or a log of it takes [`Mosquitto`](crate::Mosquitto).
///
/// Its files are in a temporary directory of its own. Dropping the value kills the process and deletes the directory.
///
/// All calls block, for ejabberd some seconds.
///
/// ```no_run
/// use dunlin_testkit::{RealServer, ServerKind, Version};
///
/// for kind in ServerKind::ALL {
///     let server = RealServer::start(kind).expect("this test needs it");
///     println!("{kind} at {}", server.address(Version::V3_1_1));
/// }
/// ```
#[derive(Debug)]
#[must_use = "dropping the server ends it"]
pub struct RealServer {
    kind: ServerKind,
    ports: Ports,
    process: Option<Process>,
    directory: Directory,
}

/// Whose server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerKind {
    /// Eclipse Mosquitto, in C: Debian package `mosquitto`.
    Mosquitto,
    /// ejabberd of ProcessOne, in Erlang: Debian package `ejabberd`.
    Ejabberd,
    /// rumqttd of Bytebeam, in Rust: it is inside the Python package `iotcore`. The Python is that of the variable
    /// `DUNLIN_TEST_PYTHON`, or `python3`.
    Rumqttd,
    /// NATS of Synadia, in Go: Debian package `nats-server`. MQTT 3.1.1 alone.
    Nats,
}

impl ServerKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mosquitto, Self::Ejabberd, Self::Rumqttd, Self::Nats];

    /// How it is got, as a command.
    #[must_use]
    pub const fn install(self) -> &'static str {
        match self {
            Self::Mosquitto => "apt-get install mosquitto",
            Self::Ejabberd => "apt-get install ejabberd",
            Self::Rumqttd => "pip install iotcore",
            Self::Nats => "apt-get install nats-server",
        }
    }

    /// User name and password, where it lets nobody in without.
    #[must_use]
    pub const fn credentials(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ejabberd => Some(("anna", "secret")),
            _ => None,
        }
    }

    /// One for each version.
    fn has_ports_apart(self) -> bool {
        self == Self::Rumqttd
    }
}

impl fmt::Display for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mosquitto => "Mosquitto",
            Self::Ejabberd => "ejabberd",
            Self::Rumqttd => "rumqttd",
            Self::Nats => "NATS",
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    mqtt: u16,
    /// Of 5.0, where that has a port of its own.
    v5: u16,
    /// Not for MQTT.
    other: u16,
}

impl RealServer {
    /// Starts a server and waits until it listens, at most a minute.
    ///
    /// # Errors
    /// [`RealServerError`] says what is missing.
    pub fn start(kind: ServerKind) -> Result<Self, RealServerError> {
        for _ in 0..START_ATTEMPTS {
            let [mqtt, v5, other] = free_ports().map_err(|error| RealServerError::Machine(error.kind()))?;
            let ports = Ports { mqtt, v5, other };
            let directory = Directory::create().map_err(|error| RealServerError::Machine(error.kind()))?;
            let mut server = Self { kind, ports, process: None, directory };
            if server.run()? {
                return Ok(server);
            }
        }
        Err(RealServerError::NotReady(kind))
    }

    /// Which it is.
    #[must_use]
    pub fn kind(&self) -> ServerKind {
        self.kind
    }

    /// Where it speaks this version.
    #[must_use]
    pub fn address(&self, version: Version) -> SocketAddr {
        let is_apart = self.kind.has_ports_apart() && version.is_v5();
        SocketAddr::from((Ipv4Addr::LOCALHOST, if is_apart { self.ports.v5 } else { self.ports.mqtt }))
    }

    /// Kills it, as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again at the same addresses, and waits until it listens. Does nothing if it runs.
    ///
    /// # Errors
    /// As [`start`](Self::start); [`RealServerError::NotReady`] too when another program took its port meanwhile.
    pub fn start_again(&mut self) -> Result<(), RealServerError> {
        match self.process.is_some() || self.run()? {
            true => Ok(()),
            false => Err(RealServerError::NotReady(self.kind)),
        }
    }

    /// Whether it listens now.
    fn run(&mut self) -> Result<bool, RealServerError> {
        let failed = |error: io::Error| RealServerError::Machine(error.kind());
        let program = self.program()?;
        let recipe = recipes::recipe(self.kind, self.ports, self.directory.path(), program);
        for (name, text) in recipe.files {
            fs::write(self.directory.path().join(name), text).map_err(failed)?;
        }
        let mut command = recipe.command;
        command.current_dir(self.directory.path());
        let Ports { mqtt, v5, .. } = self.ports;
        let ports: &[u16] = if self.kind.has_ports_apart() { &[mqtt, v5] } else { &[mqtt] };
        match Process::start(&mut command, ports, PATIENCE).map_err(failed)? {
            Started::Listening(process) => self.process = Some(process),
            Started::Ended => return Ok(false),
            Started::Silent => return Err(RealServerError::NotReady(self.kind)),
        }
        Ok(true)
    }

    fn program(&self) -> Result<Command, RealServerError> {
        let found = match self.kind {
            ServerKind::Mosquitto => find("mosquitto").map(Command::new),
            ServerKind::Nats => find("nats-server").map(Command::new),
            // Its own starter wants a system that is set up for it.
            ServerKind::Ejabberd => find("ejabberdctl").and_then(|_| find("erl")).map(Command::new),
            ServerKind::Rumqttd => {
                let python = env::var_os("DUNLIN_TEST_PYTHON").unwrap_or_else(|| "python3".into());
                let has_it = Command::new(&python).args(["-c", "import iotcore"]).output();
                has_it.is_ok_and(|output| output.status.success()).then(|| Command::new(python))
            }
        };
        found.ok_or(RealServerError::NotInstalled(self.kind))
    }
}

/// Why a [`RealServer`] could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RealServerError {
    /// The program is not installed.
    NotInstalled(
        /// Whose.
        ServerKind,
    ),
    /// The operating system refused a port, a file or the program.
    Machine(
        /// What it says.
        io::ErrorKind,
    ),
    /// It did not listen within a minute, or ended several times.
    NotReady(
        /// Whose.
        ServerKind,
    ),
}

impl fmt::Display for RealServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled(kind) => write!(f, "{kind} is not installed: {}", kind.install()),
            Self::Machine(kind) => write!(f, "the server cannot be run: {kind}"),
            Self::NotReady(kind) => write!(f, "{kind} does not listen"),
        }
    }
}

impl std::error::Error for RealServerError {}

const PATIENCE: Duration = Duration::from_secs(60);

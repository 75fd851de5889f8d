//! A real Mosquitto server, started for one test and gone with it.

mod config;
mod error;
mod options;
mod process;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

pub use self::error::MosquittoError;
pub use self::options::{MosquittoOptions, TlsVersions};

use self::config::Files;
use self::process::{Process, StartFailure};
use crate::certificates::{Authority, Identity};
use crate::directory::Directory;
use crate::process::{START_ATTEMPTS, free_ports};

/// A real Mosquitto process on three free ports of 127.0.0.1: plain, TLS, and TLS that requires a
/// client certificate; with [`MosquittoOptions::websockets`] on two more, WebSocket without and
/// with TLS, and with [`MosquittoOptions::unix_socket`] on a socket in the file system.
///
/// Its configuration, its certificates and what it persists are in a temporary directory of its
/// own. Dropping the value kills the process and deletes the directory; only a test program that
/// is itself killed leaves both behind.
///
/// All calls block: starting takes some tens of milliseconds. They may be made in an async test
/// too, whose other tasks on the same thread then wait.
///
/// A test that needs Mosquitto fails without it, by name; it is not skipped:
///
/// ```no_run
/// use dunlin_testkit::Mosquitto;
///
/// let mosquitto = Mosquitto::start().expect("this test needs a real server");
/// println!("{}", mosquitto.url()); // mqtt://127.0.0.1:36371
/// ```
#[derive(Debug)]
pub struct Mosquitto {
    // Before the directory: fields are dropped in this order, and the process writes into it.
    process: Process,
    ports: Ports,
    certificates: Certificates,
    socket: PathBuf,
    _directory: Directory,
}

impl Mosquitto {
    /// Starts Mosquitto with the default options and waits until it listens.
    ///
    /// # Errors
    /// See [`MosquittoOptions::start`].
    pub fn start() -> Result<Self, MosquittoError> {
        Self::options().start()
    }

    /// The options to start one with, all at their defaults.
    #[must_use]
    pub fn options() -> MosquittoOptions {
        MosquittoOptions::default()
    }

    pub(crate) fn start_with(options: &MosquittoOptions) -> Result<Self, MosquittoError> {
        let directory = Directory::create()
            .map_err(|error| MosquittoError::file_system("make a temporary directory", std::env::temp_dir(), &error))?;
        let files = Files::write(options, directory.path())?;
        let mut process = Process::new(&files)?;
        let mut attempts = 0;
        let ports = loop {
            let ports = Ports::free()?;
            files.write_config(options, &ports)?;
            attempts += 1;
            match process.start() {
                Ok(()) => break ports,
                // Somebody took one of them in between: nothing of ours, so try others.
                Err(StartFailure::AddressInUse) if attempts < START_ATTEMPTS => process.forget_log(),
                Err(failure) => return Err(process.explain(failure)),
            }
        };
        let socket = files.socket();
        Ok(Self { process, ports, certificates: files.certificates, socket, _directory: directory })
    }

    /// The port of the plain listener on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.plain
    }

    /// The port of the TLS listener on 127.0.0.1, which asks for no client certificate.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.ports.tls
    }

    /// The port of the TLS listener on 127.0.0.1 that requires a client certificate.
    #[must_use]
    pub fn mutual_tls_port(&self) -> u16 {
        self.ports.mutual_tls
    }

    /// The address of the plain listener.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()))
    }

    /// The plain listener as `mqtt://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port())
    }

    /// The TLS listener as `mqtts://127.0.0.1:<port>`.
    #[must_use]
    pub fn tls_url(&self) -> String {
        format!("mqtts://127.0.0.1:{}", self.tls_port())
    }

    /// The listener that requires a client certificate as `mqtts://127.0.0.1:<port>`.
    #[must_use]
    pub fn mutual_tls_url(&self) -> String {
        format!("mqtts://127.0.0.1:{}", self.mutual_tls_port())
    }

    /// The port of the WebSocket listener on 127.0.0.1; only with [`MosquittoOptions::websockets`] there is one.
    #[must_use]
    pub fn websocket_port(&self) -> u16 {
        self.ports.websocket
    }

    /// The port of the WebSocket listener with TLS on 127.0.0.1; only with [`MosquittoOptions::websockets`] there is one.
    #[must_use]
    pub fn websocket_tls_port(&self) -> u16 {
        self.ports.websocket_tls
    }

    /// The WebSocket listener as `ws://127.0.0.1:<port>/mqtt`; only with
    /// [`MosquittoOptions::websockets`] there is one.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws://127.0.0.1:{}/mqtt", self.websocket_port())
    }

    /// The WebSocket listener with TLS as `wss://127.0.0.1:<port>/mqtt`; only with
    /// [`MosquittoOptions::websockets`] there is one.
    #[must_use]
    pub fn websocket_tls_url(&self) -> String {
        format!("wss://127.0.0.1:{}/mqtt", self.websocket_tls_port())
    }

    /// Where its socket in the file system is; only with [`MosquittoOptions::unix_socket`] there is one.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What a client needs to be let in over TLS.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// What Mosquitto logged so far, a line each, over all its starts: the last 10,000 lines.
    ///
    /// It may lag behind what a client has seen already; [`wait_for_log`](Self::wait_for_log)
    /// does not. Without further options it tells errors, warnings and who connects and leaves;
    /// `line("log_type all")` makes it name every packet.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until a line of the log contains `text`; at once if one does already.
    ///
    /// # Errors
    /// [`MosquittoError::NotLogged`] after 10 s, or when the process has ended.
    pub fn wait_for_log(&self, text: &str) -> Result<(), MosquittoError> {
        self.process.wait_for_log(text)
    }

    /// Whether the process runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Stops it with SIGTERM, so that it saves what it persists, and waits until it is gone.
    ///
    /// Does nothing if it does not run.
    ///
    /// # Errors
    /// [`MosquittoError::StillRunning`] when it has not ended after 10 s.
    pub fn stop(&mut self) -> Result<(), MosquittoError> {
        self.process.terminate()
    }

    /// Kills it with SIGKILL, as a power cut would, and waits until it is gone. It saves nothing.
    ///
    /// Does nothing if it does not run.
    ///
    /// # Errors
    /// [`MosquittoError::StillRunning`] when the operating system refuses.
    pub fn kill(&mut self) -> Result<(), MosquittoError> {
        self.process.kill()
    }

    /// Starts it again on the same ports after [`stop`](Self::stop) or [`kill`](Self::kill), and
    /// waits until it listens. Does nothing if it runs.
    ///
    /// # Errors
    /// As [`MosquittoOptions::start`]; [`MosquittoError::PortsTaken`] when another program took
    /// one of the ports meanwhile and keeps it for about a second.
    #[expect(clippy::disallowed_methods, reason = "nothing tells when another program gives a port back")]
    pub fn start_again(&mut self) -> Result<(), MosquittoError> {
        if self.is_running() {
            return Ok(());
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.process.start() {
                Ok(()) => return Ok(()),
                Err(StartFailure::AddressInUse) if attempts < START_ATTEMPTS => {
                    thread::sleep(BETWEEN_ATTEMPTS);
                }
                Err(failure) => return Err(self.process.explain(failure)),
            }
        }
    }

    /// [`stop`](Self::stop) and [`start_again`](Self::start_again).
    ///
    /// Sessions, queued and retained messages survive it with
    /// [`MosquittoOptions::persistence`] only.
    ///
    /// # Errors
    /// Those of the two.
    pub fn restart(&mut self) -> Result<(), MosquittoError> {
        self.stop()?;
        self.start_again()
    }
}

/// The certificates of a [`Mosquitto`]: in memory, and as PEM files that live as long as it does.
#[derive(Clone, Debug)]
pub struct Certificates {
    pub(crate) authority: Authority,
    pub(crate) client: Identity,
    pub(crate) authority_file: PathBuf,
    pub(crate) client_certificate_file: PathBuf,
    pub(crate) client_key_file: PathBuf,
}

impl Certificates {
    /// The authority that signed the server's certificate and whose clients are let in.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A certificate of a client named `sensor-17` that is let in.
    #[must_use]
    pub fn client(&self) -> &Identity {
        &self.client
    }

    /// The authority's certificate: what a client is told to trust.
    #[must_use]
    pub fn authority_file(&self) -> &Path {
        &self.authority_file
    }

    /// The client's certificate.
    #[must_use]
    pub fn client_certificate_file(&self) -> &Path {
        &self.client_certificate_file
    }

    /// The client's private key.
    #[must_use]
    pub fn client_key_file(&self) -> &Path {
        &self.client_key_file
    }
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    plain: u16,
    tls: u16,
    mutual_tls: u16,
    websocket: u16,
    websocket_tls: u16,
}

impl Ports {
    /// Five ports that are free now.
    fn free() -> Result<Self, MosquittoError> {
        let [plain, tls, mutual_tls, websocket, websocket_tls] =
            free_ports().map_err(|error| MosquittoError::NoFreePort(error.kind()))?;
        Ok(Self { plain, tls, mutual_tls, websocket, websocket_tls })
    }
}

const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

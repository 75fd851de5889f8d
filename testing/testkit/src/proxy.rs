//! A real proxy, started for one test and gone with it.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::directory::Directory;
use crate::process::{self, Process, START_ATTEMPTS, Started, free_ports};

/// A real proxy on a free port of 127.0.0.1: tinyproxy for HTTP, microsocks for SOCKS5.
///
/// Dropping the value kills the process, and with it every connection through it.
///
/// All calls block for some tens of milliseconds. A test that needs one fails without it, by name.
///
/// ```no_run
/// use dunlin_testkit::ProxyServer;
///
/// let proxy = ProxyServer::socks5(Some(("anna", "secret"))).expect("this test needs microsocks");
/// println!("{}", proxy.url()); // socks5://anna:secret@127.0.0.1:36371
/// ```
#[derive(Debug)]
pub struct ProxyServer {
    process: Process,
    scheme: &'static str,
    port: u16,
    credentials: Option<(String, String)>,
    _directory: Option<Directory>,
}

impl ProxyServer {
    /// An HTTP proxy that connects to every port. With a user name and a password it asks for them.
    ///
    /// # Errors
    /// [`ProxyServerError`] says what is missing.
    pub fn http(credentials: Option<(&str, &str)>) -> Result<Self, ProxyServerError> {
        let program = find("tinyproxy")?;
        let directory = Directory::create().map_err(|error| ProxyServerError::Directory(error.kind()))?;
        let config = directory.path().join("tinyproxy.conf");
        let (process, port) = on_a_free_port(|port| {
            let mut lines = format!("Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 600\nMaxClients 100\n");
            if let Some((user_name, password)) = credentials {
                lines += &format!("BasicAuth {user_name} {password}\n");
            }
            fs::write(&config, lines).map_err(|error| ProxyServerError::Directory(error.kind()))?;
            let mut command = Command::new(&program);
            command.arg("-d").arg("-c").arg(&config);
            Ok(command)
        })?;
        Ok(Self { process, scheme: "http", port, credentials: owned(credentials), _directory: Some(directory) })
    }

    /// A SOCKS5 proxy. With a user name and a password it asks for them.
    ///
    /// # Errors
    /// [`ProxyServerError`] says what is missing.
    pub fn socks5(credentials: Option<(&str, &str)>) -> Result<Self, ProxyServerError> {
        let program = find("microsocks")?;
        let (process, port) = on_a_free_port(|port| {
            let mut command = Command::new(&program);
            command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
            if let Some((user_name, password)) = credentials {
                command.args(["-u", user_name, "-P", password]);
            }
            Ok(command)
        })?;
        Ok(Self { process, scheme: "socks5", port, credentials: owned(credentials), _directory: None })
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The proxy as a URL, with user name and password if it asks for them.
    #[must_use]
    pub fn url(&self) -> String {
        let credentials = self.credentials.as_ref().map(|(user_name, password)| format!("{user_name}:{password}@"));
        format!("{}://{}127.0.0.1:{}", self.scheme, credentials.unwrap_or_default(), self.port)
    }

    /// Kills it and waits until it is gone, and all that went through it is cut.
    pub fn kill(&mut self) {
        self.process.end();
    }
}

/// Why a [`ProxyServer`] could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyServerError {
    /// The program is not installed.
    NotInstalled(
        /// Its name.
        &'static str,
    ),
    /// The operating system refused its directory or a file in it.
    Directory(
        /// What it says.
        io::ErrorKind,
    ),
    /// The operating system has no free port on 127.0.0.1.
    NoFreePort(
        /// What it says.
        io::ErrorKind,
    ),
    /// The program is there, but cannot be run.
    CannotRun(
        /// What the operating system says.
        io::ErrorKind,
    ),
    /// It did not listen within 10 s, or ended several times.
    NotReady,
}

impl fmt::Display for ProxyServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled("tinyproxy") => f.write_str("tinyproxy is not installed: apt install tinyproxy-bin"),
            Self::NotInstalled(program) => write!(f, "{program} is not installed: apt install {program}"),
            Self::Directory(kind) => write!(f, "cannot write the proxy's configuration: {kind}"),
            Self::NoFreePort(kind) => write!(f, "no free port on 127.0.0.1: {kind}"),
            Self::CannotRun(kind) => write!(f, "the proxy cannot be run: {kind}"),
            Self::NotReady => f.write_str("the proxy does not listen"),
        }
    }
}

impl std::error::Error for ProxyServerError {}

fn owned(credentials: Option<(&str, &str)>) -> Option<(String, String)> {
    credentials.map(|(user_name, password)| (user_name.to_owned(), password.to_owned()))
}

/// Somebody may take a port between the choice and the start: then it ends, and another is tried.
fn on_a_free_port(
    command: impl Fn(u16) -> Result<Command, ProxyServerError>,
) -> Result<(Process, u16), ProxyServerError> {
    for _ in 0..START_ATTEMPTS {
        let [port] = free_ports().map_err(|error| ProxyServerError::NoFreePort(error.kind()))?;
        let started = Process::start(&mut command(port)?, &[port], PATIENCE);
        match started.map_err(|error| ProxyServerError::CannotRun(error.kind()))? {
            Started::Listening(process) => return Ok((process, port)),
            Started::Ended => {}
            Started::Silent => return Err(ProxyServerError::NotReady),
        }
    }
    Err(ProxyServerError::NotReady)
}

fn find(program: &'static str) -> Result<PathBuf, ProxyServerError> {
    process::find(program).ok_or(ProxyServerError::NotInstalled(program))
}

const PATIENCE: Duration = Duration::from_secs(10);

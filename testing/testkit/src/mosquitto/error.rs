use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::certificates::CertificateError;

/// Why a [`Mosquitto`](super::Mosquitto) could not be started or stopped.
///
/// `Debug` prints the same text as `Display`, since a test that fails in `expect` shows the
/// former, and the server's log is best read in lines.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MosquittoError {
    /// A program is not installed.
    NotInstalled {
        /// Its name.
        program: &'static str,
    },
    /// The caller gave a user name or password that a password file cannot hold.
    UnusableUser {
        /// The user name as it was given.
        name: String,
    },
    /// `mosquitto_passwd` refused a user.
    Password {
        /// The user name as it was given.
        name: String,
        /// What the program says.
        reason: String,
    },
    /// A certificate could not be made.
    Certificate(CertificateError),
    /// The operating system refused a file.
    FileSystem {
        /// What was to be done with it.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        kind: io::ErrorKind,
    },
    /// The operating system has no free port on 127.0.0.1.
    NoFreePort(
        /// What it says.
        io::ErrorKind,
    ),
    /// A program is there, but cannot be run.
    CannotRun {
        /// Its path.
        program: PathBuf,
        /// What the operating system says.
        kind: io::ErrorKind,
    },
    /// Mosquitto ended right after its start: as a rule it does not like an extra line.
    Ended {
        /// How it ended.
        status: String,
        /// The last lines of its log.
        log: String,
    },
    /// Mosquitto runs, but did not say within 10 s that it is ready.
    NotReady {
        /// The last lines of its log.
        log: String,
    },
    /// Another program holds the ports.
    PortsTaken {
        /// The last lines of the log.
        log: String,
    },
    /// Mosquitto did not log within 10 s what the caller waits for, or ended before.
    NotLogged {
        /// What the caller waits for.
        text: String,
        /// The last lines of its log.
        log: String,
    },
    /// Mosquitto was told to end and did not within 10 s.
    StillRunning {
        /// The last lines of its log.
        log: String,
    },
}

impl MosquittoError {
    pub(super) fn file_system(action: &'static str, path: PathBuf, error: &io::Error) -> Self {
        Self::FileSystem { action, path, kind: error.kind() }
    }
}

impl fmt::Display for MosquittoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled { program } => write!(
                f,
                "{program} is not on this machine: install it (Debian and Ubuntu: \
                 `apt install mosquitto`, macOS: `brew install mosquitto`) or put it on PATH"
            ),
            Self::UnusableUser { name } => write!(
                f,
                "Mosquitto's password file cannot hold the user {name:?}: neither name nor \
                 password may be empty or contain a line break, and the name no colon"
            ),
            Self::Password { name, reason } => {
                write!(f, "mosquitto_passwd refused the user {name:?}: {reason}")
            }
            Self::Certificate(error) => error.fmt(f),
            Self::FileSystem { action, path, kind } => {
                write!(f, "cannot {action} ({}): {kind}", path.display())
            }
            Self::NoFreePort(kind) => write!(f, "127.0.0.1 has no free port: {kind}"),
            Self::CannotRun { program, kind } => {
                write!(f, "cannot run {}: {kind}", program.display())
            }
            Self::Ended { status, log } => {
                write!(f, "mosquitto ended right after its start ({status}); its log says why:\n{log}")
            }
            Self::NotReady { log } => write!(f, "mosquitto runs but was not ready after 10 s; its log so far:\n{log}"),
            Self::PortsTaken { log } => {
                write!(f, "another program holds mosquitto's ports on 127.0.0.1; its log:\n{log}")
            }
            Self::NotLogged { text, log } => {
                write!(f, "mosquitto did not log {text:?} within 10 s; its log so far:\n{log}")
            }
            Self::StillRunning { log } => {
                write!(f, "mosquitto was told to end and did not within 10 s; its log so far:\n{log}")
            }
        }
    }
}

impl fmt::Debug for MosquittoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for MosquittoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Certificate(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CertificateError> for MosquittoError {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(error)
    }
}

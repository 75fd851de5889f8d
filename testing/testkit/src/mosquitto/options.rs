use super::{Mosquitto, MosquittoError};
use crate::certificates::{Authority, Identity};

/// How a [`Mosquitto`] shall be set up.
///
/// ```no_run
/// use dunlin_testkit::{Mosquitto, TlsVersions};
///
/// # fn main() -> Result<(), dunlin_testkit::MosquittoError> {
/// let mut mosquitto = Mosquitto::options()
///     .user("sensor-17", "secret")
///     .tls_versions(TlsVersions::OnlyV1_2)
///     .persistence(true)
///     .start()?;
/// mosquitto.restart()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct MosquittoOptions {
    pub(super) users: Vec<(String, String)>,
    pub(super) anonymous: Option<bool>,
    pub(super) identity_as_user_name: bool,
    pub(super) tls_versions: TlsVersions,
    pub(super) authority: Option<Authority>,
    pub(super) server_identity: Option<Identity>,
    pub(super) websockets: bool,
    pub(super) unix_socket: bool,
    pub(super) persistence: bool,
    pub(super) max_queued_messages: u32,
    pub(super) max_inflight_messages: Option<u32>,
    pub(super) lines: Vec<String>,
    pub(super) listener_lines: Vec<String>,
}

impl MosquittoOptions {
    /// Adds a user; may be called several times. From the first user on, clients without a user
    /// name are refused, unless [`anonymous`](Self::anonymous) says otherwise.
    ///
    /// The password is for a moment on a command line: use none that matters.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// Whether clients without a user name are let in. Default: yes, if there are no users.
    #[must_use]
    pub fn anonymous(mut self, allowed: bool) -> Self {
        self.anonymous = Some(allowed);
        self
    }

    /// Whether the common name of a client certificate is taken as the user name, on the
    /// listener that requires one. Default: no.
    #[must_use]
    pub fn identity_as_user_name(mut self, taken: bool) -> Self {
        self.identity_as_user_name = taken;
        self
    }

    /// The TLS versions that the TLS listeners speak. Default: 1.2 and 1.3.
    #[must_use]
    pub fn tls_versions(mut self, versions: TlsVersions) -> Self {
        self.tls_versions = versions;
        self
    }

    /// The authority that signs the certificates and whose clients are let in. Default: a new one.
    #[must_use]
    pub fn authority(mut self, authority: Authority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// The server's certificate: an expired one, say. Default: one signed by the authority for
    /// `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn server_identity(mut self, identity: Identity) -> Self {
        self.server_identity = Some(identity);
        self
    }

    /// Whether there are two more listeners, for WebSocket without and with TLS. Default: no.
    ///
    /// Mosquitto must be built with WebSocket, as Debian's is; where it is not, the start fails and
    /// shows its log. Version 2.0 binds these listeners to all addresses of the machine, and not
    /// to 127.0.0.1 alone.
    #[must_use]
    pub fn websockets(mut self, websockets: bool) -> Self {
        self.websockets = websockets;
        self
    }

    /// Whether it listens on a socket in its directory, too, a unix domain socket. Default: no.
    ///
    /// Mosquitto has them from version 2.0 on.
    #[must_use]
    pub fn unix_socket(mut self, listens: bool) -> Self {
        self.unix_socket = listens;
        self
    }

    /// Whether sessions, queued and retained messages are saved at a stop with SIGTERM and read
    /// again at the next start. Default: no.
    #[must_use]
    pub fn persistence(mut self, persistence: bool) -> Self {
        self.persistence = persistence;
        self
    }

    /// How many messages it queues for a session beyond those in flight; 0 is without limit.
    /// Default: 0, since with its own default of 1,000 Mosquitto loses messages silently.
    #[must_use]
    pub fn max_queued_messages(mut self, messages: u32) -> Self {
        self.max_queued_messages = messages;
        self
    }

    /// How many QoS 1 and 2 messages it sends before it waits for acknowledgements; 0 is without
    /// limit. Default: Mosquitto's own, 20.
    #[must_use]
    pub fn max_inflight_messages(mut self, messages: u32) -> Self {
        self.max_inflight_messages = Some(messages);
        self
    }

    /// Adds a line to the general part of the configuration, before the listeners: what
    /// `mosquitto.conf(5)` says is set once for the whole server. Several lines may be given at
    /// once. `log_type none` hides the line by which a start is known to have succeeded.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Adds a line to each of the listeners, such as `max_qos 1`.
    #[must_use]
    pub fn listener_line(mut self, line: &str) -> Self {
        self.listener_lines.push(line.to_owned());
        self
    }

    /// Starts Mosquitto and waits until it listens, at most 10 s.
    ///
    /// It is looked for on `PATH` and where Debian and Homebrew put it.
    ///
    /// # Errors
    /// [`MosquittoError`] says what is missing, or shows what Mosquitto logged before it ended.
    pub fn start(&self) -> Result<Mosquitto, MosquittoError> {
        Mosquitto::start_with(self)
    }
}

/// The TLS versions that a [`Mosquitto`] speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsVersions {
    /// TLS 1.2 and 1.3.
    #[default]
    V1_2AndV1_3,
    /// TLS 1.2 and nothing newer.
    OnlyV1_2,
    /// TLS 1.3 and nothing older.
    OnlyV1_3,
}

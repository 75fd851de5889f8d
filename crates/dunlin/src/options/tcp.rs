use std::{net::IpAddr, time::Duration};

/// How TCP connections are made: to servers and to proxies.
///
/// | what | default |
/// |---|---|
/// | local address | whichever the system chooses |
/// | no delay | on: a small packet leaves at once |
/// | TCP keep-alive | off: MQTT has its own, which tests the server too |
/// | buffers of the system | as large as the system makes them |
///
/// What the operating system refuses ends the try to connect, and is told as
/// [`NetworkError`](crate::NetworkError).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to `ConnectOptions::tcp`"]
pub struct TcpOptions {
    pub(crate) bind: Option<IpAddr>,
    pub(crate) no_delay: bool,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) send_buffer: Option<u32>,
    pub(crate) receive_buffer: Option<u32>,
}

impl TcpOptions {
    /// The defaults.
    pub const fn new() -> Self {
        Self { bind: None, no_delay: true, keep_alive: None, send_buffer: None, receive_buffer: None }
    }

    /// Connect from this address of this machine; the port is the system's choice. Addresses of the server that are of
    /// the other family, IPv4 or IPv6, are then not tried.
    pub const fn bind(mut self, address: IpAddr) -> Self {
        self.bind = Some(address);
        self
    }

    /// Whether a packet leaves at once, though earlier ones are not acknowledged (`TCP_NODELAY`). Without it a message may
    /// wait for some 40 ms, and fewer segments go out.
    pub const fn no_delay(mut self, at_once: bool) -> Self {
        self.no_delay = at_once;
        self
    }

    /// Have the system test a silent connection after this time, in whole seconds and at least one (`SO_KEEPALIVE`). The
    /// MQTT [keep alive](crate::ConnectOptions::keep_alive) does that better; this one keeps entries of routers alive
    /// where that is off.
    pub const fn keep_alive(mut self, after: Duration) -> Self {
        self.keep_alive = Some(after);
        self
    }

    /// Bytes that the system keeps for what it has not sent (`SO_SNDBUF`). Most systems adapt it while the connection
    /// lasts, and no more once it is set; Linux doubles the value, and bounds it by `net.core.wmem_max`.
    pub const fn send_buffer(mut self, bytes: u32) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Bytes that the system keeps for what was not read (`SO_RCVBUF`); as for [`send_buffer`](Self::send_buffer).
    pub const fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self::new()
    }
}

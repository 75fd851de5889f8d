use std::{fmt::Display, str::FromStr};

/// The command line of a client: `--port 1883 --mode publish --qos 1 ...`.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// Of the sink, on this machine. There is no default, so that nobody else's server is ever hit.
    pub port: u16,
    /// What to do.
    pub mode: Mode,
    /// Of the messages.
    pub qos: u8,
    /// Bytes of a payload.
    pub size: usize,
    /// Messages, round trips or connections.
    pub count: u64,
    /// Messages in flight, at most.
    pub window: u16,
    /// MQTT 5.0, not 3.1.1.
    pub v5: bool,
    /// Wait for the outcome of every message, not for the last alone.
    pub receipts: bool,
    /// Over TLS 1.3, with this file of certificates.
    pub tls: Option<String>,
    /// One of several ways of the same program to do it.
    pub variant: String,
    /// The server is a real one: what is to be received comes from another client.
    pub server: bool,
}

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Publishes, until the last message is acknowledged. QoS 0: until a last one with QoS 1 is.
    Publish,
    /// Receives what the sink sends, from the first to the last message.
    Receive,
    /// Publishes with QoS 1, one at a time: the time from the call to PUBACK.
    Latency,
    /// Publishes with QoS 0 and receives it back, one at a time.
    Echo,
    /// Holds connections on which nothing happens.
    Idle,
}

impl Arguments {
    /// Those of this process.
    ///
    /// # Errors
    /// A word is not known, or the port is missing.
    pub fn parse() -> Result<Self, String> {
        let mut arguments = Self {
            port: 0,
            mode: Mode::Publish,
            qos: 0,
            size: 16,
            count: 100_000,
            window: 100,
            v5: false,
            receipts: false,
            tls: None,
            variant: String::new(),
            server: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{name}` has no value"));
            match name.as_str() {
                "--port" => arguments.port = parsed(&name, &value()?)?,
                "--mode" => arguments.mode = parsed(&name, &value()?)?,
                "--qos" => arguments.qos = parsed(&name, &value()?)?,
                "--size" => arguments.size = parsed(&name, &value()?)?,
                "--count" => arguments.count = parsed(&name, &value()?)?,
                "--window" => arguments.window = parsed(&name, &value()?)?,
                "--tls" => arguments.tls = Some(value()?),
                "--variant" => arguments.variant = value()?,
                "--v5" => arguments.v5 = true,
                "--receipts" => arguments.receipts = true,
                "--server" => arguments.server = true,
                _ => return Err(format!("`{name}` is not known")),
            }
        }
        if arguments.port == 0 { Err("`--port` is missing".to_owned()) } else { Ok(arguments) }
    }

    /// What to subscribe to so that the sink sends the messages that are to be received.
    pub fn flood_filter(&self) -> String {
        match self.server {
            true => crate::TOPIC.to_owned(),
            false => format!("flood/{}/{}/{}/{}/#", self.qos, self.size, self.count, self.window),
        }
    }

    /// Of this process alone: a server lets only one client have it.
    pub fn client_id(&self) -> String {
        format!("bench-{}", std::process::id())
    }

    /// Of every message.
    pub fn payload(&self) -> Vec<u8> {
        vec![b'x'; self.size]
    }

    /// The name to verify the sink's certificate with, over TLS.
    pub fn host(&self) -> &'static str {
        if self.tls.is_some() { "localhost" } else { "127.0.0.1" }
    }

    /// `qos` in the words of a library.
    pub fn qos_as<T>(&self, [at_most_once, at_least_once, exactly_once]: [T; 3]) -> T {
        match self.qos {
            0 => at_most_once,
            1 => at_least_once,
            _ => exactly_once,
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "publish" => Mode::Publish,
            "receive" => Mode::Receive,
            "latency" => Mode::Latency,
            "echo" => Mode::Echo,
            "idle" => Mode::Idle,
            _ => return Err("there is no such mode".to_owned()),
        })
    }
}

fn parsed<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|error| format!("`{name} {value}`: {error}"))
}

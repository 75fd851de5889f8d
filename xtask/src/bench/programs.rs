//! The programs of the benchmark: what they are, and how they are built and run.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::TARGET_DIRECTORY;
use crate::process::Job;
use crate::report::Trouble;
use crate::tree;

/// A client, in one of its ways to do things.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
    arguments: &'static [&'static str],
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The bare socket.
    Raw,
    Dunlin,
    Peer,
}

pub(super) fn all() -> Vec<Program> {
    let raw = |name, arguments| Program { name, package: "bench-raw", arguments, kind: Kind::Raw };
    let dunlin = |name, arguments| Program { name, package: "bench-dunlin", arguments, kind: Kind::Dunlin };
    let peer = |name, package| Program { name, package, arguments: &[], kind: Kind::Peer };
    let peer_v5 = |name, package| Program { name, package, arguments: &["--v5"], kind: Kind::Peer };
    vec![
        raw(RAW, &[]),
        raw(RAW_ENCODING, &["--variant", "encode"]),
        raw(RAW_TOKIO, &["--variant", "tokio"]),
        self::dunlin(),
        dunlin(DUNLIN_V5, &["--receipts", "--v5"]),
        dunlin(UNASKED, &[]),
        dunlin(BY_REFERENCE, &["--variant", "reference"]),
        dunlin(BY_HANDLER, &["--variant", "handler"]),
        peer("ntex-mqtt", "bench-ntex"),
        peer_v5("ntex-mqtt, 5.0", "bench-ntex"),
        peer("rumqttc", "bench-rumqttc"),
        peer_v5("rumqttc, 5.0", "bench-rumqttc"),
        peer("rumqttc-v4-next", "bench-rumqttc-next"),
        peer_v5("rumqttc-v5-next", "bench-rumqttc-next"),
        peer("libmosquitto", "bench-libmosquitto"),
        peer_v5("libmosquitto, 5.0", "bench-libmosquitto"),
        peer("paho-mqtt", "bench-paho"),
        peer_v5("paho-mqtt, 5.0", "bench-paho"),
        peer("mqtt5", "bench-mqtt5"),
        peer_v5("mqtt5, 5.0", "bench-mqtt5"),
        peer("gneiss-mqtt", "bench-gneiss"),
        peer_v5("gneiss-mqtt, 5.0", "bench-gneiss"),
        peer_v5("rust-mqtt, 5.0", "bench-rust-mqtt"),
    ]
}

/// As an application would use it.
pub(super) fn dunlin() -> Program {
    Program { name: DUNLIN, package: "bench-dunlin", arguments: &["--receipts"], kind: Kind::Dunlin }
}

impl Program {
    pub(super) fn is_peer(&self) -> bool {
        self.kind == Kind::Peer
    }

    pub(super) fn is_dunlin(&self) -> bool {
        self.kind == Kind::Dunlin
    }

    /// Whether it is one of the peers that were best in some line, and 3.1.1 if it has that.
    pub(super) fn is_swift(&self) -> bool {
        SWIFT.contains(&self.name)
    }

    /// Whether it is what an application would do first, and no other way to do the same.
    pub(super) fn is_plain(&self) -> bool {
        self.is_peer() || [RAW, DUNLIN, DUNLIN_V5].contains(&self.name)
    }

    /// Whether it has a way of its own to do this.
    pub(super) fn does(&self, work: &Work) -> bool {
        match self.name {
            RAW_ENCODING => work.mode == "publish" && work.qos == 0,
            RAW_TOKIO => matches!(work.mode, "latency" | "echo" | "idle"),
            UNASKED => work.mode == "publish" && work.qos > 0,
            BY_REFERENCE | BY_HANDLER => work.mode == "receive",
            _ => !(work.tls && WITHOUT_TLS.contains(&self.package)),
        }
    }

    /// The program with its arguments, for so many messages, round trips or connections.
    pub(super) fn command(&self, sink: &Sink, work: &Work, count: u64) -> Vec<String> {
        let mut words = self.command_at(if work.tls { &sink.secure } else { &sink.port }, work, count);
        if work.tls {
            words.extend(["--tls".to_owned(), sink.certificate.clone()]);
        }
        words
    }

    /// The same for whatever listens on that port.
    pub(super) fn command_at(&self, port: &str, work: &Work, count: u64) -> Vec<String> {
        let mut words = vec![path(self.package)];
        words.extend(self.arguments.iter().map(ToString::to_string));
        words.extend(["--port", port, "--mode", work.mode].map(ToOwned::to_owned));
        for (name, value) in [("--qos", work.qos), ("--size", work.size), ("--window", work.window), ("--count", count)]
        {
            words.extend([name.to_owned(), value.to_string()]);
        }
        words
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// It fails, or takes longer than a quarter of a minute.
    pub(super) fn measure(&self, sink: &Sink, work: &Work, count: u64) -> Result<Figures, Trouble> {
        run(&self.command(sink, work, count))
    }
}

/// Runs a program that tells figures.
///
/// # Errors
///
/// It fails, or takes longer than a quarter of a minute.
pub(super) fn run(words: &[String]) -> Result<Figures, Trouble> {
    let mut arguments = vec!["15"];
    arguments.extend(words.iter().map(String::as_str));
    Ok(Figures(Job::new("timeout", &arguments).output()?))
}

/// What is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) mode: &'static str,
    pub(super) qos: u64,
    pub(super) size: u64,
    pub(super) window: u64,
    pub(super) tls: bool,
}

/// What a program said: names and numbers.
#[derive(Debug)]
pub(super) struct Figures(String);

impl Figures {
    pub(super) fn of(figures: &[(&str, f64)]) -> Figures {
        Figures(figures.iter().map(|(name, number)| format!("{name} {number} ")).collect())
    }

    pub(super) fn get(&self, name: &str) -> f64 {
        let mut words = self.0.split_whitespace().skip_while(|word| *word != name);
        words.nth(1).and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
    }
}

/// The server, on ports that the kernel picked. It ends with its standard input.
pub(super) struct Sink {
    process: Child,
    port: String,
    secure: String,
    /// The file with its certificate, which it has written.
    certificate: String,
}

impl Sink {
    pub(super) fn start() -> Result<Sink, Trouble> {
        let trouble = |error| Trouble::new(format!("the sink does not start: {error}"));
        // Another sink may run beside this one.
        let certificate = tree::root().join(TARGET_DIRECTORY).join(format!("sink-{}.pem", std::process::id()));
        let certificate = certificate.to_string_lossy().into_owned();
        let mut command = Command::new(path("bench-sink"));
        let mut process =
            command.arg(&certificate).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(trouble)?;
        let mut ports = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut ports).map_err(trouble)?;
        }
        let (port, secure) = ports.trim().split_once(' ').unwrap_or_default();
        Ok(Sink { port: port.to_owned(), secure: secure.to_owned(), certificate, process })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It has nothing to tell any more, and its certificate is of no use without it.
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.certificate);
    }
}

/// What the figures were made on, for those who read them elsewhere.
pub(super) fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let models: Vec<_> = cpus.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": ")).collect();
    let model = models.first().map_or("?", |(_, model)| model);
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("?");
    format!("{} times {model}; load {load} before", models.len())
}

pub(super) fn path(package: &str) -> String {
    tree::root().join(TARGET_DIRECTORY).join("release").join(package).to_string_lossy().into_owned()
}

pub(super) const RAW: &str = "RAW";
const RAW_ENCODING: &str = "RAW, encoding";
pub(super) const RAW_TOKIO: &str = "RAW on tokio";
const DUNLIN: &str = "dunlin";
const UNASKED: &str = "dunlin, no receipts";
const BY_REFERENCE: &str = "dunlin, lent";
const BY_HANDLER: &str = "dunlin, handler";
const DUNLIN_V5: &str = "dunlin, 5.0";
const SWIFT: &[&str] = &["ntex-mqtt", "rumqttc", "rumqttc-v4-next", "rumqttc-v5-next", "rust-mqtt, 5.0"];
/// Some speak it by another library, some not at all.
const WITHOUT_TLS: &[&str] = &["bench-ntex", "bench-paho", "bench-rust-mqtt"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_their_names() {
        let figures = Figures("rate 1200 cpu_ns 65.5\n".to_owned());
        assert_eq!((figures.get("rate"), figures.get("cpu_ns")), (1200.0, 65.5));
        assert!(figures.get("p50_us").is_nan());
    }
}

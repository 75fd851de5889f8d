//! The programs of the benchmark: what they are, and how they are built and run.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::TARGET_DIRECTORY;
use crate::process::Job;
use crate::report::{Outcome, Trouble};
use crate::tree;

/// A client, in one of its ways to do things.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    package: &'static str,
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
    vec![
        raw(RAW, &[]),
        raw(RAW_ENCODING, &["--variant", "encode"]),
        raw(RAW_TOKIO, &["--variant", "tokio"]),
        dunlin(DUNLIN, &["--receipts"]),
        dunlin("dunlin, 5.0", &["--receipts", "--v5"]),
        dunlin(UNASKED, &[]),
        dunlin(BY_REFERENCE, &["--variant", "reference"]),
        dunlin(BY_HANDLER, &["--variant", "handler"]),
        peer("rumqttc", "bench-rumqttc"),
        peer("rumqttc-v5-next", "bench-rumqttc-next"),
        peer(NTEX, "bench-ntex"),
    ]
}

impl Program {
    pub(super) fn is_peer(&self) -> bool {
        self.kind == Kind::Peer
    }

    pub(super) fn is_dunlin(&self) -> bool {
        self.kind == Kind::Dunlin
    }

    /// Whether it has a way of its own to do this.
    pub(super) fn does(&self, work: &Work) -> bool {
        match self.name {
            RAW_ENCODING => work.mode == "publish" && work.qos == 0,
            RAW_TOKIO => matches!(work.mode, "latency" | "echo" | "idle"),
            UNASKED => work.mode == "publish" && work.qos > 0,
            BY_REFERENCE | BY_HANDLER => work.mode == "receive",
            // It speaks TLS by another library.
            NTEX => !work.tls,
            _ => true,
        }
    }

    /// The program with its arguments, for so many messages, round trips or connections.
    pub(super) fn command(&self, sink: &Sink, work: &Work, count: u64) -> Vec<String> {
        let port = if work.tls { &sink.secure } else { &sink.port };
        let mut words = vec![path(self.package)];
        words.extend(self.arguments.iter().map(ToString::to_string));
        words.extend(["--port", port, "--mode", work.mode].map(ToOwned::to_owned));
        for (name, value) in [("--qos", work.qos), ("--size", work.size), ("--window", work.window), ("--count", count)]
        {
            words.extend([name.to_owned(), value.to_string()]);
        }
        if work.tls {
            words.extend(["--tls".to_owned(), certificate()]);
        }
        words
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// It fails, or takes longer than a minute.
    pub(super) fn measure(&self, sink: &Sink, work: &Work, count: u64) -> Result<Figures, Trouble> {
        let words = self.command(sink, work, count);
        let mut arguments = vec!["60"];
        arguments.extend(words.iter().map(String::as_str));
        Ok(Figures(Job::new("timeout", &arguments).output()?))
    }
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
}

impl Sink {
    pub(super) fn start() -> Result<Sink, Trouble> {
        let trouble = |error| Trouble::new(format!("the sink does not start: {error}"));
        let mut command = Command::new(path("bench-sink"));
        let mut process =
            command.arg(certificate()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(trouble)?;
        let mut ports = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut ports).map_err(trouble)?;
        }
        let (port, secure) = ports.trim().split_once(' ').unwrap_or_default();
        Ok(Sink { port: port.to_owned(), secure: secure.to_owned(), process })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It has nothing to tell any more.
        let _ = self.process.wait();
    }
}

/// Builds the sink and these programs.
pub(super) fn build(programs: &[Program]) -> Result<(), Trouble> {
    let mut packages: Vec<_> = programs.iter().map(|program| program.package).collect();
    packages.push("bench-sink");
    packages.sort_unstable();
    packages.dedup();
    build_packages(&packages)
}

/// Builds this one, and gives its path.
pub(super) fn build_package(package: &str) -> Result<String, Trouble> {
    build_packages(&[package]).map(|()| path(package))
}

fn build_packages(packages: &[&str]) -> Result<(), Trouble> {
    let mut arguments = vec!["build", "--release", "--ignore-rust-version"];
    arguments.extend(["--manifest-path", "bench/Cargo.toml", "--target-dir", TARGET_DIRECTORY]);
    packages.iter().for_each(|package| arguments.extend(["-p", package]));
    let job = Job::measured(&arguments);
    if job.run()? == Outcome::Passed { Ok(()) } else { Err(Trouble::new(format!("`{job}` failed"))) }
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

fn certificate() -> String {
    tree::root().join(TARGET_DIRECTORY).join("sink.pem").to_string_lossy().into_owned()
}

fn path(package: &str) -> String {
    tree::root().join(TARGET_DIRECTORY).join("release").join(package).to_string_lossy().into_owned()
}

pub(super) const RAW: &str = "RAW";
const RAW_ENCODING: &str = "RAW, encoding";
pub(super) const RAW_TOKIO: &str = "RAW on tokio";
const DUNLIN: &str = "dunlin";
const UNASKED: &str = "dunlin, no receipts";
const BY_REFERENCE: &str = "dunlin, lent";
const BY_HANDLER: &str = "dunlin, handler";
const NTEX: &str = "ntex-mqtt";

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

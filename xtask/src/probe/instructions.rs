//! How many instructions a publish costs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::{Figure, TARGET_DIRECTORY};
use crate::process::{self, Job};
use crate::report::{Outcome, Trouble};
use crate::tree;

/// Publishes under callgrind, few messages and then more: what the difference
/// cost is theirs, and start and end fall out.
///
/// # Errors
///
/// valgrind is missing, or a program cannot be built or run.
pub(super) fn measure() -> Result<Figure, Trouble> {
    if process::find("valgrind").is_none() {
        return Err(Trouble::new("valgrind is missing, which counts instructions; Debian: apt-get install valgrind"));
    }
    for program in ["sink", "publish"] {
        let manifest = format!("testing/probe/{program}/Cargo.toml");
        let job =
            Job::measured(&["build", "--release", "--manifest-path", &manifest, "--target-dir", TARGET_DIRECTORY]);
        if job.run()? != Outcome::Passed {
            return Err(Trouble::new(format!("`{job}` failed")));
        }
    }
    let sink = Sink::start()?;
    let few = sink.publish(MESSAGES)?;
    let more = sink.publish(3 * MESSAGES)?;
    let each = more.saturating_sub(few) / (2 * MESSAGES);
    println!("\npublishing {MESSAGES} messages took {few} instructions, {} took {more}", 3 * MESSAGES);
    Ok(Figure { name: "QoS 0 publish of 16 B", unit: "instructions", value: each, budget: INSTRUCTIONS_BUDGET })
}

/// The server that swallows everything. It ends with its standard input.
struct Sink {
    process: Child,
    port: String,
}

impl Sink {
    fn start() -> Result<Sink, Trouble> {
        let trouble = |error| Trouble::new(format!("the sink does not start: {error}"));
        let mut process = Command::new(program("probe-sink"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(trouble)?;
        let mut port = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut port).map_err(trouble)?;
        }
        Ok(Sink { process, port: port.trim().to_owned() })
    }

    /// Instructions of a client that publishes so many messages.
    fn publish(&self, messages: u64) -> Result<u64, Trouble> {
        let counts = program(&format!("callgrind.{messages}"));
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", &format!("--callgrind-out-file={counts}"), &program("probe-publish")])
            .args([&self.port, &messages.to_string()])
            .output()
            .map_err(|error| Trouble::new(format!("valgrind does not start: {error}")))?;
        let talk = String::from_utf8_lossy(&output.stderr);
        collected(&talk)
            .filter(|_| output.status.success())
            .ok_or_else(|| Trouble::new(format!("the program that publishes failed:\n{}", talk.trim())))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It has nothing to tell any more.
        let _ = self.process.wait();
    }
}

/// The count in what callgrind says at its end.
fn collected(talk: &str) -> Option<u64> {
    talk.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
}

fn program(name: &str) -> String {
    tree::root().join(TARGET_DIRECTORY).join("release").join(name).to_string_lossy().into_owned()
}

const INSTRUCTIONS_BUDGET: u64 = 500;
/// From here on, twice as many change the result by less than one instruction.
const MESSAGES: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_the_talk() {
        let talk = "==7== Events    : Ir\n==7== Collected : 2086296\n==7==\n";
        assert_eq!(collected(talk), Some(2_086_296));
        assert_eq!(collected("==7== no such tool"), None);
    }
}

use std::{
    fs,
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

/// Measures a stretch of work and prints one line about it, for the runner.
#[derive(Debug)]
pub struct Stopwatch {
    started: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// From now on.
    pub fn start() -> Self {
        Self { cpu: cpu_time(), started: Instant::now() }
    }

    /// Until now, for so many messages.
    pub fn report(&self, messages: u64) {
        let (seconds, cpu) = (self.started.elapsed().as_secs_f64(), cpu_time() - self.cpu);
        println!("rate {:.0} cpu_ns {:.1}", messages as f64 / seconds, cpu.as_secs_f64() * 1e9 / messages as f64);
    }
}

/// Times of round trips.
#[derive(Debug)]
pub struct Latencies {
    cpu: Duration,
    trips: Vec<Duration>,
}

impl Latencies {
    /// Of at most so many round trips, from now on.
    pub fn start(count: u64) -> Self {
        Self { cpu: cpu_time(), trips: Vec::with_capacity(count as usize) }
    }

    /// One that began then and ends now.
    pub fn add(&mut self, began: Instant) {
        self.trips.push(began.elapsed());
    }

    /// The line about them.
    pub fn report(mut self) {
        let cpu = cpu_time() - self.cpu;
        self.trips.sort_unstable();
        let last = self.trips.len().saturating_sub(1);
        let at = |share: f64| {
            let trip = self.trips.get(((self.trips.len() as f64 * share) as usize).min(last));
            trip.map_or(0.0, |trip| trip.as_secs_f64() * 1e6)
        };
        println!(
            "p50_us {:.2} p99_us {:.2} p999_us {:.2} cpu_ns {:.1}",
            at(0.5),
            at(0.99),
            at(0.999),
            cpu.as_secs_f64() * 1e9 / self.trips.len() as f64
        );
    }
}

/// The line about connections on which nothing happens; `before` is [`resident_bytes`] without them.
pub fn report_idle(before: u64, connections: u64) {
    let more = resident_bytes().saturating_sub(before);
    println!("bytes_each {:.0} threads {}", more as f64 / connections as f64, status("Threads:"));
}

/// Memory of this process that is in RAM.
pub fn resident_bytes() -> u64 {
    status("VmRSS:") * 1024
}

/// The number in a line of what the kernel tells of this process.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

/// Of all threads of this process, since it began.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

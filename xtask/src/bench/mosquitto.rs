//! Through a real server: one process publishes, another receives, both of one client, and Mosquitto is between them. How
//! much of the processor the server takes says whether it is what limits them.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::TARGET_DIRECTORY;
use super::programs::{self, Figures, Program, RAW, Work};
use super::table::{Table, median, ratio, whole};
use super::times::{Trial, rounds, trials, values};
use crate::process;
use crate::report::{Skip, Trouble};
use crate::tree;

/// A table for each QoS.
pub(super) fn tables(programs: &[Program], quick: bool) -> Result<(), Trouble> {
    let Some(place) = process::find("mosquitto") else {
        let why = "mosquitto is missing; Debian: apt-get install mosquitto".to_owned();
        println!("{}", Skip { what: "through Mosquitto".to_owned(), why });
        return Ok(());
    };
    let programs: Vec<Program> = programs.iter().filter(|program| program.is_plain()).cloned().collect();
    for qos in [0, 1, 2] {
        one_table(&Server::start(&place)?, &programs, qos, quick)?;
    }
    Ok(())
}

fn one_table(server: &Server, programs: &[Program], qos: u64, quick: bool) -> Result<(), Trouble> {
    let work = Work { mode: "publish", qos, size: 16, window: WINDOW, tls: false };
    let trials = trials(programs, &work, |program, count| {
        let rate = through(server, program, &work, count)?.get("rate");
        Ok(((rate * if quick { 0.3 } else { 0.7 }) as u64).max(1_000))
    })?;
    let rounds = rounds(
        if quick { 3 } else { 5 },
        &trials,
        |_| true,
        |trial: &Trial<'_>| through(server, trial.program, &work, trial.count),
    )?;
    let of = |index: usize, name: &str| median(values(&rounds, index, name));
    let rate = |index: usize| of(index, "rate");
    let raw = trials.iter().position(|trial| trial.program.name == RAW).map_or(f64::NAN, rate);
    let peers = trials.iter().enumerate().filter(|(_, trial)| trial.program.is_peer());
    let best = peers.map(|(index, _)| rate(index)).fold(f64::NAN, f64::max);
    let mut table = Table::new(&[
        "client",
        "messages/s",
        "of RAW",
        "of the best peer",
        "the server's share of a processor",
        "CPU ns each: server",
        "publisher",
        "receiver",
    ]);
    for (index, trial) in trials.iter().enumerate() {
        let mut row = vec![
            trial.program.name.to_owned(),
            whole(rate(index)),
            ratio(rate(index), raw),
            ratio(rate(index), best),
            format!("{:.0} %", of(index, "share") * 100.0),
        ];
        row.extend(["server_ns", "publisher_ns", "receiver_ns"].map(|name| whole(of(index, name))));
        table.row(row);
    }
    table.print(&format!("through Mosquitto {}, QoS {qos}, 16 B", server.version));
    Ok(())
}

/// So many messages from one process to another.
fn through(server: &Server, program: &Program, work: &Work, count: u64) -> Result<Figures, Trouble> {
    let words = |mode, count| {
        let mut words = program.command_at(&server.port, &Work { mode, ..*work }, count);
        words.push("--server".to_owned());
        words
    };
    let receives = words("receive", count);
    while server.says.try_recv().is_ok() {}
    let receiver = thread::spawn(move || programs::run(&receives));
    if server.wait_for(TOPIC).is_err() {
        // It has failed, or is about to.
        receiver.join().map_err(|_| Trouble::new("a thread panicked"))??;
        return Err(Trouble::new(format!("{} does not subscribe", program.name)));
    }
    let server_before = server.cpu()?;
    let published = programs::run(&words("publish", count));
    let received = receiver.join().map_err(|_| Trouble::new("a thread panicked"))??;
    let server_each = (server.cpu()? - server_before).as_secs_f64() / count as f64;
    Ok(Figures::of(&[
        ("rate", received.get("rate")),
        ("share", server_each * received.get("rate")),
        ("server_ns", server_each * 1e9),
        ("publisher_ns", published?.get("cpu_ns")),
        ("receiver_ns", received.get("cpu_ns")),
    ]))
}

/// Mosquitto on a port that was free.
struct Server {
    process: Child,
    version: String,
    port: String,
    /// Its log, line by line.
    says: Receiver<String>,
}

impl Server {
    fn start(place: &Path) -> Result<Server, Trouble> {
        let trouble = |error| Trouble::new(format!("Mosquitto does not start: {error}"));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(trouble)?.port();
        let settings = tree::root().join(TARGET_DIRECTORY).join("mosquitto.conf");
        fs::write(&settings, format!("listener {port} 127.0.0.1\n{SETTINGS}")).map_err(trouble)?;
        let mut command = Command::new(place);
        command.arg("-c").arg(settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(trouble)?;
        let says = process.stderr.take().map(lines).unwrap_or_else(|| mpsc::channel().1);
        let mut server = Server { process, version: String::new(), port: port.to_string(), says };
        let line = server.wait_for(" running")?;
        server.version = line.split_whitespace().nth(2).unwrap_or_default().to_owned();
        Ok(server)
    }

    /// Until a line ends in this.
    fn wait_for(&self, end: &str) -> Result<String, Trouble> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.says.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            match line {
                Ok(line) if line.ends_with(end) => return Ok(line),
                Ok(_) => {}
                Err(_) => return Err(Trouble::new(format!("Mosquitto has not said `..{end}`"))),
            }
        }
    }

    /// How long it has run on a processor. It has one thread.
    fn cpu(&self) -> Result<Duration, Trouble> {
        let path = format!("/proc/{}/schedstat", self.process.id());
        let text = fs::read_to_string(&path).map_err(|error| Trouble::new(format!("cannot read {path}: {error}")))?;
        let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
        nanoseconds.map(Duration::from_nanos).ok_or_else(|| Trouble::new(format!("there is no time in {path}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(log: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    told
}

/// As fast as it goes: it says nothing of single messages, and drops none.
const SETTINGS: &str = "\
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 0
max_inflight_messages 1000
log_dest stderr
log_type information
log_type subscribe
log_timestamp false
";

/// Where every program publishes to.
const TOPIC: &str = "plant/7/sensors";

/// In flight, both ways.
const WINDOW: u64 = 1_000;

const PATIENCE: Duration = Duration::from_secs(5);

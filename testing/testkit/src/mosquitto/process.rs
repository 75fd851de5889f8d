use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::MosquittoError;
use super::config::Files;

/// The Mosquitto process of the moment, if there is one, and the log of all of them.
#[derive(Debug)]
pub(super) struct Process {
    program: PathBuf,
    config: PathBuf,
    openssl_config: Option<PathBuf>,
    child: Option<Child>,
    log: Arc<Log>,
}

/// Why a start failed, as far as the caller decides by it.
#[derive(Debug)]
pub(super) enum StartFailure {
    AddressInUse,
    Other(MosquittoError),
}

impl Process {
    /// Finds the program; starts nothing yet.
    pub(super) fn new(files: &Files) -> Result<Self, MosquittoError> {
        Ok(Self {
            program: find("mosquitto")?,
            config: files.config.clone(),
            openssl_config: files.openssl_config.clone(),
            child: None,
            log: Arc::new(Log::default()),
        })
    }

    /// Starts it and waits until it listens.
    pub(super) fn start(&mut self) -> Result<(), StartFailure> {
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(&self.config);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        if let Some(path) = &self.openssl_config {
            command.env("OPENSSL_CONF", path);
        }
        self.reap();
        let start = self.log.begin();
        let mut child = command.spawn().map_err(|error| {
            StartFailure::Other(MosquittoError::CannotRun { program: self.program.clone(), kind: error.kind() })
        })?;
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&self.log);
            thread::spawn(move || log.read(stderr, start));
        }
        self.child = Some(child);

        // Its own word that it is ready, and not a connection: that could be answered by another
        // program that took the port just before.
        let Some(seen) = self.log.wait_for(PATIENCE, |state| state.seen.ready || state.seen.ended) else {
            self.end_now();
            let log = self.log.tail();
            return Err(StartFailure::Other(MosquittoError::NotReady { log }));
        };
        if seen.ready {
            return Ok(());
        }
        let status = self.reap();
        if seen.address_in_use {
            return Err(StartFailure::AddressInUse);
        }
        let log = self.log.tail();
        Err(StartFailure::Other(MosquittoError::Ended { status, log }))
    }

    /// SIGTERM, again and again until it works: Mosquitto forgets one that comes right after it
    /// said it is ready, and a second does no harm while it saves.
    pub(super) fn terminate(&mut self) -> Result<(), MosquittoError> {
        let Some(child) = &self.child else {
            return Ok(());
        };
        for _ in 0..TERMINATIONS {
            send_sigterm(child.id())?;
            if self.log.wait_for(BETWEEN_TERMINATIONS, |state| state.seen.ended).is_some() {
                self.reap();
                return Ok(());
            }
        }
        Err(MosquittoError::StillRunning { log: self.log.tail() })
    }

    pub(super) fn kill(&mut self) -> Result<(), MosquittoError> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        if child.kill().is_err() {
            let log = self.log.tail();
            return Err(MosquittoError::StillRunning { log });
        }
        self.reap();
        Ok(())
    }

    pub(super) fn is_running(&self) -> bool {
        self.child.is_some() && !self.log.lock().seen.ended
    }

    pub(super) fn log(&self) -> String {
        join(self.log.lock().lines.iter())
    }

    pub(super) fn wait_for_log(&self, text: &str) -> Result<(), MosquittoError> {
        let logged = |state: &LogState| state.lines.iter().any(|line| line.contains(text));
        // A process that has ended says nothing more: no use in waiting for it.
        self.log.wait_for(PATIENCE, |state| logged(state) || state.seen.ended);
        if logged(&self.log.lock()) {
            return Ok(());
        }
        Err(MosquittoError::NotLogged { text: text.to_owned(), log: self.log.tail() })
    }

    pub(super) fn forget_log(&self) {
        self.log.lock().lines.clear();
    }

    pub(super) fn explain(&self, failure: StartFailure) -> MosquittoError {
        match failure {
            StartFailure::AddressInUse => MosquittoError::PortsTaken { log: self.log.tail() },
            StartFailure::Other(error) => error,
        }
    }

    fn end_now(&mut self) {
        if let Some(child) = &mut self.child {
            // It can only fail for a process that has ended already.
            let _ = child.kill();
        }
        self.reap();
    }

    /// Takes the exit status of a process that has ended or is about to, so that none is left as
    /// a zombie.
    fn reap(&mut self) -> String {
        match self.child.take().map(|mut child| child.wait()) {
            Some(Ok(status)) => status.to_string(),
            Some(Err(error)) => error.to_string(),
            None => "not running".to_owned(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end_now();
    }
}

#[derive(Debug, Default)]
struct Log {
    state: Mutex<LogState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct LogState {
    lines: VecDeque<String>,
    /// Counts the starts, so that what an earlier process says does not count for a later one.
    start: u64,
    seen: Seen,
}

/// What the process of the moment has shown so far.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    ready: bool,
    address_in_use: bool,
    /// It closed its standard error, which it does by ending.
    ended: bool,
}

impl Log {
    fn begin(&self) -> u64 {
        let mut state = self.lock();
        state.start += 1;
        state.seen = Seen::default();
        state.start
    }

    fn read(&self, stderr: impl Read, start: u64) {
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            let mut state = self.lock();
            if state.start == start {
                let ready = text.contains("mosquitto version") && text.ends_with("running");
                state.seen.ready |= ready;
                state.seen.address_in_use |= text.contains("Address already in use");
            }
            if state.lines.len() == MAX_LINES {
                state.lines.pop_front();
            }
            state.lines.push_back(text);
            drop(state);
            self.changed.notify_all();
        }
        let mut state = self.lock();
        if state.start == start {
            state.seen.ended = true;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until `condition` holds; `None` if it does not within `patience`.
    fn wait_for(&self, patience: Duration, condition: impl Fn(&LogState) -> bool) -> Option<Seen> {
        let waited = self.changed.wait_timeout_while(self.lock(), patience, |state| !condition(state));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (!timeout.timed_out()).then_some(state.seen)
    }

    fn tail(&self) -> String {
        let state = self.lock();
        let skipped = state.lines.len().saturating_sub(TAIL_LINES);
        join(state.lines.iter().skip(skipped))
    }

    fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By the shell: the standard library sends SIGKILL only, and `kill` as a program is missing on
/// small systems. That the process is gone already shows in its log.
fn send_sigterm(process: u32) -> Result<(), MosquittoError> {
    Command::new("sh")
        .args(["-c", "kill -TERM \"$0\""])
        .arg(process.to_string())
        .stderr(Stdio::null())
        .status()
        .map(drop)
        .map_err(|error| MosquittoError::CannotRun { program: "sh".into(), kind: error.kind() })
}

/// The program, or an error that says how to get it.
pub(super) fn find(program: &'static str) -> Result<PathBuf, MosquittoError> {
    crate::process::find(program).ok_or(MosquittoError::NotInstalled { program })
}

fn join<'a>(lines: impl Iterator<Item = &'a String>) -> String {
    lines.flat_map(|line| [line.as_str(), "\n"]).collect()
}

const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_TERMINATIONS: Duration = Duration::from_millis(200);
const TERMINATIONS: u32 = 50;
const MAX_LINES: usize = 10_000;
const TAIL_LINES: usize = 40;

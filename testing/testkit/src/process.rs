//! Programs that a test starts, and that are gone with it.

use std::env;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A process that listens on ports of 127.0.0.1. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

/// What became of a start.
#[derive(Debug)]
pub(crate) enum Started {
    /// It listens.
    Listening(Process),
    /// It ended at once: perhaps somebody took the port between the choice and the start.
    Ended,
    /// It runs, and did not listen in time; it was killed.
    Silent,
}

impl Process {
    /// Starts it with its output thrown away, and waits until it listens on all of these ports, so long at most.
    ///
    /// # Errors
    /// What the operating system says when it cannot be run.
    #[expect(clippy::disallowed_methods, reason = "nothing tells when it listens but that it does")]
    pub(crate) fn start(command: &mut Command, ports: &[u16], patience: Duration) -> io::Result<Started> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Self { child: command.spawn()? };
        for _ in 0..patience.as_millis() / BETWEEN_LOOKS.as_millis() {
            if process.child.try_wait().is_ok_and(|status| status.is_some()) {
                return Ok(Started::Ended);
            }
            if ports.iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok()) {
                return Ok(Started::Listening(process));
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(Started::Silent)
    }

    pub(crate) fn end(&mut self) {
        // What fails here is that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// So many different ports of 127.0.0.1 that are free now.
pub(crate) fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    // Held together while they are chosen, so that they differ.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Looks for a program on `PATH`, then where Debian and Homebrew put servers.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(USUAL_PLACES.iter().map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// How often a start is tried whose port somebody else may have taken.
pub(crate) const START_ATTEMPTS: u32 = 16;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
const USUAL_PLACES: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin"];

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::identity::Flashed;

/// A program and the board it runs on.
#[derive(Debug)]
pub(crate) struct Board {
    /// That of the program.
    pub(crate) name: &'static str,
    target: &'static str,
    emulator: &'static str,
    machine: &'static [&'static str],
    wire: Wire,
    pub(crate) is_storm: bool,
    pub(crate) has_identity: bool,
}

/// How a board reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    /// Through the network chip of this name; the program is told the port.
    Ethernet(&'static str),
    /// Over its serial line, which is a connection to the server; the program is told the version.
    Serial,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) is_good: bool,
    /// It ended by itself.
    pub(crate) ends: bool,
    /// Bytes of stack that it says it used.
    pub(crate) stack: Option<u32>,
}

impl Board {
    const fn new(name: &'static str, target: &'static str, machine: &'static [&'static str], wire: Wire) -> Self {
        Self { name, target, emulator: "qemu-system-arm", machine, wire, is_storm: false, has_identity: false }
    }

    const fn storming(self) -> Self {
        Self { is_storm: true, ..self }
    }

    const fn with_identity(self) -> Self {
        Self { has_identity: true, ..self }
    }

    const fn emulated_by(self, emulator: &'static str) -> Self {
        Self { emulator, ..self }
    }

    /// Runs the program against the server at this port of the machine.
    pub(crate) async fn run(&self, port: u16, version: u16) -> io::Result<Run> {
        self.run_with(port, version, &[]).await
    }

    /// The same, over TLS, with this in its flash.
    pub(crate) async fn run_as(&self, identity: &Flashed, port: u16) -> io::Result<Run> {
        let loader = format!("loader,file={},addr={IDENTITY:#x},force-raw=on", identity.path().display());
        self.run_with(port, 0, &["-device", &loader]).await
    }

    async fn run_with(&self, port: u16, version: u16, more: &[&str]) -> io::Result<Run> {
        let (argument, wire) = match self.wire {
            Wire::Ethernet(model) => {
                (port, vec!["-serial".to_owned(), "none".to_owned(), "-nic".to_owned(), format!("user,model={model}")])
            }
            Wire::Serial => (version, vec!["-serial".to_owned(), format!("tcp:127.0.0.1:{port}")]),
        };
        let mut emulator = Command::new(self.emulator);
        emulator
            .args(self.machine)
            .args(["-nographic", "-monitor", "none"])
            .args(["-semihosting-config", &format!("enable=on,target=native,arg={argument}")])
            .args(wire)
            .args(more)
            .arg("-kernel")
            .arg(self.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let Ok(output) = timeout(TIME_LIMIT, emulator.output()).await else {
            return Ok(Run { is_good: false, ends: false, stack: None });
        };
        let output = output.map_err(|error| io::Error::other(format!("{} does not start: {error}", self.emulator)))?;
        let said = [output.stdout, output.stderr].concat();
        Ok(Run { is_good: output.status.success(), ends: true, stack: stack(&String::from_utf8_lossy(&said)) })
    }

    fn path(&self) -> PathBuf {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/firmware");
        [root, self.target, "release", self.name].iter().collect()
    }
}

/// The number in the line that begins with "stack".
fn stack(said: &str) -> Option<u32> {
    let line = said.lines().find_map(|line| line.strip_prefix("stack"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Where the boards that have one look for it.
const IDENTITY: u32 = 0x003F_F000;

/// Far more than any program takes.
const TIME_LIMIT: Duration = Duration::from_secs(60);

const M3: &str = "thumbv7m-none-eabi";
const M4: &str = "thumbv7em-none-eabihf";
const LM3S: &[&str] = &["-M", "lm3s6965evb"];
const MPS2: &[&str] = &["-M", "mps2-an386"];
const MPS2_ALONE: &[&str] = &["-M", "mps2-an386", "-nic", "none"];
const VIRT: &[&str] = &["-M", "virt", "-bios", "none"];

pub(crate) const BOARDS: &[Board] = &[
    Board::new("lm3s6965evb-events", M3, LM3S, Wire::Ethernet("stellaris")),
    Board::new("lm3s6965evb-exchange", M3, LM3S, Wire::Ethernet("stellaris")),
    Board::new("mps2-an386-exchange", M4, MPS2, Wire::Ethernet("lan9118")),
    Board::new("mps2-an386-queue", M4, MPS2, Wire::Ethernet("lan9118")),
    Board::new("microbit-exchange", "thumbv6m-none-eabi", &["-M", "microbit"], Wire::Serial),
    Board::new("riscv-virt-exchange", "riscv32imc-unknown-none-elf", VIRT, Wire::Serial)
        .emulated_by("qemu-system-riscv32"),
    Board::new("embassy-exchange", M4, MPS2, Wire::Ethernet("lan9118")),
    Board::new("embassy-tls", M4, MPS2, Wire::Ethernet("lan9118")).with_identity(),
    Board::new("lm3s6965evb-storm", M3, LM3S, Wire::Ethernet("stellaris")).storming(),
    Board::new("mps2-an386-storm", M4, MPS2, Wire::Ethernet("lan9118")).storming(),
    Board::new("embassy-storm", M4, MPS2, Wire::Ethernet("lan9118")).storming().with_identity(),
];

/// The programs that talk to a cloud.
pub(crate) const CLOUDS: &[Board] = &[
    Board::new("embassy-aws", M4, MPS2, Wire::Ethernet("lan9118")),
    Board::new("embassy-azure", M4, MPS2, Wire::Ethernet("lan9118")),
    Board::new("embassy-google", M4, MPS2, Wire::Ethernet("lan9118")),
];

/// The programs whose sizes are measured.
pub(crate) const SIZES: &[Board] = &[
    Board::new("bare", M4, MPS2_ALONE, Wire::Serial),
    Board::new("small", M4, MPS2_ALONE, Wire::Serial),
    Board::new("blocking", M4, MPS2_ALONE, Wire::Serial),
    Board::new("asynchronous", M4, MPS2_ALONE, Wire::Serial),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_is_found_in_the_talk() {
        assert_eq!(stack("Timer with period zero, disabling\nstack        3068 B\n"), Some(3_068));
        assert_eq!(stack("stack 0000000096\n"), Some(96));
        assert_eq!(stack("nothing of it"), None);
    }
}

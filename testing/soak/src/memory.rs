//! How much memory the two processes take, where the system tells it.

use std::{fs, time::Duration};

use tokio::process::Child;

pub(crate) struct Sizes {
    processes: [Option<u32>; 2],
    /// When, and KiB of each.
    seen: Vec<(Duration, [u64; 2])>,
}

impl Sizes {
    pub(crate) fn new(children: [&Child; 2]) -> Self {
        Self { processes: children.map(Child::id), seen: Vec::new() }
    }

    /// A line from time to time.
    pub(crate) fn look(&mut self, after: Duration) -> Option<String> {
        if self.seen.last().is_some_and(|(last, _)| after < *last + BETWEEN) {
            return None;
        }
        let [publishers, subscribers] = self.processes.map(|process| process.and_then(resident_kib));
        let (publishers, subscribers) = (publishers?, subscribers?);
        self.seen.push((after, [publishers, subscribers]));
        let seconds = after.as_secs();
        Some(format!("{seconds:>4} s: publishers {publishers} KiB, subscribers {subscribers} KiB"))
    }

    /// What the second half took at most is no more than what the first half did, and a little.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let (first, second) = self.seen.split_at(self.seen.len() / 2);
        for (index, who) in ["publishers", "subscribers"].into_iter().enumerate() {
            let most = |seen: &[(Duration, [u64; 2])]| seen.iter().map(|(_, sizes)| sizes[index]).max();
            let (Some(before), Some(after)) = (most(first), most(second)) else { continue };
            println!("memory of the {who}: at most {before} KiB in the first half, {after} KiB in the second");
            if after > before + ROOM_KIB {
                return Err(format!("the memory of the {who} grows"));
            }
        }
        Ok(())
    }
}

fn resident_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

const BETWEEN: Duration = Duration::from_secs(5);
/// For what an allocator keeps, and a stall that is longer than those before: about what may be unread of eight clients.
const ROOM_KIB: u64 = 16 << 10;

//! `cargo xtask bench flame`: where the instructions of a message go, as pictures for docs/performance.md. Callgrind counts
//! them with the calls that led to them; a part of a function that comes from another file of the project, because the
//! compiler has put it there, is shown as a frame of its own.

mod names;
mod svg;

use std::fs;

use super::TARGET_DIRECTORY;
use super::programs::{self, Sink, Work};
use crate::process::{self, Job};
use crate::report::Trouble;
use crate::tree;
use names::{Kind, Name};

/// One picture for each of these.
pub(super) fn draw(sink: &Sink) -> Result<(), Trouble> {
    if process::find("valgrind").is_none() {
        return Err(Trouble::new("valgrind is missing, which counts instructions; Debian: apt-get install valgrind"));
    }
    for (mode, qos) in [("publish", 1), ("receive", 0), ("receive", 1)] {
        let root = measure(sink, &Work { mode, qos, size: 16, window: 4_000, tls: false })?;
        let title = format!("{mode} QoS {qos}, 16 B");
        let path = format!("docs/flame-{mode}-qos{qos}.svg");
        let picture = svg::picture(&title, &root, MESSAGES);
        fs::write(tree::root().join(&path), picture)
            .map_err(|error| Trouble::new(format!("cannot write {path}: {error}")))?;
        println!("{path}: {} instructions a message", root.cost / MESSAGES);
    }
    Ok(())
}

/// What one function took, with all that it called.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    name: Name,
    cost: u64,
    calls: Vec<Frame>,
}

impl Frame {
    fn new(name: Name) -> Frame {
        Frame { name, cost: 0, calls: Vec::new() }
    }

    /// So much more, at the end of these calls.
    fn add(&mut self, stack: &[Name], cost: u64) {
        self.cost += cost;
        let Some((name, rest)) = stack.split_first() else { return };
        let index = self.calls.iter().position(|call| call.name == *name).unwrap_or_else(|| {
            self.calls.push(Frame::new(name.clone()));
            self.calls.len() - 1
        });
        self.calls[index].add(rest, cost);
    }
}

fn measure(sink: &Sink, work: &Work) -> Result<Frame, Trouble> {
    let counts = tree::root().join(TARGET_DIRECTORY).join("callgrind").to_string_lossy().into_owned();
    let words = programs::dunlin().command(sink, work, MESSAGES);
    let to = format!("--callgrind-out-file={counts}");
    // Deeper than any stack here, so that each function is counted apart for every way to it.
    let mut arguments =
        vec!["300", "valgrind", "--tool=callgrind", "--separate-callers=60", "--compress-strings=no", &to];
    arguments.extend(words.iter().map(String::as_str));
    Job::new("timeout", &arguments).both_outputs()?;
    let text = fs::read_to_string(&counts).map_err(|error| Trouble::new(format!("cannot read {counts}: {error}")))?;
    Ok(frames(&text))
}

/// What callgrind has written, as the calls of the program's `main`.
fn frames(text: &str) -> Frame {
    let mut root = Frame::new(Name::new("main", Kind::Application));
    let (mut function, mut own_file, mut file) = ("", "", "");
    let mut of_a_call = false;
    for line in text.lines() {
        match line.split_once('=') {
            Some(("fl", name)) => (own_file, file) = (name, name),
            Some(("fi" | "fe", name)) => file = name,
            Some(("fn", name)) => (function, file) = (name, own_file),
            Some(("calls", _)) => of_a_call = true,
            Some(_) => {}
            None if std::mem::take(&mut of_a_call) => {}
            None => {
                let cost = line.split_once(' ').filter(|(at, _)| is_position(at));
                if let Some(cost) = cost.and_then(|(_, cost)| cost.parse().ok())
                    && let Some(stack) = names::stack(function, own_file, file)
                {
                    root.add(&stack, cost);
                }
            }
        }
    }
    root
}

fn is_position(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
}

const MESSAGES: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_those_of_the_calls_that_led_to_them() {
        let text = "fl=/p/bench/dunlin/src/main.rs\n\
            fn=bench_dunlin::main\n1 10\ncfn=dunlin::a::f\ncalls=1 0\n1 30\n\
            fl=/p/crates/dunlin/src/a.rs\n\
            fn=dunlin::a::f'bench_dunlin::main\n+1 20\nfi=/p/crates/dunlin-codec/src/varint.rs\n* 10\nfe=x.rs\n";
        let root = frames(text);
        assert_eq!((root.cost, root.calls.len()), (40, 1));
        let f = &root.calls[0];
        assert_eq!((f.name.text.as_str(), f.cost), ("a::f", 30));
        assert_eq!((f.calls[0].name.text.as_str(), f.calls[0].cost), ("varint.rs", 10));
    }

    #[test]
    fn what_the_loader_does_is_not_the_programs() {
        assert_eq!(frames("fl=???\nfn=_dl_start'0x1ab70\n0 500\n").cost, 0);
    }
}

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::printer::Printer;

/// Tells numbered steps on stdout, each when it is done.
pub(super) struct Steps<'p> {
    printer: &'p mut Printer,
    limit: Duration,
    begun: Instant,
    number: usize,
}

impl<'p> Steps<'p> {
    pub(super) fn new(printer: &'p mut Printer, limit: Duration) -> Self {
        Self { printer, limit, begun: Instant::now(), number: 0 }
    }

    /// The longest that a step may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) async fn title(&mut self) -> Result<(), Failure> {
        self.printer.data(b"dunlin demo: a message goes all the way\n\n");
        self.printer.flush().await
    }

    pub(super) async fn step(&mut self, name: &str, what: &str) -> Result<(), Failure> {
        self.number += 1;
        self.printer.data(format!("{:>3}. {name:<12} ", self.number).as_bytes());
        for (i, line) in wrapped(what).iter().enumerate() {
            if i > 0 {
                self.printer.data(&b" ".repeat(INDENT));
            }
            self.printer.data(line.as_bytes());
            self.printer.data(b"\n");
        }
        self.printer.flush().await
    }

    /// The last lines: it worked, and what to try next.
    pub(super) async fn end(&mut self, next: &[&str]) -> Result<(), Failure> {
        let took = self.begun.elapsed().as_millis();
        self.printer.data(format!("\nAll of it worked, in {took} ms. What to try next:\n").as_bytes());
        next.iter().for_each(|line| self.printer.data(format!("  {line}\n").as_bytes()));
        self.printer.flush().await
    }

    /// Says in `failure` which step it was.
    pub(super) fn failed(&self, step: &str, failure: Failure) -> Failure {
        if failure.is_silent() { failure } else { failure.during(&format!("step {}, {step}", self.number + 1)) }
    }
}

/// Breaks a text between words into lines that fit beside the names.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= WIDTH - INDENT => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Of the number, the name and the spaces around them.
const INDENT: usize = 18;
const WIDTH: usize = 100;

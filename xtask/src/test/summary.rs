//! What `cargo xtask test` says at its end.

use std::time::Duration;

use crate::report::Outcome;

/// A stage that has been run.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// The command that runs this stage alone.
    pub(super) again: String,
    pub(super) time: Duration,
    pub(super) outcome: Outcome,
}

impl Entry {
    pub(super) fn verdict(&self) -> String {
        let (name, seconds) = (self.name, self.time.as_secs_f64());
        match &self.outcome {
            Outcome::Passed => format!("{name}: ok in {seconds:.1} s"),
            Outcome::Failed => format!("{name}: FAILED after {seconds:.1} s"),
            Outcome::Skipped(skip) => format!("{name}: {skip}"),
        }
    }
}

/// A table with one line a stage, and the counts alone on the last line.
pub(super) fn table(entries: &[Entry], total: Duration) -> String {
    let mut text = String::from("\n== summary\n");
    for Entry { name, again, time, outcome } in entries {
        let result = match outcome {
            Outcome::Passed => "ok".to_owned(),
            Outcome::Failed => format!("FAILED  again: {again}"),
            Outcome::Skipped(skip) => skip.to_string(),
        };
        text += &format!("{name:<10}{:>8.1} s  {result}\n", time.as_secs_f64());
    }
    text += &format!("{:<10}{:>8.1} s\n\n", "total", total.as_secs_f64());

    let count = |wanted: fn(&Outcome) -> bool| entries.iter().filter(|entry| wanted(&entry.outcome)).count();
    let passed = count(|outcome| matches!(outcome, Outcome::Passed));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
    text += &format!("{passed} passed, {failed} failed");
    if skipped > 0 {
        text += &format!(", {skipped} skipped");
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Skip;

    fn entry(name: &'static str, outcome: Outcome) -> Entry {
        Entry { name, again: format!("cargo {name}"), time: Duration::from_millis(1500), outcome }
    }

    #[test]
    fn the_counts_stand_alone_on_the_last_line() {
        let skip = Skip { what: "the build".into(), why: "no network".into() };
        let entries =
            [entry("fmt", Outcome::Passed), entry("clippy", Outcome::Failed), entry("no_std", Outcome::Skipped(skip))];
        let table = table(&entries, Duration::from_secs(9));
        assert!(table.contains("clippy         1.5 s  FAILED  again: cargo clippy\n"), "{table}");
        assert!(table.contains("SKIPPED: the build (no network)\n"), "{table}");
        assert_eq!(table.lines().last(), Some("1 passed, 1 failed, 1 skipped"), "{table}");
    }

    #[test]
    fn nothing_is_said_about_skips_where_there_were_none() {
        let table = table(&[entry("fmt", Outcome::Passed)], Duration::ZERO);
        assert_eq!(table.lines().last(), Some("1 passed, 0 failed"));
    }
}

//! `cargo xtask simulation`: thousands of schedules of faults, and the proof that they find what is broken.
//!
//! ```text
//!  simulation ──> dunlin-simulation --seeds 2000                             must pass
//!       └───────> sabotage: one change at a time to a copy of the sources ──> dunlin-simulation, must fail
//! ```

mod sabotage;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::process::Job;
use crate::report::{Outcome, Trouble};
use crate::tree;
use sabotage::Sabotage;

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let wanted = sabotage::read(&tree::root().join(SABOTAGE))?;
    let chosen: Vec<_> = wanted.iter().filter(|it| arguments.is_empty() || arguments.contains(&it.name)).collect();
    if let Some(unknown) = arguments.iter().find(|name| wanted.iter().all(|it| it.name != **name)) {
        return Err(Trouble::new(format!("there is no {SABOTAGE}/{unknown}.txt")));
    }
    if arguments.is_empty() && Job::cargo(WHOLE).run()? == Outcome::Failed {
        return Ok(Outcome::Failed);
    }
    let copy = Copy::make()?;
    let mut escaped = Vec::new();
    for sabotage in chosen {
        let began = Instant::now();
        let verdict = copy.try_out(sabotage)?;
        println!("{:<32} {:>4} s  {}", sabotage.name, began.elapsed().as_secs(), describe(verdict.as_deref()));
        if verdict.is_none() {
            escaped.push(sabotage);
        }
    }
    for sabotage in &escaped {
        println!("\n{}: not caught within {SEEDS} seeds: {}", sabotage.name, sabotage.rule);
    }
    Ok(if escaped.is_empty() { Outcome::Passed } else { Outcome::Failed })
}

fn describe(verdict: Option<&str>) -> String {
    match verdict {
        Some(failure) => format!("caught: {}", failure.chars().take(100).collect::<String>()),
        None => "NOT CAUGHT".to_owned(),
    }
}

/// A copy of the sources with a target directory of its own. Files keep their times as long as they stay the same, so
/// that a change costs no more than what depends on it.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn make() -> Result<Copy, Trouble> {
        let root = tree::root().join(SCRATCH);
        for file in tree::read(&tree::root())? {
            if is_needed(&file.path) {
                write_if_changed(&root.join(&file.path), &file.text)?;
            }
        }
        for name in ["Cargo.lock", "LICENSE-MIT", "LICENSE-APACHE"] {
            let text = fs::read_to_string(tree::root().join(name))
                .map_err(|error| Trouble::new(format!("cannot read {name}: {error}")))?;
            write_if_changed(&root.join(name), &text)?;
        }
        Ok(Copy { root })
    }

    /// What the simulation says of the sources with this change; `None`: nothing.
    fn try_out(&self, sabotage: &Sabotage) -> Result<Option<String>, Trouble> {
        let place = self.root.join(&sabotage.file);
        let original = fs::read_to_string(tree::root().join(&sabotage.file))
            .map_err(|error| Trouble::new(format!("{}: cannot read {}: {error}", sabotage.name, sabotage.file)))?;
        let changed = sabotage.apply(&original)?;
        write_if_changed(&place, &changed)?;
        let verdict = self.play(sabotage);
        write_if_changed(&place, &original)?;
        verdict
    }

    fn play(&self, sabotage: &Sabotage) -> Result<Option<String>, Trouble> {
        let build = Job::cargo(BUILD)
            .in_folder(&self.root)
            .variable("CARGO_TARGET_DIR", tree::root().join(TARGET))
            .variable("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .variable("CARGO_PROFILE_DEV_DEBUG", "0")
            .variable("CARGO_INCREMENTAL", "1")
            .variable("RUSTFLAGS", "--cap-lints allow");
        if build.run()? == Outcome::Failed {
            return Err(Trouble::new(format!("{}: the changed sources do not compile", sabotage.name)));
        }
        let program = tree::root().join(TARGET).join("debug/dunlin-simulation");
        let (_, said) = Job::new(&program.to_string_lossy(), &["--seeds", SEEDS]).listen()?;
        Ok(said.lines().rev().find(|line| line.starts_with("seed ") && !line.ends_with(" is wrong")).map(str::to_owned))
    }
}

/// The sources that the workspace needs to be built.
fn is_needed(path: &str) -> bool {
    let folders = ["crates/", "testing/", "xtask/"];
    folders.iter().any(|folder| path.starts_with(folder)) || path == "Cargo.toml" || path == "README.md"
}

fn write_if_changed(place: &Path, text: &str) -> Result<(), Trouble> {
    if fs::read_to_string(place).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let unwritable = |error| Trouble::new(format!("cannot write {}: {error}", place.display()));
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    fs::write(place, text).map_err(unwritable)
}

const WHOLE: &[&str] = &["run", "--release", "-p", "dunlin-simulation", "--", "--seeds", "2000"];
const BUILD: &[&str] = &["build", "--quiet", "-p", "dunlin-simulation"];
const SEEDS: &str = "10000";
const SABOTAGE: &str = "testing/simulation/sabotage";
const SCRATCH: &str = "target/simulation/sources";
const TARGET: &str = "target/simulation/build";

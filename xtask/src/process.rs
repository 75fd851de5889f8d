//! Running other programs.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::report::{Outcome, Trouble};
use crate::tree;

/// A program with its arguments, run in the root of the repository unless told otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    program: String,
    arguments: Vec<String>,
    folder: PathBuf,
    variables: Vec<(String, OsString)>,
}

impl Job {
    pub(crate) fn new(program: &str, arguments: &[&str]) -> Self {
        Job {
            program: program.to_owned(),
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            folder: tree::root(),
            variables: Vec::new(),
        }
    }

    pub(crate) fn cargo(arguments: &[&str]) -> Self {
        Job::new("cargo", arguments)
    }

    /// A cargo that builds what is measured. An incremental build, which a developer may ask for in the environment,
    /// is optimised in another way: its figures are up to 5 % off those of the build that users have.
    pub(crate) fn measured(arguments: &[&str]) -> Self {
        Job::cargo(arguments).variable("CARGO_INCREMENTAL", "0")
    }

    /// Sets an environment variable for this program.
    pub(crate) fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Runs it in another folder.
    pub(crate) fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Runs it in the foreground, with its output on ours.
    ///
    /// # Errors
    ///
    /// The program could not be started.
    pub(crate) fn run(&self) -> Result<Outcome, Trouble> {
        let status = self.command().status().map_err(|e| self.unstartable(&e))?;
        Ok(if status.success() { Outcome::Passed } else { Outcome::Failed })
    }

    /// Runs it and returns what it wrote to its standard output.
    ///
    /// # Errors
    ///
    /// It could not be started, or failed: then with its error output.
    pub(crate) fn output(&self) -> Result<String, Trouble> {
        let output = self.command().output().map_err(|e| self.unstartable(&e))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let talk = String::from_utf8_lossy(&output.stderr);
            Err(Trouble::new(format!("`{self}` failed:\n{}", talk.trim())))
        }
    }

    /// Runs it with its talk on ours, and returns what it wrote to its standard output, however it ended.
    ///
    /// # Errors
    ///
    /// The program could not be started.
    pub(crate) fn listen(&self) -> Result<(Outcome, String), Trouble> {
        let output = self.command().stderr(Stdio::inherit()).output().map_err(|e| self.unstartable(&e))?;
        let outcome = if output.status.success() { Outcome::Passed } else { Outcome::Failed };
        Ok((outcome, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// Runs it and returns what it wrote to either output.
    ///
    /// # Errors
    ///
    /// It could not be started, or failed.
    pub(crate) fn both_outputs(&self) -> Result<String, Trouble> {
        let output = self.command().output().map_err(|e| self.unstartable(&e))?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(said) } else { Err(Trouble::new(format!("`{self}` failed:\n{said}"))) }
    }

    /// Whether it can be started and succeeds; its output is thrown away.
    pub(crate) fn succeeds(&self) -> bool {
        self.command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn command(&self) -> Command {
        // Under `cargo xtask` CARGO is the very cargo that was called.
        let program = match std::env::var_os("CARGO") {
            Some(cargo) if self.program == "cargo" => cargo,
            _ => OsString::from(&self.program),
        };
        let mut command = Command::new(program);
        command.args(&self.arguments).current_dir(&self.folder);
        // `cargo run` leaves the facts of this package in the environment.
        // Build scripts that watch them (ring's does) would run again at every
        // change between `cargo` and `cargo xtask`, and with them half the tree.
        for (name, _) in std::env::vars_os() {
            if is_fact_of_this_package(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn unstartable(&self, error: &std::io::Error) -> Trouble {
        Trouble::new(format!("cannot start `{self}`: {error}"))
    }
}

/// The line that one would type in a shell.
impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", quoted(&value.to_string_lossy()))?;
        }
        f.write_str(&quoted(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

/// The place of a program: on the search path, or where Debian keeps servers.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join(program))
        .find(|place| is_program(place))
}

fn is_program(place: &Path) -> bool {
    place.is_file() || place.with_extension("exe").is_file()
}

fn is_fact_of_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_reads_as_one_would_type_it() {
        let job = Job::cargo(&["doc", "it's", "--no-deps"]).variable("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(job.to_string(), r"RUSTDOCFLAGS='-D warnings' cargo doc 'it'\''s' --no-deps");
    }

    #[test]
    fn the_facts_of_this_package_are_not_passed_on() {
        assert!(is_fact_of_this_package("CARGO_PKG_NAME"));
        assert!(is_fact_of_this_package("CARGO_MANIFEST_DIR"));
        assert!(!is_fact_of_this_package("CARGO_TARGET_DIR"));
        assert!(!is_fact_of_this_package("CARGO_HOME"));
    }

    #[test]
    fn a_program_that_does_not_exist_is_not_found() {
        assert!(find("a-program-that-nobody-wrote").is_none());
        assert!(!Job::new("a-program-that-nobody-wrote", &[]).succeeds());
    }
}

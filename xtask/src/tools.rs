//! Programs that a check calls and that do not come with Rust.

use std::path::Path;

use crate::process::{self, Job};
use crate::report::Trouble;

/// Something that has to be installed before a check can be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    name: &'static str,
    install: &'static str,
    is_there: fn() -> bool,
}

pub(crate) const CARGO_LLVM_COV: Tool = Tool {
    name: "cargo-llvm-cov",
    install: "cargo install cargo-llvm-cov --locked",
    is_there: || process::find("cargo-llvm-cov").is_some(),
};

pub(crate) const LLVM_TOOLS: Tool =
    Tool { name: "llvm-tools", install: "rustup component add llvm-tools", is_there: llvm_cov_is_there };

pub(crate) const CARGO_MUTANTS: Tool = Tool {
    name: "cargo-mutants",
    install: "cargo install cargo-mutants --locked",
    is_there: || process::find("cargo-mutants").is_some(),
};

pub(crate) const CARGO_NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    install: "cargo install cargo-nextest --locked",
    is_there: || process::find("cargo-nextest").is_some(),
};

/// # Errors
///
/// What is missing, and the commands that install it.
pub(crate) fn require(tools: &[Tool]) -> Result<(), Trouble> {
    let missing: Vec<_> = tools.iter().filter(|tool| !(tool.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = missing.iter().map(|tool| format!("  {:<16} {}", tool.name, tool.install)).collect();
    Err(Trouble::new(format!("something is missing; install it by\n{}", lines.join("\n"))))
}

/// The component has no program on the search path: it stands beside the library of the host.
fn llvm_cov_is_there() -> bool {
    let answer = Job::new("rustc", &["--print", "target-libdir"]).output().unwrap_or_default();
    let bin = Path::new(answer.trim()).with_file_name("bin");
    ["llvm-cov", "llvm-cov.exe"].iter().any(|name| bin.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_the_command_that_installs_it() {
        let there = Tool { name: "a", install: "get a", is_there: || true };
        let absent = Tool { name: "b", install: "get b", is_there: || false };
        assert!(require(&[there]).is_ok());
        let trouble = require(&[there, absent]).unwrap_err().to_string();
        assert!(trouble.ends_with("\n  b                get b"), "{trouble}");
    }
}

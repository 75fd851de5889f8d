//! `cargo xtask platforms`: the client and the command are checked for systems that are not this one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::Job;
use crate::report::{Outcome, Skip, Trouble};
use crate::test::target_is_there;
use crate::tree;

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    if !arguments.is_empty() {
        return Err(Trouble::new("`platforms` takes nothing"));
    }
    let stand_in = stand_in()?;
    let mut outcome = Outcome::Passed;
    for target in TARGETS {
        if !target_is_there(target) && !add(target) {
            println!(
                "{}",
                Skip { what: format!("the check for {target}"), why: "its target cannot be fetched".into() }
            );
            continue;
        }
        println!("checking for {target}");
        let check = Job::cargo(&[CHECK, &["--target", target]].concat());
        let compilers = [("CC", stand_in.as_path()), ("AR", &stand_in), ("HOST_CC", Path::new("cc"))];
        let check = compilers.into_iter().fold(check, |check, (name, path)| check.variable(name, path));
        if check.variable("HOST_AR", "ar").run()? == Outcome::Failed {
            outcome = Outcome::Failed;
        }
    }
    Ok(outcome)
}

/// Nothing is linked here, so that the C of other people's crates needs no compiler that makes something of it: what
/// stands in for one writes empty files.
fn stand_in() -> Result<PathBuf, Trouble> {
    let path = tree::root().join("target/test-tools/compiler");
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, STAND_IN));
    written.and_then(|()| executable(&path)).map_err(|error| Trouble::new(format!("{}: {error}", path.display())))?;
    Ok(path)
}

#[cfg(unix)]
fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn add(target: &str) -> bool {
    Job::new("rustup", &["target", "add", target]).succeeds()
}

const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];
#[rustfmt::skip]
const CHECK: &[&str] = &[
    "check", "--quiet", "--all-features", "--profile", "ci",
    "-p", "dunlin", "-p", "dunlin-store", "-p", "dunlin-embedded", "-p", "dunlin-flash", "-p", "dunlin-cli",
];
const STAND_IN: &str = "#!/bin/sh
while [ $# -gt 0 ]; do
    case \"$1\" in
    -o) : > \"$2\"; exit ;;
    *.a) : > \"$1\" ;;
    esac
    shift
done
";

//! Runs tests by their names, and tells of each how it ended.
//!
//! A name is the package, the program of tests unless it is the library's own, and the path inside it:
//! `dunlin-session::session::closing::a_disconnect_is_the_last_that_is_sent`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::json::Json;
use crate::process::Job;
use crate::report::{Outcome, Trouble};
use crate::test;

/// Each test that was found, with its end.
pub(super) type Ran = BTreeMap<String, Verdict>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    Ignored,
}

/// Builds the tests of the workspace, as `cargo xtask test` does, and runs those that are named.
///
/// # Errors
///
/// They could not be built.
pub(super) fn gather(named: &BTreeSet<&str>) -> Result<Ran, Trouble> {
    let build = Job::cargo(BUILD);
    let (Outcome::Passed, answer) = build.listen()? else {
        return Err(Trouble::new(format!("`{build}` failed")));
    };
    let mut ran = Ran::new();
    for program in programs(&answer) {
        let prefix = format!("{}::", program.name);
        let paths: Vec<&str> = named.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
        if paths.is_empty() {
            continue;
        }
        let arguments = [&["--exact"][..], &paths].concat();
        let job = test::with_servers(Job::new(&program.executable, &arguments).in_folder(&program.folder));
        let (outcome, told) = job.listen()?;
        if outcome == Outcome::Failed {
            println!("{told}");
        }
        ran.extend(told.lines().filter_map(verdict).map(|(path, verdict)| (format!("{prefix}{path}"), verdict)));
    }
    Ok(ran)
}

#[rustfmt::skip]
const BUILD: &[&str] = &[
    "test", "--workspace", "--all-features", "--profile", "ci", "--lib", "--bins", "--tests", "--no-run",
    "--message-format", "json-render-diagnostics",
];

/// A program of tests.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    name: String,
    executable: String,
    /// Of its package, in which cargo runs it too.
    folder: String,
}

/// Those in the answer of cargo, a JSON value a line.
fn programs(answer: &str) -> Vec<Program> {
    answer.lines().filter_map(|line| program(&Json::parse(line).ok()?)).collect()
}

fn program(message: &Json) -> Option<Program> {
    if message.get("profile").get("test") != &Json::Bool(true) {
        return None;
    }
    let target = message.get("target");
    let package = package_name(message.get("package_id").as_str()?)?;
    let (kind, target_name) = (target.get("kind").elements().first()?.as_str()?, target.get("name").as_str()?);
    let name = match kind {
        "lib" => package.to_owned(),
        "test" => format!("{package}::{target_name}"),
        _ => format!("{package}::{kind}/{target_name}"),
    };
    let folder = Path::new(message.get("manifest_path").as_str()?).parent()?;
    let executable = message.get("executable").as_str()?.to_owned();
    Some(Program { name, executable, folder: folder.to_string_lossy().into_owned() })
}

/// `path+file:///a/b#name@1.2.3`, or without the name where it is that of the folder.
fn package_name(id: &str) -> Option<&str> {
    let (place, version) = id.rsplit_once('#')?;
    match version.split_once('@') {
        Some((name, _)) => Some(name),
        None => place.rsplit('/').next(),
    }
}

/// A line such as `test a::b ... ok`.
fn verdict(line: &str) -> Option<(&str, Verdict)> {
    let (path, end) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let verdict = match end.split_once(',').map_or(end, |(end, _)| end) {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Ignored,
        _ => return None,
    };
    Some((path, verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_by_package_and_target() {
        let message = |id: &str, kind: &str, name: &str, test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{id}","manifest_path":"/d/Cargo.toml",
                "target":{{"kind":["{kind}"],"name":"{name}"}},"profile":{{"test":{test}}},"executable":"/t/{name}"}}"#
            )
            .replace('\n', " ")
        };
        let answer = [
            message("path+file:///d/dunlin-codec#0.1.0", "lib", "dunlin_codec", true),
            message("path+file:///d/dunlin-codec#0.1.0", "test", "golden", true),
            message("path+file:///d/testkit#dunlin-testkit@0.1.0", "lib", "dunlin_testkit", true),
            message("path+file:///d/dunlin-cli#0.1.0", "bin", "dunlin", true),
            message("path+file:///d/dunlin-cli#0.1.0", "bin", "dunlin", false),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let programs = programs(&answer.join("\n"));
        let names: Vec<&str> = programs.iter().map(|program| program.name.as_str()).collect();
        assert_eq!(names, ["dunlin-codec", "dunlin-codec::golden", "dunlin-testkit", "dunlin-cli::bin/dunlin"]);
        assert_eq!((programs[1].executable.as_str(), programs[1].folder.as_str()), ("/t/golden", "/d"));
    }

    #[test]
    fn a_line_of_the_run_tells_how_a_test_ended() {
        assert_eq!(verdict("test a::b ... ok"), Some(("a::b", Verdict::Passed)));
        assert_eq!(verdict("test a::b ... FAILED"), Some(("a::b", Verdict::Failed)));
        assert_eq!(verdict("test a::b ... ignored, not now"), Some(("a::b", Verdict::Ignored)));
        assert_eq!(verdict("test result: ok. 3 passed; 0 failed"), None);
        assert_eq!(verdict("running 3 tests"), None);
    }
}

//! `cargo xtask vendors`: the vendors' own device clients at the twins of their clouds, in a network namespace where the
//! services' names and ports are ours.

use crate::process::Job;
use crate::report::{Outcome, Skip, Trouble};
use crate::test::Extra;

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let installs = match arguments {
        [] => false,
        [yes] if yes == "--yes" => true,
        _ => return Err(Trouble::new("`vendors` takes `--yes` or nothing")),
    };
    let extra = Extra::new();
    for (module, package) in LIBRARIES {
        let is_there = if installs { extra.python_package(module, package) } else { extra.has_module(module) };
        if !is_there {
            let why = if installs { "it cannot be installed here" } else { "it is not here: add --yes" };
            return Ok(Outcome::Skipped(Skip { what: format!("the client of {package}"), why: why.to_owned() }));
        }
    }
    if !in_namespace("true").succeeds() {
        let why = "it needs a network namespace, which this system does not give".to_owned();
        return Ok(Outcome::Skipped(Skip { what: "the vendors' own clients".to_owned(), why }));
    }
    if Job::cargo(STORIES).run()? == Outcome::Failed {
        return Ok(Outcome::Failed);
    }
    let python = extra.python_program();
    in_namespace(&format!("cargo {} --offline -- --ignored", &STORIES[..STORIES.len() - 1].join(" ")))
        .variable("DUNLIN_CLOUD_PYTHON", python)
        .run()
}

/// A command of the shell, where the names in `hosts` lead to this machine and every port is free.
fn in_namespace(command: &str) -> Job {
    let script = format!("ip link set lo up && mount --bind {HOSTS} /etc/hosts && {command}");
    Job::new("unshare", &["--map-root-user", "--net", "--mount", "sh", "-c", &script])
}

/// What is imported, and what it is installed as.
const LIBRARIES: [(&str, &str); 2] = [("azure.iot.device", "azure-iot-device"), ("awsiot", "awsiotsdk")];
const STORIES: &[&str] =
    &["test", "--quiet", "--profile", "ci", "--package", "dunlin-cloud-twins", "--test", "vendors", "--no-run"];
const HOSTS: &str = "testing/cloud-twins/tests/vendors/hosts";

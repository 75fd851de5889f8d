//! The in-memory server judged by paho-mqtt, a client that others wrote in another language.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dunlin_testkit::Server;

#[tokio::test(flavor = "multi_thread")]
async fn paho_is_content() {
    let python = python();
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/paho_judge.py");
    let server = Server::start().await.unwrap();
    let port = server.port().to_string();
    let judging = tokio::task::spawn_blocking(move || Command::new(python).arg(judge).arg(port).output());
    let output = tokio::time::timeout(PATIENCE, judging).await.expect("the judge ends in time").unwrap().unwrap();
    assert!(
        output.status.success() && output.stdout == b"content\n",
        "paho-mqtt complains: {}{}\nthe server saw: {:#?}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        server.breaches()
    );
    server.assert_no_breaches();
}

/// The interpreter that has paho-mqtt.
fn python() -> PathBuf {
    if let Some(named) = std::env::var_os("DUNLIN_TEST_PYTHON") {
        return named.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let installed = root.join("target/test-tools/venv/bin/python");
    assert!(
        installed.exists(),
        "this test needs a Python with paho-mqtt and found none at {}: run cargo xtask test, which installs it, or name \
         one in DUNLIN_TEST_PYTHON",
        installed.display()
    );
    installed
}

const PATIENCE: Duration = Duration::from_secs(60);

//! The example runs to its end twice: without a server, and with one, which then gets what was left.
//!
//! `cargo test -p dunlin-store` and `cargo nextest run` build it together with this test, `--test examples` alone does not.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use dunlin_testkit::Mosquitto;
use tokio::process::Command;

#[tokio::test]
async fn what_one_process_leaves_in_the_outbox_the_next_one_delivers() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("example-outbox");
    let _ = std::fs::remove_dir_all(&folder);

    let said = outbox("mqtt://127.0.0.1:1", &folder).await;
    assert_eq!(said.matches("is on disk").count(), 10, "{said}");
    assert!(said.contains("unsent: 0, unknown: 10"), "{said}");

    let server = Mosquitto::start().expect("this test needs Mosquitto");
    let said = outbox(&server.url(), &folder).await;
    assert_eq!(said.matches("of an earlier process: Delivered(").count(), 10, "{said}");
    assert!(said.contains("unsent: 0, unknown: 0"), "{said}");
    let _ = std::fs::remove_dir_all(&folder);
}

/// Runs it to its end, and gives what it said.
async fn outbox(url: &str, folder: &Path) -> String {
    let test = env::current_exe().expect("this program has a path");
    let examples = test.ancestors().nth(2).expect("it lies in `deps`").join("examples");
    let program = examples.join("outbox").with_extension(env::consts::EXE_EXTENSION);
    let mut command = Command::new(program);
    command.args([url.as_ref(), folder.as_os_str()]).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await.expect("it ends");
    let output = output.expect("it is built: cargo build -p dunlin-store --examples");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}; it said {said:?}", output.status);
    said
}

const LIMIT: Duration = Duration::from_secs(60);

//! Running `dunlin` and listening to what it says.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

/// A command line.
pub(crate) struct Dunlin {
    command: Command,
    stdin: Vec<u8>,
}

pub(crate) fn dunlin<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Dunlin {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dunlin"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for name in ["URL", "USER", "PASSWORD", "CA", "CERT", "KEY", "KEY_PASS", "PROXY"] {
        command.env_remove(format!("DUNLIN_{name}"));
    }
    for name in ["ALL_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "https_proxy", "no_proxy"] {
        command.env_remove(name);
    }
    for name in
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "DUNLIN_AWS_ENDPOINT"]
    {
        command.env_remove(name);
    }
    command.env_remove("IOTHUB_DEVICE_CONNECTION_STRING");
    Dunlin { command, stdin: Vec::new() }
}

impl Dunlin {
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Starts it. All of stdin is written at once and closed.
    pub(crate) async fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the program is built");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // A program that does not read its stdin closes it.
        let _ = stdin.write_all(&self.stdin).await;
        drop(stdin);
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        Running { child, stdout: Some(stdout), stderr, said: Vec::new() }
    }

    /// Runs it to its end.
    pub(crate) async fn run(self) -> Ended {
        self.start().await.end().await
    }
}

/// The program while it runs. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
    said: Vec<String>,
}

impl Running {
    /// Waits until a line on stderr contains `text`, and gives the line.
    pub(crate) async fn says(&mut self, text: &str) -> String {
        loop {
            let line = within(self.stderr.next_line()).await.expect("stderr is UTF-8");
            let line = line.unwrap_or_else(|| panic!("it ended without saying {text:?}; it said {:?}", self.said));
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits for the next line on stdout.
    pub(crate) async fn prints(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.stdout.as_mut().expect("stdout is open");
        within(stdout.read_line(&mut line)).await.expect("stdout is UTF-8");
        line
    }

    /// Waits for the first byte on stdout, and reads no more.
    pub(crate) async fn begins_to_print(&mut self) {
        let stdout = self.stdout.as_mut().expect("stdout is open");
        within(stdout.get_mut().read_u8()).await.expect("it prints something");
    }

    /// Waits for its end and gives its exit code, while nobody reads what it prints.
    pub(crate) async fn end_unread(mut self) -> Option<i32> {
        within(self.child.wait()).await.expect("it can be waited for").code()
    }

    /// Nobody reads its stdout any more.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args([format!("-{name}"), id]).status().await.expect("kill is there");
        assert!(status.success());
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> Ended {
        let mut stdout = Vec::new();
        let all = async {
            if let Some(mut open) = self.stdout.take() {
                open.read_to_end(&mut stdout).await.expect("stdout can be read");
            }
            while let Some(line) = self.stderr.next_line().await.expect("stderr is UTF-8") {
                self.said.push(line);
            }
            self.child.wait().await.expect("it can be waited for")
        };
        let status = within(all).await;
        Ended { code: status.code(), stdout, stderr: self.said }
    }
}

/// What is left of the program.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: a signal killed it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<String>,
}

impl Ended {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }

    #[track_caller]
    pub(crate) fn assert_success(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert!(!self.stderr.iter().any(|line| line.starts_with("error")), "{self:?}");
        self
    }

    /// Fails unless it ended with this code, having said one `error:` and one `hint:` and nothing else; gives the two.
    #[track_caller]
    pub(crate) fn assert_error(&self, code: i32) -> (&str, &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let [error, hint] = self.stderr.as_slice() else { panic!("two lines are expected: {self:?}") };
        let error = error.strip_prefix("error: ").unwrap_or_else(|| panic!("no error: {self:?}"));
        let hint = hint.strip_prefix("hint: ").unwrap_or_else(|| panic!("no hint: {self:?}"));
        (error, hint)
    }
}

/// A test that waits for what never comes shall fail, not hang.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("the program took too long")
}

const LIMIT: Duration = Duration::from_secs(30);

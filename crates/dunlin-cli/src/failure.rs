//! What is told when a command fails: one line on what is wrong, one on what to do, and a number for scripts.

mod codes;
mod hints;

use std::io;

use dunlin::{ConnectionError, NetworkError, OptionsError, PublishError, SubscribeError};
use dunlin_cloud::CallError;

use crate::exit_codes::ExitCode;

/// Why a command ends without having done its work.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    code: ExitCode,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// The command ends early, and everybody knows why: an interrupt, a reader that has gone.
    pub(crate) fn silent(code: ExitCode) -> Self {
        Self::new(code, "")
    }

    /// The command line contradicts itself in a way that clap cannot see.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }

    /// The same, with what was being done in front.
    pub(crate) fn during(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// There is no first connection. What the server does to one that it does not want reaches us as an end or as a
    /// reset, by chance; it is one failure here.
    pub(crate) fn of_connect(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Network(NetworkError::Reset) => ConnectionError::ClosedWithoutConnack.into(),
            other => other.into(),
        }
    }

    /// Stdout cannot be written. A broken pipe is no failure: its reader has what it wanted.
    pub(crate) fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::silent(ExitCode::Success),
            _ => Self::new(ExitCode::Other, format!("cannot write the output: {error}")),
        }
    }

    /// A file named on the command line cannot be read.
    pub(crate) fn of_file(what: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let failure = Self::new(ExitCode::Options, format!("cannot read {what} {}: {error}", path.display()));
        match error.kind() {
            io::ErrorKind::NotFound => failure.with_hint("check the path; a relative one starts at this directory"),
            io::ErrorKind::PermissionDenied => failure.with_hint("let the user that runs dunlin read it"),
            _ => failure,
        }
    }

    pub(crate) fn code(&self) -> ExitCode {
        self.code
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.message.is_empty()
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        let hint = hints::of_connection(&error).or(error.hint()).map(str::to_owned);
        Self { code: codes::of_connection(&error), message: error.to_string(), hint }
    }
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Self {
        ConnectionError::Options(error).into()
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        let hint = hints::of_publish(&error).map(str::to_owned);
        Self { code: codes::of_publish(&error), message: error.to_string(), hint }
    }
}

impl From<SubscribeError> for Failure {
    fn from(error: SubscribeError) -> Self {
        let hint = hints::of_subscribe(&error).map(str::to_owned);
        Self { code: codes::of_subscribe(&error), message: error.to_string(), hint }
    }
}

/// A service was asked, and there is no good answer.
impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let code = codes::of_call(&error);
        match error {
            CallError::Connect(error) => Self::of_connect(*error),
            CallError::Subscribe(error) => (*error).into(),
            CallError::Publish(error) => (*error).into(),
            other => {
                let hint = hints::of_call(&other).map(str::to_owned);
                Self { code, message: other.to_string(), hint }
            }
        }
    }
}

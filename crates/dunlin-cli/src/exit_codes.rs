//! What the command's exit code says: one number for each way to end, and none of them ever changes its meaning.

use std::fmt::Write as _;
use std::process;

use clap::Args;

use crate::failure::Failure;
use crate::printer::Printer;

/// How the command ended. Groups of ten say where to look: 1x the network, 2x TLS, 3x the server, 4x a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    Success = 0,
    Other = 1,
    /// The number that clap uses, too.
    Usage = 2,
    Options = 3,
    UnknownHost = 10,
    Unreachable = 11,
    Timeout = 12,
    ConnectionLost = 13,
    Proxy = 14,
    ServerCertificate = 20,
    ClientCertificate = 21,
    Tls = 22,
    Credentials = 30,
    Refused = 31,
    ServerFault = 32,
    MessageRejected = 40,
    MessageUnknown = 41,
    SubscriptionRefused = 42,
    /// 128 and the number of the signal, as shells do it.
    Interrupted = 130,
    Terminated = 143,
}

impl ExitCode {
    const ALL: [Self; 20] = [
        Self::Success,
        Self::Other,
        Self::Usage,
        Self::Options,
        Self::UnknownHost,
        Self::Unreachable,
        Self::Timeout,
        Self::ConnectionLost,
        Self::Proxy,
        Self::ServerCertificate,
        Self::ClientCertificate,
        Self::Tls,
        Self::Credentials,
        Self::Refused,
        Self::ServerFault,
        Self::MessageRejected,
        Self::MessageUnknown,
        Self::SubscriptionRefused,
        Self::Interrupted,
        Self::Terminated,
    ];

    fn meaning(self) -> &'static str {
        match self {
            Self::Success => "all was done; or whoever read the output has gone (a broken pipe)",
            Self::Other => "something else failed on this machine, such as writing the output",
            Self::Usage => "the command line is wrong",
            Self::Options => "an option or a file that it names cannot be used",
            Self::UnknownHost => "no address is known for the host",
            Self::Unreachable => "nothing listens on the port, or there is no way to the host",
            Self::Timeout => "no answer in time",
            Self::ConnectionLost => "the connection broke",
            Self::Proxy => "the proxy cannot be reached, or does not connect to the server",
            Self::ServerCertificate => "the server's certificate did not pass",
            Self::ClientCertificate => "the server did not take this client's certificate, or wants one",
            Self::Tls => "the other side does not speak TLS, or nothing that both can speak",
            Self::Credentials => "the server refused user name, password or rights",
            Self::Refused => "the server refused the connection for another reason",
            Self::ServerFault => "the server broke the rules of MQTT, or of WebSocket below it",
            Self::MessageRejected => "a message was refused: the server does not have it",
            Self::MessageUnknown => "nobody can tell whether a message arrived",
            Self::SubscriptionRefused => "the server refused a subscription",
            Self::Interrupted => "interrupted (Ctrl-C)",
            Self::Terminated => "told to end (SIGTERM)",
        }
    }

    /// One line for each code.
    pub(crate) fn table() -> String {
        Self::ALL.into_iter().fold(String::new(), |mut table, code| {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{:>5}  {}", code as u8, code.meaning());
            table
        })
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// The subcommand that prints the table.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  dunlin pub plant/7/temp 21.5; case $? in 1?) echo 'the network: try again' ;; esac"
)]
pub(crate) struct ExitCodes {}

impl ExitCodes {
    pub(crate) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        printer.data(ExitCode::table().as_bytes());
        printer.flush().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_stands_for_two_things_and_none_is_left_out() {
        let numbers = ExitCode::ALL.map(|code| code as u8);
        assert!(numbers.is_sorted_by(|before, after| before < after), "{numbers:?}");
        assert_eq!(ExitCode::table().lines().count(), ExitCode::ALL.len());
    }
}

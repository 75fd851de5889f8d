//! The `dunlin` command: publish, subscribe, and find out what is wrong, from a terminal.
//!
//! ```text
//!  arguments -> Connection (options of the library) -> pub | sub | cloud | demo -> Printer -> stdout: data
//!                                                            |                          \--> stderr: talk
//!                                                            v
//!                                                         Failure -> "error:", "hint:", exit code
//! ```
//!
//! A new subcommand is a file with its arguments and a `run`, and a line in [`arguments::Command`].

mod arguments;
mod cloud;
mod connection;
mod demo;
mod exit_codes;
mod failure;
mod interrupt;
mod json;
mod limit;
mod printer;
mod publish;
mod reconnects;
mod subscribe;
mod timestamp;

use std::process;

use clap::Parser;

use arguments::Arguments;
use exit_codes::ExitCode;
use failure::Failure;
use printer::Printer;

fn main() -> process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to stdout and complaints to stderr; where they cannot be written nobody is listening.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage.into() } else { ExitCode::Success.into() };
        }
    };
    let result = run(arguments);
    if let Err(failure) = &result
        && !failure.is_silent()
    {
        Printer::complain(failure);
    }
    result.map_or_else(|failure| failure.code(), |()| ExitCode::Success).into()
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitCode::Other, format!("this machine gives no event queue: {error}")))?;
    let result = runtime.block_on(arguments.command.run(&mut Printer::new()));
    // A thread that reads the terminal or writes into a pipe nobody empties would keep the command alive.
    runtime.shutdown_background();
    result
}

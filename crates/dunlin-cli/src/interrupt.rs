//! Being told to end.

use crate::exit_codes::ExitCode;

/// Waits until the user or the system wants the command to end, and says by which code.
pub(crate) async fn interrupted() -> ExitCode {
    tokio::select! {
        () = ctrl_c() => ExitCode::Interrupted,
        () = terminated() => ExitCode::Terminated,
    }
}

/// Where the signal cannot be had it never comes.
async fn ctrl_c() {
    match tokio::signal::ctrl_c().await {
        Ok(()) => {}
        Err(_) => std::future::pending().await,
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

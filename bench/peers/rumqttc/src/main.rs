//! rumqttc in the benchmark, with either version: its event loop on one thread, and for publishing a task beside it.

mod v3;
mod v5;

use bench_yardstick::{Arguments, Ending};

fn main() -> Ending {
    let arguments = Arguments::parse()?;
    if arguments.tls.is_some() {
        rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is installed")?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.v5 {
            true => v5::client::run(&arguments).await,
            false => v3::client::run(&arguments).await,
        }
    })
}

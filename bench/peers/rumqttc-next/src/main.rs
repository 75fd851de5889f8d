//! rumqttc-v4-next and rumqttc-v5-next in the benchmark: the event loop on one thread, and for publishing a task beside
//! it.

mod v3;
mod v5;

use bench_yardstick::{Arguments, Ending};

fn main() -> Ending {
    let arguments = Arguments::parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.v5 {
            true => v5::client::run(&arguments).await,
            false => v3::client::run(&arguments).await,
        }
    })
}

//! ntex-mqtt in the benchmark, with either version: on its own runtime, on one thread.

mod v3;
mod v5;

use bench_yardstick::{Arguments, Ending};
use ntex::SharedCfg;
use ntex_mqtt::MqttServiceConfig;

#[ntex::main]
async fn main() -> Ending {
    let arguments = Arguments::parse()?;
    match arguments.v5 {
        true => v5::client::run(&arguments).await,
        false => v3::client::run(&arguments).await,
    }
}

fn config(arguments: &Arguments) -> SharedCfg {
    let service = MqttServiceConfig::new()
        .set_max_send(arguments.window)
        .set_max_size(1 << 20)
        .set_max_receive(arguments.window.max(200))
        .set_max_receive_size(8 << 20)
        .set_min_chunk_size(1 << 20)
        .set_max_payload_buffer_size(1 << 20);
    SharedCfg::new("bench").add(service).into()
}

fn failed(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

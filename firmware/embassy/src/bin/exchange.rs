//! Every QoS both ways, in both versions, on embassy.

#![no_std]
#![no_main]

use dunlin_codec::Version;
use dunlin_embedded::EmbassyTimer;
use embassy_executor::Spawner;
use embassy_net::Stack;
use firmware_embassy::{Tcp, on_network};
use firmware_stories::{argument, exchange_async, finish};

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    finish(on_network(run).await.is_some());
}

async fn run(stack: Stack<'_>) -> Option<()> {
    let mut connector = Tcp::new(stack, argument()?);
    for version in [Version::V3_1_1, Version::V5] {
        exchange_async(&mut connector, EmbassyTimer, version).await?;
    }
    Some(())
}

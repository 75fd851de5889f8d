//! Messages of QoS 2 over links that break, in both versions, over TLS 1.3 with a certificate of the device.

#![no_std]
#![no_main]

use dunlin_codec::Version;
use dunlin_embedded::EmbassyTimer;
use embassy_executor::Spawner;
use embassy_net::Stack;
use firmware_embassy::{Identity, Tls, TlsMemory, on_network};
use firmware_stories::{argument, finish, storm_async};
use static_cell::ConstStaticCell;

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    finish(on_network(run).await.is_some());
}

async fn run(stack: Stack<'_>) -> Option<()> {
    static MEMORY: ConstStaticCell<TlsMemory> = ConstStaticCell::new(TlsMemory::EMPTY);
    let mut connector = Tls::new(stack, argument()?, "localhost", Identity::load()?, MEMORY.take());
    for version in [Version::V3_1_1, Version::V5] {
        storm_async(&mut connector, EmbassyTimer, version).await?;
    }
    Some(())
}

use core::pin::pin;

use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use firmware_mps2_an386::Ethernet;
use firmware_stories::beside;
use static_cell::ConstStaticCell;

use crate::{time, wire::Wire};

/// Runs the application on a board at 10.0.2.15, as the network of the emulation wants it; once.
pub async fn on_network<T>(application: impl AsyncFnOnce(Stack<'_>) -> Option<T>) -> Option<T> {
    static CHIP: ConstStaticCell<Ethernet> = ConstStaticCell::new(Ethernet::OFF);
    let chip = CHIP.take();
    chip.start();
    time::start(&mut cortex_m::Peripherals::take()?.SYST);
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
        gateway: None,
        dns_servers: Default::default(),
    });
    let mut resources = StackResources::<1>::new();
    let (stack, mut runner) = embassy_net::new(Wire(chip), config, &mut resources, SEED);
    beside(pin!(runner.run()), pin!(application(stack))).await
}

/// Of the ports that connections come from.
const SEED: u64 = 7;

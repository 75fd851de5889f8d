use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use firmware_mps2_an386::{Ethernet, Received, ToSend};
use smoltcp::{
    phy::{Device, TxToken as _},
    time::Instant,
};

use crate::time::EACH_TICK;

/// The ethernet chip as embassy-net wants it. It is looked at with each tick.
pub(crate) struct Wire(pub(crate) &'static mut Ethernet);

impl Driver for Wire {
    type RxToken<'a> = Incoming<'a>;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        EACH_TICK.register(cx.waker());
        let (received, to_send) = self.0.receive(Instant::ZERO)?;
        Some((Incoming(received), Outgoing(to_send)))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Outgoing<'_>> {
        self.0.transmit(Instant::ZERO).map(Outgoing)
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = self.0.capabilities().max_transmission_unit;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet([0x02, 0, 0, 0, 0, 0x01])
    }
}

pub(crate) struct Incoming<'a>(Received<'a>);

impl embassy_net_driver::RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        f(self.0.into_frame())
    }
}

pub(crate) struct Outgoing<'a>(ToSend<'a>);

impl embassy_net_driver::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.0.consume(len, f)
    }
}

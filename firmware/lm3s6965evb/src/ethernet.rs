use smoltcp::{
    phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken},
    time::Instant,
};

/// The ethernet chip, polled.
#[derive(Debug)]
pub struct Ethernet {
    /// A frame that came in, behind its length.
    received: [u8; FRAME],
    /// One that goes out, behind its length.
    sent: [u8; FRAME],
}

impl Ethernet {
    /// Before it is switched on.
    pub const OFF: Self = Self { received: [0; FRAME], sent: [0; FRAME] };

    /// Switches the chip on.
    pub fn start(&mut self) {
        store(RECEIVE_CONTROL, RECEIVE_RESET);
        store(RECEIVE_CONTROL, RECEIVE_ENABLED | RECEIVE_ALL);
        store(TRANSMIT_CONTROL, TRANSMIT_ENABLED | TRANSMIT_PADS | TRANSMIT_CRC | FULL_DUPLEX);
    }

    /// Reads a frame: its length, itself, and a checksum.
    fn read(&mut self) -> usize {
        let mut word = load(DATA);
        let len = (word & 0xFFFF) as usize;
        for (index, chunk) in self.received.chunks_exact_mut(4).take(len.div_ceil(4)).enumerate() {
            if index > 0 {
                word = load(DATA);
            }
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        len.saturating_sub(6)
    }
}

/// Writes a frame behind its length, which counts neither addresses nor type.
fn write(frame: &mut [u8; FRAME], len: usize) {
    let counted = (len.max(14) - 14) as u16;
    frame[..2].copy_from_slice(&counted.to_le_bytes());
    for chunk in frame.chunks_exact(4).take((len + 2).div_ceil(4)) {
        store(DATA, u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]));
    }
    store(TRANSMIT_REQUEST, 1);
}

impl Device for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, ToSend<'_>)> {
        if load(PACKETS) == 0 {
            return None;
        }
        let len = self.read();
        Some((Received(self.received.get(2..len + 2)?), ToSend(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<ToSend<'_>> {
        Some(ToSend(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1_514;
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}

/// A frame that came in.
#[derive(Debug)]
pub struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame that goes out.
#[derive(Debug)]
pub struct ToSend<'a>(&'a mut [u8; FRAME]);

impl TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let result = f(&mut self.0[2..len + 2]);
        write(self.0, len);
        result
    }
}

#[expect(unsafe_code, reason = "a register is read by its address")]
fn load(register: usize) -> u32 {
    // SAFETY: every address here is an aligned register of the chip, and reading one has no effect on memory.
    unsafe { core::ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

#[expect(unsafe_code, reason = "a register is written by its address")]
fn store(register: usize, value: u32) {
    // SAFETY: every address here is an aligned register of the chip, and none of them moves memory.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}

/// The longest frame, its length and its checksum.
const FRAME: usize = 1_520;

const RECEIVE_CONTROL: usize = 0x4004_8008;
const TRANSMIT_CONTROL: usize = 0x4004_800C;
const DATA: usize = 0x4004_8010;
const PACKETS: usize = 0x4004_8034;
const TRANSMIT_REQUEST: usize = 0x4004_8038;
const RECEIVE_ENABLED: u32 = 0x01;
const RECEIVE_ALL: u32 = 0x04;
const RECEIVE_RESET: u32 = 0x10;
const TRANSMIT_ENABLED: u32 = 0x01;
const TRANSMIT_PADS: u32 = 0x02;
const TRANSMIT_CRC: u32 = 0x04;
const FULL_DUPLEX: u32 = 0x10;

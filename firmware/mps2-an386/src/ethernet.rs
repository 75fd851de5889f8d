use smoltcp::{
    phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken},
    time::Instant,
};

/// The ethernet chip LAN9118, polled.
#[derive(Debug)]
pub struct Ethernet {
    /// A frame that came in.
    received: [u8; FRAME],
    /// One that goes out.
    sent: [u8; FRAME],
}

impl Ethernet {
    /// Before it is switched on.
    pub const OFF: Self = Self { received: [0; FRAME], sent: [0; FRAME] };

    /// Switches the chip on.
    pub fn start(&mut self) {
        store(HARDWARE_CONFIGURATION, MUST_BE_ONE | TRANSMIT_5_KIB);
        store(TRANSMIT_CONFIGURATION, TRANSMIT_ON);
        // A register of the part behind.
        store(MAC_DATA, MAC_TRANSMIT | MAC_RECEIVE | MAC_RECEIVE_ALL);
        store(MAC_COMMAND, MAC_BUSY | MAC_CONTROL);
    }

    /// Reads a frame and its checksum.
    fn read(&mut self) -> usize {
        let len = (load(RECEIVE_STATUS) >> 16 & 0x3FFF) as usize;
        for chunk in self.received.chunks_exact_mut(4).take(len.div_ceil(4)) {
            chunk.copy_from_slice(&load(RECEIVE_DATA).to_le_bytes());
        }
        len.saturating_sub(4)
    }
}

/// Writes a frame behind two commands.
fn write(frame: &[u8; FRAME], len: usize) {
    store(TRANSMIT_DATA, FIRST_PART | LAST_PART | len as u32);
    store(TRANSMIT_DATA, len as u32);
    for chunk in frame.chunks_exact(4).take(len.div_ceil(4)) {
        store(TRANSMIT_DATA, u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]));
    }
    // Taken out, so that there is room for the next.
    load(TRANSMIT_STATUS);
}

impl Device for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, ToSend<'_>)> {
        if load(RECEIVE_INFORMATION) >> 16 & 0xFF == 0 {
            return None;
        }
        let len = self.read();
        Some((Received(self.received.get_mut(..len)?), ToSend(&mut self.sent)))
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
pub struct Received<'a>(&'a mut [u8]);

impl<'a> Received<'a> {
    /// Its bytes, without the checksum.
    pub fn into_frame(self) -> &'a mut [u8] {
        self.0
    }
}

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
        let result = f(&mut self.0[..len]);
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

/// The longest frame, and its checksum.
const FRAME: usize = 1_520;

const RECEIVE_DATA: usize = 0x4020_0000;
const TRANSMIT_DATA: usize = 0x4020_0020;
const RECEIVE_STATUS: usize = 0x4020_0040;
const TRANSMIT_STATUS: usize = 0x4020_0048;
const TRANSMIT_CONFIGURATION: usize = 0x4020_0070;
const HARDWARE_CONFIGURATION: usize = 0x4020_0074;
const RECEIVE_INFORMATION: usize = 0x4020_007C;
const MAC_COMMAND: usize = 0x4020_00A4;
const MAC_DATA: usize = 0x4020_00A8;
const MUST_BE_ONE: u32 = 1 << 20;
const TRANSMIT_5_KIB: u32 = 5 << 16;
const TRANSMIT_ON: u32 = 0x02;
const FIRST_PART: u32 = 1 << 13;
const LAST_PART: u32 = 1 << 12;
const MAC_BUSY: u32 = 1 << 31;
const MAC_CONTROL: u32 = 1;
const MAC_RECEIVE: u32 = 0x04;
const MAC_TRANSMIT: u32 = 0x08;
const MAC_RECEIVE_ALL: u32 = 1 << 18;

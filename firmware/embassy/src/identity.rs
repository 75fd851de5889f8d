/// Who the device is: written behind the program by whoever makes the device.
///
/// ```text
///   authority | certificate | key | seed | time | secret       each behind its length: two bytes, the larger first
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The certificate of who vouches for servers, in DER.
    pub authority: &'static [u8],
    /// The certificate of the device, in DER.
    pub certificate: &'static [u8],
    /// Its key: the number on P-256, 32 bytes.
    pub key: &'static [u8],
    /// Where a board has nothing that makes random numbers: 32 bytes of them, other ones each time.
    pub seed: &'static [u8],
    /// Where a board has no clock that goes on without it: the time of the start, in seconds since 1970, UTC.
    pub time: u64,
    /// What it shares with a service that wants no certificate. May be empty.
    pub secret: &'static [u8],
}

impl Identity {
    /// Reads it from the flash; `None`: there is none.
    pub fn load() -> Option<Self> {
        let mut rest = flash();
        let mut part = || {
            let (len, behind) = rest.split_first_chunk()?;
            let (part, behind) = behind.split_at_checked(u16::from_be_bytes(*len).into())?;
            rest = behind;
            Some(part)
        };
        let (authority, certificate, key, seed) = (part()?, part()?, part()?, part()?);
        let (time, secret) = (u64::from_be_bytes(part()?.try_into().ok()?), part()?);
        (key.len() == 32 && seed.len() == 32).then_some(Self { authority, certificate, key, seed, time, secret })
    }
}

#[expect(unsafe_code, reason = "a part of the flash that the linker knows nothing of")]
fn flash() -> &'static [u8] {
    // SAFETY: these bytes are in the flash, behind the program, and nobody writes them while it runs.
    unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(ADDRESS), LEN) }
}

const ADDRESS: usize = 0x003F_F000;
const LEN: usize = 4_096;

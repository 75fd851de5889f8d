/// Who the device is: written behind the program by whoever makes the device, in DER where it is not said otherwise.
///
/// ```text
///   length, authority | length, certificate | 32, key | 32, seed        lengths: two bytes, the larger first
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The certificate of who vouches for servers.
    pub authority: &'static [u8],
    /// The certificate of the device.
    pub certificate: &'static [u8],
    /// Its key: the number on P-256, 32 bytes.
    pub key: &'static [u8],
    /// Where a board has nothing that makes random numbers: 32 bytes of them, other ones each time.
    pub seed: &'static [u8],
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
        let identity = Self { authority: part()?, certificate: part()?, key: part()?, seed: part()? };
        (identity.key.len() == 32 && identity.seed.len() == 32).then_some(identity)
    }
}

#[expect(unsafe_code, reason = "a part of the flash that the linker knows nothing of")]
fn flash() -> &'static [u8] {
    // SAFETY: these bytes are in the flash, behind the program, and nobody writes them while it runs.
    unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(ADDRESS), LEN) }
}

const ADDRESS: usize = 0x003F_F000;
const LEN: usize = 4_096;

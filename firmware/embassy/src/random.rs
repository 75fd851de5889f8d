use rand_core::{CryptoRng, Error, RngCore};
use sha2::{Digest, Sha256};

/// Random numbers from a seed: its hash, counted. A board that makes random numbers has something better.
#[derive(Debug)]
pub(crate) struct Seeded {
    pub(crate) seed: &'static [u8],
    pub(crate) count: u32,
}

impl CryptoRng for Seeded {}

impl RngCore for Seeded {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(32) {
            self.count += 1;
            let hash = Sha256::new().chain_update(self.seed).chain_update(self.count.to_be_bytes()).finalize();
            part.copy_from_slice(&hash[..part.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

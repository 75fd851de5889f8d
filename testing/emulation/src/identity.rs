use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use dunlin_testkit::{Authority, Identity};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// Who a board is, in a file that is put into its flash: `firmware/embassy/src/identity.rs` tells how. The file is gone
/// with this.
#[derive(Debug)]
pub(crate) struct Flashed {
    path: PathBuf,
}

impl Flashed {
    /// A device that trusts this authority, and shows this of itself.
    pub(crate) fn new(authority: &Authority, device: &Identity) -> io::Result<Self> {
        let authority =
            CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes()).map_err(io::Error::other)?;
        let certificate =
            CertificateDer::from_pem_slice(device.certificate_pem().as_bytes()).map_err(io::Error::other)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(device.key_pem().as_bytes()).map_err(io::Error::other)?;
        let key = number(key.secret_pkcs8_der()).ok_or_else(|| io::Error::other("it is no key on P-256"))?;
        let mut seed = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut seed)?;
        let mut bytes = Vec::new();
        for part in [&authority, &certificate, key, &seed] {
            bytes.extend(u16::try_from(part.len()).map_err(io::Error::other)?.to_be_bytes());
            bytes.extend(part);
        }
        let path = std::env::temp_dir().join(format!("dunlin-board-{:016x}", u64::from_ne_bytes(first(&seed))));
        fs::write(&path, bytes)?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Flashed {
    fn drop(&mut self) {
        // What is left behind in a temporary directory harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// The secret number in a key on P-256: 32 bytes behind the version of what is in it.
fn number(key: &[u8]) -> Option<&[u8]> {
    const BEFORE: &[u8] = b"\x02\x01\x01\x04\x20";
    let at = key.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
    key.get(at..at + 32)
}

fn first(seed: &[u8; 32]) -> [u8; 8] {
    let mut first = [0; 8];
    first.copy_from_slice(&seed[..8]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_given_four_parts_behind_their_lengths() {
        let authority = Authority::new("plant").unwrap();
        let flashed = Flashed::new(&authority, &authority.client("board").unwrap()).unwrap();
        let bytes = fs::read(flashed.path()).unwrap();
        let mut rest = &bytes[..];
        let lengths: Vec<usize> = std::iter::from_fn(|| {
            let (len, behind) = rest.split_first_chunk()?;
            let len = usize::from(u16::from_be_bytes(*len));
            rest = &behind[len..];
            Some(len)
        })
        .collect();
        assert!(matches!(lengths[..], [100..=999, 100..=999, 32, 32]), "{lengths:?}");
        let path = flashed.path().to_owned();
        drop(flashed);
        assert!(!path.exists());
    }
}

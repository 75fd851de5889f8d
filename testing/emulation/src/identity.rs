use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
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
    /// A device that trusts this authority, shows this of itself, and shares this with a service.
    pub(crate) fn new(authority: &Authority, device: &Identity, secret: &[u8]) -> io::Result<Self> {
        let authority =
            CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes()).map_err(io::Error::other)?;
        let certificate =
            CertificateDer::from_pem_slice(device.certificate_pem().as_bytes()).map_err(io::Error::other)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(device.key_pem().as_bytes()).map_err(io::Error::other)?;
        let key = number(key.secret_pkcs8_der()).ok_or_else(|| io::Error::other("it is no key on P-256"))?;
        let mut seed = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut seed)?;
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_secs().to_be_bytes();
        let mut bytes = Vec::new();
        for part in [&authority, &certificate, key, &seed, &time, secret] {
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

/// The key in a certificate on P-256, in PEM.
pub(crate) fn public_key(device: &Identity) -> io::Result<String> {
    let certificate = CertificateDer::from_pem_slice(device.certificate_pem().as_bytes()).map_err(io::Error::other)?;
    let at = certificate.windows(P256.len()).position(|window| window == P256);
    let key = at.and_then(|at| certificate.get(at..at + P256.len() + 65));
    let key = key.ok_or_else(|| io::Error::other("it has no key on P-256"))?;
    Ok(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(key)))
}

/// What stands before a point in a key on P-256.
const P256: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07\x03\x42\x00";

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
    fn a_board_is_given_six_parts_behind_their_lengths() {
        let authority = Authority::new("plant").unwrap();
        let flashed = Flashed::new(&authority, &authority.client("board").unwrap(), b"secret").unwrap();
        let bytes = fs::read(flashed.path()).unwrap();
        let mut rest = &bytes[..];
        let lengths: Vec<usize> = std::iter::from_fn(|| {
            let (len, behind) = rest.split_first_chunk()?;
            let len = usize::from(u16::from_be_bytes(*len));
            rest = &behind[len..];
            Some(len)
        })
        .collect();
        assert!(matches!(lengths[..], [100..=999, 100..=999, 32, 32, 8, 6]), "{lengths:?}");
        let path = flashed.path().to_owned();
        drop(flashed);
        assert!(!path.exists());
    }
}

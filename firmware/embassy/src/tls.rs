use core::cell::RefCell;

use dunlin_embedded::{Carrier, Connector};
use embassy_net::Stack;
use embedded_io_async::{ErrorType, Read, Write};
use embedded_tls::{
    Aes128GcmSha256, Certificate, CryptoProvider, MaxFragmentLength, NoClock, SignatureScheme, TlsConfig,
    TlsConnection, TlsContext, TlsError, TlsVerifier, pki::CertVerifier,
};
use p256::ecdsa::{DerSignature, SigningKey};
use rand_core::CryptoRngCore;
use signature::SignerMut;

use crate::{Identity, TcpMemory, random::Seeded};

/// TLS 1.3 over TCP, to a server whose certificate the authority of the identity has signed.
pub struct Tls<'s> {
    stack: Stack<'s>,
    port: u16,
    name: &'static str,
    identity: Identity,
    random: Seeded,
    memory: &'static mut TlsMemory,
}

/// What a connection works in.
#[derive(Debug)]
pub struct TlsMemory {
    tcp: TcpMemory,
    /// A whole record must fit: 16,640 bytes if the server takes no heed of the length that it is told.
    received: [u8; 2_560],
    sent: [u8; 1_024],
}

impl TlsMemory {
    /// Nothing in it.
    pub const EMPTY: Self = Self { tcp: TcpMemory::EMPTY, received: [0; 2_560], sent: [0; 1_024] };
}

impl<'s> Tls<'s> {
    /// Connects to this port, of a server of this name.
    pub fn new(
        stack: Stack<'s>,
        port: u16,
        name: &'static str,
        identity: Identity,
        memory: &'static mut TlsMemory,
    ) -> Self {
        Self { stack, port, name, identity, random: Seeded { seed: identity.seed, count: 0 }, memory }
    }
}

impl Connector for Tls<'_> {
    type Error = TlsError;

    async fn connect(&mut self, carrier: Carrier<'_, '_>) -> Result<(), TlsError> {
        let TlsMemory { tcp, received, sent } = &mut *self.memory;
        let mut socket = tcp.connect(self.stack, self.port).await.map_err(|_| TlsError::ConnectionClosed)?;
        let (reader, writer) = socket.split();
        let halves = Halves { reader: RefCell::new(reader), writer: RefCell::new(writer) };
        let mut tls = TlsConnection::new(&halves, received, sent);
        {
            let config =
                TlsConfig::new().with_server_name(self.name).with_max_fragment_length(MaxFragmentLength::Bits11);
            let mut provider = Provider::new(self.identity, &mut self.random);
            tls.open(TlsContext::new(&config, &mut provider)).await?;
        }
        let (reader, writer) = tls.split();
        carrier.carry(reader, writer).await;
        Ok(())
    }
}

/// What is vouched for, and by whom.
struct Provider<'r> {
    identity: Identity,
    random: &'r mut Seeded,
    verifier: CertVerifier<'static, Aes128GcmSha256, NoClock, 1_024>,
}

impl<'r> Provider<'r> {
    fn new(identity: Identity, random: &'r mut Seeded) -> Self {
        Self { identity, random, verifier: CertVerifier::new(Certificate::X509(identity.authority)) }
    }
}

impl CryptoProvider for Provider<'_> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = DerSignature;

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut *self.random
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.verifier)
    }

    fn signer(&mut self) -> Result<(impl SignerMut<DerSignature>, SignatureScheme), TlsError> {
        let key = SigningKey::from_slice(self.identity.key).map_err(|_| TlsError::InvalidPrivateKey)?;
        Ok((key, SignatureScheme::EcdsaSecp256r1Sha256))
    }

    fn client_cert(&mut self) -> Option<Certificate<impl AsRef<[u8]>>> {
        Some(Certificate::X509(self.identity.certificate))
    }
}

/// The two halves of a link as one that can be copied, as embedded-tls wants it: one copy reads, the other one writes.
struct Halves<R, W> {
    reader: RefCell<R>,
    writer: RefCell<W>,
}

impl<R: ErrorType, W> ErrorType for &Halves<R, W> {
    type Error = R::Error;
}

#[expect(clippy::await_holding_refcell_ref, reason = "nobody else reads")]
impl<R: Read, W> Read for &Halves<R, W> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, R::Error> {
        self.reader.borrow_mut().read(buffer).await
    }
}

#[expect(clippy::await_holding_refcell_ref, reason = "nobody else writes")]
impl<E: embedded_io_async::Error, R: ErrorType<Error = E>, W: Write + ErrorType<Error = E>> Write for &Halves<R, W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, E> {
        self.writer.borrow_mut().write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), E> {
        self.writer.borrow_mut().flush().await
    }
}

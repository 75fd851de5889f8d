use dunlin_embedded::{Clock, Link};
use embedded_io::ErrorKind;
use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage},
    phy::Device,
    socket::tcp,
    time::Instant,
    wire::{EthernetAddress, IpCidr, Ipv4Address},
};

/// TCP over a network chip: a link to a port of the machine that emulates the board.
pub struct Network<'m, D: Device, C> {
    device: &'m mut D,
    clock: C,
    interface: Interface,
    sockets: SocketSet<'m>,
    socket: SocketHandle,
    port: u16,
    /// A connection comes from another port than the one before.
    local_port: u16,
}

/// What [`Network`] works in.
pub struct NetworkMemory<'m> {
    sockets: [SocketStorage<'m>; 1],
    receive: [u8; 1_024],
    transmit: [u8; 1_024],
}

impl NetworkMemory<'_> {
    /// Nothing in it.
    pub const EMPTY: Self = Self { sockets: [SocketStorage::EMPTY], receive: [0; 1_024], transmit: [0; 1_024] };
}

/// The link broke, or cannot be made.
#[derive(Debug)]
pub struct Failure;

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the link broke")
    }
}

impl core::error::Error for Failure {}

impl embedded_io::Error for Failure {
    fn kind(&self) -> ErrorKind {
        ErrorKind::ConnectionReset
    }
}

impl<'m, D: Device, C: Clock> Network<'m, D, C> {
    /// A board at 10.0.2.15, as the network of the emulation wants it.
    pub fn new(device: &'m mut D, mut clock: C, memory: &'m mut NetworkMemory<'m>, port: u16) -> Self {
        let now = instant(&mut clock);
        let mut interface = Interface::new(Config::new(HARDWARE.into()), device, now);
        interface.update_ip_addrs(|addresses| {
            // There is room for one.
            let _ = addresses.push(IpCidr::new(Ipv4Address::new(10, 0, 2, 15).into(), 24));
        });
        let mut sockets = SocketSet::new(&mut memory.sockets[..]);
        let receive = tcp::SocketBuffer::new(&mut memory.receive[..]);
        let mut socket = tcp::Socket::new(receive, tcp::SocketBuffer::new(&mut memory.transmit[..]));
        socket.set_nagle_enabled(false);
        let socket = sockets.add(socket);
        Self { device, clock, interface, sockets, socket, port, local_port: 49_152 }
    }

    fn poll(&mut self) -> &mut tcp::Socket<'m> {
        let now = instant(&mut self.clock);
        self.interface.poll(now, self.device, &mut self.sockets);
        self.sockets.get_mut(self.socket)
    }
}

fn instant(clock: &mut impl Clock) -> Instant {
    Instant::from_millis(clock.now().as_millis() as i64)
}

impl<D: Device, C: Clock> Link for Network<'_, D, C> {
    fn open(&mut self) -> Result<(), Failure> {
        self.local_port = self.local_port.checked_add(1).unwrap_or(49_152);
        let (remote, local) = ((Ipv4Address::new(10, 0, 2, 2), self.port), self.local_port);
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.socket);
        socket.connect(self.interface.context(), remote, local).map_err(|_| Failure)?;
        let give_up_at = self.clock.now() + 5_000;
        loop {
            let socket = self.poll();
            if socket.may_send() {
                return Ok(());
            }
            if !socket.is_open() || self.clock.now() > give_up_at {
                return Err(Failure);
            }
        }
    }

    fn close(&mut self) {
        let give_up_at = self.clock.now() + 1_000;
        // What was written goes out first.
        while self.poll().send_queue() > 0 && self.poll().may_send() && self.clock.now() < give_up_at {}
        self.poll().abort();
        self.poll();
    }
}

impl<D: Device, C: Clock> embedded_io::ErrorType for Network<'_, D, C> {
    type Error = Failure;
}

impl<D: Device, C: Clock> embedded_io::ReadReady for Network<'_, D, C> {
    fn read_ready(&mut self) -> Result<bool, Failure> {
        let socket = self.poll();
        Ok(socket.can_recv() || !socket.may_recv())
    }
}

impl<D: Device, C: Clock> embedded_io::Read for Network<'_, D, C> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        match self.poll().recv_slice(buffer) {
            Ok(len) => Ok(len),
            Err(tcp::RecvError::Finished) => Ok(0),
            Err(tcp::RecvError::InvalidState) => Err(Failure),
        }
    }
}

impl<D: Device, C: Clock> embedded_io::Write for Network<'_, D, C> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        loop {
            match self.poll().send_slice(bytes) {
                Ok(0) if !bytes.is_empty() => {}
                Ok(len) => return Ok(len),
                Err(_) => return Err(Failure),
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.poll();
        Ok(())
    }
}

const HARDWARE: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 0x01]);

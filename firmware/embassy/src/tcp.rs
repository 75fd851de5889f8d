use dunlin_embedded::{Carrier, Connector};
use embassy_net::{
    Ipv4Address, Stack,
    tcp::{ConnectError, TcpSocket},
};

/// TCP to a port of the machine that emulates the board.
pub struct Tcp<'s> {
    stack: Stack<'s>,
    port: u16,
    memory: TcpMemory,
}

/// What a connection works in.
#[derive(Debug)]
pub struct TcpMemory {
    receive: [u8; 1_024],
    transmit: [u8; 1_024],
}

impl TcpMemory {
    /// Nothing in it.
    pub const EMPTY: Self = Self { receive: [0; 1_024], transmit: [0; 1_024] };

    /// Opens a connection.
    pub(crate) async fn connect<'m>(&'m mut self, stack: Stack<'m>, port: u16) -> Result<TcpSocket<'m>, ConnectError> {
        let mut socket = TcpSocket::new(stack, &mut self.receive, &mut self.transmit);
        socket.set_nagle_enabled(false);
        socket.connect((MACHINE, port)).await?;
        Ok(socket)
    }
}

impl<'s> Tcp<'s> {
    /// Connects to this port.
    pub fn new(stack: Stack<'s>, port: u16) -> Self {
        Self { stack, port, memory: TcpMemory::EMPTY }
    }
}

impl Connector for Tcp<'_> {
    type Error = ConnectError;

    async fn connect(&mut self, carrier: Carrier<'_, '_>) -> Result<(), ConnectError> {
        let mut socket = self.memory.connect(self.stack, self.port).await?;
        let (reader, writer) = socket.split();
        carrier.carry(reader, writer).await;
        Ok(())
    }
}

const MACHINE: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

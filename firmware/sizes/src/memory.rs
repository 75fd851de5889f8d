use dunlin_session::{Received, Slot};

/// The buffers of a client. A `static` of it begins with zeros alone: the image need not hold them.
#[derive(Debug)]
pub struct Memory {
    /// Messages that wait or are not acknowledged.
    pub log: [u8; 192],
    /// Control packets.
    pub control: [u8; 128],
    /// What comes in.
    pub receive: [u8; 64],
    /// What is being written.
    pub transmit: [u8; 64],
    /// Topics that the server names by an alias: two, of up to 22 bytes.
    pub aliases: [u8; 48],
}

impl Memory {
    /// Nothing in it.
    pub const EMPTY: Self =
        Self { log: [0; 192], control: [0; 128], receive: [0; 64], transmit: [0; 64], aliases: [0; 48] };
}

/// Its tables, which do not begin with zeros.
#[derive(Debug)]
pub struct Tables {
    /// Messages in flight outwards.
    pub slots: [Slot<()>; 4],
    /// And inwards.
    pub received: [Received; 4],
}

impl Tables {
    /// Nothing in them.
    pub const EMPTY: Self = Self { slots: [const { Slot::EMPTY }; 4], received: [Received::EMPTY; 4] };
}

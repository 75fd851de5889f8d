use dunlin_codec::{FixedHeader, PacketType};

/// Looks at the packets as they leave: the ping counts from the last one that must be answered.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Bytes of the packet that is leaving which are still to come.
    left: usize,
    head: Vec<u8>,
    /// It must be answered.
    asks: bool,
    is_message: bool,
    asked_at: u64,
    /// When it was asked for what nothing has come since.
    owed_since: Option<u64>,
    /// Milliseconds; 0: none.
    keep_alive: u64,
}

impl Watch {
    /// Of a connection that is being opened.
    pub(super) fn new(now: u64) -> Self {
        Self { asked_at: now, ..Self::default() }
    }

    /// CONNACK came.
    pub(super) fn handle_connected(&mut self, now: u64, keep_alive: u16) {
        (self.keep_alive, self.asked_at) = (u64::from(keep_alive) * 1_000, now);
    }

    /// Something came.
    pub(super) fn handle_received(&mut self) {
        self.owed_since = None;
    }

    /// No packet has left in part.
    pub(super) fn is_between(&self) -> bool {
        self.left == 0 && self.head.is_empty()
    }

    /// These bytes leave.
    pub(super) fn look(&mut self, now: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                self.head.push(bytes[0]);
                bytes = &bytes[1..];
                if let Ok(Some(header)) = FixedHeader::read(&self.head) {
                    let first_byte = header.first_byte;
                    let unanswered = match first_byte >> 4 {
                        3 => first_byte & 0x06 == 0,
                        packet_type => !ASKING.contains(&packet_type),
                    };
                    self.asks = !unanswered;
                    self.is_message = first_byte >> 4 == PacketType::Publish as u8;
                    self.left = header.packet_len() - header.len;
                    self.head.clear();
                }
            }
            let len = self.left.min(bytes.len());
            self.left -= len;
            bytes = &bytes[len..];
            if self.asks {
                self.asked_at = now;
                if self.left == 0 && self.head.is_empty() {
                    self.owed_since.get_or_insert(now);
                }
            }
            if self.is_message && self.owed_since.is_some() {
                // On a slow link the silence counts from the end of what is being sent.
                self.owed_since = Some(now);
            }
        }
    }

    /// A PINGREQ leaves `keep_alive` after the last packet that must be answered, whatever else comes and goes.
    pub(super) fn check(&self, now: u64, has_room: bool, connected: bool) {
        if connected && has_room && self.keep_alive > 0 {
            let silent = now - self.asked_at;
            assert!(silent <= self.keep_alive, "nothing was asked for {silent} ms: a PINGREQ is due");
        }
        // What is asked behind the last byte that came, inside of what is being sent, may wait for the next ping.
        let silent = self.owed_since.map_or(0, |since| now - since);
        let allowed = self.keep_alive + u64::from(PING_TIMEOUT);
        assert!(!connected || !has_room || silent <= allowed, "the server owes an answer for {silent} ms: it is dead");
    }
}

const ASKING: [u8; 4] =
    [PacketType::Pubrel as u8, PacketType::Subscribe as u8, PacketType::Unsubscribe as u8, PacketType::Pingreq as u8];
/// Milliseconds that a server may take for an answer.
pub(super) const PING_TIMEOUT: u32 = 3_000;

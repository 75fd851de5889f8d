use std::io::{self, Write};

use bench_yardstick::Publish;

/// Messages that a client asked for.
pub(crate) struct Flood {
    qos: u8,
    left: u64,
    window: u64,
    unacknowledged: u64,
    last_id: u16,
    packet: Vec<u8>,
    /// Where in the packet its identifier is.
    identifier_at: usize,
}

impl Flood {
    /// What `filter` asks for, if it does.
    pub(crate) fn asked_by(filter: &str, v5: bool) -> Option<Self> {
        let mut numbers = filter.strip_prefix("flood/")?.split('/').map(|word| word.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let (qos, size, left, window) = (next()? as u8, next()? as usize, next()?, next()?);
        let topic = format!("{}t", filter.trim_end_matches('#'));
        let mut packet = Vec::new();
        let identifier_at = Publish { topic: &topic, qos, id: 1, payload: &vec![b'x'; size], v5 }.put(&mut packet);
        Some(Self { qos, left, window, unacknowledged: 0, last_id: 0, packet, identifier_at })
    }

    pub(crate) fn acknowledged(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left == 0 && self.unacknowledged == 0
    }

    /// With QoS 0 all at once, otherwise as many as may be, behind what is in `out`.
    pub(crate) fn send(&mut self, out: &mut Vec<u8>, stream: &mut impl Write) -> io::Result<()> {
        if self.qos == 0 {
            stream.write_all(out)?;
            out.clear();
            return self.send_unasked(stream);
        }
        while self.left > 0 && self.unacknowledged < self.window {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let at = out.len() + self.identifier_at;
            out.extend_from_slice(&self.packet);
            out[at..at + 2].copy_from_slice(&self.last_id.to_be_bytes());
            (self.left, self.unacknowledged) = (self.left - 1, self.unacknowledged + 1);
        }
        Ok(())
    }

    fn send_unasked(&mut self, stream: &mut impl Write) -> io::Result<()> {
        let each = (BLOCK / self.packet.len()).max(1);
        let block = self.packet.repeat(each);
        while self.left > 0 {
            let now = self.left.min(each as u64);
            stream.write_all(&block[..now as usize * self.packet.len()])?;
            self.left -= now;
        }
        stream.flush()
    }
}

/// Bytes of QoS 0 messages in one write.
const BLOCK: usize = 256 << 10;

//! Just enough of MQTT 3.1.1 and 5.0 to move bytes.

/// The first byte of a packet, the length of its fixed header and of all of it; `None` while the header is not there.
#[inline]
pub fn header(input: &[u8]) -> Option<(u8, usize, usize)> {
    let first_byte = *input.first()?;
    let mut remaining = 0;
    for (index, byte) in input[1..].iter().take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let header_len = 2 + index;
            return Some((first_byte, header_len, header_len + remaining));
        }
    }
    None
}

/// Appends a remaining length.
#[inline]
pub(crate) fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length > 0x7F {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// What a PUBLISH says.
#[derive(Debug, Clone, Copy)]
pub struct Publish<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its QoS.
    pub qos: u8,
    /// Its packet identifier, if it has one.
    pub id: u16,
    /// Its payload.
    pub payload: &'a [u8],
    /// MQTT 5.0.
    pub v5: bool,
}

impl Publish<'_> {
    /// Appends the packet, and tells where in `out` the packet identifier is.
    #[inline]
    pub fn put(&self, out: &mut Vec<u8>) -> usize {
        let identifier_len = if self.qos > 0 { 2 } else { 0 };
        out.push(0x30 | self.qos << 1);
        put_length(out, 2 + self.topic.len() + identifier_len + usize::from(self.v5) + self.payload.len());
        put_text(out, self.topic);
        let identifier_at = out.len();
        if self.qos > 0 {
            out.extend_from_slice(&self.id.to_be_bytes());
        }
        if self.v5 {
            out.push(0);
        }
        out.extend_from_slice(self.payload);
        identifier_at
    }
}

/// A CONNECT with a clean session.
pub fn connect_packet(client_id: &str, v5: bool) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', if v5 { 5 } else { 4 }, 0x02, 0, 60];
    if v5 {
        body.push(0);
    }
    put_text(&mut body, client_id);
    packet(0x10, &body)
}

/// A SUBSCRIBE to one filter.
pub fn subscribe_packet(filter: &str, qos: u8, v5: bool) -> Vec<u8> {
    let mut body = vec![0, 1];
    if v5 {
        body.push(0);
    }
    put_text(&mut body, filter);
    body.push(qos);
    packet(0x82, &body)
}

/// A whole packet.
pub fn packet(first_byte: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first_byte];
    put_length(&mut packet, body.len());
    packet.extend_from_slice(body);
    packet
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for body in [0, 1, 127, 128, 16_383, 16_384, 100_000] {
            let packet = packet(0x30, &vec![0; body]);
            let (first_byte, header_len, len) = header(&packet).unwrap();
            assert_eq!((first_byte, len - header_len, len), (0x30, body, packet.len()));
        }
        assert!(header(&[0x30, 0x80]).is_none());
    }
}

use dunlin_codec::{PacketType, Properties, PropertyOwner, Qos, TopicName, copy_bytes};
use dunlin_session::PublishOptions;

/// A message in the queue. It borrows the queue's buffer.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'m> {
    /// Names it, as long as it is in the queue. Messages are numbered as they come, from one more than the last that is
    /// there when the queue is opened.
    pub number: u32,
    /// Where it is published.
    pub topic: TopicName<'m>,
    /// What it says.
    pub payload: &'m [u8],
    /// How it is published; always [tracked](PublishOptions::tracked).
    pub options: PublishOptions<'m>,
}

/// ```text
///   format, flags | number    | topic's length | (properties' length) | topic | (properties) | payload
///   1 byte        | 4 bytes   | 2 bytes        | (2 bytes)            |       |              |
/// ```
///
/// Numbers are little-endian. How long it is all together the storage knows.
impl<'m> Stored<'m> {
    /// Bytes that it takes.
    pub(crate) fn len(&self) -> usize {
        let properties = self.options.properties.as_bytes().len();
        let parts = [HEAD, self.topic.as_bytes().len(), properties, self.payload.len()];
        let sum = parts.into_iter().fold(0, usize::saturating_add);
        if properties > 0 { sum.saturating_add(2) } else { sum }
    }

    /// Writes it to memory that has as many bytes as it takes. `None`: it has not, or a part is too long to tell.
    pub(crate) fn encode(&self, out: &mut [u8]) -> Option<()> {
        let (topic, properties) = (self.topic.as_bytes(), self.options.properties.as_bytes());
        let retain = if self.options.retain { RETAIN } else { 0 };
        let has_properties = if properties.is_empty() { 0 } else { PROPERTIES };
        let mut out = put(out, &[FORMAT | self.options.qos as u8 | retain | has_properties])?;
        out = put(out, &self.number.to_le_bytes())?;
        out = put(out, &u16::try_from(topic.len()).ok()?.to_le_bytes())?;
        if !properties.is_empty() {
            out = put(out, &u16::try_from(properties.len()).ok()?.to_le_bytes())?;
        }
        out = put(out, topic)?;
        out = put(out, properties)?;
        put(out, self.payload).map(|_| ())
    }

    /// `None`: it was not written by this queue.
    pub(crate) fn decode(bytes: &'m [u8]) -> Option<Self> {
        let ([flags], rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (topic, rest) = len(rest)?;
        let (properties, rest) = if flags & PROPERTIES != 0 { len(rest)? } else { (0, rest) };
        let (topic, rest) = rest.split_at_checked(topic)?;
        let (properties, payload) = rest.split_at_checked(properties)?;
        if flags & !(QOS | RETAIN | PROPERTIES) != FORMAT {
            return None;
        }
        let properties = Properties::check(PropertyOwner::Packet(PacketType::Publish), properties).ok()?;
        let (qos, retain) = (Qos::from_u8(flags & QOS)?, flags & RETAIN != 0);
        Some(Self {
            number: u32::from_le_bytes(*number),
            topic: TopicName::new(core::str::from_utf8(topic).ok()?).ok()?,
            payload,
            // The outcome of QoS 0 is asked for, too: it leaves the queue when it was sent.
            options: PublishOptions { qos, retain, properties, tracked: true },
        })
    }
}

fn put<'o>(out: &'o mut [u8], bytes: &[u8]) -> Option<&'o mut [u8]> {
    let (here, rest) = out.split_at_mut_checked(bytes.len())?;
    copy_bytes(here, bytes);
    Some(rest)
}

fn len(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    Some((u16::from_le_bytes(*len).into(), rest))
}

const HEAD: usize = 7;
const FORMAT: u8 = 0x10;
const QOS: u8 = 0x03;
const RETAIN: u8 = 0x04;
const PROPERTIES: u8 = 0x08;

#[cfg(test)]
mod tests {
    use dunlin_codec::{Property, PropertyWriter};

    use super::*;

    #[test]
    fn a_message_is_what_it_was_and_no_shorter_piece_of_it_is_one() {
        let mut memory = [0; 32];
        let writer = PropertyWriter::new(PropertyOwner::Packet(PacketType::Publish), &mut memory);
        let properties = writer.push(Property::ContentType("text")).unwrap().finish().unwrap();
        for properties in [properties, Properties::NONE] {
            let options = PublishOptions { qos: Qos::ExactlyOnce, retain: true, properties, tracked: true };
            let topic = TopicName::new("plant/7").unwrap();
            let message = Stored { number: 0x0102_0304, topic, payload: b"21.5", options };
            let mut bytes = [0; 64];
            let bytes = &mut bytes[..message.len()];
            message.encode(bytes).unwrap();
            let read = Stored::decode(bytes).unwrap();
            assert_eq!((read.number, read.topic, read.payload), (message.number, topic, &b"21.5"[..]));
            assert_eq!((read.options.qos, read.options.retain), (Qos::ExactlyOnce, true));
            assert_eq!(read.options.properties.as_bytes(), properties.as_bytes());
            for len in 0..message.len() - 4 {
                assert!(Stored::decode(&bytes[..len]).is_none(), "{len}");
                assert!(message.encode(&mut bytes.to_vec()[..len]).is_none(), "{len}");
            }
            bytes[0] ^= 0x30;
            assert!(Stored::decode(bytes).is_none(), "another format");
        }
    }
}

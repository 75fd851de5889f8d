use dunlin_codec::{PublishHead, Qos, TopicName, Version};

use super::Outbound;
use crate::{Buffer, Limits, Memory, OutboundAliases, Segments};

/// Messages whose topic is named by an alias. The log has each with its whole topic, so that a repetition needs no
/// alias; on the way out another head takes the place of the one in the log:
///
/// ```text
///            run_start                              run_end
///   log:        | head with the topic  |  payload      |
///   sent:         head with the alias  +  payload
///   cursor:     ^ nothing was transmitted
///                ^ some of the other head was
///                                      ^ all of it was
/// ```
///
/// Such a message is a run of its own. The others go together up to the next one.
impl<M: Memory> Outbound<M> {
    /// Begins the next run, which ends at `end` at the latest; there is something before it.
    #[cold]
    pub(super) fn begin_aliased_run(&mut self, end: usize, limits: &Limits) -> Option<bool> {
        let mut record = self.record(self.cursor, end)?;
        if record.is_worth_an_alias && self.make_head(&record, limits) {
            return Some(self.begin_run_of(&record));
        }
        let mut asks = false;
        loop {
            asks |= self.begin_run_of(&record);
            match self.record(record.end, end).filter(|next| !record.beside && !next.is_worth_an_alias) {
                Some(next) => record = next,
                None => return Some(asks),
            }
        }
    }

    fn begin_run_of(&mut self, record: &Record) -> bool {
        self.run_end = record.end;
        record.qos != Qos::AtMostOnce
    }

    /// The record at `at`, from the cursor on and before `end`. No payload beside the log may be between the cursor and
    /// it.
    fn record(&self, at: usize, end: usize) -> Option<Record> {
        let head = PublishHead::read(Version::V5, self.log.bytes().get(at..end)?)?;
        let head_end = at.wrapping_add(head.len);
        let beside = self.segments.first().is_some_and(|(payload_at, _)| payload_at == head_end);
        Some(Record {
            at,
            end: if beside { head_end } else { at.wrapping_add(head.packet_len) },
            beside,
            is_worth_an_alias: head.topic.as_bytes().len() > ALIAS_COST,
            qos: head.qos,
        })
    }

    /// Makes the other head for the record that is the next to be begun. False: it goes out as it stands, because with
    /// an alias to bind it would be larger than the server takes, or MQTT has room for.
    fn make_head(&mut self, record: &Record, limits: &Limits) -> bool {
        let bytes = self.log.bytes().get(record.at..record.end).unwrap_or_default();
        let Some(head) = PublishHead::read(Version::V5, bytes) else { return false };
        let topic = head.topic.as_bytes();
        let known = self.aliases.find(topic);
        let shown = if known.is_some() { TopicName::of_checked(&[]) } else { head.topic };
        let Some((len, packet_len)) = head.aliased_len(shown) else { return false };
        if packet_len > limits.maximum_packet_size as usize {
            return false;
        }
        let Some(alias) = known.or_else(|| self.aliases.bind(topic)) else { return false };
        head.encode_aliased(shown, alias, self.aliases.make_head(len));
        true
    }

    /// Some of the other head was transmitted: the message is begun.
    pub(super) fn head_transmitted(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        self.aliases.head_transmitted(len);
        let record = self.log.bytes().get(self.run_start..self.run_end).unwrap_or_default();
        let in_log = match PublishHead::read(Version::V5, record) {
            Some(head) if self.aliases.head().is_empty() => head.len,
            _ => 1,
        };
        self.cursor = self.run_start.wrapping_add(in_log);
    }
}

/// A record that is not begun.
struct Record {
    at: usize,
    end: usize,
    /// Its payload rides beside the log.
    beside: bool,
    /// It has a topic that is longer than one.
    is_worth_an_alias: bool,
    qos: Qos,
}

/// Bytes that a Topic Alias takes in the packet.
const ALIAS_COST: usize = 3;

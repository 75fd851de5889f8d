use dunlin_codec::{PublishHead, TopicName, Version};

use super::{Outbound, short_run::Record};
use crate::{Buffer, Limits, Memory, OutboundAliases};

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
impl<M: Memory> Outbound<M> {
    /// Makes the other head for the record that is the next to be begun. False: it goes out as it stands, because with
    /// an alias to bind it would be larger than the server takes, or MQTT has room for.
    pub(super) fn make_head(&mut self, record: &Record, limits: &Limits) -> bool {
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

use crate::{PacketType, frame::set};

/// Where properties stand: in a packet of a type, or in the will of a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyOwner {
    /// A packet of this type.
    Packet(PacketType),
    /// The will inside a CONNECT.
    Will,
}

impl PropertyOwner {
    const fn bit(self) -> u16 {
        match self {
            Self::Packet(packet_type) => 1 << packet_type as u8,
            Self::Will => WILL,
        }
    }
}

/// The names of the properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the standard's own names")]
pub enum PropertyId {
    PayloadFormatIndicator = 0x01,
    MessageExpiryInterval = 0x02,
    ContentType = 0x03,
    ResponseTopic = 0x08,
    CorrelationData = 0x09,
    SubscriptionIdentifier = 0x0B,
    SessionExpiryInterval = 0x11,
    AssignedClientIdentifier = 0x12,
    ServerKeepAlive = 0x13,
    AuthenticationMethod = 0x15,
    AuthenticationData = 0x16,
    RequestProblemInformation = 0x17,
    WillDelayInterval = 0x18,
    RequestResponseInformation = 0x19,
    ResponseInformation = 0x1A,
    ServerReference = 0x1C,
    ReasonString = 0x1F,
    ReceiveMaximum = 0x21,
    TopicAliasMaximum = 0x22,
    TopicAlias = 0x23,
    MaximumQos = 0x24,
    RetainAvailable = 0x25,
    UserProperty = 0x26,
    MaximumPacketSize = 0x27,
    WildcardSubscriptionAvailable = 0x28,
    SubscriptionIdentifierAvailable = 0x29,
    SharedSubscriptionAvailable = 0x2A,
}

/// How a value is written, and what it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A byte, 0 or 1: every property of one byte is such a flag.
    Flag,
    U16,
    U16NotZero,
    /// As `U16NotZero`, with a reason code of its own.
    TopicAlias,
    U32,
    U32NotZero,
    VariableNotZero,
    Binary,
    Text,
    /// A string without wildcards.
    Topic,
    Pair,
}

#[derive(Clone, Copy)]
pub(super) struct Row {
    kind: Kind,
    /// One bit for each packet type, bit 0 for the will.
    owners: u16,
}

impl Row {
    pub(super) const fn kind(self) -> Kind {
        self.kind
    }

    pub(super) const fn may_stand_in(self, owner: PropertyOwner) -> bool {
        self.owners & owner.bit() != 0
    }
}

/// What the standard says of the property with this identifier; `None` if there is no such property.
#[inline]
pub(super) fn row(id: usize) -> Option<Row> {
    TABLE.get(id).copied().filter(|row| row.owners != 0)
}

/// A set of identifiers, in two words: a shift of 64 bits is a function where the registers have 32.
#[derive(Clone, Copy, Default)]
pub(super) struct Ids {
    below_32: u32,
    from_32: u32,
}

impl Ids {
    /// False: it was in already.
    #[inline]
    pub(super) fn insert(&mut self, id: usize) -> bool {
        let (word, bit) = if id < 32 { (&mut self.below_32, 1 << id) } else { (&mut self.from_32, 1 << (id & 31)) };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    #[inline]
    pub(super) fn has(mut self, id: PropertyId) -> bool {
        !self.insert(id as usize)
    }
}

/// User properties may repeat everywhere, subscription identifiers in a PUBLISH [U5-3.3.2.3.8-a].
pub(super) fn may_repeat(id: usize, owner: PropertyOwner) -> bool {
    id == PropertyId::UserProperty as usize
        || id == PropertyId::SubscriptionIdentifier as usize && owner == PropertyOwner::Packet(PacketType::Publish)
}

const WILL: u16 = 1;

const TABLE: [Row; 0x2B] = {
    use Kind::*;
    use PacketType::*;
    const MESSAGE: u16 = set(&[Publish]) | WILL;
    const EVERYWHERE: u16 = set(&[
        Connect,
        Connack,
        Publish,
        Puback,
        Pubrec,
        Pubrel,
        Pubcomp,
        Subscribe,
        Suback,
        Unsubscribe,
        Unsuback,
        Disconnect,
        Auth,
    ]) | WILL;
    const REASONS: u16 = set(&[Connack, Puback, Pubrec, Pubrel, Pubcomp, Suback, Unsuback, Disconnect, Auth]);
    let mut table = [Row { kind: Flag, owners: 0 }; 0x2B];
    table[PropertyId::PayloadFormatIndicator as usize] = Row { kind: Flag, owners: MESSAGE };
    table[PropertyId::MessageExpiryInterval as usize] = Row { kind: U32, owners: MESSAGE };
    table[PropertyId::ContentType as usize] = Row { kind: Text, owners: MESSAGE };
    table[PropertyId::ResponseTopic as usize] = Row { kind: Topic, owners: MESSAGE };
    table[PropertyId::CorrelationData as usize] = Row { kind: Binary, owners: MESSAGE };
    table[PropertyId::SubscriptionIdentifier as usize] =
        Row { kind: VariableNotZero, owners: set(&[Publish, Subscribe]) };
    table[PropertyId::SessionExpiryInterval as usize] = Row { kind: U32, owners: set(&[Connect, Connack, Disconnect]) };
    table[PropertyId::AssignedClientIdentifier as usize] = Row { kind: Text, owners: set(&[Connack]) };
    table[PropertyId::ServerKeepAlive as usize] = Row { kind: U16, owners: set(&[Connack]) };
    table[PropertyId::AuthenticationMethod as usize] = Row { kind: Text, owners: set(&[Connect, Connack, Auth]) };
    table[PropertyId::AuthenticationData as usize] = Row { kind: Binary, owners: set(&[Connect, Connack, Auth]) };
    table[PropertyId::RequestProblemInformation as usize] = Row { kind: Flag, owners: set(&[Connect]) };
    table[PropertyId::WillDelayInterval as usize] = Row { kind: U32, owners: WILL };
    table[PropertyId::RequestResponseInformation as usize] = Row { kind: Flag, owners: set(&[Connect]) };
    table[PropertyId::ResponseInformation as usize] = Row { kind: Text, owners: set(&[Connack]) };
    table[PropertyId::ServerReference as usize] = Row { kind: Text, owners: set(&[Connack, Disconnect]) };
    table[PropertyId::ReasonString as usize] = Row { kind: Text, owners: REASONS };
    table[PropertyId::ReceiveMaximum as usize] = Row { kind: U16NotZero, owners: set(&[Connect, Connack]) };
    table[PropertyId::TopicAliasMaximum as usize] = Row { kind: U16, owners: set(&[Connect, Connack]) };
    table[PropertyId::TopicAlias as usize] = Row { kind: TopicAlias, owners: set(&[Publish]) };
    table[PropertyId::MaximumQos as usize] = Row { kind: Flag, owners: set(&[Connack]) };
    table[PropertyId::RetainAvailable as usize] = Row { kind: Flag, owners: set(&[Connack]) };
    table[PropertyId::UserProperty as usize] = Row { kind: Pair, owners: EVERYWHERE };
    table[PropertyId::MaximumPacketSize as usize] = Row { kind: U32NotZero, owners: set(&[Connect, Connack]) };
    table[PropertyId::WildcardSubscriptionAvailable as usize] = Row { kind: Flag, owners: set(&[Connack]) };
    table[PropertyId::SubscriptionIdentifierAvailable as usize] = Row { kind: Flag, owners: set(&[Connack]) };
    table[PropertyId::SharedSubscriptionAvailable as usize] = Row { kind: Flag, owners: set(&[Connack]) };
    table
};

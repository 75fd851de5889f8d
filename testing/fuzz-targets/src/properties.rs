use dunlin_codec::{
    PacketType, Properties, Property, PropertyId, PropertyOwner, PropertyWriter, VARIABLE_BYTE_INTEGER_MAX,
};

/// The first byte names the packet in which the rest stand as properties.
///
/// They are accepted exactly if a plain reading of the standard's table accepts them; then what is read on demand is
/// what that reading found, and written again it is the same bytes.
pub fn properties(data: &[u8]) {
    let Some((&first, bytes)) = data.split_first() else { return };
    let owner = OWNERS[usize::from(first) % OWNERS.len()];
    let plain = read_plainly(owner, bytes);
    let checked = Properties::check(owner, bytes);
    assert_eq!(checked.is_ok(), plain.is_some(), "{owner:?} {bytes:02x?}: {checked:?}, plainly {plain:?}");
    let (Ok(properties), Some(plain)) = (checked, plain) else { return };

    assert_eq!(properties.as_bytes(), bytes);
    assert_eq!(properties.iter().count(), plain.len(), "{properties:?} of {bytes:02x?}");
    let mut memory = vec![0; bytes.len()];
    let mut writer = PropertyWriter::new(owner, &mut memory);
    for (property, (id, value)) in properties.iter().zip(&plain) {
        assert_eq!(property.id() as u8, *id);
        assert_eq!(property.check(), Ok(()), "{property:?}");
        if !matches!(property, Property::AuthenticationData(_)) {
            assert!(!format!("{property:?}").ends_with("(...)"));
        }
        let first = plain.iter().find(|(other, _)| other == id).map(|(_, value)| value);
        check_lookup(properties, property.id(), first.unwrap_or(value));
        writer = writer.push(property).unwrap_or_else(|error| panic!("{error}: {property:?}"));
    }
    let written = writer.finish().unwrap_or_else(|error| panic!("{error}: {properties:?}"));
    assert_eq!(written.as_bytes(), bytes);
    let pairs: Vec<_> = plain
        .iter()
        .filter_map(|(_, value)| match value {
            Value::Pair(name, value) => Some((*name, *value)),
            _ => None,
        })
        .collect();
    assert_eq!(properties.user_properties().collect::<Vec<_>>(), pairs);
}

/// The first value of `id` is found by its kind, and by no other.
fn check_lookup(properties: Properties<'_>, id: PropertyId, value: &Value<'_>) {
    let found = (properties.number(id), properties.binary(id), properties.text(id));
    let expected = match value {
        Value::Number(number) => (Some(*number), None, None),
        Value::Bytes(bytes) => (None, Some(*bytes), std::str::from_utf8(bytes).ok()),
        Value::Pair(..) => (None, None, None),
    };
    assert_eq!(found, expected, "{id:?} in {properties:?}");
}

#[derive(Debug)]
enum Value<'a> {
    Number(u32),
    Bytes(&'a [u8]),
    Pair(&'a str, &'a str),
}

/// As the standard is written, without a thought of speed; `None` if it does not allow them.
fn read_plainly(owner: PropertyOwner, mut bytes: &[u8]) -> Option<Vec<(u8, Value<'_>)>> {
    let mut read: Vec<(u8, Value<'_>)> = Vec::new();
    while !bytes.is_empty() {
        let id = u8::try_from(variable(&mut bytes)?).ok()?;
        let (_, kind, owners) = STANDARD.iter().find(|(known, ..)| *known == id)?;
        let allowed = owners.contains(letter(owner));
        let may_repeat = id == 0x26 || (id == 0x0B && owner == PropertyOwner::Packet(PacketType::Publish));
        if !allowed || (!may_repeat && read.iter().any(|(known, _)| *known == id)) {
            return None;
        }
        read.push((id, value(*kind, &mut bytes)?));
    }
    let has = |id| read.iter().any(|(known, _)| *known == id);
    (!has(0x16) || has(0x15)).then_some(read)
}

fn value<'a>(kind: Kind, bytes: &mut &'a [u8]) -> Option<Value<'a>> {
    let number = |bytes: &mut &'a [u8], len| {
        take(bytes, len).map(|raw| raw.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    };
    Some(match kind {
        Kind::Flag => Value::Number(number(bytes, 1).filter(|flag| *flag <= 1)?),
        Kind::U16 => Value::Number(number(bytes, 2)?),
        Kind::U16NotZero => Value::Number(number(bytes, 2).filter(|number| *number > 0)?),
        Kind::U32 => Value::Number(number(bytes, 4)?),
        Kind::U32NotZero => Value::Number(number(bytes, 4).filter(|number| *number > 0)?),
        Kind::VariableNotZero => Value::Number(variable(bytes).filter(|number| *number > 0)?),
        Kind::Binary => Value::Bytes(binary(bytes)?),
        Kind::Text => Value::Bytes(text(bytes)?.as_bytes()),
        Kind::Topic => Value::Bytes(text(bytes)?.as_bytes()).without_wildcards()?,
        Kind::Pair => Value::Pair(text(bytes)?, text(bytes)?),
    })
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(binary(bytes)?).ok().filter(|text| !text.contains('\0'))
}

impl Value<'_> {
    fn without_wildcards(self) -> Option<Self> {
        match self {
            Value::Bytes(bytes) if bytes.contains(&b'#') || bytes.contains(&b'+') => None,
            other => Some(other),
        }
    }
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

fn binary<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take(bytes, 2)?;
    take(bytes, usize::from(len[0]) << 8 | usize::from(len[1]))
}

/// At most four bytes, and as few as will do [MQTT-1.5.5-1].
fn variable(bytes: &mut &[u8]) -> Option<u32> {
    let len = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let raw = take(bytes, len)?;
    let padded = len > 1 && raw[len - 1] == 0;
    let number =
        raw.iter().rev().try_fold(0_u32, |sum, byte| sum.checked_mul(128)?.checked_add(u32::from(byte & 0x7F)));
    number.filter(|number| len <= 4 && !padded && *number <= VARIABLE_BYTE_INTEGER_MAX)
}

/// How the table below names where properties stand.
fn letter(owner: PropertyOwner) -> char {
    match owner {
        PropertyOwner::Will => 'w',
        PropertyOwner::Packet(PacketType::Connect) => 'c',
        PropertyOwner::Packet(PacketType::Connack) => 'C',
        PropertyOwner::Packet(PacketType::Publish) => 'p',
        PropertyOwner::Packet(PacketType::Puback) => '1',
        PropertyOwner::Packet(PacketType::Pubrec) => '2',
        PropertyOwner::Packet(PacketType::Pubrel) => '3',
        PropertyOwner::Packet(PacketType::Pubcomp) => '4',
        PropertyOwner::Packet(PacketType::Subscribe) => 's',
        PropertyOwner::Packet(PacketType::Suback) => 'S',
        PropertyOwner::Packet(PacketType::Unsubscribe) => 'u',
        PropertyOwner::Packet(PacketType::Unsuback) => 'U',
        PropertyOwner::Packet(PacketType::Disconnect) => 'd',
        PropertyOwner::Packet(PacketType::Auth) => 'a',
        PropertyOwner::Packet(PacketType::Pingreq | PacketType::Pingresp) => '-',
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Flag,
    U16,
    U16NotZero,
    U32,
    U32NotZero,
    VariableNotZero,
    Binary,
    Text,
    Topic,
    Pair,
}

/// Table 2-4 of the standard, and what each property's own section says of its value.
const STANDARD: &[(u8, Kind, &str)] = &[
    (0x01, Kind::Flag, "pw"),
    (0x02, Kind::U32, "pw"),
    (0x03, Kind::Text, "pw"),
    (0x08, Kind::Topic, "pw"),
    (0x09, Kind::Binary, "pw"),
    (0x0B, Kind::VariableNotZero, "ps"),
    (0x11, Kind::U32, "cCd"),
    (0x12, Kind::Text, "C"),
    (0x13, Kind::U16, "C"),
    (0x15, Kind::Text, "cCa"),
    (0x16, Kind::Binary, "cCa"),
    (0x17, Kind::Flag, "c"),
    (0x18, Kind::U32, "w"),
    (0x19, Kind::Flag, "c"),
    (0x1A, Kind::Text, "C"),
    (0x1C, Kind::Text, "Cd"),
    (0x1F, Kind::Text, "C1234SUda"),
    (0x21, Kind::U16NotZero, "cC"),
    (0x22, Kind::U16, "cC"),
    (0x23, Kind::U16NotZero, "p"),
    (0x24, Kind::Flag, "C"),
    (0x25, Kind::Flag, "C"),
    (0x26, Kind::Pair, "wcCp1234sSuUda"),
    (0x27, Kind::U32NotZero, "cC"),
    (0x28, Kind::Flag, "C"),
    (0x29, Kind::Flag, "C"),
    (0x2A, Kind::Flag, "C"),
];

const OWNERS: &[PropertyOwner] = &[
    PropertyOwner::Will,
    PropertyOwner::Packet(PacketType::Connect),
    PropertyOwner::Packet(PacketType::Connack),
    PropertyOwner::Packet(PacketType::Publish),
    PropertyOwner::Packet(PacketType::Puback),
    PropertyOwner::Packet(PacketType::Pubrec),
    PropertyOwner::Packet(PacketType::Pubrel),
    PropertyOwner::Packet(PacketType::Pubcomp),
    PropertyOwner::Packet(PacketType::Subscribe),
    PropertyOwner::Packet(PacketType::Suback),
    PropertyOwner::Packet(PacketType::Unsubscribe),
    PropertyOwner::Packet(PacketType::Unsuback),
    PropertyOwner::Packet(PacketType::Disconnect),
    PropertyOwner::Packet(PacketType::Auth),
];

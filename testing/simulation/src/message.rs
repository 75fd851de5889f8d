//! A message is known by its number: the payload says it, and all else about the message follows from it or is kept in
//! the account.

use dunlin_codec::TopicName;

/// The topics of the client's messages.
pub(crate) const TO_SERVER: [&str; 3] = ["t/0", "t/1", "a/topic/that/is/longer"];
/// The topics of the server's messages.
pub(crate) const TO_CLIENT: [&str; 3] = ["s/0", "s/1", "s/topic/that/is/longer"];
/// The filters under which the client gets them.
pub(crate) const FILTERS: [&str; 3] = ["s/0", "s/+", "s/topic/#"];

/// The topic of message `number` among `topics`.
pub(crate) fn topic(topics: [&'static str; 3], number: u32) -> TopicName<'static> {
    TopicName::of_checked(topics[number as usize % 3].as_bytes())
}

/// Makes `payload` that of message `number`, `len` bytes or 4.
pub(crate) fn write_payload(payload: &mut Vec<u8>, number: u32, len: usize) {
    payload.clear();
    payload.extend(number.to_be_bytes());
    payload.resize(len.max(4), number as u8);
}

/// Which message this payload is of.
pub(crate) fn number_of(payload: &[u8]) -> u32 {
    let Some((number, rest)) = payload.split_first_chunk() else { panic!("a payload of {} bytes", payload.len()) };
    let number = u32::from_be_bytes(*number);
    assert!(rest.iter().all(|byte| *byte == number as u8), "the payload of message {number} is mangled");
    number
}

//! A queue on a chip, with numbered messages.

use dunlin_codec::{Qos, TopicName};
use dunlin_flash::{Error, Given, OpenError, PushError, Queue, WhenFull, wait};
use dunlin_session::PublishOptions;

use crate::chip::{Chip, ChipError};

pub(crate) type Opened<'c, const WORD: usize, const PAGE: usize> =
    Queue<'c, dunlin_flash::Blocking<&'c mut Chip<WORD, PAGE>>>;

/// Opens the queue that fills a chip, and does something with it.
pub(crate) fn with<const WORD: usize, const PAGE: usize, T>(
    chip: &mut Chip<WORD, PAGE>,
    when_full: WhenFull,
    act: impl FnOnce(&mut Opened<'_, WORD, PAGE>) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let (mut buffer, mut given) = ([0; 256], [Given::FREE; 4]);
    let range = 0..chip.len();
    let mut queue = wait(Queue::open(chip.blocking(), range, &mut buffer, &mut given, when_full))?;
    act(&mut queue)
}

/// Any of the errors of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Open(OpenError<ChipError>),
    Push(PushError<ChipError>),
    Flash(Error<ChipError>),
}

impl From<OpenError<ChipError>> for Trouble {
    fn from(error: OpenError<ChipError>) -> Self {
        Self::Open(error)
    }
}

impl From<PushError<ChipError>> for Trouble {
    fn from(error: PushError<ChipError>) -> Self {
        Self::Push(error)
    }
}

impl From<Error<ChipError>> for Trouble {
    fn from(error: Error<ChipError>) -> Self {
        Self::Flash(error)
    }
}

/// Pushes the message with this number; tells how many were dropped for it.
pub(crate) fn push<const WORD: usize, const PAGE: usize>(
    queue: &mut Opened<'_, WORD, PAGE>,
    number: u32,
) -> Result<u32, Trouble> {
    Ok(wait(queue.push(topic(), &payload(number), PublishOptions::qos(Qos::AtLeastOnce)))?)
}

/// Removes the oldest message; tells its number.
pub(crate) fn take<const WORD: usize, const PAGE: usize>(
    queue: &mut Opened<'_, WORD, PAGE>,
) -> Result<Option<u32>, Trouble> {
    let (number, name) = match wait(queue.oldest())? {
        Some(message) => (number(message.payload), message.number),
        None => return Ok(None),
    };
    assert!(wait(queue.remove(name))?, "it was just there");
    Ok(Some(number))
}

pub(crate) fn take_all<const WORD: usize, const PAGE: usize>(
    queue: &mut Opened<'_, WORD, PAGE>,
) -> Result<Vec<u32>, Trouble> {
    std::iter::from_fn(|| take(queue).transpose()).collect()
}

/// Of another length for each number.
pub(crate) fn payload(number: u32) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(4 + number as usize % 9, number as u8);
    payload
}

/// The number of a message, which must be whole.
pub(crate) fn number(bytes: &[u8]) -> u32 {
    let number = u32::from_le_bytes(*bytes.first_chunk().expect("a number"));
    assert_eq!(bytes, payload(number), "nobody pushed this");
    number
}

pub(crate) fn topic() -> TopicName<'static> {
    TopicName::new("s/1").expect("it is one")
}

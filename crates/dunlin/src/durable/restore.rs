use bytes::Bytes;
use dunlin_codec::{PropertyId, PublishHead, Version};
use dunlin_session::{MessageRecord, MessageStage, RestoreError, ServerSession, SessionRecord, Store};

use super::{
    StoreSetupError,
    format::{self, Entry, FORMAT, KeptMessage, Kind, key, read, read_client},
};
use crate::{ConnectOptions, engine::Engine, memory::Body};

/// What was read.
type Values = Vec<(u64, Option<Vec<u8>>)>;

/// Goes on with what an earlier process stored. What means nothing is put into quarantine; `now` is in seconds of the
/// calendar. Gives the bytes of received messages that wait for somebody.
pub(crate) fn restore(
    store: &mut dyn Store,
    options: &mut ConnectOptions,
    engine: &mut Engine,
    now: u64,
) -> Result<usize, StoreSetupError> {
    let mut values = Values::new();
    store.load(&mut |key, value| values.push((key, value.map(<[u8]>::to_vec)))).map_err(StoreSetupError::Store)?;
    let client = values.iter().find(|(found, _)| *found == key(Kind::Client, 0));
    let known = match client.and_then(|(_, value)| read_client(value.as_deref()?)) {
        Some((format, None)) if format != FORMAT => return Err(StoreSetupError::Format(format)),
        Some((_, client)) => client,
        None => None,
    };
    // Without the client identifier the session is nobody's.
    let Some((given_out, client_id)) = known else {
        quarantine(store, engine, &values.iter().map(|(key, _)| *key).collect::<Vec<_>>())?;
        engine.begin_store(&options.client_id, 1);
        return Ok(0);
    };
    options.adopt_client_id(client_id)?;
    engine.begin_store(client_id, given_out);
    let (unread, damaged) = restore_entries(engine, &values, now)?;
    quarantine(store, engine, &damaged)?;
    Ok(unread)
}

fn quarantine(store: &mut dyn Store, engine: &mut Engine, keys: &[u64]) -> Result<(), StoreSetupError> {
    if !keys.is_empty() {
        store.quarantine(keys).map_err(StoreSetupError::Store)?;
        engine.statistics.quarantined = keys.len() as u64;
    }
    Ok(())
}

/// Gives the bytes of received messages, and the keys of what means nothing.
fn restore_entries(engine: &mut Engine, values: &Values, now: u64) -> Result<(usize, Vec<u64>), StoreSetupError> {
    let (mut session, mut messages, mut received, mut inbound) = (None, Vec::new(), Vec::new(), Vec::new());
    let mut damaged = Vec::new();
    for (found, value) in values.iter().filter(|(found, _)| *found != key(Kind::Client, 0)) {
        match value.as_deref().and_then(|value| read(*found, value)) {
            Some(Entry::Session(record)) => session = Some(record),
            Some(Entry::Message(message)) => messages.push(message),
            Some(Entry::Received(id)) => received.push(id),
            Some(Entry::Inbound(id, kept)) => inbound.push((id, kept)),
            None => damaged.push(*found),
        }
    }
    let mut unread = 0;
    for (id, kept) in inbound {
        unread += engine.restore_inbound(id, &kept);
    }
    // Of the messages nothing is known without it.
    let Some(mut session) = session else {
        damaged.extend(messages.iter().map(|message| key(Kind::Message, message.id.get().into())));
        damaged.extend(received.iter().map(|id| key(Kind::Received, id.get().into())));
        return Ok((unread, damaged));
    };
    let is_message = |found: &u64| format::keys(Kind::Message).contains(found);
    if damaged.iter().any(is_message) && session.server_session == ServerSession::Kept {
        // The server may know identifiers that we do not.
        session.server_session = ServerSession::Adopted;
    }
    engine.session.restore(session).map_err(setup_error)?;
    messages.sort_unstable_by_key(|message| message.number);
    for message in messages {
        match restore_message(engine, &session, &message, now) {
            Err(RestoreError::Damaged | RestoreError::Order) => {
                damaged.push(key(Kind::Message, message.id.get().into()));
            }
            other => other.map_err(setup_error)?,
        }
    }
    for id in received {
        engine.session.restore_received(id).map_err(setup_error)?;
    }
    engine.queued_at_most = engine.session.queued();
    Ok((unread, damaged))
}

fn restore_message(
    engine: &mut Engine,
    session: &SessionRecord,
    message: &KeptMessage<'_>,
    now: u64,
) -> Result<(), RestoreError> {
    let mut head = message.head.to_vec();
    let begun = message.number <= session.sent_up_to;
    let passed = now.saturating_sub(message.stored_at);
    if message.stage == MessageStage::Published && !age(&mut head, session.version, passed, begun) {
        engine.restore_expired(message.id, message.outbox);
        return Ok(());
    }
    let record = MessageRecord {
        id: message.id,
        number: message.number,
        stage: message.stage,
        packet: &head,
        payload: (!message.payload.is_empty()).then(|| Body::Shared(Bytes::copy_from_slice(message.payload))),
    };
    engine.session.restore_message(record)?;
    engine.restore_receipt(message.id, message.outbox, message.stage);
    Ok(())
}

/// Takes the time that has passed off a Message Expiry Interval. False: nothing is left of it, and the message was
/// never begun. One that was begun is sent again whatever its age, since the server may have it.
fn age(head: &mut [u8], version: Version, passed: u64, begun: bool) -> bool {
    if !version.is_v5() {
        return true;
    }
    let place = PublishHead::read(version, head).and_then(|read| {
        let properties = read.properties;
        let place = properties.place(PropertyId::MessageExpiryInterval)?;
        Some(read.len - properties.as_bytes().len() + place)
    });
    let interval = place.and_then(|place| head.get_mut(place..)).and_then(<[u8]>::first_chunk_mut);
    let Some(interval) = interval else { return true };
    let left = u64::from(u32::from_be_bytes(*interval).max(1)).saturating_sub(passed);
    *interval = (left.max(1) as u32).to_be_bytes();
    left > 0 || begun
}

fn setup_error(error: RestoreError) -> StoreSetupError {
    match error {
        RestoreError::Version(version) => StoreSetupError::Version(version),
        _ => StoreSetupError::Memory,
    }
}

//! What errors say: what happened, and where there is one, what to do.

use dunlin_codec::Version;
use dunlin_session::{
    AcknowledgeError, AuthenticateError, ConnectError, DisconnectError, PublishError, RequestError, RestoreError,
};

#[test]
fn what_stands_in_the_way_of_a_connection() {
    for (error, expected) in [
        (ConnectError::AlreadyConnected, "a connection is open already: end it before the next"),
        (ConnectError::PasswordAlone, "MQTT 3.1.1 has no password without a user name: give one, or use 5.0"),
        (
            ConnectError::ClientIdEmpty,
            "MQTT 3.1.1 needs a client identifier for a session that is kept, and 3.1 always",
        ),
        (ConnectError::Zero, "Receive Maximum and Maximum Packet Size must not be 0"),
        (ConnectError::Text, "a field of CONNECT holds U+0000 or is longer than 65,535 bytes"),
        (ConnectError::NeedsV5, "MQTT 3.1.1 has no properties: leave them out, or use 5.0"),
        (ConnectError::PropertyNotAllowed, "a property of CONNECT has an option of its own: set that instead"),
        (
            ConnectError::NeedsAuthentication,
            "this build says no more in CONNECT (feature `authentication`): leave its properties out",
        ),
        (
            ConnectError::NotBuiltIn,
            "this build does not speak that version of MQTT (features `v3`, `v5`, `v3_1`): take another",
        ),
        (ConnectError::NeedsResume, "this build keeps no session (feature `resume`): leave the expiry at 0"),
        (ConnectError::NoRoom(17), "the control lane needs 17 bytes for this CONNECT"),
    ] {
        says(error, expected);
    }
    for (error, expected) in [
        (AuthenticateError::NotConnected, "there is no connection to authenticate on"),
        (AuthenticateError::NoMethod, "CONNECT named no authentication method: give one to the options"),
        (AuthenticateError::MethodDiffers, "an AUTH names the authentication method of CONNECT, and no other"),
        (AuthenticateError::NotChallenged, "the server has asked nothing that this could answer"),
        (AuthenticateError::InProgress, "an authentication is under way: wait for its end"),
        (AuthenticateError::Full, "the control lane is full: transmit, then try again"),
        (AuthenticateError::TooLarge, "the AUTH is larger than MQTT, the memory or this server allows"),
    ] {
        says(error, expected);
    }
}

#[test]
fn what_stands_in_the_way_of_a_message_or_a_request() {
    for (error, expected) in [
        (PublishError::Full, "the queue is full: wait until messages are settled"),
        (PublishError::TooLarge, "the message is larger than MQTT, the queue or this server allows"),
        (PublishError::NeedsV5, "MQTT 3.1.1 has no message properties: leave them out, or use 5.0"),
        (
            PublishError::PropertyNotAllowed,
            "a message to a server has no Subscription Identifier and no Topic Alias: leave them out",
        ),
        (PublishError::QosNotSupported, "the server does not accept this QoS: publish with a lower one"),
        (PublishError::RetainNotSupported, "the server does not keep retained messages: publish without retain"),
        (PublishError::NotConnected, "there is no connection, and this build keeps nothing for the next one"),
        (PublishError::Closed, "the session is being closed"),
    ] {
        says(error, expected);
    }
    for (error, expected) in [
        (RequestError::NotConnected, "there is no connection"),
        (RequestError::Full, "the control lane is full: transmit, then try again"),
        (
            RequestError::TooLarge,
            "the request is larger than MQTT, the memory or this server allows: ask for less at once",
        ),
        (RequestError::NeedsV5, "MQTT 3.1.1 knows no subscription option but the QoS: leave it out, or use 5.0"),
        (RequestError::WildcardNotSupported, "the server has no wildcard subscriptions: name each topic"),
        (RequestError::SharedNotSupported, "the server has no shared subscriptions: subscribe without $share"),
        (RequestError::IdentifierNotSupported, "the server has no subscription identifiers: leave it out"),
        (RequestError::NoFilters, "give at least one topic filter"),
        (RequestError::SharedNoLocal, "No Local is not allowed on a shared subscription"),
        (RequestError::QosNotSupported, "this build has no QoS 2 (feature `exactly-once`)"),
    ] {
        says(error, expected);
    }
}

#[test]
fn what_stands_in_the_way_of_an_answer_or_a_farewell() {
    for (error, expected) in [
        (AcknowledgeError::NeedsV5, "MQTT 3.1.1 cannot refuse a message: acknowledge it, or use 5.0"),
        (AcknowledgeError::NeedsRefusals, "this build refuses no message (feature `refusals`): acknowledge it"),
        (AcknowledgeError::NotAllowed, "an acknowledgement of a message cannot have this reason code"),
    ] {
        says(error, expected);
    }
    for (error, expected) in [
        (DisconnectError::NeedsV5, "MQTT 3.1.1 says nothing in its DISCONNECT: leave properties out, or use 5.0"),
        (DisconnectError::NotAllowed, "only a server may send this reason code or property in DISCONNECT"),
        (
            DisconnectError::SessionExpiry,
            "the session ends with the connection, as CONNECT said: it cannot be kept after all",
        ),
    ] {
        says(error, expected);
    }
}

#[test]
fn what_stands_in_the_way_of_going_on_from_a_store() {
    for (error, expected) in [
        (
            RestoreError::Version(Version::V3_1_1),
            "the records are those of MQTT 3.1.1: restore them in a session of it",
        ),
        (RestoreError::Full, "the session needs as much memory as the one that wrote the records"),
        (RestoreError::Order, "restore the session first, then messages by number, then what was received"),
        (RestoreError::InUse, "the session is in use: restore before connecting and publishing"),
        (RestoreError::NoJournal, "this session keeps no journal, so it cannot go on with what was stored"),
        (RestoreError::Damaged, "the store gave a record that no session has written: it is damaged"),
    ] {
        says(error, expected);
    }
}

#[track_caller]
fn says(error: impl std::error::Error, expected: &str) {
    assert_eq!(error.to_string(), expected);
}

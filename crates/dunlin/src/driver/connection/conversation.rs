use dunlin_codec::{Connack, PacketType, Properties, PropertyId, PropertyOwner, ReasonCode};

use super::{Connection, Ended};
use crate::{
    Connected, ConnectionError, Event, NotConvinced, TRACING,
    authentication::{Conversation, Method},
    engine::Engine,
};

/// What the server said in an authentication.
pub(super) enum Turn {
    /// It asks.
    Challenge(Vec<u8>),
    /// It is convinced. `connected`: this was the first authentication, and the connection begins with it.
    Consent { data: Vec<u8>, connected: Option<Connected> },
}

/// The application's part in a connection's beginning, outside every lock, since it may use the client.
impl Connection<'_> {
    pub(super) fn greet(&mut self, engine: &mut Engine, connected: Connected) {
        self.was_connected = true;
        let session_present = connected.session_present;
        engine.response_information.clone_from(&connected.response_information);
        if TRACING {
            self.accepted = Some(Box::new(connected.clone()));
        }
        engine.tell(Event::Connected(connected));
        engine.handle_connected(session_present, self.clock.now(), &mut self.wakers);
    }

    /// What CONNACK says to the application. It may assign the client identifier.
    pub(super) fn connected(&mut self, engine: &Engine, session_present: bool, connack: &Connack<'_>) -> Connected {
        let text = |id| connack.properties.text(id).map(Into::into);
        let assigned = connack.properties.text(PropertyId::AssignedClientIdentifier);
        if let Some(assigned) = assigned {
            self.assigned_client_id = Some(assigned.to_owned());
        }
        let user_properties = connack.properties.user_properties();
        Connected {
            server: engine.server.clone(),
            session_present,
            reason: connack.reason,
            limits: *engine.session.limits(),
            client_id: assigned.unwrap_or(&self.options.client_id).into(),
            response_information: text(PropertyId::ResponseInformation),
            text: text(PropertyId::ReasonString),
            user_properties: user_properties.map(|(name, value)| (name.into(), value.into())).collect(),
        }
    }

    /// Lets the application answer. `Ok(true)`: there may be more to read.
    pub(super) fn converse(&mut self, said: Turn) -> Result<bool, Ended> {
        // Without a conversation there was no method in CONNECT, and the session takes no AUTH then.
        let Some(mut conversation) = self.shared.lock().conversation.take() else { return Ok(true) };
        let answered = match &said {
            Turn::Challenge(data) => conversation.0.respond(data).map(Some),
            Turn::Consent { data, .. } => conversation.0.finish(data).map(|()| None),
        };
        let shared = self.shared;
        let mut engine = shared.lock();
        match (answered, said) {
            (Err(NotConvinced), _) => {
                engine.session.disconnect(ReasonCode::UNSPECIFIED_ERROR);
                return Err(Ended::With(ConnectionError::NotConvinced));
            }
            (Ok(answer), Turn::Challenge(_)) => {
                let answer = answer.as_deref().unwrap_or_default();
                answer_challenge(&mut engine, shared.authentication(), conversation, answer)?;
            }
            (Ok(_), Turn::Consent { connected, .. }) => {
                engine.end_reauthentication(Ok(()), &mut self.wakers);
                if let Some(connected) = connected {
                    self.greet(&mut engine, connected);
                }
            }
        }
        drop(engine);
        self.wake();
        Ok(true)
    }
}

fn answer_challenge(
    engine: &mut Engine,
    method: Option<&Method>,
    conversation: Conversation,
    answer: &[u8],
) -> Result<(), Ended> {
    let mut bytes = Vec::new();
    let properties = match method {
        Some(method) if method.append(&mut bytes, Some(answer)).is_ok() => {
            Properties::check(PropertyOwner::Packet(PacketType::Auth), &bytes).unwrap_or_default()
        }
        _ => Properties::NONE,
    };
    engine.session.authenticate(properties).map_err(|error| {
        engine.session.disconnect(ReasonCode::UNSPECIFIED_ERROR);
        Ended::With(ConnectionError::Authentication(error))
    })?;
    engine.conversation = Some(conversation);
    Ok(())
}

/// What an authentication exchanges; empty where there is nothing.
pub(super) fn authentication_data(properties: Properties<'_>) -> Vec<u8> {
    properties.binary(PropertyId::AuthenticationData).unwrap_or_default().to_vec()
}

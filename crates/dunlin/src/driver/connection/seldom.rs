use dunlin_codec::{Connack, PacketType, Properties, PropertyId, ReasonCode};
use dunlin_session::{Event as Told, Progress};

use super::{
    Connection,
    conversation::{Turn, authentication_data},
    input::LARGEST_READ,
};
use crate::{ConnectionError, Said, ServerRefusal, driver::Ended, engine::Engine};

/// What comes once in a while, and not with each message.
impl Connection<'_> {
    /// Why there is no packet.
    #[cold]
    pub(super) fn handle_halt(&mut self, halt: &Progress<'_>, input: &[u8]) -> Result<(), Ended> {
        match *halt {
            Progress::Packet { .. } => {}
            Progress::Incomplete { needed } => {
                let missing = needed.saturating_sub(input.len());
                self.read_size = self.read_size.max(missing.min(LARGEST_READ));
            }
            Progress::Blocked => self.input_waits = true,
            Progress::Fault(_) if !self.was_connected && input.starts_with(b"HTTP/") => {
                return Err(Ended::With(ConnectionError::AnsweredByHttp));
            }
            Progress::Fault(fault) => return Err(Ended::With(ConnectionError::Fault(fault))),
        }
        Ok(())
    }

    /// What is told, other than messages and outcomes.
    #[cold]
    pub(super) fn handle_told(&mut self, engine: &mut Engine, told: &Told<'_>) -> Result<(), Ended> {
        match told {
            Told::Message { .. } | Told::Settled { .. } => {}
            Told::Connected { session_present, connack } => {
                let connected = self.connected(engine, *session_present, connack);
                engine.note_client_id(&connected.client_id);
                if engine.conversation.is_some() {
                    let data = authentication_data(connack.properties);
                    self.said = Some(Box::new(Turn::Consent { data, connected: Some(connected) }));
                    return Ok(());
                }
                self.greet(engine, connected);
            }
            Told::Subscribed(suback) => {
                let said = Said::of(PacketType::Suback, suback.properties);
                let (id, reasons) = (suback.packet_id, suback.reasons());
                let wakers = &mut self.wakers;
                let answers = engine.filters.if_any(|filters| filters.handle_suback(id, reasons, &said, wakers));
                engine.tell_answers(answers);
            }
            Told::Unsubscribed(unsuback) => {
                let said = Said::of(PacketType::Unsuback, unsuback.properties);
                let (id, wakers) = (unsuback.packet_id, &mut self.wakers);
                let answers = engine.filters.if_any(|filters| filters.handle_unsuback(id, &said, wakers));
                engine.tell_answers(answers);
            }
            Told::Authentication(auth) => {
                let data = authentication_data(auth.properties);
                self.said = Some(Box::new(match auth.reason {
                    ReasonCode::SUCCESS => Turn::Consent { data, connected: None },
                    _ => Turn::Challenge(data),
                }));
            }
            Told::Refused(connack) => return Err(Ended::With(refused(connack))),
            Told::SessionDiscarded => return Err(Ended::SessionDiscarded),
            Told::Disconnected(disconnect) => {
                let (reason, code) = (disconnect.reason, disconnect.reason.get());
                return Err(Ended::With(refusal(reason, code, disconnect.properties, false)));
            }
        }
        Ok(())
    }
}

fn refused(connack: &Connack<'_>) -> ConnectionError {
    refusal(connack.reason, connack.return_code, connack.properties, true)
}

fn refusal(reason: ReasonCode, code: u8, properties: Properties<'_>, to_connect: bool) -> ConnectionError {
    let text = |id| properties.text(id).map(Into::into);
    let (text, server_reference) = (text(PropertyId::ReasonString), text(PropertyId::ServerReference));
    ConnectionError::Server(ServerRefusal { reason, code, text, server_reference, to_connect })
}

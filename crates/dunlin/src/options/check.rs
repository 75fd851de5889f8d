use dunlin_codec::{PacketType, Properties, PropertyError, PropertyOwner, TextError, Version, check_text};

use super::{ConnectOptions, OptionsError, ProxyChoice, Server};
use crate::rules::{ConnectAsked, RuleBroken};

impl ConnectOptions {
    /// Whether a client can be made of them, and if not, why.
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        let text = |field, text: &str| check_text(text).map_err(|error| OptionsError::Text { field, error });
        text("client identifier", &self.client_id)?;
        text("user name", self.user_name.as_deref().unwrap_or_default())?;
        let servers =
            || core::iter::once(&self.settings.server).chain(self.settings.others.iter().map(|other| &other.server));
        servers().try_for_each(Server::check)?;
        if self.settings.providers.url.is_some() && !self.settings.others.is_empty() {
            return Err(OptionsError::ServersTwice);
        }
        let is_redirected = self.settings.connector.is_some() || matches!(self.settings.proxy, ProxyChoice::This(_));
        if is_redirected && servers().any(|server| server.quic) {
            return Err(OptionsError::QuicAlone);
        }
        if let ProxyChoice::This(proxy) = &self.settings.proxy {
            proxy.check().map_err(OptionsError::Proxy)?;
        }
        if self.password.as_ref().is_some_and(|password| password.len() > 0xFFFF) {
            return Err(OptionsError::Text { field: "password", error: TextError::TooLong });
        }
        if self.will.as_ref().is_some_and(|will| will.is_too_long()) {
            return Err(OptionsError::Text { field: "will", error: TextError::TooLong });
        }
        if self.settings.receive_maximum == 0
            || self.settings.maximum_packet_size == 0
            || self.settings.send_maximum == Some(0)
        {
            return Err(OptionsError::Zero);
        }
        if self.settings.keep_alive.as_secs() > u16::MAX.into() {
            return Err(OptionsError::KeepAliveTooLong);
        }
        self.check_properties().map_err(OptionsError::Property)?;
        if self.settings.version != Version::V5 {
            if self.needs_v5() {
                return Err(OptionsError::NeedsV5);
            }
            if self.password.is_some() && self.user_name.is_none() {
                return Err(OptionsError::PasswordAlone);
            }
            let needs_client_id = !self.settings.session_expiry.is_zero() || self.settings.version == Version::V3_1;
            if self.client_id.is_empty() && needs_client_id {
                return Err(OptionsError::ClientIdEmpty);
            }
        }
        self.check_rules().map_err(OptionsError::Rule)
    }

    fn check_rules(&self) -> Result<(), RuleBroken> {
        let settings = &self.settings;
        let Some(rules) = &settings.rules else { return Ok(()) };
        rules.check_connect(&ConnectAsked {
            version: settings.version,
            client_id: &self.client_id,
            keep_alive: settings.keep_alive.as_secs().try_into().unwrap_or(u16::MAX),
            session_expiry: settings.session_expiry.as_secs().try_into().unwrap_or(u32::MAX),
            user_properties: !settings.properties.is_empty(),
        })?;
        let will = self.will.as_ref().and_then(|will| will.asked());
        will.map_or(Ok(()), |(will, delay)| rules.check_will(&will, delay))
    }

    fn check_properties(&self) -> Result<(), PropertyError> {
        if let Some(error) = self.settings.property_error {
            return Err(error);
        }
        if let Some(method) = &self.settings.authentication {
            method.append(&mut Vec::new(), None)?;
        }
        let owner = PropertyOwner::Packet(PacketType::Connect);
        Properties::check(owner, &self.settings.properties).map_err(PropertyError::NotAllowed)?;
        self.will.as_ref().map_or(Ok(()), |will| will.check().map(drop))
    }

    /// Whether anything is said that 3.1.1 cannot.
    fn needs_v5(&self) -> bool {
        !self.settings.properties.is_empty()
            || self.settings.authentication.is_some()
            || self.settings.request_response_information
            || !self.settings.request_problem_information
            || self.will.as_ref().is_some_and(|will| will.has_properties())
    }
}

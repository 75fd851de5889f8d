use dunlin_codec::{PacketType, Properties, PropertyError, PropertyOwner, TextError, Version, check_text};

use super::{ConnectOptions, OptionsError, ProxyChoice, Server, Will};

impl ConnectOptions {
    /// Whether a client can be made of them, and if not, why.
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        let text = |field, text: &str| check_text(text).map_err(|error| OptionsError::Text { field, error });
        text("client identifier", &self.client_id)?;
        text("user name", self.user_name.as_deref().unwrap_or_default())?;
        let servers = || core::iter::once(&self.server).chain(self.others.iter().map(|other| &other.server));
        servers().try_for_each(Server::check)?;
        if self.providers.url.is_some() && !self.others.is_empty() {
            return Err(OptionsError::ServersTwice);
        }
        let is_redirected = self.connector.is_some() || matches!(self.proxy, ProxyChoice::This(_));
        if is_redirected && servers().any(|server| server.quic) {
            return Err(OptionsError::QuicAlone);
        }
        if let ProxyChoice::This(proxy) = &self.proxy {
            proxy.check().map_err(OptionsError::Proxy)?;
        }
        if self.password.as_ref().is_some_and(|password| password.len() > 0xFFFF) {
            return Err(OptionsError::Text { field: "password", error: TextError::TooLong });
        }
        if self.will.as_ref().is_some_and(|will| will.is_too_long()) {
            return Err(OptionsError::Text { field: "will", error: TextError::TooLong });
        }
        if self.receive_maximum == 0 || self.maximum_packet_size == 0 || self.send_maximum == Some(0) {
            return Err(OptionsError::Zero);
        }
        if self.keep_alive.as_secs() > u16::MAX.into() {
            return Err(OptionsError::KeepAliveTooLong);
        }
        self.check_properties().map_err(OptionsError::Property)?;
        if self.version != Version::V5 {
            if self.needs_v5() {
                return Err(OptionsError::NeedsV5);
            }
            if self.password.is_some() && self.user_name.is_none() {
                return Err(OptionsError::PasswordAlone);
            }
            let needs_client_id = !self.session_expiry.is_zero() || self.version == Version::V3_1;
            if self.client_id.is_empty() && needs_client_id {
                return Err(OptionsError::ClientIdEmpty);
            }
        }
        Ok(())
    }

    fn check_properties(&self) -> Result<(), PropertyError> {
        if let Some(error) = self.property_error {
            return Err(error);
        }
        if let Some(method) = &self.authentication {
            method.append(&mut Vec::new(), None)?;
        }
        let owner = PropertyOwner::Packet(PacketType::Connect);
        Properties::check(owner, &self.properties).map_err(PropertyError::NotAllowed)?;
        self.will.as_ref().map_or(Ok(()), |will| will.check().map(drop))
    }

    /// Whether anything is said that 3.1.1 cannot.
    fn needs_v5(&self) -> bool {
        !self.properties.is_empty()
            || self.authentication.is_some()
            || self.request_response_information
            || !self.request_problem_information
            || self.will.as_ref().is_some_and(Will::has_properties)
    }
}

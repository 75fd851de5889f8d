use dunlin_codec::{
    Connack, Connect, DecodeError, EncodeError, PacketType, Properties, PropertyId, PropertyOwner, ProtocolViolation,
    ReasonCode, Version, copy_bytes,
};

use super::{Session, State, authentication::Authentication};
use crate::{
    AUTHENTICATION, Change, ConnectError, ConnectOptions, Event, Inbound, InboundAliases, Instant, Limits, Memory,
    RESUME, ResumeWithoutState, ServerSession, V3_1, journal, lane::LONGEST_ACK,
};

impl<M: Memory> Session<M> {
    /// Begins a connection on a link that the driver has just opened: CONNECT is the first that
    /// [`poll_transmit`](Session::poll_transmit) gives.
    ///
    /// # Errors
    /// The caller is at fault, nothing has changed: see [`ConnectError`].
    pub fn connect(&mut self, now: Instant, options: &ConnectOptions<'_>) -> Result<(), ConnectError> {
        if self.state != State::Disconnected {
            return Err(ConnectError::AlreadyConnected);
        }
        let plan = self.plan(options)?;
        let len = plan.with_connect(self.version, options, |connect| {
            self.lane.clear();
            match AUTHENTICATION && !options.properties.is_empty() {
                true => self.put_connect(connect, options.properties),
                false => match connect.encode(self.lane.free()) {
                    Err(EncodeError::NoRoom(needed)) if self.lane.grow(needed) => connect.encode(self.lane.free()),
                    other => other,
                },
            }
        })?;
        self.lane.commit(len, false);
        self.begin(now, options, &plan);
        Ok(())
    }

    /// As [`connect`](Session::connect), where the control lane has no room for a CONNECT, whose password may be a long
    /// token: the driver transmits what [`connect_part`](Session::connect_part) gives, before anything else.
    ///
    /// # Errors
    /// As for [`connect`](Session::connect). [`PropertyNotAllowed`](ConnectError::PropertyNotAllowed): there are
    /// [`properties`](ConnectOptions::properties), which need a CONNECT in one piece.
    pub fn connect_in_parts(&mut self, now: Instant, options: &ConnectOptions<'_>) -> Result<(), ConnectError> {
        if self.state != State::Disconnected {
            return Err(ConnectError::AlreadyConnected);
        }
        if !options.properties.is_empty() {
            return Err(ConnectError::PropertyNotAllowed);
        }
        let plan = self.plan(options)?;
        plan.encode_part(self.version, options, 0, &mut [])?;
        self.lane.clear();
        self.begin(now, options, &plan);
        Ok(())
    }

    /// Writes the part of the CONNECT that begins `from` bytes behind its front, as much of it as there is room for, and
    /// tells how much that is; 0: the CONNECT is through. `options` are those of
    /// [`connect_in_parts`](Session::connect_in_parts).
    pub fn connect_part(&self, options: &ConnectOptions<'_>, from: usize, out: &mut [u8]) -> usize {
        let plan = Plan {
            receive_maximum: self.receive_maximum,
            topic_alias_maximum: self.topic_alias_maximum,
            clean_start: self.clean_start,
            discarding: self.discarding,
        };
        // What could be wrong was refused before.
        plan.encode_part(self.version, options, from, out).unwrap_or_default()
    }

    /// What the CONNECT says that is not in the options.
    fn plan(&self, options: &ConnectOptions<'_>) -> Result<Plan, ConnectError> {
        self.check(options)?;
        let keeps = RESUME && options.session_expiry_interval > 0;
        let begins_clean = !RESUME || options.clean_start && !self.server_session.is_known();
        // 3.1.1 has one flag for "begin clean" and "keep nothing": to begin clean and keep takes two connections.
        let discarding = RESUME && !self.version.is_v5() && keeps && begins_clean && !self.discarded;
        Ok(Plan {
            // Without memory for messages there will be no subscription, but 0 cannot be said.
            receive_maximum: options.receive_maximum.min(self.inbound.capacity().min(0xFFFF) as u16).max(1),
            topic_alias_maximum: options.topic_alias_maximum.min(self.inbound_aliases.capacity()),
            clean_start: match self.version.is_v5() {
                true => begins_clean || !keeps,
                false => !keeps || discarding,
            },
            discarding,
        })
    }

    fn begin(&mut self, now: Instant, options: &ConnectOptions<'_>, plan: &Plan) {
        self.receive_maximum = plan.receive_maximum;
        self.topic_alias_maximum = plan.topic_alias_maximum;
        self.maximum_packet_size = options.maximum_packet_size;
        self.send_maximum = options.send_maximum;
        self.session_expiry_interval = options.session_expiry_interval;
        self.limits.keep_alive = options.keep_alive;
        self.clean_start = plan.clean_start;
        if RESUME {
            let keeps = options.session_expiry_interval > 0;
            self.may_begin = keeps && !plan.clean_start && self.server_session == ServerSession::None;
            self.adopts = options.resume_without_state == ResumeWithoutState::Adopt;
            // Should no CONNACK come, the server may have begun a session that we know nothing about.
            (self.discarding, self.discarded) = (plan.discarding, false);
        }
        self.connection = self.connection.wrapping_add(1);
        self.authentication.iter_mut().for_each(|authentication| *authentication = Authentication::begin(options));
        self.timing.handle_connecting(now, options.connect_timeout, options.ping_timeout);
        self.watch.iter_mut().for_each(|watch| watch.handle_connecting(options.ack_timeout));
        self.state = State::Connecting;
    }

    /// Encodes `connect` with properties from two places. They are put together at the end of the lane, while the packet
    /// is made at its front.
    fn put_connect(&mut self, connect: &Connect<'_>, more: Properties<'_>) -> Result<usize, EncodeError> {
        let (first, more) = (connect.properties.as_bytes(), more.as_bytes());
        let len = first.len().saturating_add(more.len());
        let encode = |lane: &mut [u8]| {
            let at = lane.len().checked_sub(len).ok_or(EncodeError::NoRoom(0))?;
            let (front, back) = lane.split_at_mut_checked(at).unwrap_or_default();
            copy_bytes(back, first);
            copy_bytes(back.get_mut(first.len()..).unwrap_or_default(), more);
            let properties = Properties::check(PropertyOwner::Packet(PacketType::Connect), back).unwrap_or_default();
            Connect { properties, ..*connect }.encode(front).map_err(|error| match error {
                EncodeError::NoRoom(needed) => EncodeError::NoRoom(needed.saturating_add(len)),
                other => other,
            })
        };
        loop {
            match encode(self.lane.free()) {
                // At least what the second copy takes; how much in all is told when that is there.
                Err(EncodeError::NoRoom(needed)) if self.lane.grow(needed.max(len)) => {}
                other => return other,
            }
        }
    }

    fn check(&self, options: &ConnectOptions<'_>) -> Result<(), ConnectError> {
        if options.receive_maximum == 0 || options.maximum_packet_size == 0 {
            return Err(ConnectError::Zero);
        }
        let says_more = !options.properties.is_empty()
            || options.request_response_information
            || !options.request_problem_information;
        if says_more && !AUTHENTICATION {
            return Err(ConnectError::NeedsAuthentication);
        }
        if says_more && !self.version.is_v5() {
            return Err(ConnectError::NeedsV5);
        }
        if AUTHENTICATION && NUMBERED.iter().any(|id| options.properties.number(*id).is_some()) {
            return Err(ConnectError::PropertyNotAllowed);
        }
        let keeps = options.session_expiry_interval > 0;
        if !RESUME && keeps {
            return Err(ConnectError::NeedsResume);
        }
        let needs_client_id = keeps && !self.version.is_v5() || V3_1 && self.version == Version::V3_1;
        if needs_client_id && options.client_id.is_empty() {
            return Err(ConnectError::ClientIdEmpty);
        }
        Ok(())
    }

    pub(super) fn handle_connack<'i>(
        &mut self,
        now: Instant,
        connack: Connack<'i>,
    ) -> Result<Option<Event<'i>>, ProtocolViolation> {
        if self.state != State::Connecting {
            return Err(ProtocolViolation::SecondConnack);
        }
        if RESUME {
            self.may_begin = false;
        }
        if connack.reason != ReasonCode::SUCCESS {
            self.state = State::Closing;
            return Ok(Some(Event::Refused(connack)));
        }
        // A DISCONNECT may be sent from here on.
        self.state = State::Connected;
        self.authentication
            .iter_mut()
            .try_for_each(|authentication| authentication.handle_connack(connack.properties))?;
        let before = if RESUME { self.server_session } else { ServerSession::None };
        let may_be_present = !self.clean_start && (before != ServerSession::None || self.adopts);
        if connack.session_present && (!RESUME || !may_be_present) {
            return Err(ProtocolViolation::SessionPresentUnexpected);
        }
        self.limits = Limits::read(&connack, self.limits.keep_alive, self.session_expiry_interval);
        if (self.limits.maximum_packet_size as usize) < LONGEST_ACK {
            // A DISCONNECT may be too large as well.
            self.state = State::Closing;
            return Err(ProtocolViolation::PacketSizeUseless);
        }
        if RESUME && self.discarding {
            self.discarded = true;
            self.close(Some(ReasonCode::SUCCESS));
            return Ok(Some(Event::SessionDiscarded));
        }
        let goes_on = (connack.session_present && before.is_known()) || self.goes_on_unheard();
        let adopted = RESUME && connack.session_present && before != ServerSession::Kept;
        // An identifier that is stored as received by an unsure session is of that session.
        if RESUME && !goes_on && (before != ServerSession::Unsure || !connack.session_present) {
            self.forget_received();
            self.session_began = self.connection;
        }
        self.outbound.handle_connected(&self.limits, self.send_maximum, goes_on, adopted);
        if RESUME {
            self.server_session = match self.limits.session_expiry_interval {
                0 => ServerSession::None,
                _ if adopted => ServerSession::Adopted,
                _ => ServerSession::Kept,
            };
        }
        self.timing.handle_connected(now, self.limits.keep_alive);
        self.watch.iter_mut().for_each(|watch| watch.begin(now));
        self.backoff.handle_connected(now);
        let session_present = connack.session_present && before.is_known();
        Ok(Some(Event::Connected { session_present, connack }))
    }

    pub(super) fn forget_received(&mut self) {
        if self.inbound.clear() {
            journal::record(&mut self.outbound.journal, Change::ReceivedCleared);
        }
    }

    /// A CONNACK of 3.1 cannot say that the server goes on with the session. Where it was asked to, messages are repeated
    /// as if it did: one that does not takes them as new ones, and answers a PUBREL that means nothing to it.
    fn goes_on_unheard(&self) -> bool {
        V3_1 && RESUME && self.version == Version::V3_1 && self.server_session.is_known() && !self.clean_start
    }
}

/// What a CONNECT says that the options leave to the session.
struct Plan {
    receive_maximum: u16,
    topic_alias_maximum: u16,
    clean_start: bool,
    /// The connection is there to discard the session.
    discarding: bool,
}

impl Plan {
    #[inline(never)]
    fn encode_part(
        &self,
        version: Version,
        options: &ConnectOptions<'_>,
        from: usize,
        out: &mut [u8],
    ) -> Result<usize, ConnectError> {
        self.with_connect(version, options, |connect| connect.encode_part(from, out))
    }

    // The packet is used where it is made: moving it would link `memcpy` for that alone.
    #[inline(always)]
    fn with_connect<T>(
        &self,
        version: Version,
        options: &ConnectOptions<'_>,
        encode: impl FnOnce(&Connect<'_>) -> Result<T, EncodeError>,
    ) -> Result<T, ConnectError> {
        let mut memory = [0; NUMBERS];
        let properties = if version.is_v5() {
            properties(options, self.receive_maximum, self.topic_alias_maximum, &mut memory)
                .map_err(|_| ConnectError::Zero)?
        } else {
            Properties::NONE
        };
        let connect = Connect {
            clean_start: self.clean_start,
            keep_alive: options.keep_alive,
            will: options.will,
            user_name: options.user_name,
            password: options.password,
            properties,
            ..Connect::new(version, options.client_id)
        };
        Ok(encode(&connect)?)
    }
}

/// In the order of their identifiers, and none that says what holds without it. Three numbers are written here, because
/// a writer that knows every property takes more flash than the rest of CONNECT.
fn properties<'a>(
    options: &ConnectOptions<'_>,
    receive_maximum: u16,
    topic_alias_maximum: u16,
    memory: &'a mut [u8; NUMBERS],
) -> Result<Properties<'a>, DecodeError> {
    let mut free = memory.iter_mut();
    let mut push = |id: PropertyId, value: &[u8]| {
        for (byte, free) in [id as u8].iter().chain(value).zip(&mut free) {
            *free = *byte;
        }
    };
    if options.session_expiry_interval > 0 {
        push(PropertyId::SessionExpiryInterval, &options.session_expiry_interval.to_be_bytes());
    }
    if receive_maximum < u16::MAX {
        push(PropertyId::ReceiveMaximum, &receive_maximum.to_be_bytes());
    }
    if topic_alias_maximum > 0 {
        push(PropertyId::TopicAliasMaximum, &topic_alias_maximum.to_be_bytes());
    }
    if options.maximum_packet_size < u32::MAX {
        push(PropertyId::MaximumPacketSize, &options.maximum_packet_size.to_be_bytes());
    }
    if AUTHENTICATION && options.request_response_information {
        push(PropertyId::RequestResponseInformation, &[1]);
    }
    if AUTHENTICATION && !options.request_problem_information {
        push(PropertyId::RequestProblemInformation, &[0]);
    }
    let unused = free.len();
    let used = memory.len().saturating_sub(unused);
    Properties::check(PropertyOwner::Packet(PacketType::Connect), memory.get(..used).unwrap_or_default())
}

/// Bytes of the properties of CONNECT that are numbers.
const NUMBERS: usize = if AUTHENTICATION { 20 } else { 16 };

/// Properties of CONNECT that have an option of their own.
const NUMBERED: [PropertyId; 6] = [
    PropertyId::SessionExpiryInterval,
    PropertyId::RequestProblemInformation,
    PropertyId::RequestResponseInformation,
    PropertyId::ReceiveMaximum,
    PropertyId::TopicAliasMaximum,
    PropertyId::MaximumPacketSize,
];

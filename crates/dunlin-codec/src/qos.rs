use core::fmt;

/// How often a message may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[repr(u8)]
pub enum Qos {
    /// QoS 0: it arrives once or not at all.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: it arrives, perhaps more than once.
    AtLeastOnce = 1,
    /// QoS 2: it arrives once.
    ExactlyOnce = 2,
}

impl Qos {
    /// The QoS with this number; `None` for 3 and above [MQTT-3.3.1-4].
    #[inline]
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

impl fmt::Display for Qos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QoS {}", *self as u8)
    }
}

/// Which retained messages a SUBSCRIBE asks for (5.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum RetainHandling {
    /// Send retained messages at every SUBSCRIBE.
    #[default]
    OnSubscribe = 0,
    /// Send them only if the subscription did not exist yet.
    OnNewSubscribe = 1,
    /// Send none.
    Never = 2,
}

impl RetainHandling {
    /// The handling with this number; `None` for 3 and above [U5-3.8.3.1-a].
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::OnSubscribe),
            1 => Some(Self::OnNewSubscribe),
            2 => Some(Self::Never),
            _ => None,
        }
    }
}

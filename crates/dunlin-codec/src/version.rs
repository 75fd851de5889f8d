use core::fmt;

use crate::{V3, V3_1, V5};

/// The protocol version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Version {
    /// MQTT 3.1, protocol level 3: 3.1.1 under an older name, whose CONNACK cannot tell of a session. Spoken with the
    /// feature `v3_1`.
    V3_1 = 0x03,
    /// MQTT 3.1.1, protocol level 4.
    V3_1_1 = 0x04,
    /// MQTT 5.0, protocol version 5.
    #[default]
    V5 = 0x05,
}

impl Version {
    /// The byte that stands for this version in CONNECT [MQTT-3.1.2-2].
    pub const fn level(self) -> u8 {
        self as u8
    }

    /// The protocol name in CONNECT [MQTT-3.1.2-1].
    pub(crate) const fn protocol_name(self) -> &'static [u8] {
        if V3_1 && matches!(self, Self::V3_1) { b"MQIsdp" } else { b"MQTT" }
    }

    /// Whether this build speaks it: `v3` and `v5` are features, on by default, and so is `v3_1` where it is asked for. What
    /// a build does not speak is not written either.
    #[inline]
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::V3_1 => V3 && V3_1,
            Self::V3_1_1 => V3,
            Self::V5 => V5,
        }
    }

    /// Whether packets have properties and acknowledgements have reason codes.
    #[inline]
    pub const fn is_v5(self) -> bool {
        V5 && (!V3 || matches!(self, Self::V5))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_1 => "MQTT 3.1",
            Self::V3_1_1 => "MQTT 3.1.1",
            Self::V5 => "MQTT 5.0",
        })
    }
}

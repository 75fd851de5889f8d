use core::fmt;

/// Why a name cannot be one of a service. The caller's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// It has no character.
    Empty,
    /// It is longer than the service takes.
    TooLong {
        /// Its bytes.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// A character that the service does not take in such a name.
    Character(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty"),
            Self::TooLong { bytes, most } => write!(f, "the name has {bytes} bytes; the service takes {most}"),
            Self::Character(c) => write!(f, "the name holds {c:?}, which the service does not take there"),
        }
    }
}

impl core::error::Error for NameError {}

/// Letters, digits and `others`, at most `most` of them.
pub(crate) fn check_name(name: &str, most: usize, others: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > most {
        return Err(NameError::TooLong { bytes: name.len(), most });
    }
    match name.chars().find(|&c| !c.is_ascii_alphanumeric() && !others.contains(c)) {
        Some(c) => Err(NameError::Character(c)),
        None => Ok(()),
    }
}

use crate::{NameError, Topic, name::check_name};

/// Publishing straight to a rule, without the broker and what it costs: `$aws/rules/RULE/TOPIC`.
///
/// Nobody can subscribe to it. The prefix does not count for the limits of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BasicIngest<'a>(&'a str);

impl<'a> BasicIngest<'a> {
    /// To the rule of this name.
    ///
    /// # Errors
    /// It is not 1 to 128 letters, digits and `_`.
    pub fn new(rule: &'a str) -> Result<Self, NameError> {
        check_name(rule, 128, "_").map(|()| Self(rule))
    }

    /// The topic to publish to; the rule sees `topic`.
    pub fn topic(self, topic: &'a str) -> Topic<'a> {
        Topic::of_texts([PREFIX, self.0, "/", topic])
    }

    /// The rule, and the topic that it sees and that counts.
    pub(crate) fn split(topic: &'a str) -> Option<(&'a str, &'a str)> {
        let rest = topic.strip_prefix(PREFIX)?;
        Some(rest.split_once('/').unwrap_or((rest, "")))
    }
}

const PREFIX: &str = "$aws/rules/";

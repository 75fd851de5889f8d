use dunlin_codec::{TopicFilter, TopicName, check_text};

/// The first line is a filter, the rest a topic name.
///
/// Each is accepted exactly if the standard's sentences, level by level, accept it; and the filter matches the topic
/// exactly if the slow way does.
pub fn topics(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (filter, name) = text.split_once('\n').unwrap_or((text, ""));
    assert_eq!(check_text(text).is_ok(), text.len() <= 0xFFFF && !text.contains('\0'));

    let topic = TopicName::new(name);
    assert_eq!(topic.is_ok(), is_text(name) && !name.contains(['#', '+']), "{name:?}: {topic:?}");
    if let Ok(topic) = topic {
        assert_eq!((topic.as_str(), topic.as_bytes(), topic.is_empty()), (name, name.as_bytes(), false));
    }

    let parsed = TopicFilter::new(filter);
    let plain = Plain::of(filter);
    assert_eq!(parsed.is_ok(), plain.is_some(), "{filter:?}: {parsed:?}, plainly {plain:?}");
    let (Ok(parsed), Some(plain)) = (parsed, plain) else { return };
    assert_eq!(parsed.as_str(), filter);
    assert_eq!(parsed.share_name(), plain.share);
    assert_eq!(parsed.levels(), plain.levels.join("/").as_bytes());
    assert_eq!(parsed.has_wildcard(), plain.levels.iter().any(|level| matches!(*level, "#" | "+")));
    if let Ok(topic) = topic {
        assert_eq!(parsed.matches(topic), plain.matches(name), "{filter:?} on {name:?}");
    }
}

/// A filter taken apart.
#[derive(Debug)]
struct Plain<'a> {
    share: Option<&'a str>,
    levels: Vec<&'a str>,
}

impl<'a> Plain<'a> {
    /// `None` if it is no filter.
    fn of(filter: &'a str) -> Option<Self> {
        let levels: Vec<_> = filter.split('/').collect();
        let (share, levels) = match &levels[..] {
            ["$share", name, levels @ ..] => {
                let named = !name.is_empty() && !name.contains(['#', '+']);
                let filters = !levels.is_empty() && levels != [""];
                ((named && filters).then_some(Some(*name))?, levels.to_vec())
            }
            _ => (None, levels),
        };
        let last = levels.len() - 1;
        let valid = levels.iter().enumerate().all(|(at, level)| match *level {
            "#" => at == last,
            "+" => true,
            level => !level.contains(['#', '+']),
        });
        (valid && is_text(filter)).then_some(Self { share, levels })
    }

    fn matches(&self, name: &str) -> bool {
        // [MQTT-4.7.2-1]
        let hidden = name.starts_with('$') && matches!(self.levels[0], "#" | "+");
        !hidden && matches(&self.levels, &name.split('/').collect::<Vec<_>>())
    }
}

fn matches(filter: &[&str], name: &[&str]) -> bool {
    match (filter, name) {
        (["#"], _) => true,
        ([], []) => true,
        (["+", filter @ ..], [_, name @ ..]) => matches(filter, name),
        ([level, filter @ ..], [same, name @ ..]) => level == same && matches(filter, name),
        _ => false,
    }
}

fn is_text(text: &str) -> bool {
    (1..=0xFFFF).contains(&text.len()) && !text.contains('\0')
}

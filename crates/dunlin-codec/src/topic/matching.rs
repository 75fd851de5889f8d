use crate::TopicFilterError;

/// What follows `$share/`. Compared by a loop, which takes less flash than the platform's `memcmp`.
pub(super) fn shared(filter: &[u8]) -> Option<&[u8]> {
    let (front, rest) = filter.split_at_checked(SHARE.len())?;
    front.iter().eq(SHARE).then_some(rest)
}

/// The bytes before the first `/`, or all of them.
pub(super) fn first_level(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == b'/').unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or_default()
}

/// Whether what follows `$share/` is a name without wildcards, a `/` and more.
pub(super) fn is_name_and_filter(shared: &[u8]) -> bool {
    let end = shared.iter().position(|byte| matches!(byte, b'/' | b'#' | b'+')).unwrap_or_default();
    end > 0 && shared.get(end) == Some(&b'/') && shared.len() > end.wrapping_add(1)
}

/// `#` only as the last level, `+` only as a whole one, no U+0000.
pub(super) fn check_filter(filter: &[u8]) -> Result<(), TopicFilterError> {
    let (mut begins, mut rest) = (true, filter);
    while let Some((&byte, behind)) = rest.split_first() {
        let ends = matches!(behind.first(), None | Some(b'/'));
        match byte {
            b'#' if !begins || !behind.is_empty() => return Err(TopicFilterError::MultiLevelWildcard),
            b'+' if !begins || !ends => return Err(TopicFilterError::SingleLevelWildcard),
            0 => return Err(TopicFilterError::Nul),
            _ => {}
        }
        (begins, rest) = (byte == b'/', behind);
    }
    Ok(())
}

/// Level by level; `#` takes the rest and also the level above it.
pub(super) fn matches(filter: &[u8], topic: &[u8]) -> bool {
    if topic.first() == Some(&b'$') && matches!(filter.first(), Some(b'#' | b'+')) {
        return false;
    }
    let mut names = topic.split(|&byte| byte == b'/');
    for level in filter.split(|&byte| byte == b'/') {
        if level == b"#" {
            return true;
        }
        match names.next() {
            Some(name) if level == b"+" || level == name => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

const SHARE: &[u8] = b"$share/";

#[cfg(test)]
mod tests {
    use crate::{TopicFilter, TopicFilterError, TopicName};

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("#", "a/b/c", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("a//b", "a/b", false),
            ("/a", "a", false),
            ("A", "a", false),
            // MQTT-4.7.2-1
            ("#", "$SYS/monitor", false),
            ("+/monitor", "$SYS/monitor", false),
            ("$SYS/#", "$SYS/monitor", true),
            // MQTT-4.7.3-4: 'é' composed and decomposed are two names
            ("caf\u{e9}", "cafe\u{301}", false),
            ("$share/group/a/+", "a/b", true),
            ("$share/group/a/+", "$share/group/a/b", false),
            ("a/b/#", "a", false),
        ] {
            let matched = TopicFilter::new(filter).unwrap().matches(TopicName::new(topic).unwrap());
            assert_eq!(matched, expected, "{filter} on {topic}");
        }
    }

    #[test]
    fn a_filter_that_the_standard_forbids_is_refused_by_its_reason() {
        use TopicFilterError::*;
        for (filter, expected) in [
            ("", Empty),
            ("a#", MultiLevelWildcard),
            ("a/#/b", MultiLevelWildcard),
            ("#/a", MultiLevelWildcard),
            ("a+", SingleLevelWildcard),
            ("+a", SingleLevelWildcard),
            ("a/b+/c", SingleLevelWildcard),
            ("a\0b", Nul),
            ("$share//t", Share),
            ("$share/g", Share),
            ("$share/g/", Share),
            ("$share/a+b/t", Share),
            ("$share/#/t", Share),
            ("$share/g/a#", MultiLevelWildcard),
        ] {
            assert_eq!(TopicFilter::new(filter), Err(expected), "{filter:?}");
        }
        for filter in ["#", "a/#", "+", "+/a", "a/+/b", "/", "//", "$share/g/#", "$share", "$shared/a"] {
            assert!(TopicFilter::new(filter).is_ok(), "{filter}");
        }
        assert_eq!(TopicFilter::new(&"a".repeat(65_536)), Err(TooLong));
        assert!(TopicFilter::new(&"a".repeat(65_535)).is_ok());
    }

    #[test]
    fn a_shared_filter_tells_its_parts() {
        let filter = TopicFilter::new("$share/workers/jobs/+").unwrap();
        assert_eq!((filter.share_name(), filter.levels()), (Some("workers"), &b"jobs/+"[..]));
        assert!(filter.has_wildcard() && !TopicFilter::new("$share/g/t").unwrap().has_wildcard());
    }
}

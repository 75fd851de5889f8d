//! The names that rustc gives to symbols, in readable form.

/// The path in a mangled name; a name that is not mangled stays as it is.
pub(crate) fn path(name: &str) -> String {
    let parts: Vec<&str> = match name.strip_prefix("_ZN") {
        Some(legacy) => {
            let parts = identifiers(legacy, "");
            // The last one is a hash.
            parts[..parts.len().saturating_sub(1)].to_vec()
        }
        None => name.strip_prefix("_R").map(|new| identifiers(new, "_")).unwrap_or_default(),
    };
    if parts.is_empty() { name.to_owned() } else { parts.iter().map(|part| plain(part)).collect::<Vec<_>>().join("::") }
}

/// Whether only a panic calls such a function.
pub(crate) fn is_panic(name: &str) -> bool {
    PANICS.iter().any(|panic| name.contains(panic))
}

/// What stands behind a length, from left to right. There may be a `separator` between the two.
fn identifiers<'n>(mut name: &'n str, separator: &str) -> Vec<&'n str> {
    let mut found = Vec::new();
    while let Some(at) = name.find(|c: char| c.is_ascii_digit()) {
        name = &name[at..];
        let digits = name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len());
        let len: usize = name[..digits].parse().unwrap_or(0);
        let rest = name[digits..].strip_prefix(separator).unwrap_or(&name[digits..]);
        match rest.get(..len).filter(|word| is_identifier(word)) {
            Some(word) => {
                found.push(word);
                name = &rest[len..];
            }
            None => name = &name[digits..],
        }
    }
    found
}

fn is_identifier(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_$.".contains(c))
}

/// Without the escapes of characters that a linker does not take.
fn plain(part: &str) -> String {
    let mut text = part.trim_start_matches('_').replace("..", "::");
    for (escape, character) in ESCAPES {
        text = text.replace(escape, character);
    }
    text
}

#[rustfmt::skip]
const ESCAPES: &[(&str, &str)] = &[
    ("$LT$", "<"), ("$GT$", ">"), ("$RF$", "&"), ("$BP$", "*"), ("$C$", ","), ("$u20$", " "), ("$u5b$", "["),
    ("$u5d$", "]"), ("$u7b$", "{"), ("$u7d$", "}"), ("$LP$", "("), ("$RP$", ")"),
];

#[rustfmt::skip]
const PANICS: &[&str] = &[
    "panic_fmt", "panic_bounds_check", "panic_const", "panic_nounwind", "panic_explicit", "panic_display",
    "slice_index_fail", "slice_start_index", "slice_end_index", "slice_index_order", "len_mismatch_fail",
    "unwrap_failed", "expect_failed", "option_unwrap", "assert_failed", "slice_error_fail", "unreachable_display",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_manglings_are_read() {
        assert_eq!(path("_ZN12dunlin_codec4text8is_topic17he1b475d5741664c3E"), "dunlin_codec::text::is_topic");
        assert_eq!(path("_ZN12dunlin_codec4text8is_topic17he1b475d5741664c3E.11"), "dunlin_codec::text::is_topic");
        assert_eq!(path("_RNvNtCs1_12dunlin_codec4text8is_topic"), "dunlin_codec::text::is_topic");
        assert_eq!(path("_ZN4list14Slots$LT$T$GT$4take17he1b475d5741664c3E"), "list::Slots<T>::take");
        assert_eq!(path("_ZN4mqtt6__main17he1b475d5741664c3E"), "mqtt::main");
        assert_eq!(path("memcpy"), "memcpy");
    }

    #[test]
    fn panics_are_known_by_their_names() {
        assert!(is_panic("_ZN4core9panicking9panic_fmt17h0123456789abcdefE"));
        assert!(is_panic("_RNvNtNtCs1_4core5slice5index16slice_index_fail"));
        assert!(!is_panic("_ZN12dunlin_codec4text8is_topic17he1b475d5741664c3E"));
    }
}

//! The product never panics.

use crate::report::Offence;
use crate::rust_text::occurrences;
use crate::tree::File;

/// The crates that run in a user's program have no panic outside their tests,
/// unless the line ends with the reason why it cannot come: `// infallible: ...`.
pub(super) fn check(file: &File) -> Vec<Offence> {
    let mut offences = Vec::new();
    let Some(rust) = &file.rust else {
        return offences;
    };
    if !PRODUCT.iter().any(|folder| file.path.starts_with(folder)) {
        return offences;
    }
    for (index, line) in rust.product_lines() {
        let reason = line.comment.strip_prefix("// infallible:");
        if reason.is_some_and(|reason| !reason.trim().is_empty()) {
            continue;
        }
        for word in PANICS {
            if occurrences(&line.code, word).next().is_some() {
                offences.push(Offence::at(
                    &file.path,
                    index,
                    format!("`{word}`"),
                    "a library never panics: return an error or restructure; where it \
                     cannot happen end the line with `// infallible: reason`",
                ));
            }
        }
    }
    offences
}

const PRODUCT: &[&str] = &[
    "crates/dunlin-codec/src/",
    "crates/dunlin-session/src/",
    "crates/dunlin-embedded/src/",
    "crates/dunlin-flash/src/",
    "crates/dunlin-store/src/",
    "crates/dunlin-cloud/src/",
    "crates/dunlin/src/",
];
const PANICS: &[&str] = &[".unwrap()", ".expect(", "panic!(", "unreachable!("];

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> usize {
        check(&File::new(path, text)).len()
    }

    #[test]
    fn every_panic_in_the_product_is_an_offence() {
        for text in [
            "x.unwrap();",
            "x.expect(\"y\");",
            "panic!(\"x\");",
            "core::panic!();",
            "_ => unreachable!(),",
            "x.unwrap(); // infallible",
            "x.unwrap(); // infallible: ",
            "x.unwrap(); // it is fine",
        ] {
            assert_eq!(offences("crates/dunlin/src/router.rs", text), 1, "{text}");
            assert_eq!(offences("crates/dunlin-codec/src/topic.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn reasons_tests_docs_and_tools_are_free() {
        let path = "crates/dunlin-session/src/log.rs";
        for text in [
            "x.unwrap(); // infallible: the slice has just been cut to two bytes",
            "/// client.connect().unwrap();",
            "x.unwrap_or(0); x.expect_err(); should_panic(y);",
            "#[cfg(test)]\nmod tests {\n fn a() { x.unwrap(); }\n}",
        ] {
            assert_eq!(offences(path, text), 0, "{text}");
        }
        assert_eq!(offences("crates/dunlin/tests/a.rs", "x.unwrap();"), 0);
        assert_eq!(offences("crates/dunlin-cli/src/main.rs", "x.unwrap();"), 0);
        assert_eq!(offences("xtask/src/main.rs", "x.unwrap();"), 0);
    }
}

//! `lib.rs` is a table of contents: private modules, and each public name
//! spelled out once.

use crate::report::Offence;
use crate::rust_text::{identifiers, line_of, occurrences};
use crate::tree::File;

/// A `lib.rs` has no glob among its `pub use` and no `pub mod`, save those in
/// [`PUBLIC_MODULES`].
pub(super) fn check(file: &File) -> Vec<Offence> {
    let Some(rust) = &file.rust else {
        return Vec::new();
    };
    if !file.path.ends_with("src/lib.rs") {
        return Vec::new();
    }
    let code = rust.code();
    let mut offences = Vec::new();
    for at in occurrences(&code, "pub use") {
        let end = code[at..].find(';').map_or(code.len(), |end| at + end);
        if code[at..end].contains('*') {
            offences.push(Offence::at(
                &file.path,
                line_of(&code, at),
                "a glob in `pub use`",
                "name what is public, so that nothing becomes public by accident",
            ));
        }
    }
    for at in occurrences(&code, "pub mod") {
        let name = identifiers(&code[at..]).nth(2).unwrap_or_default();
        if !PUBLIC_MODULES.contains(&(file.path.as_str(), name)) {
            offences.push(Offence::at(
                &file.path,
                line_of(&code, at),
                format!("`pub mod {name}`"),
                "make the module private and `pub use` its names: a type has one public path",
            ));
        }
    }
    offences
}

/// Modules that are themselves part of the public face.
const PUBLIC_MODULES: &[(&str, &str)] = &[
    // The same names as the asynchronous face, so they need a place of their own.
    ("crates/dunlin/src/lib.rs", "blocking"),
    // The packets, some of which have the names of requests.
    ("crates/dunlin/src/lib.rs", "inspect"),
    // Each cloud has words of its own for what the others have too.
    ("crates/dunlin-cloud/src/lib.rs", "aws"),
    ("crates/dunlin-cloud/src/lib.rs", "azure"),
    ("crates/dunlin-cloud/src/lib.rs", "google"),
    ("crates/dunlin-cloud/src/lib.rs", "home_assistant"),
    ("crates/dunlin-cloud/src/lib.rs", "thingsboard"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> usize {
        check(&File::new(path, text)).len()
    }

    #[test]
    fn globs_and_public_modules_are_offences() {
        for text in [
            "pub use client::*;",
            "pub use client::{\n    Client,\n    events::*,\n};",
            "pub mod client;",
            "pub mod client { }",
        ] {
            assert_eq!(offences("crates/dunlin/src/lib.rs", text), 1, "{text}");
        }
        assert_eq!(offences("crates/dunlin-codec/src/lib.rs", "pub mod blocking;"), 1);
    }

    #[test]
    fn explicit_names_and_listed_modules_are_not() {
        let text = "mod client;\npub use client::{Client, Closed};\npub mod blocking;\n\
                    use std::fmt::*;\npub(crate) use router::*;\n// pub mod old;\n";
        assert_eq!(offences("crates/dunlin/src/lib.rs", text), 0);
        assert_eq!(offences("crates/dunlin/src/client.rs", "pub mod x;"), 0);
    }
}

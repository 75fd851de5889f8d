//! Names of functions as callgrind knows them, made short.

/// What stands in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) kind: Kind,
}

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Application,
    Client,
    Session,
    Codec,
    Tokio,
    System,
}

impl Name {
    pub(super) fn new(text: impl Into<String>, kind: Kind) -> Name {
        Name { text: text.into(), kind }
    }
}

/// From a function with its callers, innermost first, to the frames below `main`, outermost first; `file` is where its
/// instructions come from. `None`: it is not below `main`.
pub(super) fn stack(function: &str, own_file: &str, file: &str) -> Option<Vec<Name>> {
    let mut functions = function.split('\'').rev().skip_while(|name| !name.starts_with("bench_dunlin::main"));
    functions.next()?;
    let mut stack: Vec<Name> = Vec::new();
    for name in functions.map(short) {
        // The closures of a function are the function, and what goes on in a library is its own matter.
        if stack.last() != Some(&name) && name.text != "bench_dunlin::main" {
            stack.push(name);
        }
    }
    stack.extend(inlined(file).filter(|_| file != own_file));
    Some(stack)
}

fn short(function: &str) -> Name {
    let path = without_arguments(without_hash(function));
    let kind = kind(&path);
    match kind {
        Kind::Tokio => return Name::new("tokio", kind),
        Kind::System if path.contains("::") => return Name::new("std", kind),
        Kind::System => return Name::new(path.trim_start_matches('_').split("_avx").next().unwrap_or_default(), kind),
        _ => {}
    }
    let parts: Vec<&str> = path.split("::").filter(|part| !part.contains("closure")).collect();
    Name::new(parts[parts.len().saturating_sub(2)..].join("::"), kind)
}

/// The compiler's number is the last part: an `h` and 16 digits.
fn without_hash(path: &str) -> &str {
    match path.rsplit_once("::h") {
        Some((before, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => before,
        _ => path,
    }
}

/// `a::<impl b::C>::f` and `<b::C as d::E>::f` are `b::C::f`, and `a::B<T>::f` is `a::B::f`.
fn without_arguments(path: &str) -> String {
    let mut text = String::new();
    let mut rest = path;
    while let Some((before, inside, after)) = brackets(rest) {
        if let Some(implementor) = inside.strip_prefix("impl ") {
            text = without_arguments(implementor);
        } else if let Some((implementor, _)) = inside.split_once(" as ").filter(|_| before.is_empty()) {
            text = without_arguments(implementor);
        } else if before.ends_with("drop_in_place") {
            return without_arguments(inside) + "::drop";
        } else {
            text += before;
        }
        rest = after;
    }
    text + rest
}

/// What is before the first `<`, what is between it and its `>`, and what is behind that.
fn brackets(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('<')?;
    let mut depth = 0;
    let end = text[start..].char_indices().find_map(|(at, character)| {
        depth += match character {
            '<' => 1,
            '>' => -1,
            _ => 0,
        };
        (depth == 0).then_some(start + at)
    })?;
    Some((&text[..start], &text[start + 1..end], &text[end + 1..]))
}

fn kind(path: &str) -> Kind {
    match path.split("::").next() {
        Some("bench_dunlin") => Kind::Application,
        Some("dunlin") => Kind::Client,
        Some("dunlin_session") => Kind::Session,
        Some("dunlin_codec") => Kind::Codec,
        Some("tokio" | "mio") => Kind::Tokio,
        _ => Kind::System,
    }
}

/// A file of the project, without its crate.
fn inlined(file: &str) -> Option<Name> {
    let (_, path) = file.split_once("/crates/dunlin")?;
    let (name, path) = path.split_once("/src/")?;
    let kind = match name {
        "" => Kind::Client,
        "-session" => Kind::Session,
        "-codec" => Kind::Codec,
        _ => return None,
    };
    Some(Name::new(path, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short() {
        let text = |name| short(name).text;
        assert_eq!(text("dunlin::input::<impl dunlin::Connection>::handle::h0123456789abcdef"), "Connection::handle");
        assert_eq!(text("dunlin_session::outbound::Outbound<M>::enlist"), "Outbound::enlist");
        assert_eq!(text("<dunlin::publish::Receipt as core::future::future::Future>::poll"), "Receipt::poll");
        assert_eq!(text("core::ptr::drop_in_place<dunlin::message::Message>"), "Message::drop");
        assert_eq!(text("dunlin::driver::Lifecycle::run::{{closure}}"), "Lifecycle::run");
        assert_eq!(text("__memcpy_avx_unaligned_erms"), "memcpy");
        assert_eq!(text("tokio::runtime::context::enter"), "tokio");
    }

    #[test]
    fn a_stack_begins_below_main() {
        let stack = stack("dunlin::a::f'bench_dunlin::main::{{closure}}'bench_dunlin::main'start", "a.rs", "a.rs");
        assert_eq!(stack, Some(vec![Name::new("a::f", Kind::Client)]));
        assert_eq!(super::stack("malloc'start", "a", "a"), None);
    }
}

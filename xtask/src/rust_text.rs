//! Rust source, line by line, told apart into code, comment and test.
//!
//! A scanner and not a parser: it knows comments, literals and brackets, which
//! is all that rules about words and places need, and reads the whole
//! repository in milliseconds.

use crate::tree::File;

/// The text of one Rust file.
#[derive(Debug)]
pub(crate) struct RustText {
    /// One entry for each line of the file.
    pub(crate) lines: Vec<Line>,
    /// Names of the modules declared `#[cfg(test)] mod name;`.
    pub(crate) test_modules: Vec<String>,
    /// The file as a whole belongs to a test build only.
    pub(crate) only_test: bool,
}

/// One line of a Rust file.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// The code; comments and the insides of literals are blanks.
    pub(crate) code: String,
    /// The comment of the line with its slashes, or nothing.
    pub(crate) comment: String,
    /// The line belongs to an item under `#[cfg(test)]`.
    pub(crate) test: bool,
}

impl RustText {
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = scan(text);
        let code = lines.iter().map(|line| line.code.as_str()).collect::<Vec<_>>().join("\n");
        let mut test_modules = Vec::new();
        let mut only_test = false;
        for attribute in attributes(&code) {
            if !is_test_only(attribute.text) {
                continue;
            }
            if attribute.inner {
                only_test = true;
                continue;
            }
            let item = item_after(&code, attribute.end);
            if let Some(name) = declared_module(&code[item.clone()]) {
                test_modules.push(name.to_owned());
            }
            let first = line_of(&code, attribute.start);
            let last = line_of(&code, item.end.saturating_sub(1));
            for line in lines.iter_mut().take(last + 1).skip(first) {
                line.test = true;
            }
        }
        RustText { lines, test_modules, only_test }
    }

    /// The lines that are built into the product, with their index.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(|(_, line)| !self.only_test && !line.test)
    }

    /// All code with its line breaks, for rules that look over several lines.
    pub(crate) fn code(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|line| line.code.as_str()).collect();
        lines.join("\n")
    }
}

/// Marks the files that are modules declared under `#[cfg(test)]` elsewhere.
pub(crate) fn mark_test_modules(files: &mut [File]) {
    let mut homes = Vec::new();
    for file in files.iter() {
        let Some(rust) = &file.rust else { continue };
        for module in &rust.test_modules {
            let home = file.path.strip_suffix(".rs").unwrap_or(&file.path);
            let home = match home.rsplit_once('/') {
                Some((folder, "lib" | "main" | "mod")) => folder,
                _ => home,
            };
            homes.push(format!("{home}/{module}"));
        }
    }
    for file in files {
        let Some(rust) = &mut file.rust else { continue };
        rust.only_test |= homes.iter().any(|home| {
            file.path.strip_prefix(home.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
    }
}

/// The index of the line that holds the byte `at` of `code`, from 0.
pub(crate) fn line_of(code: &str, at: usize) -> usize {
    code.bytes().take(at).filter(|&byte| byte == b'\n').count()
}

/// The byte offsets at which `word` stands in `code` with no letter, digit or
/// underscore touching either end of it that is itself one.
pub(crate) fn occurrences<'c>(code: &'c str, word: &'c str) -> impl Iterator<Item = usize> + 'c {
    let touches =
        |inner: Option<char>, outer: Option<char>| inner.is_some_and(is_of_word) && outer.is_some_and(is_of_word);
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !touches(word.chars().next(), code[..at].chars().next_back())
            && !touches(word.chars().next_back(), code[at + word.len()..].chars().next())
    })
}

/// The identifiers of a piece of code, in order.
pub(crate) fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c| !is_of_word(c)).filter(|word| word.starts_with(|c: char| !c.is_ascii_digit()))
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the scanner is.
///
/// ```text
///           " r" b" c"                 //              /*        */
///  Literal <----------> Code <------------> LineComment   BlockComment(depth)
///              "                     end of line
/// ```
#[derive(Clone, Copy)]
enum State {
    Code,
    LineComment,
    BlockComment(u32),
    /// A string; `raw` is the number of `#` of a raw one.
    Text {
        raw: Option<usize>,
    },
}

fn scan(text: &str) -> Vec<Line> {
    let characters: Vec<char> = text.chars().collect();
    let mut lines = Vec::new();
    let mut line = Line::default();
    let mut state = State::Code;
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        let rest = &characters[at..];
        if c == '\n' {
            lines.push(std::mem::take(&mut line));
            if matches!(state, State::LineComment) {
                state = State::Code;
            }
            at += 1;
            continue;
        }
        let taken = match state {
            State::Code => {
                let before = line.code.chars().next_back();
                let (next, taken) = leave_code(rest, before);
                state = next;
                match state {
                    State::Code if taken > 1 => line.code += "' '",
                    State::Code => line.code.push(c),
                    State::Text { .. } => line.code.push('"'),
                    State::LineComment | State::BlockComment(_) => {
                        line.comment.extend(&rest[..taken]);
                    }
                }
                taken
            }
            State::LineComment => {
                line.comment.push(c);
                1
            }
            State::BlockComment(depth) => {
                let (next, taken) = match rest {
                    ['/', '*', ..] => (State::BlockComment(depth + 1), 2),
                    ['*', '/', ..] if depth == 1 => (State::Code, 2),
                    ['*', '/', ..] => (State::BlockComment(depth - 1), 2),
                    _ => (state, 1),
                };
                state = next;
                line.comment.extend(&rest[..taken]);
                taken
            }
            State::Text { raw } => {
                let taken = text_step(rest, raw);
                if let Some(length) = taken.closing {
                    line.code.push('"');
                    state = State::Code;
                    length
                } else {
                    line.code.push(' ');
                    taken.length
                }
            }
        };
        at += taken;
    }
    if !text.ends_with('\n') {
        lines.push(line);
    }
    lines
}

/// What begins at `rest` in code, and how many characters it takes.
fn leave_code(rest: &[char], before: Option<char>) -> (State, usize) {
    match rest {
        ['/', '/', ..] => (State::LineComment, 2),
        ['/', '*', ..] => (State::BlockComment(1), 2),
        ['"', ..] => (State::Text { raw: None }, 1),
        ['\'', '\\', ..] => {
            let close = rest.iter().skip(3).position(|&c| c == '\'');
            (State::Code, close.map_or(1, |distance| distance + 4))
        }
        ['\'', _, '\'', ..] => (State::Code, 3),
        ['r' | 'b' | 'c', ..] if !before.is_some_and(is_of_word) => raw_text(rest),
        _ => (State::Code, 1),
    }
}

/// `r"`, `r#"`, `br##"` and their like begin a raw string; `b"` and `c"` an
/// ordinary one, which is found at its quote.
fn raw_text(rest: &[char]) -> (State, usize) {
    let prefix = match rest {
        ['b' | 'c', 'r', ..] => 2,
        ['r', ..] => 1,
        _ => return (State::Code, 1),
    };
    let hashes = rest[prefix..].iter().take_while(|&&c| c == '#').count();
    if rest.get(prefix + hashes) == Some(&'"') {
        (State::Text { raw: Some(hashes) }, prefix + hashes + 1)
    } else {
        (State::Code, 1)
    }
}

struct TextStep {
    /// The length of the closing delimiter, if it stands here.
    closing: Option<usize>,
    /// How far to go on otherwise.
    length: usize,
}

fn text_step(rest: &[char], raw: Option<usize>) -> TextStep {
    let closing = match (raw, rest) {
        (None, ['"', ..]) => Some(1),
        (Some(hashes), ['"', tail @ ..]) if tail.len() >= hashes && tail[..hashes].iter().all(|&c| c == '#') => {
            Some(hashes + 1)
        }
        _ => None,
    };
    // An escaped line break is left to the caller, who counts lines.
    let escaped = raw.is_none() && matches!(rest, ['\\', c, ..] if *c != '\n');
    TextStep { closing, length: if escaped { 2 } else { 1 } }
}

struct Attribute<'c> {
    start: usize,
    end: usize,
    text: &'c str,
    inner: bool,
}

fn attributes(code: &str) -> Vec<Attribute<'_>> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices('#') {
        let inner = code[start + 1..].starts_with('!');
        let open = start + 1 + usize::from(inner);
        if code[open..].starts_with('[') {
            let end = closing_bracket(code, open);
            let text = code[open..end].trim_matches(['[', ']']);
            found.push(Attribute { start, end, text, inner });
        }
    }
    found
}

/// Whether an attribute keeps its item out of every build but that of tests.
fn is_test_only(attribute: &str) -> bool {
    let text: String = attribute.chars().filter(|c| !c.is_whitespace()).collect();
    let Some(condition) = text.strip_prefix("cfg(").and_then(|rest| rest.strip_suffix(')')) else {
        return false;
    };
    condition == "test"
        || condition
            .strip_prefix("all(")
            .and_then(|rest| rest.strip_suffix(')'))
            .is_some_and(|parts| parts.split(',').any(|part| part == "test"))
}

/// The span of the item that begins at `from`, with its other attributes.
fn item_after(code: &str, from: usize) -> std::ops::Range<usize> {
    let bytes = code.as_bytes();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'(' | b'[' => at = closing_bracket(code, at),
            b'{' => {
                // `use a::{b, c};` goes on to its semicolon.
                let end = closing_bracket(code, at);
                let is_use = identifiers(&code[from..at]).any(|word| word == "use");
                if !is_use {
                    return from..end;
                }
                at = end;
            }
            b';' => return from..at + 1,
            // A field or a match arm: it ends with what holds it at the latest.
            b'}' => return from..at,
            _ => at += 1,
        }
    }
    from..bytes.len()
}

/// The offset behind the bracket that closes the one at `open`.
fn closing_bracket(code: &str, open: usize) -> usize {
    let mut depth = 0_u32;
    for (distance, byte) in code[open..].bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return open + distance + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

fn declared_module(item: &str) -> Option<&str> {
    let item = item.trim().strip_suffix(';')?;
    let mut words = identifiers(item).skip_while(|&word| word != "mod");
    words.next()?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        RustText::parse(text).code()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        assert_eq!(code("a(); // .unwrap()"), "a(); ");
        assert_eq!(code("a /* x /* y */ z */ b"), "a  b");
        assert_eq!(code("f(\"panic!()\")"), "f(\"        \")");
        assert_eq!(code("f(\"a\\\"b\") g"), "f(\"   \") g");
        assert_eq!(code("f(r#\"a\"b\"#) g"), "f(\"   \") g");
        assert_eq!(code("f(br\"\\\") g"), "f(\" \") g");
        assert_eq!(code("m('\"', '\\'', 'x') g"), "m(' ', ' ', ' ') g");
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(code("let r#type = r;"), "let r#type = r;");
        assert_eq!(code("a /* b\n c */ d").lines().count(), 2);
        assert_eq!(code("\"a \\\n b\" c").lines().count(), 2);
    }

    #[test]
    fn a_comment_is_kept_with_its_line() {
        let text = RustText::parse("x(); // infallible: because\ny();");
        assert_eq!(text.lines[0].comment, "// infallible: because");
        assert_eq!(text.lines[1].comment, "");
    }

    #[test]
    fn items_under_cfg_test_are_tests_and_nothing_else_is() {
        let text = RustText::parse(
            "fn a() {}\n\
             #[cfg(test)]\n\
             use x::{y, z};\n\
             #[cfg(all(test, unix))]\n\
             #[path = \"odd.rs\"]\n\
             mod story;\n\
             #[cfg(not(test))]\n\
             fn b() {}\n\
             #[cfg(any(test, unix))]\n\
             fn c() {}\n\
             #[cfg(test)]\n\
             mod tests {\n\
             fn d() { \"}\"; }\n\
             }\n\
             fn e() {}\n",
        );
        let product: Vec<usize> = text.product_lines().map(|(index, _)| index + 1).collect();
        assert_eq!(product, [1, 7, 8, 9, 10, 15]);
        assert_eq!(text.test_modules, ["story"]);
    }

    #[test]
    fn a_field_under_cfg_test_does_not_hide_what_follows() {
        let text = RustText::parse("struct A {\n#[cfg(test)]\nx: u8\n}\nfn b() {}\n");
        assert!(text.lines[2].test);
        assert!(!text.lines[4].test);
    }

    #[test]
    fn a_file_declared_as_a_test_module_is_a_test() {
        let mut files = [
            File::new("c/src/lib.rs", "#[cfg(test)]\nmod story;\nmod plain;\n"),
            File::new("c/src/story.rs", "fn a() {}\n"),
            File::new("c/src/story/deep.rs", "fn a() {}\n"),
            File::new("c/src/storyteller.rs", "fn a() {}\n"),
            File::new("c/src/plain.rs", "#[cfg(test)]\nmod inside;\n"),
            File::new("c/src/plain/inside.rs", "fn a() {}\n"),
            File::new("c/src/whole.rs", "#![cfg(test)]\nfn a() {}\n"),
        ];
        mark_test_modules(&mut files);
        let tests: Vec<&str> = files
            .iter()
            .filter(|file| file.rust.as_ref().is_some_and(|rust| rust.only_test))
            .map(|file| file.path.as_str())
            .collect();
        assert_eq!(tests, ["c/src/story.rs", "c/src/story/deep.rs", "c/src/plain/inside.rs", "c/src/whole.rs"]);
    }

    #[test]
    fn a_word_is_found_only_where_it_stands_alone() {
        let found = |code, word| occurrences(code, word).count();
        assert_eq!(found("rand::random()", "rand::"), 1);
        assert_eq!(found("operand::x", "rand::"), 0);
        assert_eq!(found("x.unwrap()", ".unwrap()"), 1);
        assert_eq!(found("std::time_x", "std::time"), 0);
        assert_eq!(found("(std::time::Instant)", "std::time"), 1);
    }
}

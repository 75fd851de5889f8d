//! Words that are not written: other names for the standard's nouns, code that
//! is not there yet, and places on somebody's machine.

use crate::report::Offence;
use crate::rust_text::{identifiers, occurrences};
use crate::tree::File;

pub(super) fn check(file: &File) -> Vec<Offence> {
    let mut offences = foreign_nouns(file);
    offences.extend(unfinished(file));
    offences.extend(machine_paths(file));
    offences
}

/// The sources of the product use the standard's nouns.
fn foreign_nouns(file: &File) -> Vec<Offence> {
    let mut offences = Vec::new();
    let Some(rust) = &file.rust else {
        return offences;
    };
    if !(file.path.starts_with("crates/") && file.path.contains("/src/")) {
        return offences;
    }
    for (index, line) in rust.lines.iter().enumerate() {
        let public = line.code.trim_start().starts_with("pub ");
        for identifier in identifiers(&line.code) {
            let lower = identifier.to_lowercase();
            let anywhere = ANYWHERE.iter().find(|(word, _)| lower.contains(word));
            let in_public = IN_PUBLIC.iter().find(|(word, _)| lower == *word);
            if let Some((_, instead)) = anywhere.or(in_public.filter(|_| public)) {
                offences.push(Offence::at(
                    &file.path,
                    index,
                    format!("`{identifier}`"),
                    format!("the word here is {instead}, as in the standard"),
                ));
            }
        }
    }
    offences
}

/// What is in the tree is finished.
fn unfinished(file: &File) -> Vec<Offence> {
    let mut offences = Vec::new();
    let Some(rust) = &file.rust else {
        return offences;
    };
    for (index, line) in rust.lines.iter().enumerate() {
        for word in UNFINISHED {
            if occurrences(&line.code, word).next().is_some() {
                offences.push(Offence::at(&file.path, index, format!("`{word}..)`"), "finish it or leave it out"));
            }
        }
    }
    offences
}

/// A path of one machine means nothing on the next.
fn machine_paths(file: &File) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let found = MACHINE_FOLDERS.iter().find(|folder| starts_a_path(line, folder));
        if let Some(folder) = found {
            offences.push(Offence::at(
                &file.path,
                index,
                format!("a path of one machine, below /{folder}"),
                "write it relative to the repository, or with ~",
            ));
        }
    }
    offences
}

fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].strip_suffix(['/', '\\']);
        let after = line[at + folder.len()..].starts_with(['/', '\\']);
        // In an address or a longer path something stands before the slash.
        let part_of_more = |c: char| c.is_alphanumeric() || "._-~/}>)+#".contains(c);
        after && before.is_some_and(|before| !before.ends_with(part_of_more))
    })
}

/// Never part of a name, in small letters, and what is said instead.
const ANYWHERE: &[(&str, &str)] =
    &[("pkid", "`packet_id`"), ("eventloop", "the driver"), ("lastwill", "`Will`"), ("level0", "`Qos::AtMostOnce`")];

/// Not in a public name.
const IN_PUBLIC: &[(&str, &str)] = &[("mid", "`packet_id`"), ("inflight", "`receive_maximum` or unacknowledged")];

const UNFINISHED: &[&str] = &["todo!(", "unimplemented!(", "dbg!("];
const MACHINE_FOLDERS: &[&str] = &["root", "home", "Users", "work", "workspace", "builds", "buildkite"];

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> usize {
        check(&File::new(path, text)).len()
    }

    #[test]
    fn other_words_for_the_standards_nouns_are_offences() {
        let path = "crates/a/src/b.rs";
        for text in [
            "let pkid = 1;",
            "fn next_pkid() {}",
            "struct EventLoop;",
            "use x::LastWill;",
            "Qos::Level0 => 0,",
            "pub mid: u16,",
            "pub fn inflight(&self) {}",
        ] {
            assert_eq!(offences(path, text), 1, "{text}");
        }
        for text in
            ["// others call it pkid", "let text = \"LastWill\";", "let mid = (low + high) / 2;", "pub fn middle() {}"]
        {
            assert_eq!(offences(path, text), 0, "{text}");
        }
        assert_eq!(offences("bench/src/main.rs", "let pkid = 1;"), 0);
    }

    #[test]
    fn unfinished_code_is_an_offence_everywhere() {
        for text in ["todo!()", "unimplemented!(\"x\")", "let x = dbg!(y);"] {
            assert_eq!(offences("xtask/src/b.rs", text), 1, "{text}");
            assert_eq!(offences("crates/a/tests/b.rs", text), 1, "{text}");
        }
        assert_eq!(offences("xtask/src/b.rs", "// todo!()"), 0);
        assert_eq!(offences("xtask/src/b.rs", "a_todo!()"), 0);
    }

    #[test]
    fn a_path_of_one_machine_is_an_offence_in_every_text() {
        for folder in ["root", "home", "Users", "work"] {
            for text in [format!("see /{folder}/ann/dunlin"), format!("`/{folder}/x`"), format!("C:\\{folder}\\x")] {
                assert_eq!(offences("README.md", &text), 1, "{text}");
            }
            for text in [
                format!("https://example.org/{folder}/x"),
                format!("plant/{folder}/x"),
                format!("the {folder}/x"),
                format!("/{folder}"),
            ] {
                assert_eq!(offences("README.md", &text), 0, "{text}");
            }
        }
    }
}

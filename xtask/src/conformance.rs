//! `cargo xtask conformance`: which test shows each statement of the standards that binds a client.
//!
//! ```text
//!  statements.toml ──> the named tests are run ──> CONFORMANCE.md, and a count
//! ```

mod evidence;
mod page;
mod statements;

use std::collections::BTreeSet;
use std::fs;

use evidence::{Ran, Verdict};
use statements::{Proof, Statement};

use crate::report::{Offence, Outcome, Trouble};
use crate::tree::{self, File};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let check = match arguments {
        [] => false,
        [only] if only == "--check" => true,
        _ => return Err(Trouble::new("`conformance` takes --check and nothing else")),
    };
    let statements =
        statements::read(&read(STATEMENTS)?).map_err(|what| Trouble::new(format!("{STATEMENTS}{what}")))?;
    let ran = evidence::gather(&named(&statements))?;
    let mut offences = judge(&statements, &ran);
    offences.extend(unlisted(&statements, &tree::read(&tree::root())?));
    let page = page::write(&statements);
    if !check {
        fs::write(tree::root().join(PAGE), page)
            .map_err(|error| Trouble::new(format!("cannot write {PAGE}: {error}")))?;
    } else if read(PAGE).ok().as_deref() != Some(page.as_str()) {
        offences.push(Offence::new(PAGE, "not what the statements make it", "run `cargo xtask conformance`"));
    }
    for offence in &offences {
        println!("{offence}");
    }
    println!("{}", summary(&statements, &ran));
    Ok(if offences.is_empty() { Outcome::Passed } else { Outcome::Failed })
}

fn read(path: &str) -> Result<String, Trouble> {
    fs::read_to_string(tree::root().join(path)).map_err(|error| Trouble::new(format!("cannot read {path}: {error}")))
}

/// Every test that shows something, once.
fn named(statements: &[Statement]) -> BTreeSet<&str> {
    statements.iter().flat_map(|statement| statement.tests()).map(String::as_str).collect()
}

/// What is wrong with the proof.
fn judge(statements: &[Statement], ran: &Ran) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut known = BTreeSet::new();
    for statement in statements {
        let mut offend = |what: &str, rule: &str| {
            offences.push(Offence::new(
                format!("{STATEMENTS}:{}", statement.line),
                format!("{statement}: {what}"),
                rule,
            ));
        };
        if !known.insert((&statement.version, &statement.id)) {
            offend("listed twice", "one entry a statement and version");
        }
        if statement.proof == Proof::Missing {
            offend("neither tests nor a reason", "name the tests that show it, or say why none can");
        }
        for name in statement.tests() {
            let (fault, rule) = match ran.get(name.as_str()) {
                Some(Verdict::Passed) => continue,
                Some(Verdict::Failed) => ("failed", "it does not show the statement"),
                Some(Verdict::Ignored) => ("is ignored", "a test that is not run shows nothing"),
                None => ("is no test", "it was renamed, moved or removed: name another"),
            };
            offend(&format!("`{name}` {fault}"), rule);
        }
    }
    offences
}

/// Statements that the product names and the list does not: a slip of the pen, or one without a test.
fn unlisted(statements: &[Statement], files: &[File]) -> Vec<Offence> {
    let known: BTreeSet<&str> = statements.iter().map(|statement| statement.id.as_str()).collect();
    let mut offences = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("crates/") && file.path.contains("/src/")) {
        for (index, line) in file.text.lines().enumerate() {
            let named = line.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(id, _)| id);
            let ids = named.filter(|id| id.starts_with("MQTT-") || id.starts_with("U5-"));
            offences.extend(ids.filter(|id| !known.contains(id)).map(|id| {
                Offence::at(&file.path, index, format!("[{id}] is not in {STATEMENTS}"), "correct it, or list it")
            }));
        }
    }
    offences
}

fn summary(statements: &[Statement], ran: &Ran) -> String {
    let passed = |name: &String| ran.get(name.as_str()) == Some(&Verdict::Passed);
    let shown = statements
        .iter()
        .filter(|statement| !statement.tests().is_empty() && statement.tests().iter().all(passed))
        .count();
    let untestable = statements.iter().filter(|statement| matches!(statement.proof, Proof::Reason(_))).count();
    let testable = statements.len() - untestable;
    format!(
        "{shown} of {testable} client statements shown, by {} tests; {untestable} more cannot be shown by a test",
        named(statements).len()
    )
}

const STATEMENTS: &str = "testing/conformance/statements.toml";
const PAGE: &str = "CONFORMANCE.md";

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Vec<Statement> {
        statements::read(text).unwrap()
    }

    fn ran(verdicts: &[(&str, Verdict)]) -> Ran {
        verdicts.iter().map(|(name, verdict)| (name.to_string(), *verdict)).collect()
    }

    const THREE: &str = r#"
        [[statement]]
        id = "MQTT-1"
        version = "5.0"
        summary = "one"
        tests = ["a::x", "a::y"]

        [[statement]]
        id = "MQTT-1"
        version = "3.1.1"
        summary = "two"
        tests = ["a::x"]

        [[statement]]
        id = "MQTT-2"
        version = "5.0"
        summary = "three"
        reason = "nobody can"
    "#;

    #[test]
    fn a_statement_is_shown_when_each_of_its_tests_passed() {
        let statements = statements(THREE);
        let ran = ran(&[("a::x", Verdict::Passed), ("a::y", Verdict::Passed)]);
        assert_eq!(judge(&statements, &ran), []);
        let expected = "2 of 2 client statements shown, by 2 tests; 1 more cannot be shown by a test";
        assert_eq!(summary(&statements, &ran), expected);
    }

    #[test]
    fn a_test_that_is_missing_ignored_or_failed_shows_nothing() {
        let statements = statements(THREE);
        for bad in [None, Some(Verdict::Ignored), Some(Verdict::Failed)] {
            let mut ran = ran(&[("a::x", Verdict::Passed)]);
            ran.extend(bad.map(|verdict| ("a::y".to_owned(), verdict)));
            let offences = judge(&statements, &ran);
            assert_eq!(offences.len(), 1, "{offences:?}");
            assert!(offences[0].to_string().contains("MQTT-1 (5.0): "), "{}", offences[0]);
            assert!(summary(&statements, &ran).starts_with("1 of 2 "));
        }
    }

    #[test]
    fn a_statement_with_nothing_or_listed_twice_is_an_offence() {
        let entry = "[[statement]]\nid = \"MQTT-1\"\nversion = \"5.0\"\nsummary = \"one\"\n";
        let statements = statements(&[entry, entry].concat());
        let offences: Vec<_> = judge(&statements, &Ran::new()).iter().map(ToString::to_string).collect();
        let twice = offences.iter().filter(|offence| offence.contains("listed twice")).count();
        let neither = offences.iter().filter(|offence| offence.contains("neither tests nor a reason")).count();
        assert_eq!((twice, neither), (1, 2), "{offences:?}");
    }

    #[test]
    fn an_id_that_the_product_names_is_in_the_list() {
        let code = |path: &str| File::new(path, "/// One [MQTT-1] [MQTT-2].\nlet x = [MQTT]; // [MQTT-7] [link](x)\n");
        let offences = unlisted(&statements(THREE), &[code("crates/a/src/b.rs"), code("crates/a/tests/b.rs")]);
        assert_eq!(offences.len(), 1, "{offences:?}");
        assert!(offences[0].to_string().starts_with("crates/a/src/b.rs:2: [MQTT-7] is not in"), "{}", offences[0]);
    }
}

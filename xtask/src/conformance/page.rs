//! CONFORMANCE.md: the list of statements for people.

use super::statements::{Proof, Statement};

/// The whole page.
pub(super) fn write(statements: &[Statement]) -> String {
    let untestable = statements.iter().filter(|statement| matches!(statement.proof, Proof::Reason(_))).count();
    let mut page = format!(
        "# Conformance\n\n\
         Every statement of MQTT 3.1.1 and 5.0 that binds a client, or that a client relies on, and the tests that show\n\
         that dunlin keeps it: {} statements, of which {untestable} cannot be shown by a test. Statements whose name begins\n\
         with `U5` or ends in `U1`, `U2` have no number in the standard.\n\n\
         This page is written by `cargo xtask conformance` from `testing/conformance/statements.toml`; the command runs\n\
         each named test, and fails if one is missing, ignored or failed.\n",
        statements.len()
    );
    for version in ["3.1.1", "5.0"] {
        page += &format!("\n## MQTT {version}\n\n| statement | what it asks | shown by |\n|---|---|---|\n");
        for statement in statements.iter().filter(|statement| statement.version == version) {
            let proof = match &statement.proof {
                Proof::Tests(tests) => tests.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join("<br>"),
                Proof::Reason(reason) => format!("no test: {}", cell(reason)),
                Proof::Missing => "not shown".to_owned(),
            };
            page += &format!("| {} | {} | {proof} |\n", statement.id, cell(&statement.summary));
        }
    }
    page
}

/// Text that ends neither its cell nor its row, and is no markup.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_a_row_of_its_version() {
        let of = |id: &str, version: &str, proof| Statement {
            line: 1,
            id: id.into(),
            version: version.into(),
            summary: "a | b".into(),
            proof,
        };
        let page = write(&[
            of("MQTT-1", "5.0", Proof::Tests(vec!["a::b".into(), "c::d".into()])),
            of("MQTT-1", "3.1.1", Proof::Reason("because".into())),
            of("MQTT-2", "5.0", Proof::Missing),
        ]);
        let (old, new) = page.split_once("## MQTT 5.0").unwrap();
        assert!(old.contains("3 statements, of which 1 cannot"), "{old}");
        assert!(old.ends_with("|---|---|---|\n| MQTT-1 | a \\| b | no test: because |\n\n"), "{old}");
        let rows = "| MQTT-1 | a \\| b | `a::b`<br>`c::d` |\n| MQTT-2 | a \\| b | not shown |\n";
        assert!(new.ends_with(rows), "{new}");
    }
}

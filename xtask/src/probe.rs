//! `cargo xtask probe`: what the one session costs where it is small and where
//! it is fast, against a budget.
//!
//! ```text
//!  probe ──> flash         testing/probe/flash, built for a microcontroller ──> elf: sizes, symbols
//!    └─────> instructions  testing/probe/publish under callgrind <── TCP ──> testing/probe/sink
//! ```

pub(crate) mod elf;
mod flash;
mod instructions;
pub(crate) mod symbol;

use crate::report::{Outcome, Trouble};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let parts = Parts::parse(arguments)?;
    let mut figures = Vec::new();
    if parts.flash {
        figures.extend(flash::measure()?);
    }
    if parts.instructions {
        figures.push(instructions::measure()?);
    }
    print!("\n{}", table(&figures));
    Ok(if figures.iter().all(Figure::holds) { Outcome::Passed } else { Outcome::Failed })
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    flash: bool,
    instructions: bool,
}

impl Parts {
    fn parse(arguments: &[String]) -> Result<Parts, Trouble> {
        let mut parts = Parts { flash: arguments.is_empty(), instructions: arguments.is_empty() };
        for argument in arguments {
            match argument.as_str() {
                "flash" => parts.flash = true,
                "instructions" => parts.instructions = true,
                other => {
                    return Err(Trouble::new(format!(
                        "`probe` does not know `{other}`; it takes `flash`, `instructions`, or nothing for both"
                    )));
                }
            }
        }
        Ok(parts)
    }
}

/// A measured number and what it may be at most.
#[derive(Debug)]
struct Figure {
    name: &'static str,
    unit: &'static str,
    value: u64,
    budget: u64,
}

impl Figure {
    fn holds(&self) -> bool {
        self.value <= self.budget
    }
}

fn table(figures: &[Figure]) -> String {
    let mut text = format!("{:<42} {:>9} {:>9}\n", "figure", "measured", "budget");
    for figure in figures {
        let name = format!("{} [{}]", figure.name, figure.unit);
        let verdict = if figure.holds() { "ok" } else { "OVER" };
        text += &format!("{name:<42} {:>9} {:>9}  {verdict}\n", figure.value, figure.budget);
    }
    text
}

/// Where the programs are built: beside the workspace's own, which has other
/// profiles.
const TARGET_DIRECTORY: &str = "target/probe";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_above_its_budget_is_shown_as_over() {
        let figure = |value| Figure { name: "flash", unit: "B", value, budget: 10 };
        assert!(figure(10).holds());
        assert!(!figure(11).holds());
        let text = table(&[figure(10), figure(11)]);
        let verdicts: Vec<_> = text.lines().skip(1).filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(verdicts, ["ok", "OVER"]);
    }

    #[test]
    fn parts_are_chosen_by_name() {
        let parse = |words: &[&str]| Parts::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(parse(&[]).unwrap(), Parts { flash: true, instructions: true });
        assert_eq!(parse(&["flash"]).unwrap(), Parts { flash: true, instructions: false });
        assert!(parse(&["ram"]).is_err());
    }
}

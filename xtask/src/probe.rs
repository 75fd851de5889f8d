//! `cargo xtask probe`: what the one session costs where it is small and where
//! it is fast, against a budget.
//!
//! A figure that is over its budget also has a ceiling: what it takes today. It
//! may fall to the budget and never rise. `cargo xtask probe` fails over a
//! budget, `cargo xtask probe --ceilings` only above a ceiling.
//!
//! ```text
//!  probe ──> flash         testing/probe/flash, built for a microcontroller ──> elf: sizes, symbols
//!    └─────> instructions  testing/probe/publish under callgrind <── TCP ──> testing/probe/sink
//! ```

mod elf;
mod flash;
mod instructions;
mod symbol;

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
    let holds = if parts.ceilings { Figure::is_below_its_ceiling } else { Figure::holds };
    Ok(if figures.iter().all(holds) { Outcome::Passed } else { Outcome::Failed })
}

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts {
    flash: bool,
    instructions: bool,
    /// Judge by the ceilings.
    ceilings: bool,
}

impl Parts {
    fn parse(arguments: &[String]) -> Result<Parts, Trouble> {
        let mut parts = Parts::default();
        for argument in arguments {
            match argument.as_str() {
                "flash" => parts.flash = true,
                "instructions" => parts.instructions = true,
                "--ceilings" => parts.ceilings = true,
                other => {
                    return Err(Trouble::new(format!(
                        "`probe` does not know `{other}`; it takes `flash`, `instructions`, or neither for both, and `--ceilings`"
                    )));
                }
            }
        }
        if !parts.flash && !parts.instructions {
            (parts.flash, parts.instructions) = (true, true);
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
    /// Where the budget is not met yet: what may not be passed meanwhile.
    ceiling: Option<u64>,
}

impl Figure {
    fn holds(&self) -> bool {
        self.value <= self.budget
    }

    fn is_below_its_ceiling(&self) -> bool {
        self.value <= self.ceiling.unwrap_or(self.budget)
    }
}

fn table(figures: &[Figure]) -> String {
    let mut text = format!("{:<42} {:>9} {:>9}\n", "figure", "measured", "budget");
    for figure in figures {
        let name = format!("{} [{}]", figure.name, figure.unit);
        let verdict = match figure.ceiling {
            _ if figure.holds() => "ok".to_owned(),
            Some(ceiling) if figure.is_below_its_ceiling() => format!("OVER, below the ceiling of {ceiling}"),
            Some(ceiling) => format!("OVER, and above the ceiling of {ceiling}"),
            None => "OVER".to_owned(),
        };
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
        let figure = |value| Figure { name: "flash", unit: "B", value, budget: 10, ceiling: None };
        assert!(figure(10).holds());
        assert!(!figure(11).holds() && !figure(11).is_below_its_ceiling());
        let text = table(&[figure(10), figure(11)]);
        let verdicts: Vec<_> = text.lines().skip(1).filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(verdicts, ["ok", "OVER"]);
    }

    #[test]
    fn a_ceiling_lets_a_figure_stand_that_is_over_its_budget_and_no_higher() {
        let figure = |value| Figure { name: "flash", unit: "B", value, budget: 10, ceiling: Some(12) };
        assert!(!figure(12).holds() && figure(12).is_below_its_ceiling());
        assert!(!figure(13).is_below_its_ceiling());
        let text = table(&[figure(12), figure(13)]);
        assert!(text.contains("OVER, below the ceiling of 12") && text.contains("OVER, and above the ceiling of 12"));
    }

    #[test]
    fn parts_are_chosen_by_name() {
        let parse = |words: &[&str]| Parts::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let both = Parts { flash: true, instructions: true, ceilings: false };
        assert_eq!(parse(&[]).unwrap(), both);
        assert_eq!(parse(&["--ceilings"]).unwrap(), Parts { ceilings: true, ..both });
        assert_eq!(parse(&["flash"]).unwrap(), Parts { instructions: false, ..both });
        assert!(parse(&["ram"]).is_err());
    }
}

//! Instructions of dunlin, beside those of the committed table: times on shared machines are noise, and these are not.

use std::fs;

use super::costs;
use super::programs::{self, Program, Sink, Work};
use crate::process;
use crate::report::{Outcome, Trouble};
use crate::tree;

/// `writes`: the table is to be that of what is measured.
pub(super) fn run(writes: bool) -> Result<Outcome, Trouble> {
    if process::find("valgrind").is_none() {
        return Err(Trouble::new("valgrind is missing, which counts instructions; Debian: apt-get install valgrind"));
    }
    let programs: Vec<Program> = programs::all().into_iter().filter(Program::is_dunlin).collect();
    programs::build(&programs)?;
    let figures = measure(&Sink::start()?, &programs)?;
    let path = tree::root().join(TABLE);
    if writes {
        let text: String = figures.iter().map(|(name, value)| format!("{name}\t{value}\n")).collect();
        fs::write(&path, text).map_err(|error| Trouble::new(format!("cannot write {}: {error}", path.display())))?;
    }
    let committed =
        fs::read_to_string(&path).map_err(|error| Trouble::new(format!("cannot read {}: {error}", path.display())))?;
    let (text, holds) = compare(&figures, &committed);
    print!("\n{text}");
    Ok(if holds { Outcome::Passed } else { Outcome::Failed })
}

fn measure(sink: &Sink, programs: &[Program]) -> Result<Vec<(String, u64)>, Trouble> {
    let mut figures = Vec::new();
    for mode in ["publish", "receive"] {
        for qos in [0, 1, 2] {
            let work = Work { mode, qos, size: 16, window: 4_000, tls: false };
            for program in programs.iter().filter(|program| program.does(&work)) {
                let each = costs::each(sink, program, &work, costs::instructions)?;
                figures.push((format!("{mode} QoS {qos}: {}", program.name), each.round() as u64));
            }
        }
    }
    Ok(figures)
}

/// The figures beside those of the table, and whether none has grown too much, or is missing.
fn compare(figures: &[(String, u64)], committed: &str) -> (String, bool) {
    let mut text = format!("{:<40} {:>9} {:>9}\n", "instructions for each message", "measured", "committed");
    let mut holds = true;
    for (name, value) in figures {
        let before = committed.lines().find_map(|line| {
            let (known, value) = line.split_once('\t')?;
            (known == name).then(|| value.parse::<u64>().ok())?
        });
        let verdict = match before {
            Some(before) if *value * 100 <= before * (100 + TOLERANCE) => "ok",
            Some(_) => "GROWN",
            None => "NEW",
        };
        holds &= verdict == "ok";
        let before = before.map_or("-".to_owned(), |before| before.to_string());
        text += &format!("{name:<40} {value:>9} {before:>9}  {verdict}\n");
    }
    if !holds {
        text += "If that is meant: `cargo xtask bench --gate --write`, and commit the table.\n";
    }
    (text, holds)
}

const TABLE: &str = "bench/instructions.tsv";
/// Percent: what another version of the compiler or the C library may come to.
const TOLERANCE: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_grown_by_more_than_5_percent_is_told() {
        let figures = |value| vec![("publish QoS 0: dunlin".to_owned(), value)];
        let committed = "publish QoS 0: dunlin\t100\n";
        assert!(compare(&figures(105), committed).1);
        let (text, holds) = compare(&figures(106), committed);
        assert!(!holds && text.contains("GROWN"), "{text}");
        let (text, holds) = compare(&figures(1), "");
        assert!(!holds && text.contains("NEW"), "{text}");
    }
}

//! What a message costs, as far as it can be counted: so many messages, and three times as many; the difference is
//! theirs, and start and end fall out.

use super::TARGET_DIRECTORY;
use super::programs::{Program, Sink, Work};
use super::table::{Table, whole};
use crate::process::Job;
use crate::report::Trouble;
use crate::tree;

/// Instructions, allocations and system calls of every program.
pub(super) fn tables(sink: &Sink, programs: &[Program], quick: bool) -> Result<(), Trouble> {
    let sizes = if quick { &[16][..] } else { &[16, 16 << 10] };
    for mode in ["publish", "receive"] {
        for &size in sizes {
            let work = |qos| Work { mode, qos, size, window: 4_000, tls: false };
            for (what, cost) in COSTS {
                let mut table = Table::new(&["client", "QoS 0", "QoS 1", "QoS 2"]);
                for program in programs.iter().filter(|program| is_counted(program, size)) {
                    let cell = |qos| match program.does(&work(qos)) {
                        true => match each(sink, program, &work(qos), *cost) {
                            // It may be too slow below valgrind.
                            Err(_) if program.is_peer() => Ok(f64::NAN),
                            figure => figure,
                        },
                        false => Ok(f64::NAN),
                    };
                    let cells: Vec<f64> = [0, 1, 2].into_iter().map(cell).collect::<Result<_, Trouble>>()?;
                    if cells.iter().all(|cell| cell.is_nan()) {
                        continue;
                    }
                    let shown = |cell: &f64| match *what {
                        _ if cell.is_nan() => "-".to_owned(),
                        "instructions" => whole(*cell),
                        _ => format!("{cell:.2}"),
                    };
                    let mut row = vec![program.name.to_owned()];
                    row.extend(cells.iter().map(shown));
                    table.row(row);
                }
                table.print(&format!("{what} for each message, {mode}, {} B", whole(size as f64)));
            }
        }
    }
    Ok(())
}

/// The peers are counted with one version and small messages: it takes long, and the rest says nothing more.
fn is_counted(program: &Program, size: u64) -> bool {
    !program.is_peer() || (size == 16 && (!program.name.ends_with("5.0") || program.name == "rust-mqtt, 5.0"))
}

/// What one message costs.
pub(super) fn each(sink: &Sink, program: &Program, work: &Work, cost: Cost) -> Result<f64, Trouble> {
    let messages = if program.is_peer() { MESSAGES / 5 } else { MESSAGES };
    difference(messages, |messages| cost(&program.command(sink, work, messages)))
}

/// What one of many costs, where this is what so many cost together with all else.
pub(super) fn difference(messages: u64, count: impl Fn(u64) -> Result<u64, Trouble>) -> Result<f64, Trouble> {
    let (few, more) = (count(messages)?, count(3 * messages)?);
    Ok((more as f64 - few as f64) / (2 * messages) as f64)
}

/// Counts something while a program runs.
pub(super) type Cost = fn(&[String]) -> Result<u64, Trouble>;

const COSTS: &[(&str, Cost)] =
    &[("instructions", instructions), ("allocations", allocations), ("system calls", system_calls)];

pub(super) fn instructions(words: &[String]) -> Result<u64, Trouble> {
    let talk = under("valgrind", &["--tool=callgrind", "--callgrind-out-file=/dev/null"], words)?;
    number_behind(&talk, "Collected :")
}

fn allocations(words: &[String]) -> Result<u64, Trouble> {
    let talk = under("valgrind", &["--leak-check=no", "--undef-value-errors=no"], words)?;
    number_behind(&talk, "total heap usage:")
}

fn system_calls(words: &[String]) -> Result<u64, Trouble> {
    let counts = tree::root().join(TARGET_DIRECTORY).join("strace").to_string_lossy().into_owned();
    under("strace", &["-f", "-c", "-U", "calls", "-o", &counts], words)?;
    let text =
        std::fs::read_to_string(&counts).map_err(|error| Trouble::new(format!("cannot read {counts}: {error}")))?;
    total_of(&text).ok_or_else(|| Trouble::new(format!("strace did not count:\n{text}")))
}

/// Its last line: the number, and in newer versions a word behind it.
fn total_of(counts: &str) -> Option<u64> {
    counts.split_whitespace().rev().find(|word| *word != "total")?.parse().ok()
}

fn under(tool: &str, arguments: &[&str], words: &[String]) -> Result<String, Trouble> {
    let mut all = vec!["120", tool];
    all.extend(arguments);
    all.extend(words.iter().map(String::as_str));
    Job::new("timeout", &all).both_outputs()
}

fn number_behind(talk: &str, name: &str) -> Result<u64, Trouble> {
    let rest = talk.lines().find_map(|line| line.split_once(name));
    let word = rest.and_then(|(_, rest)| rest.split_whitespace().next());
    let number = word.and_then(|word| word.replace(',', "").parse().ok());
    number.ok_or_else(|| Trouble::new(format!("there is no `{name}` in what valgrind said:\n{talk}")))
}

pub(super) const MESSAGES: u64 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_valgrind_are_found_in_its_talk() {
        assert_eq!(number_behind("==7== Collected : 2086296\n", "Collected :").unwrap(), 2_086_296);
        let heap = "==7==   total heap usage: 1,234 allocs, 1,234 frees, 99,000 bytes allocated\n";
        assert_eq!(number_behind(heap, "total heap usage:").unwrap(), 1_234);
        assert!(number_behind("", "Collected :").is_err());
        assert_eq!(total_of("        1 execve\n--------- ------\n      172 total\n"), Some(172));
        assert_eq!(total_of("        1 execve\n      172\n"), Some(172));
        assert_eq!(total_of(""), None);
    }
}

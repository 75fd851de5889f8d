//! `cargo xtask mutants`: a test that cannot fail is found by breaking the code in every small way there is.
//!
//! ```text
//!  cargo-mutants ──> record (what became of each mutant) ──> figures
//!                             survivors.toml ──────┴───────> mutants that no test notices, without a reason
//! ```
//!
//! It takes hours. It can be stopped and taken up again (`--resume`), be divided among machines (`--shard`), and be about
//! some files alone (`--file`).

mod record;

use std::fs;

use record::{Record, Verdict};

use crate::excuses::{self, Excuse, Finding};
use crate::json::Json;
use crate::process::Job;
use crate::report::{Outcome, Trouble};
use crate::{tools, tree};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let options = Options::parse(arguments)?;
    tools::require(&[tools::CARGO_MUTANTS, tools::CARGO_NEXTEST])?;
    let excuses = excuses::read(LIST, "mutant")?;
    let mut holds = true;
    for package in &options.packages {
        let mut record = Record::open(tree::root().join(folder(package)), options.keeps_record())?;
        if !options.list_missed {
            // Its exit code tells that some survive. Which of them may is judged here.
            let _: Outcome = options.job(package).run()?;
            record.update()?;
        }
        let mutants = mutants(&options.list_job(package).output()?)?;
        let of_package = |excuse: &&Excuse| excuse.stands_below(&format!("crates/{package}/"));
        let excuses: Vec<&Excuse> = excuses.iter().filter(of_package).collect();
        let verdicts: Vec<_> = mutants.iter().map(|mutant| (mutant, record.verdict(&mutant.name))).collect();
        holds &= judge(package, &verdicts, &excuses, options.is_whole());
    }
    Ok(if holds { Outcome::Passed } else { Outcome::Failed })
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    packages: Vec<&'static str>,
    /// `k/n`.
    shard: Option<String>,
    /// Globs; none: all files.
    files: Vec<String>,
    jobs: Option<String>,
    resume: bool,
    list_missed: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, Trouble> {
        let mut options = Options::default();
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "codec" => options.packages.push("dunlin-codec"),
                "session" => options.packages.push("dunlin-session"),
                "--shard" => options.shard = words.next().map(str::to_owned),
                "--file" => options.files.extend(words.next().map(str::to_owned)),
                "--jobs" => options.jobs = words.next().map(str::to_owned),
                "--resume" => options.resume = true,
                "--list-missed" => options.list_missed = true,
                other => return Err(Trouble::new(format!("`mutants` does not know `{other}`; see the help"))),
            }
        }
        if options.packages.is_empty() {
            options.packages = vec!["dunlin-codec", "dunlin-session"];
        }
        Ok(options)
    }

    fn keeps_record(&self) -> bool {
        self.resume || self.list_missed
    }

    /// All mutants of a package are meant.
    fn is_whole(&self) -> bool {
        self.shard.is_none() && self.files.is_empty()
    }

    /// Breaks the code and runs the tests.
    fn job(&self, package: &str) -> Job {
        let output = folder(package);
        let mut arguments = vec!["mutants", "--package", package, "--output", &output];
        arguments.extend(self.resume.then_some("--iterate"));
        arguments.extend(self.jobs.iter().flat_map(|jobs| ["--jobs", jobs]));
        arguments.extend(self.selection());
        Job::cargo(&arguments)
    }

    /// Names the mutants.
    fn list_job(&self, package: &str) -> Job {
        let mut arguments = vec!["mutants", "--list", "--json", "--package", package];
        arguments.extend(self.selection());
        Job::cargo(&arguments)
    }

    fn selection(&self) -> impl Iterator<Item = &str> {
        let shard = self.shard.iter().flat_map(|shard| ["--shard", shard]);
        shard.chain(self.files.iter().flat_map(|file| ["--file", file]))
    }
}

/// One way to break the code.
#[derive(Debug)]
struct Mutant {
    /// With its place, as cargo-mutants calls it.
    name: String,
    finding: Finding,
}

/// Reads the list of cargo-mutants, and the lines that it is about.
fn mutants(list: &str) -> Result<Vec<Mutant>, Trouble> {
    let list = Json::parse(list).map_err(|at| Trouble::new(format!("the list of mutants is no JSON at byte {at}")))?;
    list.elements()
        .iter()
        .map(|json| mutant(json).ok_or_else(|| Trouble::new(format!("no mutant: {json:?}"))))
        .collect()
}

fn mutant(json: &Json) -> Option<Mutant> {
    let (name, file) = (json.get("name").as_str()?, json.get("file").as_str()?);
    let mut parts = name.strip_prefix(file)?.strip_prefix(':')?.splitn(3, ':');
    let (number, _column, what) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    let text = fs::read_to_string(tree::root().join(file)).ok()?;
    let line = text.lines().nth(usize::checked_sub(number, 1)?)?.trim().to_owned();
    let finding = Finding { file: file.to_owned(), number, line, mutant: Some(what.trim().to_owned()) };
    Some(Mutant { name: name.to_owned(), finding })
}

/// Prints the figures and what is wrong with them, and tells whether nothing is.
fn judge(package: &str, verdicts: &[(&Mutant, Option<Verdict>)], excuses: &[&Excuse], whole: bool) -> bool {
    let count = |wanted| verdicts.iter().filter(|(_, verdict)| *verdict == wanted).count();
    let (caught, unviable) = (count(Some(Verdict::Caught)), count(Some(Verdict::Unviable)));
    let untested = count(None);
    let missed = verdicts.iter().filter(|(_, verdict)| *verdict == Some(Verdict::Missed));
    let missed: Vec<Finding> = missed.map(|(mutant, _)| mutant.finding.clone()).collect();
    let (unexcused, mut idle) = excuses::settle(&missed, excuses);
    if !whole || untested > 0 {
        idle.clear();
    }
    for finding in &unexcused {
        println!("{}", finding.offence(RULE));
    }
    for excuse in &idle {
        println!("{}", excuse.idle());
    }
    let viable = caught + missed.len();
    println!(
        "{package}: {} mutants, {unviable} do not compile, {untested} not tested; of {viable} tested {caught} caught \
         ({:.1} %), {} missed, {} of them without a reason",
        verdicts.len(),
        100.0 * caught as f64 / viable.max(1) as f64,
        missed.len(),
        unexcused.len(),
    );
    let enough = caught * 100 >= viable * LEAST_PERCENT;
    if !enough {
        println!("{package}: at least {LEAST_PERCENT} % must be caught");
    }
    enough && untested == 0 && unexcused.is_empty() && idle.is_empty()
}

/// What cargo-mutants writes about a package goes there, and the record too.
fn folder(package: &str) -> String {
    format!("target/mutants/{package}")
}

const RULE: &str = "no test notices this mutant: write one, or give a reason in testing/mutants/survivors.toml";
const LIST: &str = "testing/mutants/survivors.toml";
const LEAST_PERCENT: usize = 90;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, Trouble> {
        Options::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn mutants_of(verdicts: &[Option<Verdict>]) -> Vec<(Mutant, Option<Verdict>)> {
        let finding = |number| Finding {
            file: "crates/a/src/b.rs".into(),
            number,
            line: "x < y".into(),
            mutant: Some("replace < with >".into()),
        };
        let mutant = |number| Mutant { name: format!("crates/a/src/b.rs:{number}:1"), finding: finding(number) };
        verdicts.iter().enumerate().map(|(at, verdict)| (mutant(at), *verdict)).collect()
    }

    fn holds(verdicts: &[Option<Verdict>]) -> bool {
        let mutants = mutants_of(verdicts);
        let verdicts: Vec<_> = mutants.iter().map(|(mutant, verdict)| (mutant, *verdict)).collect();
        judge("a", &verdicts, &[], true)
    }

    #[test]
    fn both_packages_are_meant_unless_one_is_named() {
        assert_eq!(parse(&[]).unwrap().packages, ["dunlin-codec", "dunlin-session"]);
        let options = parse(&["codec", "--shard", "1/4", "--resume", "--jobs", "2"]).unwrap();
        assert_eq!(
            options.job("dunlin-codec").to_string(),
            "cargo mutants --package dunlin-codec --output target/mutants/dunlin-codec --iterate --jobs 2 --shard 1/4"
        );
        assert!(parse(&["cli"]).is_err());
        assert!(!options.is_whole() && parse(&["codec"]).unwrap().is_whole());
        assert!(!parse(&["session", "--file", "lane.rs"]).unwrap().is_whole());
    }

    #[test]
    fn a_missed_or_an_untested_mutant_does_not_hold() {
        let (caught, missed, unviable) = (Some(Verdict::Caught), Some(Verdict::Missed), Some(Verdict::Unviable));
        assert!(holds(&[caught, caught, unviable]));
        assert!(!holds(&[caught, missed]));
        assert!(!holds(&[caught, None]));
    }

    #[test]
    fn a_mutant_is_found_by_the_text_of_its_line() {
        let list = r#"[{"file": "xtask/src/mutants.rs", "name": "xtask/src/mutants.rs:1:5: replace a::b with ()"}]"#;
        let found = mutants(list).unwrap();
        assert_eq!(found[0].finding.mutant.as_deref(), Some("replace a::b with ()"));
        assert!(found[0].finding.line.starts_with("//! `cargo xtask mutants`"), "{:?}", found[0]);
        assert!(mutants("[{}]").is_err() && mutants("no").is_err());
    }
}

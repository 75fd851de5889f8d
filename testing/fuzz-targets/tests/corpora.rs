//! Every input that a fuzzer found worth keeping, and every one that ever broke a promise, without a fuzzer.

use std::{fs, path::Path};

use dunlin_fuzz_targets::TARGETS;

#[test]
fn no_input_of_the_corpora_breaks_a_promise() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in TARGETS {
        let folder = corpora.join(name);
        let inputs = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut count = 0;
        for input in inputs {
            let path = input.expect("a folder that can be read").path();
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let failing = Failing(&path);
            target(&bytes);
            std::mem::forget(failing);
            count += 1;
        }
        assert!(count > 0, "{} is empty", folder.display());
        println!("{name}: {count} inputs");
    }
}

/// Tells which input it was, should the target panic.
struct Failing<'p>(&'p Path);

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        eprintln!("the input is {}", self.0.display());
    }
}

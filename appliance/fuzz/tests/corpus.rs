//! Every input that is kept, once more, without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz::TARGETS;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let directories = fs::read_dir(corpus()).expect("a directory");
    let names = directories.map(|entry| entry.expect("an entry").file_name());
    let corpora: BTreeSet<String> = names.filter_map(|name| name.into_string().ok()).collect();
    let targets: BTreeSet<String> = TARGETS.iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(corpora, targets);
}

#[test]
fn all_inputs_hold() {
    for target in TARGETS {
        let inputs = fs::read_dir(corpus().join(target.name)).expect("a directory");
        let mut count = 0;
        for input in inputs {
            let path = input.expect("an entry").path();
            // Shown when it fails.
            println!("{}", path.display());
            (target.run)(&fs::read(path).expect("an input"));
            count += 1;
        }
        assert!(count > 0, "{} has no inputs", target.name);
        // Nothing at all is an input too.
        (target.run)(&[]);
    }
}

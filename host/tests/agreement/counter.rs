//! pn-counter and g-counter: everything is compared exactly, offending reads by their index.

use host::checker::counter;
use host::checker::history::Recorded;

use super::difference;

pub fn differences(recorded: &Recorded) -> Vec<String> {
    let result = counter::check(&recorded.history);
    let errors: Vec<usize> = result.errors.iter().flatten().map(|read| read.index).collect();
    [
        difference(recorded, "valid", &result.valid),
        difference(recorded, "errors", &errors),
        difference(recorded, "final-reads", &result.final_reads),
        difference(recorded, "acceptable", &result.acceptable),
    ]
    .into_iter()
    .flatten()
    .collect()
}

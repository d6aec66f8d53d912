//! `host test --seeds N`: the same test on many seeds, as many at a time as there are cores. Only runs that are not
//! valid leave anything behind, in memory or in the store, so that a thousand seeds take the room of a few.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::bench::Test;
use crate::bench::random::Seed;
use crate::bench::results::Results;
use crate::checker::Valid;
use crate::report::{abort, verdict};

use super::test::{self, Arguments, Kept, Subject};

/// The first seed, unless the command line says otherwise: a sweep finds the same again without being told how.
const FIRST_SEED: u64 = 1;

/// A seed whose run was not valid.
struct Failure {
    seed: u64,
    /// `None` if there was no run to judge.
    valid: Option<Valid>,
}

/// Runs `seeds` seeds from the test's own on, tells of each that fails as soon as it does, and sums up.
pub(super) fn run(arguments: &Arguments, test: &Test, subject: &Subject, seeds: u64) -> Result<ExitCode> {
    let first = arguments.seed().map_or(FIRST_SEED, |seed| seed.0);
    let began = Instant::now();
    let bar = progress_bar(arguments, seeds);
    // Runs are written one at a time: they share the links to the latest.
    let store = Mutex::new(());
    let attempt = |offset: u64| {
        let test = Test { seed: Seed(first.wrapping_add(offset)), ..test.clone() };
        let failure = one(arguments, &test, subject, &store, &bar);
        bar.inc(1);
        failure
    };
    let failures: Result<Vec<Failure>> =
        (0..seeds).into_par_iter().filter_map(|offset| attempt(offset).transpose()).collect();
    bar.finish_and_clear();
    let mut failures = failures?;
    failures.sort_by_key(|failure| failure.seed);
    let wall = began.elapsed().as_secs_f64();
    if !arguments.is_quiet() {
        test::say(&summary(seeds, first, &failures, wall))?;
    }
    let worst = Valid::worst(failures.iter().filter_map(|failure| failure.valid));
    if worst != Valid::False && failures.iter().any(|failure| failure.valid.is_none()) {
        return Ok(ExitCode::from(test::INTERNAL_ERROR));
    }
    test::say(verdict::last_words(worst))?;
    Ok(test::status(worst))
}

/// Runs one seed, and keeps and tells what is wrong with it.
fn one(
    arguments: &Arguments,
    test: &Test,
    subject: &Subject,
    store: &Mutex<()>,
    bar: &ProgressBar,
) -> Result<Option<Failure>> {
    let seed = test.seed.0;
    let kept =
        test::attempt(arguments, test, subject, &ProgressBar::hidden()).and_then(|(run, results, _)| {
            if results.valid == Valid::True {
                return Ok(None);
            }
            let _turn = store.lock();
            let kept = test::keep(arguments, test, run, &results)?;
            Ok(Some((results, kept)))
        });
    let replay = test::replay(test.seed);
    let (valid, text) = match kept {
        Ok(None) => return Ok(None),
        Ok(Some((Results { aborted: Some(aborted), .. }, Kept { folder, .. }))) => {
            let (headline, details) = (abort::headline(&aborted), abort::details(&aborted));
            let files = folder.display();
            (None, format!("seed {seed}: {headline}\n{details}  replay: {replay}\n  files: {files}"))
        }
        Ok(Some((results, Kept { folder, .. }))) => {
            let reason = results.reason();
            let verdict = if results.valid == Valid::False { "INVALID" } else { "unknown" };
            let files = folder.display();
            let text = format!("seed {seed}: {verdict}: {reason}\n  replay: {replay}\n  files: {files}");
            (Some(results.valid), text)
        }
        Err(error) => (None, format!("seed {seed}: {error:#}\n  replay: {replay}")),
    };
    bar.suspend(|| test::say(&text))?;
    Ok(Some(Failure { seed, valid }))
}

fn summary(seeds: u64, first: u64, failures: &[Failure], wall_seconds: f64) -> String {
    let last = first.wrapping_add(seeds - 1);
    let per_second = seeds as f64 / wall_seconds;
    let begin = format!("seeds {first} to {last}: {wall_seconds:.1} s, {per_second:.1} runs/s");
    if failures.is_empty() {
        return format!("{begin}, all valid");
    }
    let named: Vec<String> = failures.iter().map(|failure| failure.seed.to_string()).collect();
    format!("{begin}, {} of {seeds} not valid: {}", failures.len(), named.join(", "))
}

/// A bar over the seeds on a terminal, and nothing elsewhere.
fn progress_bar(arguments: &Arguments, seeds: u64) -> ProgressBar {
    if arguments.is_quiet() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos:>7}/{len} seeds, {eta} to go");
    ProgressBar::new(seeds).with_style(style.expect("the template is well formed"))
}

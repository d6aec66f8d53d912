//! g-counter and pn-counter: one number to which all nodes add (spec §9.5, §9.6). They differ only in the sign of what
//! is added.

use rand::{Rng, RngExt};

use super::final_reads::FinalReads;
use super::reply::Type;
use super::{
    Checked, Clients, Final, Invocation, Malformed, Options, RPC_TIMEOUT_MS, Schema, Step, Workload,
};
use crate::checker::{History, Value, counter};

static ADD_OK: Schema = Schema::acknowledgement("add_ok");
static READ_OK: Schema = Schema::with("read_ok", "value", Type::Integer);

pub(super) struct Counter {
    /// Additions of less than this are discarded and something else is drawn.
    least_delta: i64,
    final_reads: FinalReads,
}

impl Counter {
    /// g-counter.
    pub fn grow_only(options: &Options) -> Counter {
        Counter { least_delta: 0, final_reads: FinalReads::new(options.concurrency) }
    }

    /// pn-counter.
    pub fn positive_negative(options: &Options) -> Counter {
        Counter { least_delta: i64::MIN, ..Counter::grow_only(options) }
    }
}

impl Workload for Counter {
    fn operations(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn clients(&self) -> Clients {
        Clients { reusable: false, timeout_ms: RPC_TIMEOUT_MS, maps_errors: false }
    }

    fn next(&mut self, _worker: usize, _elapsed_ms: u64, rng: &mut dyn Rng) -> Option<Invocation> {
        loop {
            if rng.random() {
                return Some(Invocation::new("read", Value::Null));
            }
            let delta = rng.random_range(-5..5);
            if delta >= self.least_delta {
                return Some(Invocation::new("add", delta));
            }
        }
    }

    fn has_final_phase(&self) -> bool {
        true
    }

    fn next_final(&mut self, worker: usize, _elapsed_ms: u64) -> Final {
        self.final_reads.next(worker)
    }

    fn begin(&mut self, _worker: usize, invocation: &Invocation) -> Step {
        Step::Request(match invocation.f {
            "add" => format!(r#"{{"type":"add","delta":{}}}"#, invocation.value),
            _ => r#"{"type":"read"}"#.to_owned(),
        })
    }

    fn reply(&mut self, _worker: usize, invocation: &Invocation, body: Value) -> Result<Step, Malformed> {
        match invocation.f {
            "add" => ADD_OK.accept(body).map(|_| Step::Ok(invocation.value.clone())),
            _ => READ_OK.accept(body).map(Step::Ok),
        }
    }

    fn check(&self, history: &History) -> Checked {
        let result = counter::check(history);
        Checked::new(result.valid, &result)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::simulation::{Answer, Simulation};
    use crate::checker::Valid;

    /// A counter that adds what `counted` makes of each delta.
    fn run(name: &str, ops: usize, counted: impl Fn(i64) -> i64) -> Simulation {
        let mut sum = 0;
        Simulation::of(name).run(ops, |_, request| {
            if let Some(delta) = request.get("delta") {
                sum += counted(delta.as_i64().unwrap());
                return Answer::Reply(r#"{"type":"add_ok"}"#.to_owned());
            }
            Answer::Reply(format!(r#"{{"type":"read_ok","value":{sum}}}"#))
        })
    }

    fn deltas(simulation: &Simulation) -> Vec<i64> {
        let adds = simulation.history().invocations().filter(|op| op.f == "add");
        adds.filter_map(|op| op.value.as_i64()).collect()
    }

    #[test]
    fn half_of_pn_counter_s_operations_add_minus_five_to_four() {
        let simulation = run("pn-counter", 1_000, |delta| delta);
        let deltas = deltas(&simulation);
        assert!((430..570).contains(&deltas.len()), "{}", deltas.len());
        assert!(BTreeSet::from_iter(deltas).into_iter().eq(-5..5));
        assert!(simulation.requests.contains(&r#"{"type":"add","delta":-3}"#.to_owned()));
    }

    #[test]
    fn a_third_of_g_counter_s_operations_add_zero_to_four() {
        let deltas = deltas(&run("g-counter", 1_000, |delta| delta));
        assert!((270..400).contains(&deltas.len()), "{}", deltas.len());
        assert!(BTreeSet::from_iter(deltas).into_iter().eq(0..5));
    }

    #[test]
    fn a_counter_that_adds_up_is_valid() {
        for name in ["g-counter", "pn-counter"] {
            assert_eq!(run(name, 200, |delta| delta).check().valid, Valid::True);
        }
    }

    #[test]
    fn a_wrong_sum_is_invalid_and_told() {
        let simulation = run("g-counter", 200, |delta| delta - i64::from(delta == 4));
        let sums: i64 = deltas(&simulation).iter().sum();
        let checked = simulation.check();
        assert_eq!(checked.valid, Valid::False);
        assert!(checked.violations[0].text.ends_with(&format!("but only {sums} is possible")));
    }

    #[test]
    fn a_sum_that_is_no_integer_is_malformed() {
        let simulation = Simulation::of("pn-counter")
            .run(20, |_, _| Answer::Reply(r#"{"type":"read_ok","value":3.0}"#.to_owned()));
        let read = simulation.history().completions().find(|op| op.f == "read").unwrap();
        assert_eq!(read.exception.as_deref(), Some("`value` must be an integer, got 3.0"));
    }
}

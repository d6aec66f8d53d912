//! g-set: a set that only grows (spec §9.4).

use rand::{Rng, RngExt};

use super::final_reads::FinalReads;
use super::reply::Type;
use super::{
    Checked, Clients, Final, Invocation, Malformed, Options, RPC_TIMEOUT_MS, Schema, Step, Workload,
};
use crate::checker::{History, Value, set_full};

static ADD_OK: Schema = Schema::acknowledgement("add_ok");
static READ_OK: Schema = Schema::with("read_ok", "value", Type::List(&Type::Any));

pub(super) struct GSet {
    next_element: i64,
    final_reads: FinalReads,
}

impl GSet {
    pub fn new(options: &Options) -> GSet {
        GSet { next_element: 0, final_reads: FinalReads::new(options.concurrency) }
    }
}

impl Workload for GSet {
    fn operations(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn clients(&self) -> Clients {
        Clients { reusable: false, timeout_ms: RPC_TIMEOUT_MS, maps_errors: false }
    }

    fn next(&mut self, _worker: usize, _elapsed_ms: u64, rng: &mut dyn Rng) -> Option<Invocation> {
        if rng.random() {
            return Some(Invocation::new("read", Value::Null));
        }
        let element = self.next_element;
        self.next_element += 1;
        Some(Invocation::new("add", element))
    }

    fn has_final_phase(&self) -> bool {
        true
    }

    fn next_final(&mut self, worker: usize, _elapsed_ms: u64) -> Final {
        self.final_reads.next(worker)
    }

    fn begin(&mut self, _worker: usize, invocation: &Invocation) -> Step {
        Step::Request(match invocation.f {
            "add" => format!(r#"{{"type":"add","element":{}}}"#, invocation.value),
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
        let result = set_full::check(history, "add");
        Checked::new(result.valid, &result)
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulation::{Answer, Simulation};
    use super::*;
    use crate::checker::Valid;

    /// A set that acknowledges every element and keeps those that `keeps` says.
    fn run(ops: usize, keeps: impl Fn(i64) -> bool) -> Simulation {
        let mut set: Vec<i64> = Vec::new();
        Simulation::of("g-set").run(ops, |_, request| {
            if let Some(element) = request.get("element") {
                set.extend(element.as_i64().filter(|element| keeps(*element)));
                return Answer::Reply(r#"{"type":"add_ok"}"#.to_owned());
            }
            Answer::Reply(format!(r#"{{"type":"read_ok","value":{set:?}}}"#))
        })
    }

    #[test]
    fn half_the_operations_add_consecutive_elements() {
        let simulation = run(1_000, |_| true);
        let adds = simulation.history().invocations().filter(|op| op.f == "add");
        let elements: Vec<i64> = adds.filter_map(|op| op.value.as_i64()).collect();
        assert!((430..570).contains(&elements.len()), "{}", elements.len());
        assert!(elements.iter().copied().eq(0..elements.len() as i64));
        assert!(simulation.requests.contains(&r#"{"type":"add","element":4}"#.to_owned()));
    }

    #[test]
    fn a_set_that_keeps_its_elements_is_valid() {
        assert_eq!(run(200, |_| true).check().valid, Valid::True);
    }

    #[test]
    fn a_lost_element_is_invalid_and_told() {
        let checked = run(200, |element| element != 4).check();
        assert_eq!(checked.valid, Valid::False);
        assert!(checked.violations[0].text.contains("element 4"), "{}", checked.violations[0].text);
    }

    #[test]
    fn a_null_set_is_an_empty_one() {
        let simulation = Simulation::of("g-set").run(20, |_, request| {
            let is_read = request.get("element").is_none();
            let body = if is_read { r#"{"type":"read_ok","value":null}"# } else { r#"{"type":"add_ok"}"# };
            Answer::Reply(body.to_owned())
        });
        let mut reads = simulation.history().completions().filter(|op| op.f == "read");
        assert!(reads.all(|op| op.value == Value::List(Vec::new())));
    }

    #[test]
    fn an_error_leaves_the_outcome_open_however_definite_it_is() {
        let simulation = Simulation::of("g-set").run(20, |_, _| Answer::Error);
        assert!(simulation.history().completions().all(|op| op.kind.as_str() == "info"));
    }
}

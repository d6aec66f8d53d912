//! unique-ids: the nodes make up identifiers that no other ever made up (spec §9.2).

use rand::Rng;

use super::reply::Type;
use super::{Checked, Clients, Invocation, Malformed, RPC_TIMEOUT_MS, Schema, Step, Workload};
use crate::checker::{History, Value, unique_ids};

static GENERATE_OK: Schema = Schema::with("generate_ok", "id", Type::Any);

pub(super) struct UniqueIds;

impl Workload for UniqueIds {
    fn operations(&self) -> &'static [&'static str] {
        &["generate"]
    }

    fn clients(&self) -> Clients {
        Clients { reusable: true, timeout_ms: RPC_TIMEOUT_MS, maps_errors: true }
    }

    fn next(&mut self, _worker: usize, _elapsed_ms: u64, _rng: &mut dyn Rng) -> Option<Invocation> {
        Some(Invocation::new("generate", Value::Null))
    }

    fn begin(&mut self, _worker: usize, _invocation: &Invocation) -> Step {
        Step::Request(r#"{"type":"generate"}"#.to_owned())
    }

    fn reply(&mut self, _worker: usize, _invocation: &Invocation, body: Value) -> Result<Step, Malformed> {
        GENERATE_OK.accept(body).map(Step::Ok)
    }

    fn check(&self, history: &History) -> Checked {
        let result = unique_ids::check(history);
        Checked::new(result.valid, &result)
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulation::{Answer, Simulation};
    use crate::checker::Valid;

    /// Generates ids by counting through these.
    fn generating(ids: &[&str]) -> Simulation {
        let mut ids = ids.iter();
        Simulation::of("unique-ids").run(ids.len(), |_, _| {
            Answer::Reply(format!(r#"{{"type":"generate_ok","id":{}}}"#, ids.next().unwrap()))
        })
    }

    #[test]
    fn different_ids_are_valid() {
        let simulation = generating(&["1", "2", "1.0", "3"]);
        assert_eq!(simulation.check().valid, Valid::True);
        assert!(simulation.requests.iter().all(|request| request == r#"{"type":"generate"}"#));
    }

    #[test]
    fn a_repeated_id_is_invalid_and_told() {
        let checked = generating(&[r#""a""#, r#""b""#, r#""a""#]).check();
        assert_eq!(checked.valid, Valid::False);
        assert!(checked.violations[0].text.contains(r#""a""#), "{}", checked.violations[0].text);
    }

    #[test]
    fn ids_keep_all_their_digits_in_the_result() {
        let checked = generating(&["1180591620717411303424", "1180591620717411303425"]).check();
        let range = r#""range":[1180591620717411303424,1180591620717411303425]"#;
        assert!(serde_json::to_string(&checked).unwrap().contains(range));
    }
}

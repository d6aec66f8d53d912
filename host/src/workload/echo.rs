//! echo: the node sends back what it was sent (spec §9.1). The smallest test that a node speaks the protocol.

use rand::{Rng, RngExt};

use super::reply::Type;
use super::{Checked, Clients, Invocation, Malformed, RPC_TIMEOUT_MS, Schema, Step, Workload};
use crate::checker::{History, Value, echo};

/// Payloads are numbered below this.
const PAYLOADS: u32 = 128;

static ECHO_OK: Schema = Schema::with("echo_ok", "echo", Type::Any);

pub(super) struct Echo;

impl Workload for Echo {
    fn operations(&self) -> &'static [&'static str] {
        &["echo"]
    }

    fn clients(&self) -> Clients {
        Clients { reusable: false, timeout_ms: RPC_TIMEOUT_MS, maps_errors: true }
    }

    fn next(&mut self, _worker: usize, _elapsed_ms: u64, rng: &mut dyn Rng) -> Option<Invocation> {
        let payload = format!("Please echo {}", rng.random_range(0..PAYLOADS));
        Some(Invocation::new("echo", payload.as_str()))
    }

    fn begin(&mut self, _worker: usize, invocation: &Invocation) -> Step {
        Step::Request(format!(r#"{{"type":"echo","echo":{}}}"#, invocation.value))
    }

    /// The operation's result is the whole body, as in Maelstrom.
    fn reply(&mut self, _worker: usize, _invocation: &Invocation, body: Value) -> Result<Step, Malformed> {
        ECHO_OK.check(&body)?;
        Ok(Step::Ok(body))
    }

    fn check(&self, history: &History) -> Checked {
        let result = echo::check(history);
        Checked::new(result.valid, &result)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::simulation::{Answer, Simulation};
    use super::*;
    use crate::checker::Valid;

    fn echo(request: &Value) -> Answer {
        Answer::Reply(format!(r#"{{"type":"echo_ok","echo":{}}}"#, request.get("echo").unwrap()))
    }

    #[test]
    fn requests_are_one_of_128_payloads() {
        let simulation = Simulation::of("echo").run(2_000, |_, request| echo(request));
        let payloads: BTreeSet<&str> =
            simulation.history().invocations().filter_map(|op| op.value.as_str()).collect();
        assert_eq!(payloads.len(), 128);
        assert!(payloads.contains("Please echo 0") && payloads.contains("Please echo 127"));
        assert!(simulation.requests[0].starts_with(r#"{"type":"echo","echo":"Please echo "#));
    }

    #[test]
    fn an_honest_echo_is_valid() {
        assert_eq!(Simulation::of("echo").run(50, |_, request| echo(request)).check().valid, Valid::True);
    }

    #[test]
    fn an_echo_of_something_else_is_told() {
        let simulation = Simulation::of("echo")
            .run(1, |_, _| Answer::Reply(r#"{"type":"echo_ok","echo":"No"}"#.to_owned()));
        let checked = simulation.check();
        assert_eq!(checked.valid, Valid::False);
        let sent = &simulation.history().ops()[0];
        let culprit = format!("the echo of {} by process {}", sent.value, sent.process);
        assert!(checked.violations[0].text.starts_with(&culprit));
        assert!(checked.violations[0].text.contains(r#""echo":"No""#));
    }

    #[test]
    fn a_timeout_is_an_error() {
        assert_eq!(Simulation::of("echo").run(1, |_, _| Answer::Silence).check().valid, Valid::False);
    }
}

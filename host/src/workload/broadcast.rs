//! broadcast: whatever one node is told, all nodes must come to know (spec §9.3).

use rand::{Rng, RngExt};

use super::final_reads::FinalReads;
use super::reply::Type;
use super::{
    Checked, Clients, Final, Invocation, Malformed, Options, RPC_TIMEOUT_MS, Schema, Step, Workload,
};
use crate::checker::{History, Value, set_full};

static TOPOLOGY_OK: Schema = Schema::acknowledgement("topology_ok");
static BROADCAST_OK: Schema = Schema::acknowledgement("broadcast_ok");
static READ_OK: Schema = Schema::with("read_ok", "messages", Type::List(&Type::Any));

pub(super) struct Broadcast {
    /// The body of the `topology` request.
    topology: String,
    next_message: i64,
    final_reads: FinalReads,
}

impl Broadcast {
    pub fn new(options: &Options) -> Broadcast {
        let topology = topology_request(options);
        Broadcast { topology, next_message: 0, final_reads: FinalReads::new(options.concurrency) }
    }
}

fn topology_request(options: &Options) -> String {
    let nodes = &options.nodes;
    let neighbours = options.topology.neighbours(nodes.len());
    let names =
        |places: Vec<usize>| places.into_iter().map(|place| Value::from(nodes[place].as_str())).collect();
    let entries =
        nodes.iter().zip(neighbours).map(|(node, places)| (Value::from(node.as_str()), names(places)));
    format!(r#"{{"type":"topology","topology":{}}}"#, Value::Map(entries.collect()))
}

impl Workload for Broadcast {
    fn operations(&self) -> &'static [&'static str] {
        &["broadcast", "read"]
    }

    fn clients(&self) -> Clients {
        Clients { reusable: false, timeout_ms: RPC_TIMEOUT_MS, maps_errors: true }
    }

    fn is_idempotent(&self, f: &str) -> bool {
        f == "read"
    }

    fn setup(&self, _node: &str) -> Option<(String, &'static Schema)> {
        Some((self.topology.clone(), &TOPOLOGY_OK))
    }

    fn next(&mut self, _worker: usize, _elapsed_ms: u64, rng: &mut dyn Rng) -> Option<Invocation> {
        if rng.random() {
            return Some(Invocation::new("read", Value::Null));
        }
        let message = self.next_message;
        self.next_message += 1;
        Some(Invocation::new("broadcast", message))
    }

    fn has_final_phase(&self) -> bool {
        true
    }

    fn next_final(&mut self, worker: usize, _elapsed_ms: u64) -> Final {
        self.final_reads.next(worker)
    }

    fn begin(&mut self, _worker: usize, invocation: &Invocation) -> Step {
        Step::Request(match invocation.f {
            "broadcast" => format!(r#"{{"type":"broadcast","message":{}}}"#, invocation.value),
            _ => r#"{"type":"read"}"#.to_owned(),
        })
    }

    fn reply(&mut self, _worker: usize, invocation: &Invocation, body: Value) -> Result<Step, Malformed> {
        match invocation.f {
            "broadcast" => BROADCAST_OK.accept(body).map(|_| Step::Ok(invocation.value.clone())),
            _ => READ_OK.accept(body).map(Step::Ok),
        }
    }

    fn check(&self, history: &History) -> Checked {
        let result = set_full::check(history, "broadcast");
        Checked::new(result.valid, &result)
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulation::{Answer, Simulation, options};
    use super::super::{Topology, named};
    use super::*;
    use crate::checker::Valid;

    /// Nodes that know each message at once, but for those that `forgets` at some node.
    fn run(ops: usize, forgets: impl Fn(usize, i64) -> bool) -> Simulation {
        let mut known: Vec<i64> = Vec::new();
        Simulation::of("broadcast").run(ops, |node, request| {
            if let Some(message) = request.get("message") {
                known.push(message.as_i64().unwrap());
                return Answer::Reply(r#"{"type":"broadcast_ok"}"#.to_owned());
            }
            let messages: Vec<i64> =
                known.iter().copied().filter(|message| !forgets(node, *message)).collect();
            Answer::Reply(format!(r#"{{"type":"read_ok","messages":{messages:?}}}"#))
        })
    }

    #[test]
    fn the_topology_names_every_node_in_order() {
        let options = Options { topology: Topology::Line, ..options() };
        let (body, reply) = named("broadcast", &options).unwrap().setup("n1").unwrap();
        assert_eq!(body, r#"{"type":"topology","topology":{"n0":["n1"],"n1":["n0","n2"],"n2":["n1"]}}"#);
        assert!(reply.check(&Value::from_json(r#"{"type":"topology_ok","in_reply_to":1}"#).unwrap()).is_ok());
    }

    #[test]
    fn a_line_of_one_node_has_an_empty_topology() {
        let options = Options { topology: Topology::Line, nodes: vec!["n0".to_owned()], ..options() };
        let (body, _) = named("broadcast", &options).unwrap().setup("n0").unwrap();
        assert_eq!(body, r#"{"type":"topology","topology":{}}"#);
    }

    #[test]
    fn half_the_operations_are_broadcasts_of_consecutive_messages() {
        let simulation = run(1_000, |_, _| false);
        let broadcasts = simulation.history().invocations().filter(|op| op.f == "broadcast");
        let messages: Vec<i64> = broadcasts.filter_map(|op| op.value.as_i64()).collect();
        assert!((430..570).contains(&messages.len()), "{}", messages.len());
        assert!(messages.iter().copied().eq(0..messages.len() as i64));
        assert!(simulation.requests.contains(&r#"{"type":"broadcast","message":17}"#.to_owned()));
        assert!(simulation.requests.contains(&r#"{"type":"read"}"#.to_owned()));
    }

    #[test]
    fn every_worker_ends_with_one_read() {
        let simulation = run(20, |_, _| false);
        let finals: Vec<_> = simulation.history().invocations().filter(|op| op.is_final).collect();
        assert_eq!(finals.len(), options().concurrency);
        assert!(finals.iter().all(|op| op.f == "read"));
    }

    #[test]
    fn nodes_that_know_everything_are_valid() {
        let checked = run(200, |_, _| false).check();
        assert_eq!((checked.valid, checked.violations.len()), (Valid::True, 0));
    }

    #[test]
    fn a_message_lost_everywhere_is_invalid_and_told() {
        let checked = run(200, |_, message| message == 17).check();
        assert_eq!(checked.valid, Valid::False);
        assert!(checked.violations[0].text.contains("element 17"), "{}", checked.violations[0].text);
    }

    #[test]
    fn a_broadcast_of_unknown_outcome_gets_a_new_process_and_a_read_does_not() {
        let simulation = Simulation::of("broadcast").run(30, |_, _| Answer::Silence);
        for op in simulation.history().completions() {
            let expected = if op.f == "read" { "fail" } else { "info" };
            assert_eq!(op.kind.as_str(), expected);
        }
    }
}

//! txn-list-append: transactions that read lists and append to them (spec §9.9).

use rand::Rng;

use super::reply::Type;
use super::txn::{self, Generator};
use super::{Checked, Clients, Invocation, Malformed, Options, Schema, Step, Workload};
use crate::checker::txn::{Options as Models, list_append};
use crate::checker::{History, Value};

static TXN_OK: Schema = Schema::with(
    "txn_ok",
    "txn",
    Type::List(&Type::OneOf(&[
        Type::Tuple(&[Type::Word("r"), Type::Any, Type::List(&Type::Any)]),
        Type::Tuple(&[Type::Word("append"), Type::Any, Type::Any]),
    ])),
);

pub(super) struct TxnListAppend {
    generator: Generator,
    models: Models,
}

impl TxnListAppend {
    /// Fails if there is no consistency model of the name given.
    pub fn new(options: &Options) -> Result<TxnListAppend, String> {
        let models = txn::models(options)?;
        Ok(TxnListAppend { generator: Generator::new(options, options.max_txn_length), models })
    }
}

impl Workload for TxnListAppend {
    fn operations(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn clients(&self) -> Clients {
        txn::CLIENTS
    }

    fn next(&mut self, _worker: usize, _elapsed_ms: u64, rng: &mut dyn Rng) -> Option<Invocation> {
        Some(txn::invocation("append", self.generator.transaction(rng)))
    }

    fn begin(&mut self, _worker: usize, invocation: &Invocation) -> Step {
        txn::request(invocation)
    }

    fn reply(&mut self, _worker: usize, _invocation: &Invocation, body: Value) -> Result<Step, Malformed> {
        TXN_OK.accept(body).map(Step::Ok)
    }

    fn check(&self, history: &History) -> Checked {
        let result = list_append::check(history, &self.models);
        Checked::new(result.valid, &result)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::simulation::{Answer, Simulation, options};
    use super::super::{named, txn::tests::replied};
    use super::*;
    use crate::checker::Valid;

    type Lists = BTreeMap<i64, Vec<i64>>;

    /// What each read of a transaction sees; its appends are applied unless `drops` them.
    fn execute(lists: &mut Lists, request: &Value, drops: impl Fn(i64, i64) -> bool) -> Answer {
        replied(request, |f, key, argument| {
            if f == "r" {
                return lists.get(&key).cloned().map_or(Value::Null, Value::from);
            }
            let element = argument.as_i64().unwrap();
            if !drops(key, element) {
                lists.entry(key).or_default().push(element);
            }
            argument.clone()
        })
    }

    fn run(drops: impl Fn(i64, i64) -> bool) -> Simulation {
        let mut lists = Lists::new();
        Simulation::of("txn-list-append").run(200, |_, request| execute(&mut lists, request, &drops))
    }

    #[test]
    fn transactions_read_null_and_append() {
        let request = &run(|_, _| false).requests[0];
        let request = Value::from_json(request).unwrap();
        for micro_op in request.get("txn").unwrap().as_list().unwrap() {
            match micro_op.as_list().unwrap() {
                [f, Value::Int(_), Value::Null] => assert_eq!(f.as_str(), Some("r")),
                [f, Value::Int(_), Value::Int(1..)] => assert_eq!(f.as_str(), Some("append")),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn transactions_one_after_another_are_strict_serializable() {
        let checked = run(|_, _| false).check();
        assert_eq!(checked.valid, Valid::True, "{:?}", checked.violations);
    }

    #[test]
    fn a_lost_append_is_invalid_and_told() {
        let simulation = run(|key, element| key == 9 && element == 2);
        let checked = simulation.check();
        assert_eq!(checked.valid, Valid::False);
        assert!(
            checked.violations.iter().any(|finding| finding.text.contains("key 9")),
            "{:?}",
            checked.violations
        );
    }

    #[test]
    fn a_stale_replica_is_not_strict_serializable_but_serializable() {
        let stale_reads = |models: &str| {
            let (mut lists, mut replica) = (Lists::new(), Lists::new());
            let mut count = 0;
            let options = Options { consistency_models: models.to_owned(), ..options() };
            let simulation = Simulation::with("txn-list-append", options, 0).run(300, |_, request| {
                let micro_ops = request.get("txn").unwrap().as_list().unwrap();
                let reads_only = micro_ops.iter().all(|op| op.as_list().unwrap()[0].as_str() == Some("r"));
                let answer =
                    execute(if reads_only { &mut replica } else { &mut lists }, request, |_, _| false);
                count += 1;
                if count % 20 == 0 {
                    replica.clone_from(&lists);
                }
                answer
            });
            simulation.check().valid
        };
        assert_eq!(stale_reads("strict-serializable"), Valid::False);
        assert_eq!(stale_reads("serializable"), Valid::True);
    }

    #[test]
    fn a_read_must_be_a_list_or_null() {
        let simulation = Simulation::of("txn-list-append")
            .run(1, |_, _| Answer::Reply(r#"{"type":"txn_ok","txn":[["r",1,null],["r",1,5]]}"#.to_owned()));
        let completion = simulation.history().completions().next().unwrap();
        let fault =
            r#"`txn[1]` must be ["r", anything, array] or ["append", anything, anything], got ["r",1,5]"#;
        assert_eq!(completion.exception.as_deref(), Some(fault));
    }

    #[test]
    fn an_unknown_model_is_refused() {
        let options = Options { consistency_models: "serializable,perfect".to_owned(), ..options() };
        let error = named("txn-list-append", &options).err().unwrap();
        assert!(error.starts_with("--consistency-models: ") && error.contains("perfect"), "{error}");
    }
}

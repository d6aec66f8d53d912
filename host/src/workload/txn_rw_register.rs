//! txn-rw-register: transactions that read and write registers (spec §9.10).

use rand::Rng;

use super::reply::Type;
use super::txn::{self, Generator};
use super::{Checked, Clients, Invocation, Malformed, Options, Schema, Step, Workload};
use crate::checker::txn::{Options as Models, rw_register};
use crate::checker::{History, Value};

static TXN_OK: Schema = Schema::with(
    "txn_ok",
    "txn",
    Type::List(&Type::OneOf(&[
        Type::Tuple(&[Type::Word("r"), Type::Any, Type::Any]),
        Type::Tuple(&[Type::Word("w"), Type::Any, Type::Any]),
    ])),
);

pub(super) struct TxnRwRegister {
    generator: Generator,
    models: Models,
}

impl TxnRwRegister {
    /// Fails if there is no consistency model of the name given.
    pub fn new(options: &Options) -> Result<TxnRwRegister, String> {
        let models = txn::models(options)?;
        Ok(TxnRwRegister { generator: Generator::new(options, options.max_txn_length), models })
    }
}

impl Workload for TxnRwRegister {
    fn operations(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn clients(&self) -> Clients {
        txn::CLIENTS
    }

    fn next(&mut self, _worker: usize, _elapsed_ms: u64, rng: &mut dyn Rng) -> Option<Invocation> {
        Some(txn::invocation("w", self.generator.transaction(rng)))
    }

    fn begin(&mut self, _worker: usize, invocation: &Invocation) -> Step {
        txn::request(invocation)
    }

    fn reply(&mut self, _worker: usize, _invocation: &Invocation, body: Value) -> Result<Step, Malformed> {
        TXN_OK.accept(body).map(Step::Ok)
    }

    fn check(&self, history: &History) -> Checked {
        let result = rw_register::check(history, &self.models);
        Checked::new(result.valid, &result)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::simulation::{Answer, Simulation};
    use super::super::txn::tests::replied;
    use super::*;
    use crate::checker::Valid;

    /// Registers that execute each transaction at once; what a read sees passes through `seen`.
    fn run(seen: impl Fn(i64, Option<i64>) -> Option<i64>) -> Simulation {
        let mut registers: BTreeMap<i64, i64> = BTreeMap::new();
        Simulation::of("txn-rw-register").run(200, |_, request| {
            replied(request, |f, key, argument| {
                if f == "r" {
                    return seen(key, registers.get(&key).copied()).map_or(Value::Null, Value::Int);
                }
                registers.insert(key, argument.as_i64().unwrap());
                argument.clone()
            })
        })
    }

    #[test]
    fn transactions_read_null_and_write() {
        let requests = run(|_, value| value).requests;
        assert!(requests.iter().all(|request| request.starts_with(r#"{"type":"txn","txn":[["#)));
        assert!(requests.iter().any(|request| request.contains(r#"["w",9,1]"#)));
        assert!(requests.iter().any(|request| request.contains(r#"["r",9,null]"#)));
    }

    #[test]
    fn transactions_one_after_another_are_strict_serializable() {
        let checked = run(|_, value| value).check();
        assert_eq!(checked.valid, Valid::True, "{:?}", checked.violations);
    }

    #[test]
    fn a_stale_read_is_invalid_and_told() {
        let checked =
            run(|key, value| if key == 9 { value.map(|value| value.min(2)) } else { value }).check();
        assert_eq!(checked.valid, Valid::False);
        assert!(
            checked.violations.iter().any(|finding| finding.text.contains(r#"["r",9,2]"#)),
            "{:?}",
            checked.violations
        );
    }

    #[test]
    fn an_append_is_not_a_register_s_business() {
        let simulation = Simulation::of("txn-rw-register")
            .run(1, |_, _| Answer::Reply(r#"{"type":"txn_ok","txn":[["append",1,5]]}"#.to_owned()));
        let completion = simulation.history().completions().next().unwrap();
        let fault =
            r#"`txn[0]` must be ["r", anything, anything] or ["w", anything, anything], got ["append",1,5]"#;
        assert_eq!(completion.exception.as_deref(), Some(fault));
    }
}

//! Clients on the network: who they are, what they wait for, and what becomes of an operation (spec §6, §7).

use crate::checker::Value;
use crate::protocol::ErrorCode;
use crate::workload::{Clients as Manners, Invocation};

/// Whom a client serves. Ids are given out once and never again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// It initialises this node.
    Init(usize),
    /// It sets this node up.
    Setup(usize),
    /// It works for this worker.
    Worker(usize),
}

/// A client: `c<number>` on the network.
#[derive(Debug)]
pub(super) struct Client {
    pub owner: Owner,
    /// Its requests are numbered from 1.
    pub last_msg_id: i64,
    /// The request it waits for.
    pub waiting_for: Option<i64>,
    /// A closed client hears nothing any more.
    pub is_open: bool,
}

/// All clients there have ever been.
#[derive(Debug, Default)]
pub(super) struct Clients(Vec<Client>);

impl Clients {
    pub fn open(&mut self, owner: Owner) -> usize {
        self.0.push(Client { owner, last_msg_id: 0, waiting_for: None, is_open: true });
        self.0.len() - 1
    }

    pub fn close(&mut self, client: usize) {
        self.0[client].is_open = false;
        self.0[client].waiting_for = None;
    }

    pub fn get(&mut self, client: usize) -> &mut Client {
        &mut self.0[client]
    }

    /// The open client of that name.
    pub fn named(&self, name: &str) -> Option<usize> {
        let number: usize = name.strip_prefix('c')?.parse().ok()?;
        self.0.get(number).filter(|client| client.is_open && name == id(number)).map(|_| number)
    }
}

/// A client's name on the network.
pub(super) fn id(client: usize) -> String {
    format!("c{client}")
}

/// What one of the bench's workers does.
#[derive(Debug, Default)]
pub(super) struct Worker {
    /// Its logical process.
    pub process: u64,
    /// Its client; opened with its first operation.
    pub client: Option<usize>,
    /// The operation in hand.
    pub busy: Option<InHand>,
    /// The final operation it is going to do.
    pub next_final: Option<Invocation>,
    /// It has nothing more to do in the final phase.
    pub is_done: bool,
}

/// An operation in hand.
#[derive(Clone, Debug)]
pub(super) struct InHand {
    pub invocation: Invocation,
    pub is_final: bool,
}

/// How an operation ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It happened.
    Ok(Value),
    /// It did not happen.
    Fail(Value),
    /// Nobody knows.
    Info(Value),
    /// Nobody knows, because the client itself failed.
    Exception(String),
    /// The client crashed as it was told.
    Crash,
}

impl Outcome {
    /// No reply in time (spec §7.2).
    pub fn timeout(manners: Manners, is_idempotent: bool) -> Outcome {
        match (manners.maps_errors, is_idempotent) {
            (false, _) => Outcome::Info(Value::from("indeterminate: net-timeout")),
            (true, true) => Outcome::Fail(Value::from("net-timeout")),
            (true, false) => Outcome::Info(Value::from("net-timeout")),
        }
    }

    /// An error body (spec §7.1, §7.2).
    pub fn error(body: &Value, manners: Manners, is_idempotent: bool) -> Outcome {
        let Some(code) = body.get("code").and_then(Value::as_i64) else {
            return Outcome::Exception("Malformed RPC response: an error needs an integer `code`".to_owned());
        };
        let code = u32::try_from(code).map_or(ErrorCode(u32::MAX), ErrorCode);
        let text = body.get("text").cloned().unwrap_or_default();
        if !manners.maps_errors {
            let text = text
                .as_str()
                .map_or_else(|| code.name().to_owned(), |text| format!("{}: {text}", code.name()));
            return Outcome::Info(Value::from(format!("indeterminate: {text}").as_str()));
        }
        let error = Value::List(vec![Value::from(code.name()), text]);
        if code.is_definite() || is_idempotent { Outcome::Fail(error) } else { Outcome::Info(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: Manners = Manners { reusable: false, timeout_ms: 5000, maps_errors: true };
    const PLAIN: Manners = Manners { reusable: false, timeout_ms: 5000, maps_errors: false };

    fn told(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Ok(value) => format!("ok {value}"),
            Outcome::Fail(error) => format!("fail {error}"),
            Outcome::Info(error) => format!("info {error}"),
            Outcome::Exception(text) => format!("exception {text}"),
            Outcome::Crash => "crash".to_owned(),
        }
    }

    fn error(body: &str, manners: Manners, is_idempotent: bool) -> String {
        told(&Outcome::error(&Value::from_json(body).unwrap(), manners, is_idempotent))
    }

    #[test]
    fn a_definite_error_is_a_failure_and_any_other_is_open() {
        assert_eq!(
            error(r#"{"code":22,"text":"no"}"#, MAPPING, false),
            r#"fail ["precondition-failed","no"]"#
        );
        assert_eq!(error(r#"{"code":13}"#, MAPPING, false), r#"info ["crash",null]"#);
        assert_eq!(error(r#"{"code":1000,"text":"mine"}"#, MAPPING, false), r#"info ["unknown","mine"]"#);
        assert_eq!(error(r#"{"code":-1}"#, MAPPING, false), r#"info ["unknown",null]"#);
    }

    #[test]
    fn an_open_outcome_of_what_can_be_repeated_is_a_failure() {
        assert_eq!(error(r#"{"code":13,"text":"x"}"#, MAPPING, true), r#"fail ["crash","x"]"#);
        assert_eq!(told(&Outcome::timeout(MAPPING, true)), r#"fail "net-timeout""#);
        assert_eq!(told(&Outcome::timeout(MAPPING, false)), r#"info "net-timeout""#);
    }

    #[test]
    fn workloads_without_a_mapping_leave_every_error_open() {
        assert_eq!(
            error(r#"{"code":22,"text":"no"}"#, PLAIN, true),
            r#"info "indeterminate: precondition-failed: no""#
        );
        assert_eq!(told(&Outcome::timeout(PLAIN, true)), r#"info "indeterminate: net-timeout""#);
    }

    #[test]
    fn an_error_without_a_code_is_malformed() {
        assert!(error(r#"{"text":"no"}"#, MAPPING, false).starts_with("exception Malformed"));
    }

    #[test]
    fn only_open_clients_have_names() {
        let mut clients = Clients::default();
        let first = clients.open(Owner::Worker(0));
        assert_eq!(clients.named("c0"), Some(first));
        for name in ["c1", "c00", "n0", "c", "c+0"] {
            assert_eq!(clients.named(name), None, "{name}");
        }
        clients.close(first);
        assert_eq!(clients.named("c0"), None);
    }
}

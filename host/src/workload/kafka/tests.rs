use std::collections::BTreeSet;

use super::super::simulation::{Answer, Simulation, options};
use super::*;
use crate::checker::{Kind, Valid};

/// A log service: the offsets of each key begin at 1000 and are 2 apart.
#[derive(Default)]
struct Logs {
    logs: BTreeMap<String, Vec<(i64, Value)>>,
    committed: BTreeMap<String, i64>,
}

/// How a log service is broken.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The third message of every key is acknowledged and dropped.
    LosesThird,
    /// The third message of every key takes the offset of the second.
    SharesOffset,
    /// The third message of every key is stored twice.
    StoresTwice,
    /// Polls leave out the second message of what is there.
    Skips,
    /// The first offset ever committed of a key is the one that is listed.
    KeepsFirstCommit,
    /// Listed offsets are higher than those committed.
    ListsMore,
    /// Commits are forgotten.
    ForgetsCommits,
}

impl Logs {
    fn serve(&mut self, request: &Value, fault: Fault) -> Answer {
        let offsets = || request.get("offsets").and_then(Value::as_map).unwrap_or_default();
        Answer::Reply(match request.get("type").and_then(Value::as_str).unwrap() {
            "send" => self.send(request, fault),
            "poll" => {
                let logs = offsets().iter().filter_map(|(key, from)| self.poll(key, from, fault));
                format!(r#"{{"type":"poll_ok","msgs":{}}}"#, Value::Map(logs.collect()))
            }
            "commit_offsets" => {
                for (key, offset) in offsets() {
                    let (key, offset) = (key.as_str().unwrap().to_owned(), offset.as_i64().unwrap());
                    match fault {
                        Fault::ForgetsCommits => None,
                        Fault::KeepsFirstCommit => Some(*self.committed.entry(key).or_insert(offset)),
                        Fault::ListsMore => self.committed.insert(key, offset + 1),
                        _ => self.committed.insert(key, offset),
                    };
                }
                r#"{"type":"commit_offsets_ok"}"#.to_owned()
            }
            _ => {
                let keys = request.get("keys").and_then(Value::as_list).unwrap().iter();
                let known = keys
                    .filter_map(|key| Some((key.clone(), Value::Int(*self.committed.get(key.as_str()?)?))));
                format!(r#"{{"type":"list_committed_offsets_ok","offsets":{}}}"#, Value::Map(known.collect()))
            }
        })
    }

    fn send(&mut self, request: &Value, fault: Fault) -> String {
        let log = self.logs.entry(request.get("key").unwrap().as_str().unwrap().to_owned()).or_default();
        let message = request.get("msg").unwrap().clone();
        let mut offset = log.last().map_or(1_000, |(last, _)| last + 2);
        let is_third = message == Value::Int(3);
        if is_third && fault == Fault::SharesOffset {
            offset = log.last().map_or(offset, |(last, _)| *last);
        }
        if !is_third || fault != Fault::LosesThird {
            log.push((offset, message.clone()));
        }
        if is_third && fault == Fault::StoresTwice {
            log.push((offset + 2, message));
        }
        format!(r#"{{"type":"send_ok","offset":{offset}}}"#)
    }

    fn poll(&self, key: &Value, from: &Value, fault: Fault) -> Option<(Value, Value)> {
        let log = self.logs.get(key.as_str().unwrap())?.iter();
        let mut there: Vec<_> = log.filter(|(offset, _)| *offset >= from.as_i64().unwrap()).collect();
        if fault == Fault::Skips && there.len() > 2 {
            there.remove(1);
        }
        let placed = there.into_iter().map(|(offset, message)| vec![Value::Int(*offset), message.clone()]);
        Some((key.clone(), placed.map(Value::from).collect()))
    }
}

fn run(ops: usize, fault: Fault) -> Simulation {
    let mut logs = Logs::default();
    Simulation::of("kafka").run(ops, |_, request| logs.serve(request, fault))
}

/// A client of its own, driven by hand.
fn kafka() -> Kafka {
    Kafka::new(&options())
}

fn replied(kafka: &mut Kafka, invocation: &Invocation, body: &str) -> Step {
    kafka.reply(0, invocation, Value::from_json(body).unwrap()).unwrap()
}

fn offsets<const N: usize>(offsets: [(&str, i64); N]) -> Offsets {
    offsets.into_iter().map(|(key, offset)| (key.to_owned(), offset)).collect()
}

fn request(body: &str) -> Step {
    Step::Request(body.to_owned())
}

#[test]
fn a_send_is_acknowledged_with_its_offset() {
    let mut kafka = kafka();
    let send = Invocation::new("send", Value::from_json(r#"[["send","9",3]]"#).unwrap());
    assert_eq!(kafka.begin(0, &send), request(r#"{"type":"send","key":"9","msg":3}"#));
    let step = replied(&mut kafka, &send, r#"{"type":"send_ok","offset":1000,"in_reply_to":1}"#);
    assert_eq!(step, Step::Ok(Value::from_json(r#"[["send","9",[1000,3]]]"#).unwrap()));
}

#[test]
fn a_poll_commits_what_it_got_and_goes_on_from_there() {
    let mut kafka = kafka();
    let keys = assign(&["4", "9"].map(str::to_owned));
    assert_eq!(kafka.begin(0, &keys), request(r#"{"type":"list_committed_offsets","keys":["4","9"]}"#));
    let listed = r#"{"type":"list_committed_offsets_ok","offsets":{"9":1000},"in_reply_to":1}"#;
    assert_eq!(replied(&mut kafka, &keys, listed), Step::Ok(keys.value.clone()));

    assert_eq!(kafka.begin(0, &poll()), request(r#"{"type":"poll","offsets":{"4":0,"9":1000}}"#));
    let polled = r#"{"type":"poll_ok","msgs":{"9":[[1000,3],[1001,5]],"4":null},"in_reply_to":1}"#;
    let commit = r#"{"type":"commit_offsets","offsets":{"9":1001}}"#;
    assert_eq!(replied(&mut kafka, &poll(), polled), request(commit));
    let step = replied(&mut kafka, &poll(), r#"{"type":"commit_offsets_ok","in_reply_to":1}"#);
    let result = r#"[["poll",{"9":[[1000,3],[1001,5]],"4":[]}]]"#;
    assert_eq!(step, Step::Ok(Value::from_json(result).unwrap()));

    assert_eq!(kafka.begin(0, &poll()), request(r#"{"type":"poll","offsets":{"4":0,"9":1002}}"#));
}

#[test]
fn a_poll_of_nothing_commits_nothing() {
    let mut kafka = kafka();
    assert_eq!(kafka.begin(0, &poll()), request(r#"{"type":"poll","offsets":{}}"#));
    let step = replied(&mut kafka, &poll(), r#"{"type":"poll_ok","msgs":{},"in_reply_to":1}"#);
    assert_eq!(step, Step::Ok(Value::from_json(r#"[["poll",{}]]"#).unwrap()));
}

#[test]
fn a_poll_whose_commit_was_refused_does_not_confuse_the_next_one() {
    let mut kafka = kafka();
    kafka.begin(0, &poll());
    let polled = r#"{"type":"poll_ok","msgs":{"9":[[0,3]]},"in_reply_to":1}"#;
    assert!(matches!(replied(&mut kafka, &poll(), polled), Step::Request(_)));
    assert_eq!(kafka.begin(0, &poll()), request(r#"{"type":"poll","offsets":{"9":1}}"#));
    assert!(matches!(replied(&mut kafka, &poll(), polled), Step::Request(_)));
}

#[test]
fn an_assignment_keeps_local_offsets_and_forgets_keys_left_out() {
    let mut kafka = kafka();
    kafka.clients[0].next_offsets = offsets([("1", 5), ("2", 7)]);
    let listed = r#"{"type":"list_committed_offsets_ok","offsets":{"2":1,"3":4},"in_reply_to":1}"#;
    replied(&mut kafka, &assign(&["2", "3", "4"].map(str::to_owned)), listed);
    assert_eq!(kafka.begin(0, &poll()), request(r#"{"type":"poll","offsets":{"2":7,"3":4,"4":0}}"#));
}

#[test]
fn a_crash_resets_offsets() {
    let mut kafka = kafka();
    kafka.clients[0].next_offsets = offsets([("1", 5)]);
    assert_eq!(kafka.begin(0, &Invocation::new("crash", Value::Null)), Step::Crash);
    kafka.reconnect(0);
    assert_eq!(kafka.begin(0, &poll()), request(r#"{"type":"poll","offsets":{}}"#));
}

#[test]
fn offsets_must_be_integers_in_every_reply() {
    let mut kafka = kafka();
    let send = Invocation::new("send", Value::from_json(r#"[["send","9",3]]"#).unwrap());
    let mut fault = |invocation: &Invocation, body: &str| {
        kafka.begin(0, invocation);
        kafka.reply(0, invocation, Value::from_json(body).unwrap()).unwrap_err().to_string()
    };
    let text = fault(&send, r#"{"type":"send_ok","offset":1.0,"in_reply_to":1}"#);
    assert_eq!(text, "`offset` must be an integer of at most 64 bits, got 1.0");
    let text = fault(&poll(), r#"{"type":"poll_ok","msgs":{"9":[[0,1],["1",2]]},"in_reply_to":1}"#);
    assert_eq!(text, r#"`msgs.9[1]` must be [integer, anything], got ["1",2]"#);
    let text = fault(
        &assign(&["9"].map(str::to_owned)),
        r#"{"type":"list_committed_offsets_ok","offsets":{"9":null},"in_reply_to":1}"#,
    );
    assert_eq!(text, "`offsets.9` must be an integer of at most 64 bits, got null");
}

#[test]
fn half_the_operations_poll_and_one_in_sixty_four_assigns() {
    let simulation = run(6_400, Fault::None);
    let load = simulation.history().invocations().filter(|op| !op.is_final);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for op in load {
        *counts.entry(&op.f).or_default() += 1;
    }
    assert!((60..140).contains(&counts["assign"]), "{counts:?}");
    assert!((2_900..3_400).contains(&counts["poll"]), "{counts:?}");
    assert!((2_900..3_400).contains(&counts["send"]), "{counts:?}");
}

#[test]
fn some_assignments_take_up_all_keys_that_nobody_has_caught_up_with() {
    let mut kafka = kafka();
    kafka.sent = offsets([("30", 5), ("31", 6), ("32", 7)]);
    kafka.polled = offsets([("30", 4), ("31", 6)]);
    let mut rng = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(0);
    let mut enlarged = 0;
    for _ in 0..3_000 {
        let assignment = kafka.next_assign(&mut rng);
        let keys: Vec<&str> = keys_of(&assignment.value).collect();
        enlarged += usize::from(keys.len() > 1);
        assert!(keys.len() == 1 || keys[1..] == ["30", "32"], "{keys:?}");
    }
    assert!((900..1_100).contains(&enlarged), "{enlarged}");
}

#[test]
fn the_first_client_crashes_when_the_load_begins() {
    let simulation = run(50, Fault::None);
    let first: Vec<_> = simulation.history().invocations().take(2).map(|op| &*op.f).collect();
    assert!(first[0] == "crash" && first[1] != "crash", "{first:?}");
}

#[test]
fn each_client_crashes_about_every_thirty_seconds() {
    // Operations are 10 ms apart, so these are 600 s of six clients: 120 crashes.
    let simulation = run(60_000, Fault::None);
    let crashes = simulation.history().invocations().filter(|op| op.f == "crash" && !op.is_final).count();
    assert!((95..145).contains(&crashes), "{crashes}");
}

#[test]
fn every_worker_ends_with_a_crash_and_reads_everything_from_its_beginning() {
    let simulation = run(300, Fault::None);
    let finals: Vec<_> = simulation.history().invocations().filter(|op| op.is_final).collect();
    let sends = simulation.history().completions().filter(|op| op.f == "send" && op.kind == Kind::Ok);
    let keys: BTreeSet<String> =
        sends.map(|op| op.value.as_list().unwrap()[0].as_list().unwrap()[1].to_string()).collect();
    assert_eq!(finals.len(), 3 * options().concurrency, "a crash, an assignment and a poll for each worker");
    for ops in finals.chunks(3) {
        assert_eq!([&ops[0].f, &ops[1].f, &ops[2].f], ["crash", "assign", "poll"]);
        assert!(ops[1].seek_to_beginning);
        let assigned: BTreeSet<String> =
            ops[1].value.as_list().unwrap().iter().map(Value::to_string).collect();
        assert_eq!(assigned, keys);
    }
}

#[test]
fn final_polls_give_up_after_ten_seconds() {
    let mut kafka = kafka();
    kafka.sent = offsets([("1", 5)]);
    let (mut elapsed_ms, mut polls) = (0, 0);
    while let Final::Invoke(invocation, after_ms) = kafka.next_final(0, elapsed_ms) {
        elapsed_ms += after_ms;
        polls += usize::from(invocation.f == "poll");
        kafka.begin(0, &invocation);
    }
    assert_eq!((elapsed_ms, polls), (9_800, 49));
}

#[test]
fn a_client_lost_in_the_final_phase_begins_again() {
    let mut kafka = kafka();
    kafka.sent = offsets([("1", 5)]);
    let mut names = Vec::new();
    for turn in 0..5 {
        let Final::Invoke(invocation, _) = kafka.next_final(0, 0) else { panic!("there is more to see") };
        kafka.begin(0, &invocation);
        if turn == 2 {
            kafka.reconnect(0);
        }
        names.push(invocation.f);
    }
    assert_eq!(names, ["crash", "assign", "poll", "assign", "poll"]);
}

#[test]
fn nothing_known_means_nothing_to_do_in_the_end() {
    assert_eq!(kafka().next_final(0, 0), Final::Done);
}

#[test]
fn an_honest_log_is_valid() {
    let checked = run(2_000, Fault::None).check();
    assert_eq!(checked.valid, Valid::True, "{:?}", checked.violations);
}

#[test]
fn broken_logs_are_invalid_and_told() {
    for (fault, anomaly) in [
        (Fault::LosesThird, "inconsistent-offsets"),
        (Fault::SharesOffset, "inconsistent-offsets"),
        (Fault::StoresTwice, "duplicate"),
        (Fault::Skips, "int-poll-skip"),
    ] {
        let checked = run(2_000, fault).check();
        assert_eq!(checked.valid, Valid::False, "{anomaly}");
        assert!(checked.result.get().contains(anomaly), "{anomaly}: {}", checked.result.get());
        let names_a_key = |text: &str| text.contains("key ");
        assert!(
            checked.violations.iter().any(|finding| names_a_key(&finding.text)),
            "{:?}",
            checked.violations
        );
    }
}

#[test]
fn committed_offsets_that_cannot_be_right_are_warnings() {
    for (fault, what) in [
        (Fault::KeepsFirstCommit, "it ran back"),
        (Fault::ListsMore, "the highest that was committed"),
        (Fault::ForgetsCommits, "no committed offset of key"),
        (Fault::None, ""),
    ] {
        let mut logs = Logs::default();
        let mut checked = Simulation::of("kafka").run(2_000, |_, request| logs.serve(request, fault)).check();
        assert_eq!(checked.warnings.is_empty(), fault == Fault::None, "{:?}", checked.warnings.first());
        assert!(checked.warnings.iter().any(|warning| warning.text.contains(what)) || what.is_empty());
        // Maelstrom asks nothing of committed offsets, and a replica may be behind.
        let before = checked.valid;
        checked.hold_strictly();
        assert_eq!(checked.valid, before);
    }
}

#[test]
fn of_commits_at_the_same_time_any_may_be_the_last() {
    let mut commits = commits::Commits::new(3);
    commits.begin(0, &offsets([("9", 5)]));
    commits.begin(1, &offsets([("9", 7)]));
    commits.acknowledge(0);
    commits.acknowledge(1);
    let told = |commits: &mut commits::Commits, listed: &str| {
        commits.ask(2, ["9"].into_iter());
        commits.answer(2, &Value::from_json(listed).unwrap());
        let completion = r#"{"type":"ok","process":2,"f":"assign","time":1000000}"#;
        commits.place(2, &Op::from_value(Value::from_json(completion).unwrap(), 0).unwrap());
        commits.warnings().map(|warning| warning.text).collect::<Vec<_>>()
    };
    assert!(told(&mut commits, r#"{"9":5}"#).is_empty() && told(&mut commits, r#"{"9":7}"#).is_empty());
    commits.begin(1, &offsets([("9", 9)]));
    assert!(told(&mut commits, r#"{"9":5}"#).is_empty() && told(&mut commits, r#"{"9":9}"#).is_empty());
    commits.acknowledge(1);
    let text = "process 2 was told at 0.001 s offset 7 as the committed one of key \"9\", though 9 had been \
                committed: it ran back";
    assert_eq!(told(&mut commits, r#"{"9":7}"#), [text]);
    let mut untouched = commits::Commits::new(3);
    assert!(told(&mut untouched, r#"{"9":0}"#).is_empty() && told(&mut untouched, "{}").is_empty());
    assert!(told(&mut untouched, r#"{"9":1}"#)[0].ends_with("of which none was committed"));
}

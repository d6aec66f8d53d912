//! For each anomaly a history that shows it and, next to it, one that looks alike and is tolerated.

use super::super::Op;
use super::super::history::written;
use super::super::verdict::Explain;
use super::*;

fn judged(lines: &[&str]) -> KafkaResult {
    check(&written(lines), &Options::default())
}

fn with_ww_deps(lines: &[&str]) -> KafkaResult {
    check(&written(lines), &Options { ww_deps: true })
}

/// `[["send","0",[offset,value]]]` for each pair, by process 1, one after the other.
fn sends(placed: &[(i64, i64)]) -> Vec<String> {
    let lines = placed.iter().flat_map(|(offset, value)| {
        [
            format!(r#"1 invoke send [["send","0",{value}]]"#),
            format!(r#"1 ok send [["send","0",[{offset},{value}]]]"#),
        ]
    });
    lines.collect()
}

/// The same, then polls of key 0 by process 0, each returning what is given.
fn sends_and_polls(placed: &[(i64, i64)], polls: &[&str]) -> KafkaResult {
    let mut lines = vec![r#"0 invoke assign ["0"]"#.to_owned(), r#"0 ok assign ["0"]"#.to_owned()];
    lines.extend(sends(placed));
    for polled in polls {
        lines.push(r#"0 invoke poll [["poll"]]"#.to_owned());
        lines.push(format!(r#"0 ok poll [["poll",{{"0":{polled}}}]]"#));
    }
    judged(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

const THREE: [(i64, i64); 3] = [(0, 1), (1, 2), (2, 3)];

fn explanations(result: &KafkaResult) -> Vec<&str> {
    result.violations().iter().map(|finding| &*finding.text).collect()
}

#[test]
fn logs_read_step_by_step_are_valid() {
    let result = sends_and_polls(&THREE, &["[[0,1]]", "[[1,2],[2,3]]", "[]"]);
    assert_eq!((result.valid, result.error_types()), (Valid::True, vec![]));
}

#[test]
fn gaps_between_offsets_are_no_skips_and_cost_nothing() {
    let far = 1 << 60;
    let polled = format!("[[7,1],[{far},2]]");
    let result = sends_and_polls(&[(7, 1), (far, 2)], &[&polled]);
    assert_eq!((result.valid, result.error_types()), (Valid::True, vec![]));
}

#[test]
fn a_message_left_out_of_all_polls_is_lost() {
    let result = sends_and_polls(&[(0, 1), (1, 2)], &["[[1,2]]"]);
    assert_eq!((result.valid, result.error_types()), (Valid::False, vec!["lost-write", "unseen"]));
    assert_eq!(
        explanations(&result),
        [
            "lost-write: no poll returned message 1 of key \"0\", which operation 3 (process 1, 0.003 s) sent, \
             though operation 7 (process 0, 0.007 s) returned a later one",
            "unseen: no poll ever returned these messages: 1 of key \"0\"",
        ]
    );
}

#[test]
fn a_send_of_unknown_outcome_that_nobody_saw_is_not_lost() {
    let result = judged(&[
        r#"0 invoke send [["send","0",1]]"#,
        r#"0 info send [["send","0",[0,1]]]"#,
        r#"1 invoke send [["send","0",2]]"#,
        r#"1 ok send [["send","0",[1,2]]]"#,
        r#"2 invoke poll [["poll"]]"#,
        r#"2 ok poll [["poll",{"0":[[1,2]]}]]"#,
    ]);
    assert_eq!((result.valid, result.error_types()), (Valid::True, vec![]));
}

#[test]
fn a_transaction_of_unknown_outcome_is_lost_if_a_part_of_it_was_seen() {
    let result = judged(&[
        r#"0 invoke txn [["send","0",1],["send","1",1]]"#,
        r#"0 info txn [["send","0",[0,1]],["send","1",[0,1]]]"#,
        r#"1 invoke send [["send","0",2]]"#,
        r#"1 ok send [["send","0",[1,2]]]"#,
        r#"2 invoke poll [["poll"]]"#,
        r#"2 ok poll [["poll",{"0":[[1,2]],"1":[[0,1]]}]]"#,
        r#"2 invoke poll [["poll"]]"#,
        r#"2 ok poll [["poll",{}]]"#,
    ]);
    assert_eq!(result.error_types(), ["lost-write"]);
}

#[test]
fn the_end_of_a_log_may_be_read_late_but_not_never() {
    let result = sends_and_polls(&[(0, 1), (1, 2)], &["[[0,1]]"]);
    assert_eq!(result.error_types(), ["unseen"]);
    let unseen = result.unseen.expect("a message is unseen");
    assert_eq!((unseen.time_ns, unseen.messages.len()), (7_000_000, 1));
}

#[test]
fn a_poll_that_leaves_messages_out_is_a_skip() {
    let result = sends_and_polls(&THREE, &["[[0,1]]", "[[2,3]]"]);
    assert_eq!(result.error_types(), ["lost-write", "poll-skip", "unseen"]);
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(json["poll-skip"]["count"], 1);
    assert_eq!(json["poll-skip"]["errs"][0]["ops"], serde_json::json!([9, 11]));
    assert_eq!(json["poll-skip"]["errs"][0]["skipped"], serde_json::json!([2]));
    assert_eq!(json["poll-skip"]["errs"][0]["delta"], 2);
}

#[test]
fn a_client_may_begin_anywhere_after_it_was_assigned_other_keys_in_between() {
    let polled = |returned: &'static str| [r#"0 invoke poll [["poll"]]"#, returned];
    let beginning = sends(&THREE);
    let mut lines: Vec<&str> = beginning.iter().map(String::as_str).collect();
    lines.extend(polled(r#"0 ok poll [["poll",{"0":[[0,1],[1,2],[2,3]]}]]"#));
    let again = polled(r#"0 ok poll [["poll",{"0":[[0,1]]}]]"#);
    let kept = [&lines[..], &[r#"0 invoke assign ["0","1"]"#, r#"0 ok assign ["0","1"]"#], &again].concat();
    let failed = [&lines[..], &[r#"0 invoke assign ["1"]"#, r#"0 fail assign ["1"]"#], &again].concat();
    let changed = [&lines[..], &[r#"0 invoke assign ["1"]"#, r#"0 ok assign ["1"]"#], &again].concat();
    assert_eq!(judged(&kept).error_types(), ["nonmonotonic-poll"]);
    assert_eq!(judged(&failed).error_types(), ["nonmonotonic-poll"]);
    assert_eq!(judged(&changed).error_types(), [""; 0]);
}

#[test]
fn another_client_may_read_a_log_again() {
    let mut lines = sends(&[(0, 1)]);
    for process in [0, 2] {
        lines.push(format!(r#"{process} invoke poll [["poll"]]"#));
        lines.push(format!(r#"{process} ok poll [["poll",{{"0":[[0,1]]}}]]"#));
    }
    assert_eq!(judged(&lines.iter().map(String::as_str).collect::<Vec<_>>()).valid, Valid::True);
}

#[test]
fn a_poll_that_goes_back_is_not_monotonic() {
    let result = sends_and_polls(&THREE, &["[[0,1],[1,2],[2,3]]", "[[1,2],[2,3]]"]);
    assert_eq!(result.error_types(), ["nonmonotonic-poll"]);
    assert_eq!(
        explanations(&result),
        ["nonmonotonic-poll: operation 11 (process 0, 0.011 s) polled key \"0\" from message 2 on, \
          though operation 9 (process 0, 0.009 s) had already come to 3"]
    );
}

#[test]
fn an_empty_poll_makes_a_client_forget_where_it_was() {
    let result = sends_and_polls(&THREE, &["[[0,1],[1,2],[2,3]]", "[]", "[[0,1]]"]);
    assert_eq!((result.valid, result.error_types()), (Valid::True, vec![]));
}

#[test]
fn a_poll_whose_commit_was_refused_is_not_where_a_client_left_off() {
    let mut lines = sends(&THREE);
    lines.extend([r#"0 invoke poll [["poll"]]"#, r#"0 ok poll [["poll",{"0":[[0,1]]}]]"#].map(str::to_owned));
    lines.extend(
        [r#"0 invoke poll [["poll"]]"#, r#"0 fail poll [["poll",{"0":[[1,2]]}]]"#].map(str::to_owned),
    );
    lines.extend(
        [r#"0 invoke poll [["poll"]]"#, r#"0 ok poll [["poll",{"0":[[1,2],[2,3]]}]]"#].map(str::to_owned),
    );
    let result = judged(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((result.valid, result.error_types()), (Valid::True, vec![]));
}

#[test]
fn one_poll_must_not_skip_repeat_or_go_back() {
    let skip = sends_and_polls(&THREE, &["[[0,1],[2,3]]", "[]", "[[1,2]]"]);
    let repeat = sends_and_polls(&THREE, &["[[0,1],[0,1],[1,2],[2,3]]"]);
    let back = sends_and_polls(&[(0, 1), (1, 2)], &["[[1,2],[0,1]]"]);
    assert_eq!(skip.error_types(), ["int-poll-skip"]);
    assert_eq!(repeat.error_types(), ["int-nonmonotonic-poll"]);
    assert_eq!(back.error_types(), ["int-nonmonotonic-poll"]);
    assert!(explanations(&skip)[0].ends_with("polled message 3 of key \"0\" right after 1, skipping 2"));
    assert!(explanations(&repeat)[0].ends_with("polled message 1 of key \"0\" twice in a row"));
    assert!(
        explanations(&back)[0]
            .ends_with("polled message 1 of key \"0\" after 2, which comes later in the log")
    );
}

#[test]
fn sends_of_one_client_must_lie_in_order() {
    let result = sends_and_polls(&[(5, 1), (3, 2)], &["[[3,2],[5,1]]"]);
    assert_eq!((result.valid, result.error_types()), (Valid::False, vec!["nonmonotonic-send"]));
    let of_two_clients = judged(&[
        r#"0 invoke send [["send","0",1]]"#,
        r#"1 invoke send [["send","0",2]]"#,
        r#"0 ok send [["send","0",[5,1]]]"#,
        r#"1 ok send [["send","0",[3,2]]]"#,
        r#"2 invoke poll [["poll"]]"#,
        r#"2 ok poll [["poll",{"0":[[3,2],[5,1]]}]]"#,
    ]);
    assert_eq!(of_two_clients.valid, Valid::True);
}

#[test]
fn sends_of_one_transaction_may_interleave_but_not_change_places() {
    let txn = |first, second| {
        let txn = format!(r#"0 ok txn [["send","0",[{first},1]],["send","0",[{second},2]]]"#);
        judged(&[
            r#"0 invoke txn [["send","0",1],["send","0",2]]"#,
            r#"1 invoke send [["send","0",3]]"#,
            &txn,
            r#"1 ok send [["send","0",[1,3]]]"#,
            r#"2 invoke poll [["poll"]]"#,
            match first < second {
                true => r#"2 ok poll [["poll",{"0":[[0,1],[1,3],[2,2]]}]]"#,
                false => r#"2 ok poll [["poll",{"0":[[0,2],[1,3],[2,1]]}]]"#,
            },
        ])
    };
    assert_eq!((txn(0, 2).valid, txn(0, 2).error_types()), (Valid::True, vec!["int-send-skip"]));
    assert_eq!((txn(2, 0).valid, txn(2, 0).error_types()), (Valid::False, vec!["int-nonmonotonic-send"]));
}

#[test]
fn one_message_must_not_be_at_two_offsets() {
    let result = sends_and_polls(&[(0, 1)], &["[[3,1]]"]);
    assert_eq!((result.valid, result.error_types()), (Valid::False, vec!["duplicate"]));
    assert_eq!(explanations(&result), ["duplicate: message 1 of key \"0\" is at 2 offsets: 0, 3"]);
}

#[test]
fn equal_messages_of_different_keys_are_different_messages() {
    let result = judged(&[
        r#"0 invoke txn [["send","0",1],["send","1",1]]"#,
        r#"0 ok txn [["send","0",[0,1]],["send","1",[5,1]]]"#,
        r#"2 invoke poll [["poll"]]"#,
        r#"2 ok poll [["poll",{"0":[[0,1]],"1":[[5,1]]}]]"#,
    ]);
    assert_eq!((result.valid, result.error_types()), (Valid::True, vec![]));
}

#[test]
fn one_offset_must_not_hold_two_messages() {
    let result = sends_and_polls(&[(0, 1), (0, 2)], &["[[0,1]]"]);
    assert_eq!(result.error_types(), ["inconsistent-offsets", "lost-write", "unseen"]);
    assert!(explanations(&result)[1].ends_with("offset 0 of key \"0\" holds 2 different messages: 1, 2"));
}

#[test]
fn a_failed_send_must_not_be_polled() {
    let lines = |polled| {
        judged(&[
            r#"0 invoke send [["send","0",1]]"#,
            r#"0 fail send [["send","0",1]]"#,
            r#"1 invoke send [["send","0",2]]"#,
            r#"1 ok send [["send","0",[1,2]]]"#,
            r#"2 invoke poll [["poll"]]"#,
            polled,
        ])
    };
    let seen = lines(r#"2 ok poll [["poll",{"0":[[0,1],[1,2]]}]]"#);
    assert_eq!((seen.valid, seen.error_types()), (Valid::False, vec!["G1a"]));
    assert_eq!(lines(r#"2 ok poll [["poll",{"0":[[1,2]]}]]"#).valid, Valid::True);
}

#[test]
fn a_transaction_must_not_poll_its_own_sends() {
    let lines = |polled| {
        judged(&[
            r#"0 invoke send [["send","0",1]]"#,
            r#"0 ok send [["send","0",[0,1]]]"#,
            r#"1 invoke txn [["send","0",2],["poll"]]"#,
            polled,
            r#"2 invoke poll [["poll"]]"#,
            r#"2 ok poll [["poll",{"0":[[0,1],[1,2]]}]]"#,
        ])
    };
    let own = lines(r#"1 ok txn [["send","0",[1,2]],["poll",{"0":[[0,1],[1,2]]}]]"#);
    let other = lines(r#"1 ok txn [["send","0",[1,2]],["poll",{"0":[[0,1]]}]]"#);
    assert_eq!((own.valid, own.error_types()), (Valid::False, vec!["precommitted-read"]));
    assert_eq!(other.valid, Valid::True);
}

#[test]
fn a_poll_must_not_return_what_is_sent_after_it() {
    let before = judged(&[
        r#"0 invoke poll [["poll"]]"#,
        r#"0 ok poll [["poll",{"0":[[0,1]]}]]"#,
        r#"1 invoke send [["send","0",1]]"#,
        r#"1 ok send [["send","0",[0,1]]]"#,
    ]);
    assert_eq!(
        (before.valid, before.error_types()),
        (Valid::False, vec!["G1c-realtime", "strong-PL-2-cycle-exists"])
    );
    assert!(explanations(&before)[0].contains(
        "operation 3 (process 1, 0.003 s) sent message 1 of key \"0\", which operation 1 (process 0, 0.001 s) polled"
    ));
    assert!(explanations(&before)[0].contains(
        "operation 1 (process 0, 0.001 s) had ended before operation 3 (process 1, 0.003 s) began"
    ));
    let during = judged(&[
        r#"1 invoke send [["send","0",1]]"#,
        r#"0 invoke poll [["poll"]]"#,
        r#"0 ok poll [["poll",{"0":[[0,1]]}]]"#,
        r#"1 ok send [["send","0",[0,1]]]"#,
    ]);
    assert_eq!(during.valid, Valid::True);
}

#[test]
fn transactions_that_poll_each_others_sends_are_a_cycle() {
    let result = judged(&[
        r#"0 invoke txn [["send","0",1],["poll"]]"#,
        r#"1 invoke txn [["send","1",1],["poll"]]"#,
        r#"0 ok txn [["send","0",[0,1]],["poll",{"1":[[0,1]]}]]"#,
        r#"1 ok txn [["send","1",[0,1]],["poll",{"0":[[0,1]]}]]"#,
    ]);
    assert_eq!((result.valid, result.error_types()), (Valid::False, vec!["G1c", "PL-2-cycle-exists"]));
}

#[test]
fn interleaved_transactions_are_a_cycle_of_writes_which_is_allowed() {
    let lines = [
        r#"0 invoke txn [["send","0",1],["send","0",3]]"#,
        r#"1 invoke send [["send","0",2]]"#,
        r#"0 ok txn [["send","0",[0,1]],["send","0",[2,3]]]"#,
        r#"1 ok send [["send","0",[1,2]]]"#,
        r#"2 invoke poll [["poll"]]"#,
        r#"2 ok poll [["poll",{"0":[[0,1],[1,2],[2,3]]}]]"#,
    ];
    let result = with_ww_deps(&lines);
    assert_eq!((result.valid, result.bad_error_types()), (Valid::True, vec![]));
    assert_eq!(result.error_types(), ["G0", "PL-1-cycle-exists", "int-send-skip"]);
    assert_eq!(judged(&lines).error_types(), ["int-send-skip"]);
}

#[test]
fn a_history_that_proves_nothing_is_invalid() {
    let result = judged(&[r#"0 invoke send [["send","0",1]]"#, r#"0 ok send [["send","0",[0,1]]]"#]);
    assert_eq!(
        (result.valid, result.error_types()),
        (Valid::False, vec!["empty-transaction-graph", "unseen"])
    );
    assert_eq!(serde_json::to_value(&result).unwrap()["empty-transaction-graph"]["errs"], true);
}

#[test]
fn what_maelstrom_cannot_judge_is_unknown_and_the_reason_told() {
    let poll = |polled| [r#"0 invoke poll [["poll"]]"#, polled];
    for (lines, reason) in [
        (vec![], "the history is empty"),
        (
            [&[r#"1 invoke send [["send","0",1]]"#][..], &poll(r#"0 ok poll [["poll",{"0":[[0,1]]}]]"#)]
                .concat(),
            "operation 2 (process 0, 0.002 s) polled message 1 of key \"0\", whose send never ended; Maelstrom's \
             checker fails on that",
        ),
        (
            poll(r#"0 ok poll [["poll",{"0":[]}]]"#).to_vec(),
            "polls listed key \"0\" but never returned a message of it; Maelstrom's checker fails on that, so leave \
             out keys that have no messages",
        ),
        (
            [
                &[r#"1 invoke send [["send","0",1]]"#, r#"1 ok send [["send","0",[-3,1]]]"#][..],
                &poll(r#"0 ok poll [["poll",{"0":[[-3,1]]}]]"#),
            ]
            .concat(),
            "key \"0\" has a message at offset -3, but offsets count from 0",
        ),
        (
            poll(r#"0 ok poll [["poll",[1]]]"#).to_vec(),
            "operation 1: a poll must return a map of keys to messages, not [1]",
        ),
        (
            vec![r#"0 invoke send [["send","0",1]]"#, r#"0 ok send [["send","0",[1.5,1]]]"#],
            "operation 1: an offset must be an integer of at most 64 bits, not 1.5",
        ),
    ] {
        let result = judged(&lines);
        assert_eq!((result.valid, result.violations()), (Valid::Unknown, &[][..]), "{reason}");
        assert_eq!(result.obstacles, [reason]);
        assert_eq!(result.unjudged().iter().map(|finding| &*finding.text).collect::<Vec<_>>(), [reason]);
    }
}

#[test]
fn errors_count_beside_what_cannot_be_judged() {
    let mut lines = sends(&[(0, 1), (1, 2)]);
    lines.push(r#"0 invoke poll [["poll"]]"#.to_owned());
    lines.push(r#"0 ok poll [["poll",{"0":[[1,2]],"7":[]}]]"#.to_owned());
    let result = judged(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((result.valid, result.error_types()), (Valid::False, vec!["lost-write", "unseen"]));
    assert_eq!((result.violations().len(), result.unjudged().len()), (2, 1));
    // A poll that cannot be read may have been the one that is missed.
    lines.push(r#"0 invoke poll [["poll"]]"#.to_owned());
    lines.push(r#"0 ok poll [["poll",7]]"#.to_owned());
    let result = judged(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((result.valid, result.error_types()), (Valid::Unknown, vec![]));
}

#[test]
fn a_message_that_nobody_tried_to_send_is_invalid() {
    let result = sends_and_polls(&[(0, 1)], &["[[0,1],[1,7]]"]);
    assert_eq!((result.valid, result.error_types()), (Valid::False, vec!["unwritten-read"]));
    assert_eq!(
        explanations(&result),
        [
            "unwritten-read: operation 5 (process 0, 0.005 s) polled message 7 of key \"0\", which nobody tried to send"
        ]
    );
}

#[test]
fn a_poll_may_list_nothing_as_null() {
    let result = sends_and_polls(&[(0, 1)], &["null", "[[0,1]]", "null"]);
    assert_eq!((result.valid, result.error_types()), (Valid::True, vec![]));
}

#[test]
fn a_poll_precedes_a_failed_operation_in_time() {
    let poll = [r#"0 invoke poll [["poll"]]"#, r#"0 ok poll [["poll",{}]]"#];
    let failed = [r#"0 invoke poll [["poll"]]"#, r#"0 fail poll [["poll"]]"#];
    assert_eq!(judged(&[poll, failed].concat()).valid, Valid::True);
    assert_eq!(judged(&[poll, [failed[0], r#"0 info poll [["poll"]]"#]].concat()).valid, Valid::True);
    assert_eq!(judged(&[&poll[..], &failed[..1]].concat()).error_types(), ["empty-transaction-graph"]);
    let early = judged(&[
        r#"0 invoke poll [["poll"]]"#,
        r#"0 ok poll [["poll",{"0":[[0,1]]}]]"#,
        r#"1 invoke send [["send","0",1]]"#,
        r#"1 fail send [["send","0",1]]"#,
    ]);
    assert!(early.error_types().contains(&"G1c-realtime"), "{:?}", early.error_types());
}

#[test]
fn the_worst_lag_is_from_the_loss_of_currency_to_the_poll() {
    let result = sends_and_polls(&THREE, &["[[0,1]]", "[[1,2],[2,3]]"]);
    let lag = result.worst_realtime_lag.expect("there are polls");
    // The poll that began at 8 ms came to offset 0, which had been out of date since 5 ms.
    assert_eq!((lag.time_ns, lag.lag_ns), (8_000_000, 3_000_000));
}

#[test]
fn errors_of_operations_without_known_outcome_are_listed_once() {
    let op = |text: &str| Op::from_value(Value::from_json(text).unwrap(), 0).unwrap();
    let history = History::new(vec![
        op(r#"{"process":0,"type":"invoke","f":"poll","value":[["poll"]]}"#),
        op(r#"{"process":1,"type":"invoke","f":"poll","value":[["poll"]]}"#),
        op(r#"{"process":0,"type":"info","f":"poll","value":[["poll"]],"error":"net-timeout"}"#),
        op(r#"{"process":1,"type":"info","f":"poll","value":[["poll"]],"error":"net-timeout"}"#),
    ]);
    assert_eq!(check(&history.unwrap(), &Options::default()).info_txn_causes, [Value::from("net-timeout")]);
}

#[test]
fn of_many_errors_all_are_counted_and_the_worst_shown() {
    let mut lines = sends(&THREE);
    for round in 0..300 {
        let polled = if round % 2 == 0 { "[[2,3]]" } else { "[[0,1],[1,2],[2,3]]" };
        lines.push(r#"0 invoke poll [["poll"]]"#.to_owned());
        lines.push(format!(r#"0 ok poll [["poll",{{"0":{polled}}}]]"#));
    }
    let result = judged(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(json["nonmonotonic-poll"]["count"], 299);
    let shown = json["nonmonotonic-poll"]["errs"].as_array().unwrap();
    assert_eq!((shown.len(), shown[0]["delta"].as_i64()), (8, Some(-2)));
}

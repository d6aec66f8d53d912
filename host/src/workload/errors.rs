//! What went wrong with operations, by what their nodes answered: the commonest errors of each operation, from the
//! history alone, so that a run of ours and a history from elsewhere are told alike. Changes no verdict.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::checker::verdict::Finding;
use crate::checker::{History, Kind, Op, Valid, Value};
use crate::protocol::{ErrorCode, excerpt};

/// Letters of an error's text that are kept.
const MAX_TEXT: usize = 200;

/// Different errors kept of an operation.
const MAX_ERRORS: usize = 100;

/// Different errors of an operation that are told.
const MAX_TOLD: usize = 3;

/// What Maelstrom's clients write for a reply that never came (spec §7.2).
const NO_ANSWER: &str = "net-timeout";

/// What stands before an error that leaves everything open (spec §7.2).
const INDETERMINATE: &str = "indeterminate: ";

/// The errors of a history.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Errors {
    /// By the operation's name. An operation without errors is not there.
    pub by_f: BTreeMap<String, Failures>,
    /// What of it a person should know, one sentence for each operation.
    pub findings: Vec<Finding>,
}

/// The errors of one kind of operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failures {
    /// How many operations there were.
    pub count: usize,
    /// How many of them got no answer in time.
    pub no_answer_count: usize,
    /// How many got an error for an answer.
    pub error_count: usize,
    /// The errors, the commonest first. Texts that differ only in their numbers are one.
    pub errors: Vec<Answer>,
}

/// An error that nodes answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// By Maelstrom's table (spec §7.1); absent if the history does not say which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// Its name there.
    pub name: String,
    /// The node's text, the first time.
    pub text: Option<String>,
    /// How often.
    pub count: usize,
    /// The index of the first completion with it.
    pub example: usize,
}

impl Errors {
    /// Counts the errors of a history. A valid one is not cluttered with those that are to be expected, nor with a few.
    /// `deaths` are the reasons of nodes that died: they are told already, and here only that it was a death.
    pub fn of(history: &History, valid: Valid, deaths: &[&str]) -> Errors {
        let deaths: Vec<String> = deaths.iter().map(|reason| excerpt(reason, MAX_TEXT)).collect();
        let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
        for op in history.completions() {
            tallies.entry(&op.f).or_default().add(op);
        }
        let tallies =
            tallies.into_iter().map(|(f, tally)| (f, tally.is_worth_telling(valid), tally.failures()));
        let mut errors = Errors::default();
        for (f, is_told, failures) in tallies.filter(|(.., failures)| failures.all() > 0) {
            if is_told {
                errors.findings.push(failures.finding(f, &deaths));
            }
            errors.by_f.insert(f.to_owned(), failures);
        }
        errors
    }
}

#[derive(Default)]
struct Tally {
    failures: Failures,
    ok_count: usize,
    /// Answers that a correct node gives, too: there is no such key, the comparison did not hold, transactions conflict.
    expected_count: usize,
    /// Where each error is, by name and text without numbers.
    places: HashMap<(String, String), usize>,
}

impl Tally {
    fn add(&mut self, op: &Op) {
        self.failures.count += 1;
        self.ok_count += usize::from(op.kind == Kind::Ok);
        let error = match &op.error {
            // What the client made of an answer that was none is told as an exception.
            Some(error) if op.exception.is_none() && op.kind != Kind::Ok => error,
            _ => return,
        };
        let (name, text) = parts(error);
        if name == NO_ANSWER {
            self.failures.no_answer_count += 1;
            return;
        }
        self.failures.error_count += 1;
        let code = ErrorCode::named(&name);
        self.expected_count += usize::from(code.is_some_and(|code| is_expected(&op.f, code)));
        let text = text.map(|text| excerpt(&text, MAX_TEXT));
        let key = (name.clone(), text.as_deref().map(without_numbers).unwrap_or_default());
        let errors = &mut self.failures.errors;
        match self.places.get(&key) {
            Some(&place) => errors[place].count += 1,
            None if errors.len() < MAX_ERRORS => {
                self.places.insert(key, errors.len());
                let code = code.map(|code| code.0);
                errors.push(Answer { code, name, text, count: 1, example: op.index });
            }
            None => {}
        }
    }

    /// Whether a person wants to know: whatever is unexpected in a run that is not valid, and what most operations of a
    /// kind came to in one that is.
    fn is_worth_telling(&self, valid: Valid) -> bool {
        let unexpected = self.failures.all() - self.expected_count;
        let is_most = unexpected * 2 > self.failures.count;
        match valid {
            Valid::True => is_most,
            Valid::False | Valid::Unknown => unexpected > 0 || self.ok_count == 0,
        }
    }

    fn failures(mut self) -> Failures {
        // A stable sort: of equals the first to happen comes first.
        self.failures.errors.sort_by_key(|answer| std::cmp::Reverse(answer.count));
        self.failures
    }
}

impl Failures {
    /// Operations that got an error or no answer.
    fn all(&self) -> usize {
        self.error_count + self.no_answer_count
    }

    fn finding(&self, f: &str, deaths: &[String]) -> Finding {
        let mut told: Vec<String> =
            self.errors.iter().take(MAX_TOLD).map(|answer| answer.told(deaths)).collect();
        let counted: usize = self.errors.iter().take(MAX_TOLD).map(|answer| answer.count).sum();
        if self.error_count > counted {
            told.push(format!("other errors ({})", times(self.error_count - counted)));
        }
        if self.no_answer_count > 0 {
            told.push(format!("no answer ({})", times(self.no_answer_count)));
        }
        let text = format!("`{f}`: {} of {} did not succeed: {}", self.all(), self.count, told.join(", "));
        let example = self.errors.first().map(|answer| answer.example);
        Finding { op_index: example, ..Finding::overall(text) }
    }
}

impl Answer {
    fn told(&self, deaths: &[String]) -> String {
        let code = self.code.map(|code| format!(" ({code})")).unwrap_or_default();
        let text = match &self.text {
            None => String::new(),
            Some(text) if deaths.contains(text) => ": its node died".to_owned(),
            Some(text) => format!(": \"{text}\""),
        };
        format!("{}{code}{text} ({})", self.name, times(self.count))
    }
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Whether a correct node gives this answer to this operation, too.
fn is_expected(f: &str, code: ErrorCode) -> bool {
    use ErrorCode as E;
    let expected: &[ErrorCode] = match f {
        "read" | "write" | "cas" => &[E::KEY_DOES_NOT_EXIST, E::KEY_ALREADY_EXISTS, E::PRECONDITION_FAILED],
        "txn" => &[E::TXN_CONFLICT],
        _ => &[],
    };
    expected.contains(&code)
}

/// The name and the text of an operation's `error`: `name`, `[name, text]`, or `indeterminate: name: text` in workloads
/// that leave every error open.
fn parts(error: &Value) -> (String, Option<String>) {
    if let Some([name, text, ..]) = error.as_list() {
        return (word(name), (!text.is_null()).then(|| word(text)));
    }
    let error = match error.as_list() {
        Some([name]) => word(name),
        _ => word(error),
    };
    let Some(open) = error.strip_prefix(INDETERMINATE) else { return (error, None) };
    let (name, text) = open.split_once(": ").map_or((open, None), |(name, text)| (name, Some(text)));
    match ErrorCode::named(name).is_some() || name == NO_ANSWER || name == ErrorCode(u32::MAX).name() {
        true => (name.to_owned(), text.map(str::to_owned)),
        false => ("indeterminate".to_owned(), Some(open.to_owned())),
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string().trim_start_matches(':').to_owned(), str::to_owned)
}

/// A text with `#` for each number in it.
fn without_numbers(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars() {
        if !letter.is_ascii_digit() {
            plain.push(letter);
        } else if !plain.ends_with('#') {
            plain.push('#');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history of `add`s that ended like this, one after the other.
    fn history(ends: &[(&str, &str)]) -> History {
        history_of("add", ends)
    }

    fn history_of(f: &str, ends: &[(&str, &str)]) -> History {
        let mut ops = Vec::new();
        for (process, (kind, error)) in ends.iter().enumerate() {
            for (kind, error) in [("invoke", "null"), (*kind, *error)] {
                let record =
                    format!(r#"{{"type":"{kind}","process":{process},"f":"{f}","value":1,"error":{error}}}"#);
                ops.push(Op::from_value(Value::from_json(&record).unwrap(), ops.len()).unwrap());
            }
        }
        History::new(ops).unwrap()
    }

    fn told(ends: &[(&str, &str)], valid: Valid) -> Vec<String> {
        Errors::of(&history(ends), valid, &[]).findings.into_iter().map(|finding| finding.text).collect()
    }

    const CRASH: (&str, &str) = ("info", r#"["crash","I do not know add"]"#);
    const OPEN: (&str, &str) = ("info", r#""indeterminate: crash: I do not know add""#);
    const SILENCE: (&str, &str) = ("info", r#""net-timeout""#);
    const OPEN_SILENCE: (&str, &str) = ("info", r#""indeterminate: net-timeout""#);
    const CONFLICT: (&str, &str) = ("fail", r#"["txn-conflict","busy"]"#);
    const OK: (&str, &str) = ("ok", "null");

    #[test]
    fn both_ways_of_writing_an_error_are_told_alike() {
        for (crash, silence) in [(CRASH, SILENCE), (OPEN, OPEN_SILENCE)] {
            let expected = r#"`add`: 3 of 4 did not succeed: crash (13): "I do not know add" (2 times), no answer (once)"#;
            assert_eq!(told(&[crash, crash, silence, OK], Valid::False), [expected]);
        }
    }

    #[test]
    fn an_error_is_data_with_its_code_and_an_example() {
        let errors = Errors::of(&history(&[OK, OPEN, OPEN]), Valid::False, &[]);
        let answer = &errors.by_f["add"].errors[0];
        assert_eq!((answer.code, &*answer.name, answer.count, answer.example), (Some(13), "crash", 2, 3));
        assert_eq!(answer.text.as_deref(), Some("I do not know add"));
        assert_eq!(errors.findings[0].op_index, Some(3));
    }

    #[test]
    fn what_is_to_be_expected_does_not_clutter() {
        let told_of_txn =
            |ends: &[(&str, &str)], valid| Errors::of(&history_of("txn", ends), valid, &[]).findings.len();
        assert_eq!(told_of_txn(&[CONFLICT, CONFLICT, OK], Valid::True), 0);
        assert_eq!(told_of_txn(&[CONFLICT, CONFLICT, OK], Valid::False), 0);
        assert_eq!(told_of_txn(&[CONFLICT, CONFLICT], Valid::False), 1, "nothing else ever happened");
        assert_eq!(
            told(&[CONFLICT, CONFLICT, OK], Valid::True).len(),
            1,
            "no conflict is expected of an add"
        );
        assert_eq!(told(&[CRASH, OK, OK], Valid::True), [""; 0], "a few");
        assert_eq!(told(&[CRASH, CRASH, OK], Valid::True).len(), 1, "most of them");
        assert_eq!(Errors::of(&history(&[CONFLICT, OK]), Valid::True, &[]).by_f["add"].error_count, 1);
    }

    #[test]
    fn texts_that_differ_in_numbers_are_one_and_the_commonest_come_first() {
        let ends: Vec<String> = (0..9)
            .map(|number| format!(r#"["abort","term {number} is over"]"#))
            .chain(
                (0..5).map(|number| format!(r#"["abort","reason {}"]"#, ["a", "b", "c", "d", "e"][number])),
            )
            .collect();
        let ends: Vec<_> = ends.iter().map(|error| ("fail", error.as_str())).collect();
        let expected = "`add`: 14 of 14 did not succeed: abort (14): \"term 0 is over\" (9 times), abort (14): \"reason a\" (once), \
            abort (14): \"reason b\" (once), other errors (3 times)";
        assert_eq!(told(&ends, Valid::False), [expected]);
    }

    #[test]
    fn a_death_that_is_told_already_is_called_one() {
        let errors = Errors::of(&history(&[CRASH, CRASH]), Valid::False, &["I do not know add"]);
        assert_eq!(
            errors.findings[0].text,
            "`add`: 2 of 2 did not succeed: crash (13): its node died (2 times)"
        );
        assert_eq!(errors.by_f["add"].errors[0].text.as_deref(), Some("I do not know add"), "the data stays");
    }

    #[test]
    fn texts_are_short_and_harmless() {
        let long = format!(r#"["crash","\u001b[2J{}"]"#, "x".repeat(10_000));
        let told = told(&[("info", &long)], Valid::False);
        assert!(told[0].len() < 300 && told[0].contains(r"\u{1b}[2J"), "{}", told[0]);
    }

    #[test]
    fn there_is_no_end_to_what_histories_from_elsewhere_say() {
        for error in [
            r#""unknown host: n7""#,
            r#"["socket"]"#,
            "{\"a\":[1]}",
            "7",
            "[]",
            r#""indeterminate: read timed out""#,
        ] {
            assert_eq!(told(&[("info", error)], Valid::False).len(), 1, "{error}");
        }
    }
}

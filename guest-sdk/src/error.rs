//! Errors as Maelstrom numbers them (spec §7.1). One type serves handlers, calls and key-value clients: what a
//! handler returns becomes an error reply, what a peer answers comes back as the same value.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by Maelstrom's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorCode {
    /// 0: no answer within the time allowed. Indefinite.
    Timeout,
    /// 1: the request went to a node that does not exist.
    NodeNotFound,
    /// 10: the node does not implement this type of message.
    NotSupported,
    /// 11: the request cannot be served now and certainly was not executed.
    TemporarilyUnavailable,
    /// 12: the request did not parse, or its content makes no sense.
    MalformedRequest,
    /// 13: anything that leaves the outcome open. Indefinite.
    Crash,
    /// 14: anything that makes certain that nothing happened.
    Abort,
    /// 20: the key does not exist.
    KeyDoesNotExist,
    /// 21: the key exists already.
    KeyAlreadyExists,
    /// 22: the precondition, such as the `from` of a compare-and-set, does not hold.
    PreconditionFailed,
    /// 30: a conflict with another transaction aborted this one.
    TxnConflict,
    /// Any other code, kept as it came. Codes from 1000 on are free for applications. Indefinite.
    Other(u32),
}

/// The named codes: number, code, Maelstrom's name.
const TABLE: [(u32, ErrorCode, &str); 11] = [
    (0, ErrorCode::Timeout, "timeout"),
    (1, ErrorCode::NodeNotFound, "node-not-found"),
    (10, ErrorCode::NotSupported, "not-supported"),
    (11, ErrorCode::TemporarilyUnavailable, "temporarily-unavailable"),
    (12, ErrorCode::MalformedRequest, "malformed-request"),
    (13, ErrorCode::Crash, "crash"),
    (14, ErrorCode::Abort, "abort"),
    (20, ErrorCode::KeyDoesNotExist, "key-does-not-exist"),
    (21, ErrorCode::KeyAlreadyExists, "key-already-exists"),
    (22, ErrorCode::PreconditionFailed, "precondition-failed"),
    (30, ErrorCode::TxnConflict, "txn-conflict"),
];

impl ErrorCode {
    /// The number that stands for this code in an error body.
    pub fn number(self) -> u32 {
        match self {
            ErrorCode::Other(number) => number,
            named => TABLE.iter().find(|row| row.1 == named).expect("the table has all named codes").0,
        }
    }

    /// Whether this code makes it certain that the operation did not happen and never will.
    pub fn is_definite(self) -> bool {
        !matches!(self, ErrorCode::Timeout | ErrorCode::Crash | ErrorCode::Other(_))
    }
}

impl From<u32> for ErrorCode {
    fn from(number: u32) -> Self {
        TABLE.iter().find(|row| row.0 == number).map_or(ErrorCode::Other(number), |row| row.1)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match TABLE.iter().find(|row| row.1 == *self) {
            Some((number, _, name)) => write!(f, "{name} ({number})"),
            None => write!(f, "error {}", self.number()),
        }
    }
}

/// An error: a code for programs and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// What went wrong. May be empty.
    pub text: String,
}

impl Error {
    /// An error with the given code and text. A number is a code too: `Error::new(1000, "my own")`.
    pub fn new(code: impl Into<ErrorCode>, text: impl Into<String>) -> Self {
        Error { code: code.into(), text: text.into() }
    }

    /// Whether it is certain that the operation did not happen and never will.
    pub fn is_definite(&self) -> bool {
        self.code.is_definite()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.as_str() {
            "" => write!(f, "{}", self.code),
            text => write!(f, "{}: {text}", self.code),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_the_way_through_a_code() {
        for number in (0..40).chain([999, 1000, 4_000_000_000]) {
            assert_eq!(ErrorCode::from(number).number(), number);
        }
    }

    #[test]
    fn only_timeout_crash_and_unknown_codes_leave_the_outcome_open() {
        let indefinite = (0..40).chain([1000]).filter(|&number| !ErrorCode::from(number).is_definite());
        let named = [0, 1, 10, 11, 12, 13, 14, 20, 21, 22, 30];
        let expected =
            (0..40).chain([1000]).filter(|number| !named.contains(number) || [0, 13].contains(number));
        assert_eq!(indefinite.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn an_error_prints_its_name_number_and_text() {
        let error = Error::new(ErrorCode::PreconditionFailed, "current value 4 is not 9");
        assert_eq!(error.to_string(), "precondition-failed (22): current value 4 is not 9");
        assert_eq!(Error::new(1000, "").to_string(), "error 1000");
    }
}

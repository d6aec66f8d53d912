//! Maelstrom's error table (spec §7.1).

use std::fmt;

/// An error code. Any number is one; those below 1000 that the table does not name are unknown, those from 1000 on
/// belong to applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// The operation did not finish in time.
    pub const TIMEOUT: ErrorCode = ErrorCode(0);
    /// The request was addressed to a node that does not exist.
    pub const NODE_NOT_FOUND: ErrorCode = ErrorCode(1);
    /// The operation is not implemented.
    pub const NOT_SUPPORTED: ErrorCode = ErrorCode(10);
    /// The operation cannot be served now and certainly was not executed.
    pub const TEMPORARILY_UNAVAILABLE: ErrorCode = ErrorCode(11);
    /// The request did not parse or conform.
    pub const MALFORMED_REQUEST: ErrorCode = ErrorCode(12);
    /// Something went wrong and the outcome is unknown.
    pub const CRASH: ErrorCode = ErrorCode(13);
    /// It is certain that nothing happened.
    pub const ABORT: ErrorCode = ErrorCode(14);
    /// The key does not exist.
    pub const KEY_DOES_NOT_EXIST: ErrorCode = ErrorCode(20);
    /// The key exists already.
    pub const KEY_ALREADY_EXISTS: ErrorCode = ErrorCode(21);
    /// A condition did not hold, such as the comparison of a compare-and-set.
    pub const PRECONDITION_FAILED: ErrorCode = ErrorCode(22);
    /// The transaction was aborted because it conflicts with another.
    pub const TXN_CONFLICT: ErrorCode = ErrorCode(30);

    /// Maelstrom's name for the code; `unknown` when the table has none.
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "timeout",
            1 => "node-not-found",
            10 => "not-supported",
            11 => "temporarily-unavailable",
            12 => "malformed-request",
            13 => "crash",
            14 => "abort",
            20 => "key-does-not-exist",
            21 => "key-already-exists",
            22 => "precondition-failed",
            30 => "txn-conflict",
            _ => "unknown",
        }
    }

    /// The code of that name, if the table has it.
    pub fn named(name: &str) -> Option<ErrorCode> {
        let codes = [0, 1, 10, 11, 12, 13, 14, 20, 21, 22, 30].map(ErrorCode);
        codes.into_iter().find(|code| code.name() == name)
    }

    /// Whether the code says for certain that the operation did not take place.
    pub fn is_definite(self) -> bool {
        matches!(self.0, 1 | 10 | 11 | 12 | 14 | 20 | 21 | 22 | 30)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

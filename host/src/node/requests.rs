//! Requests that wait for this node's answer.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::protocol::MsgId;

/// Whom to answer, and with what number.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub src: SmolStr,
    pub msg_id: MsgId,
}

/// Requests by number. Numbers only grow, so the newest is the last; most are answered while they are the newest, and
/// those never reach the tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    newest: Option<(u64, Request)>,
    older: BTreeMap<u64, Request>,
}

impl Requests {
    pub fn len(&self) -> usize {
        self.older.len() + usize::from(self.newest.is_some())
    }

    /// Adds a request with a number above all others.
    pub fn push(&mut self, number: u64, request: Request) {
        if let Some((number, request)) = self.newest.replace((number, request)) {
            self.older.insert(number, request);
        }
    }

    pub fn remove(&mut self, number: u64) -> Option<Request> {
        match &self.newest {
            Some((newest, _)) if *newest == number => self.newest.take().map(|(_, request)| request),
            _ => self.older.remove(&number),
        }
    }

    /// Drops the request that has waited for longest.
    pub fn pop_oldest(&mut self) {
        if self.older.pop_first().is_none() {
            self.newest = None;
        }
    }

    /// All requests, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Request> {
        self.older.values().chain(self.newest.iter().map(|(_, request)| request))
    }
}

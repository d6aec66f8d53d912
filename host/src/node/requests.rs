//! Requests that wait for this node's answer.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::protocol::{MsgId, is_client};

/// Whom to answer, and with what number.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub src: SmolStr,
    pub msg_id: MsgId,
    /// When it came, on the driver's clock.
    pub arrived_ns: u64,
}

impl Request {
    /// Whether its sender has given up: it came no later than `until_ns`, from a client.
    pub fn is_from_client_until(&self, until_ns: u64) -> bool {
        self.arrived_ns <= until_ns && is_client(&self.src)
    }
}

/// Requests by number. Numbers only grow, as does the time at which requests came, so the newest is the last; most are
/// answered while they are the newest, and those never reach a tree. Clients give up, other nodes do not: the requests of
/// the former are apart, so that the oldest of them is at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    newest: Option<(u64, Request)>,
    of_clients: BTreeMap<u64, Request>,
    of_nodes: BTreeMap<u64, Request>,
}

impl Requests {
    pub fn len(&self) -> usize {
        self.of_clients.len() + self.of_nodes.len() + usize::from(self.newest.is_some())
    }

    /// Adds a request with a number above all others.
    pub fn push(&mut self, number: u64, request: Request) {
        if let Some((number, request)) = self.newest.replace((number, request)) {
            let older = if is_client(&request.src) { &mut self.of_clients } else { &mut self.of_nodes };
            older.insert(number, request);
        }
    }

    pub fn remove(&mut self, number: u64) -> Option<Request> {
        match &self.newest {
            Some((newest, _)) if *newest == number => self.newest.take().map(|(_, request)| request),
            _ => self.of_clients.remove(&number).or_else(|| self.of_nodes.remove(&number)),
        }
    }

    /// Drops the request that has waited for longest.
    pub fn pop_oldest(&mut self) {
        let first = |older: &BTreeMap<u64, Request>| older.first_key_value().map(|(&number, _)| number);
        match first(&self.of_clients).into_iter().chain(first(&self.of_nodes)).min() {
            Some(oldest) => drop(self.remove(oldest)),
            None => self.newest = None,
        }
    }

    /// When the oldest request of a client came.
    pub fn oldest_of_clients_ns(&self) -> Option<u64> {
        match self.of_clients.first_key_value() {
            Some((_, request)) => Some(request.arrived_ns),
            None => {
                let newest = self.newest.as_ref().filter(|(_, request)| is_client(&request.src));
                newest.map(|(_, request)| request.arrived_ns)
            }
        }
    }

    /// Takes out the oldest request of a client that came no later than `until_ns`.
    pub fn pop_of_clients_until(&mut self, until_ns: u64) -> Option<(u64, Request)> {
        if let Some(oldest) = self.of_clients.first_entry() {
            let is_due = oldest.get().arrived_ns <= until_ns;
            return is_due.then(|| oldest.remove_entry());
        }
        self.newest.take_if(|(_, request)| request.is_from_client_until(until_ns))
    }

    /// All requests, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Request> {
        let mut all: Vec<_> = self.of_clients.iter().chain(&self.of_nodes).collect();
        all.sort_unstable_by_key(|(number, _)| **number);
        all.into_iter().map(|(_, request)| request).chain(self.newest.iter().map(|(_, request)| request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(srcs: &[&str]) -> Requests {
        let mut requests = Requests::default();
        for (number, src) in (1..).zip(srcs) {
            let request = Request { src: (*src).into(), msg_id: MsgId::Int(1), arrived_ns: 10 * number };
            requests.push(number, request);
        }
        requests
    }

    #[test]
    fn what_clients_want_grows_old_and_what_nodes_want_does_not() {
        let mut requests = requests(&["n2", "c1", "n3", "c2", "c3"]);
        assert_eq!(requests.oldest_of_clients_ns(), Some(20));
        let mut taken = Vec::new();
        while let Some((number, _)) = requests.pop_of_clients_until(40) {
            taken.push(number);
        }
        assert_eq!(taken, [2, 4]);
        assert_eq!(requests.oldest_of_clients_ns(), Some(50));
        assert_eq!(requests.pop_of_clients_until(50).map(|(number, _)| number), Some(5));
        assert_eq!((requests.oldest_of_clients_ns(), requests.len()), (None, 2));
        assert!(requests.iter().map(|request| &*request.src).eq(["n2", "n3"]));
    }

    #[test]
    fn the_oldest_goes_first_whoever_sent_it() {
        let mut requests = requests(&["c1", "n2", "c2", "n3"]);
        assert!(requests.iter().map(|request| &*request.src).eq(["c1", "n2", "c2", "n3"]));
        for left in [3, 2, 1, 0] {
            requests.pop_oldest();
            assert_eq!(requests.len(), left);
            assert!(requests.remove(4 - left as u64).is_none());
        }
    }
}

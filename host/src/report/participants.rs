//! Who takes part in a run, by name: nodes, clients and services, and the order in which people expect them.

pub use crate::protocol::is_client;

/// Whether this is the name of one of Maelstrom's services.
pub fn is_service(name: &str) -> bool {
    matches!(name, "seq-kv" | "lin-kv" | "lww-kv" | "lin-tso")
}

/// What to sort names by: clients and nodes in order of their numbers, then the services.
pub fn order(name: &str) -> (bool, &str, u64, &str) {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (stem, number) = name.split_at(name.len() - digits);
    (is_service(name), stem, number.parse().unwrap_or_default(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_their_numbers_and_services_come_last() {
        let mut names = ["n10", "seq-kv", "c2", "n9", "c11", "alice", "lin-kv"];
        names.sort_by_key(|name| order(name));
        assert_eq!(names, ["alice", "c2", "c11", "n9", "n10", "lin-kv", "seq-kv"]);
    }
}

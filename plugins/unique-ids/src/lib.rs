//! `unique-ids`: answers each `generate` with an id that no node ever gives a second time.
//!
//! **Promises** uniqueness across nodes and across restarts that lose all memory, and an answer from every node that
//! lives, whatever the network does.
//!
//! **How**: an id is `node-incarnation-count`, in hexadecimal: the node's place in the cluster's list, 64 random bits
//! drawn when the node starts, and a count. Ids of two nodes differ in the first part. Ids of one life of a node differ
//! in the last. Ids of two lives of one node differ in the middle, unless both drew the same 64 bits: for a node that
//! restarts r times the chance is below r²/2⁶⁵, which is 3·10⁻¹⁴ after a thousand restarts. All ids are strings, so
//! that they can be compared with each other.
//!
//! **Costs** no message between nodes.

use guest_sdk::{Context, Handler, Migrate, Node, Origin, Result};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct UniqueIds {
    /// What all ids of this life begin with.
    prefix: String,
    generated: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Generate,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    GenerateOk { id: String },
}

impl Handler for UniqueIds {
    type Request = Request;
    type Response = Response;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&[])?;
        Ok(UniqueIds { prefix: String::new(), generated: 0 })
    }

    fn start(node: &Node<Self>) {
        let place = node.nodes().iter().take_while(|name| *name != node.id()).count();
        node.state().prefix = format!("{place:x}-{:x}", node.random());
    }

    async fn handle(node: Node<Self>, Request::Generate: Request, _: Origin) -> Result<Response> {
        let mut state = node.state();
        let id = format!("{}-{:x}", state.prefix, state.generated);
        state.generated += 1;
        Ok(Response::GenerateOk { id })
    }
}

impl Migrate for UniqueIds {
    const VERSION: u32 = 1;

    /// The same life goes on, with its prefix.
    fn resume(_: &Node<Self>) {}
}

guest_sdk::export!(UniqueIds, migrate);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use guest_sdk::testing::Cluster;
    use serde_json::{Value, json};

    fn generate(cluster: &mut Cluster<UniqueIds>, node: &str) -> String {
        match cluster.request(node, json!({"type": "generate"})).expect("an answer")["id"].take() {
            Value::String(id) => id,
            other => panic!("{other} is no string"),
        }
    }

    #[test]
    fn ids_are_unique_across_nodes_and_restarts() {
        let mut cluster = Cluster::<UniqueIds>::new(3);
        let mut ids = BTreeSet::new();
        for round in 0..300 {
            for node in ["n1", "n2", "n3"] {
                assert!(ids.insert(generate(&mut cluster, node)), "an id was given twice");
            }
            if round % 10 == 0 {
                cluster.restart("n2");
            }
        }
        assert_eq!(ids.len(), 900);
    }

    #[test]
    fn every_node_answers_while_all_are_cut_off_from_each_other() {
        let mut cluster = Cluster::<UniqueIds>::new(3);
        cluster.partition(&[&["n1"], &["n2"], &["n3"]]);
        let ids = ["n1", "n2", "n3"].map(|node| generate(&mut cluster, node));
        assert_eq!(BTreeSet::from(ids).len(), 3);
        assert_eq!(cluster.messages_sent(), 0);
    }
}

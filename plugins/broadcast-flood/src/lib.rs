//! `broadcast-flood`: the textbook's broadcast, for comparison with `broadcast`: who hears a value for the first time
//! tells all its neighbours.
//!
//! **Promises** that an acknowledged value reaches all nodes that stay alive, as soon as there are links, through
//! partitions, loss, duplication, reordering and pauses. It does not survive `kill`: what a node had still to tell dies
//! with it, and a node that restarts hears only what is new. It need not be connected all the time, but the topology must
//! connect all nodes.
//!
//! **How**: reliable broadcast by eager flooding (Cachin, Guerraoui, Rodrigues: "Introduction to reliable and secure
//! distributed programming", 2011, chapter 3) over stubborn links: a value is sent to every neighbour except the one it
//! came from, again and again until that acknowledges it. The neighbours are those of `topology`; before it comes, all
//! other nodes.
//!
//! **Costs**, for a topology with n nodes and e links, 2e−n+1 values on the way and as many acknowledgements for each
//! broadcast: on a tree 2(n−1), the least that flooding can do; on a grid of 25 nodes 112. With half of the operations
//! reads that is 24 and 56 messages per operation. A value is everywhere after as many latencies as the topology is wide:
//! nothing waits to be sent in batches.

use std::collections::{BTreeMap, BTreeSet};

use guest_sdk::{Backoff, Context, Handler, Migrate, Node, Origin, Result, warn};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Flood {
    values: BTreeSet<i64>,
    neighbours: Vec<String>,
    /// What has been sent to whom and not been acknowledged.
    untold: BTreeSet<(String, i64)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Topology { topology: BTreeMap<String, Vec<String>> },
    Broadcast { message: i64 },
    Read,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "so Maelstrom calls its answers")]
enum Response {
    TopologyOk,
    BroadcastOk,
    ReadOk { messages: Vec<i64> },
}

/// What nodes tell each other: just what clients tell them.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Forward {
    Broadcast { message: i64 },
}

impl Handler for Flood {
    type Request = Request;
    type Response = Response;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&[])?;
        let others = context.node_ids.iter().filter(|name| **name != context.node_id);
        let neighbours = others.cloned().collect();
        Ok(Flood { values: BTreeSet::new(), neighbours, untold: BTreeSet::new() })
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Response> {
        Ok(match request {
            Request::Topology { mut topology } => {
                node.state().neighbours = topology.remove(node.id()).unwrap_or_default();
                Response::TopologyOk
            }
            Request::Broadcast { message } => {
                if node.state().values.insert(message) {
                    flood(&node, message, origin.src());
                }
                Response::BroadcastOk
            }
            Request::Read => Response::ReadOk { messages: node.state().values.iter().copied().collect() },
        })
    }
}

/// `broadcast` can take this form over.
impl Migrate for Flood {
    const VERSION: u32 = 1;

    /// Goes on to tell what was not acknowledged.
    fn resume(node: &Node<Self>) {
        for (neighbour, message) in node.state().untold.clone() {
            node.spawn(tell(node.clone(), neighbour, message));
        }
    }
}

guest_sdk::export!(Flood, migrate);

/// Begins to tell all neighbours but the one who knows it already.
fn flood(node: &Node<Flood>, message: i64, known_to: &str) {
    let Flood { neighbours, untold, .. } = &mut *node.state();
    for neighbour in neighbours.iter().filter(|name| *name != known_to) {
        untold.insert((neighbour.clone(), message));
        node.spawn_resident(tell(node.clone(), neighbour.clone(), message));
    }
}

/// Tells a neighbour until it acknowledges.
async fn tell(node: Node<Flood>, neighbour: String, message: i64) {
    let told = node.call::<IgnoredAny, _>(&neighbour, &Forward::Broadcast { message });
    if let Err(error) = told.retry(Backoff::default()).await {
        warn!(node, "{neighbour} does not take {message}: {error}");
    }
    node.state().untold.remove(&(neighbour, message));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use guest_sdk::testing::{Cluster, Config};
    use serde_json::{Value, json};

    /// As long as Maelstrom waits before it reads for the last time.
    const QUIESCENCE: Duration = Duration::from_secs(10);

    /// Five nodes in a line, 100 ms from each other.
    fn line() -> Cluster<Flood> {
        let latency = Duration::from_millis(100);
        let mut cluster = Cluster::start(Config { nodes: 5, latency, ..Config::default() }).expect("a start");
        let topology =
            json!({"n1": ["n2"], "n2": ["n1", "n3"], "n3": ["n2", "n4"], "n4": ["n3", "n5"], "n5": ["n4"]});
        for node in cluster.names().to_vec() {
            cluster.request(&node, json!({"type": "topology", "topology": topology})).expect("topology_ok");
        }
        cluster
    }

    fn broadcast(cluster: &mut Cluster<Flood>, node: &str, message: i64) {
        let answer = cluster.request(node, json!({"type": "broadcast", "message": message}));
        assert_eq!(answer, Ok(json!({"type": "broadcast_ok"})));
    }

    fn read(cluster: &mut Cluster<Flood>, node: &str) -> Value {
        cluster.request(node, json!({"type": "read"})).expect("an answer")["messages"].take()
    }

    fn assert_all_know(cluster: &mut Cluster<Flood>, expected: Value) {
        for node in cluster.names().to_vec() {
            assert_eq!(read(cluster, &node), expected, "{node}");
        }
    }

    #[test]
    fn a_value_goes_over_each_link_of_a_tree_once_and_is_acknowledged() {
        let mut cluster = line();
        broadcast(&mut cluster, "n2", 7);
        cluster.advance(Duration::from_millis(299));
        assert_eq!((read(&mut cluster, "n4"), read(&mut cluster, "n5")), (json!([7]), json!([])));
        cluster.advance(Duration::from_millis(1));
        assert_all_know(&mut cluster, json!([7]));
        cluster.advance(QUIESCENCE);
        assert_eq!(cluster.messages_sent(), 8);
    }

    #[test]
    fn acknowledged_values_survive_a_partition() {
        let mut cluster = line();
        cluster.partition(&[&["n1", "n2"], &["n3", "n4", "n5"]]);
        broadcast(&mut cluster, "n1", 1);
        broadcast(&mut cluster, "n5", 2);
        cluster.advance(QUIESCENCE);
        assert_eq!((read(&mut cluster, "n2"), read(&mut cluster, "n3")), (json!([1]), json!([2])));
        cluster.heal();
        cluster.advance(QUIESCENCE);
        assert_all_know(&mut cluster, json!([1, 2]));
    }

    #[test]
    fn loss_duplication_and_reordering_do_no_harm() {
        let mut cluster = line();
        cluster.set_loss(0.3);
        cluster.set_duplication(0.2);
        cluster.set_jitter(Duration::from_millis(200));
        (0..100).for_each(|value| broadcast(&mut cluster, &format!("n{}", value % 5 + 1), value));
        cluster.advance(6 * QUIESCENCE);
        assert_all_know(&mut cluster, Vec::from_iter(0..100).into());
    }

    #[test]
    fn a_node_that_lost_its_memory_hears_only_what_is_new() {
        let mut cluster = line();
        broadcast(&mut cluster, "n1", 1);
        cluster.advance(QUIESCENCE);
        cluster.restart("n5");
        broadcast(&mut cluster, "n1", 2);
        cluster.advance(QUIESCENCE);
        assert_eq!(read(&mut cluster, "n5"), json!([2]));
    }
}

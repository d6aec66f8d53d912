//! `txn-rw-register`: transactions that read and write registers, executed at once by whichever node is asked.
//!
//! **Promises** transactional causal consistency, the strongest of the usual models that needs no coordination (Bailis
//! et al., "Highly Available Transactions: Virtues and Limitations", 2013; Akkoorath et al., "Cure", 2016): each
//! transaction executes on a snapshot that holds other transactions whole or not at all (read atomic, so read committed
//! too), and with a transaction all that it depends on. A client that stays with its node reads its own writes and
//! never goes back in time. Every transaction succeeds, under any partition, and nodes that can talk, directly or
//! through others, soon agree. **Does not promise** what no system that is always available can: of two concurrent
//! writes to a register one is lost (so no snapshot isolation), and reads may be stale.
//!
//! **How**: `registers.rs` is the whole algorithm.
//!
//! * A node executes one transaction at a time on its own registers. What it writes has one version: a Lamport time,
//!   which is later than all times that the node has seen, and the number of the node's life, which no other node
//!   shares. So versions put all transactions in one order that respects causality; in each register the last one wins.
//! * A node's registers always are what some set of transactions has left behind, one that holds with a transaction all
//!   that its node had seen. A transaction adds one to the set. A batch makes it the union of both nodes' sets: it has
//!   the sender's present registers, all that changed since the receiver last held them all, and is taken whole, or not
//!   at all if the receiver lacks what came before.
//! * So snapshots are atomic: where a register shows one write of a transaction, no register shows an older version
//!   than what that transaction, or one that it depends on, wrote there.
//!
//! A node that is killed loses the transactions that it had not yet passed on (those of an interval, or of a partition)
//! and its clients' sessions; it gets the rest from its peers. Snapshots stay atomic and causal even so.
//!
//! **Costs** at most n−1 messages from each of n nodes each interval, none when there is nothing new, and no latency.
//!
//! Setting: `interval-ms`, how often changes are passed on (default 50).

mod registers;

use std::num::NonZeroU32;
use std::time::Duration;

use delta_stream::{Exchange, Header, Replica};
use guest_sdk::{Context, Error, ErrorCode, Handler, Migrate, Node, Origin, Result};
use serde::{Deserialize, Serialize};

use registers::{MicroOp, Registers, Versioned};

const DEFAULT_INTERVAL_MS: NonZeroU32 = NonZeroU32::new(50).unwrap();

#[derive(Serialize, Deserialize)]
struct TxnRwRegister {
    registers: Registers,
    interval: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Txn { txn: Vec<Wire> },
    Batch(Batch),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    TxnOk { txn: Vec<Wire> },
}

/// A micro-operation as it is written: function, key, value.
type Wire = (Function, i64, Option<i64>);

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Function {
    #[serde(rename = "r")]
    Read,
    #[serde(rename = "w")]
    Write,
}

/// The registers of the sender that changed since the receiver last confirmed to have them.
#[derive(Serialize, Deserialize)]
struct Batch {
    header: Header,
    registers: Vec<(i64, Versioned)>,
}

/// What nodes send each other.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Gossip {
    Batch(Batch),
}

impl Handler for TxnRwRegister {
    type Request = Request;
    type Response = Option<Response>;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&["interval-ms"])?;
        let interval_ms: u64 = context.settings.get_or("interval-ms", DEFAULT_INTERVAL_MS)?.get().into();
        let me = context.node_ids.iter().take_while(|name| **name != context.node_id).count();
        let exchange = Exchange::new(me, context.node_ids.len(), interval_ms);
        Ok(TxnRwRegister {
            registers: Registers::new(exchange),
            interval: Duration::from_millis(interval_ms),
        })
    }

    fn start(node: &Node<Self>) {
        let interval = node.state().interval;
        delta_stream::start(node, interval);
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<Option<Response>> {
        match request {
            Request::Txn { txn } => {
                let micro_ops = txn.into_iter().map(parse).collect::<Result<Vec<_>>>()?;
                let executed = node.state().registers.execute(micro_ops);
                Ok(Some(Response::TxnOk { txn: executed.into_iter().map(Wire::from).collect() }))
            }
            Request::Batch(batch) => {
                let peer = delta_stream::peer(&node, &origin)?;
                let registers = &mut node.state().registers;
                if registers.exchange.receive(peer, &batch.header).is_next {
                    registers.join(batch.registers, peer);
                }
                Ok(None)
            }
        }
    }
}

impl Migrate for TxnRwRegister {
    const VERSION: u32 = 1;
}

guest_sdk::export!(TxnRwRegister, migrate);

impl Replica for TxnRwRegister {
    type Item = i64;
    type Batch = Gossip;

    fn exchange(&mut self) -> &mut Exchange<i64> {
        &mut self.registers.exchange
    }

    fn batch(&mut self, peer: usize) -> Gossip {
        let registers = self.registers.changed(peer);
        Gossip::Batch(Batch { header: self.registers.exchange.header(peer), registers })
    }
}

/// What a read's value is in a request does not matter.
fn parse(micro_op: Wire) -> Result<MicroOp> {
    match micro_op {
        (Function::Read, key, _) => Ok(MicroOp::Read { key, value: None }),
        (Function::Write, key, Some(value)) => Ok(MicroOp::Write { key, value }),
        (Function::Write, key, None) => {
            Err(Error::new(ErrorCode::MalformedRequest, format!("the write of {key} has no value")))
        }
    }
}

impl From<MicroOp> for Wire {
    fn from(micro_op: MicroOp) -> Wire {
        match micro_op {
            MicroOp::Read { key, value } => (Function::Read, key, value),
            MicroOp::Write { key, value } => (Function::Write, key, Some(value)),
        }
    }
}

#[cfg(test)]
mod tests;

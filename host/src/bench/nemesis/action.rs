//! What the nemesis does, and how the history tells of it: one record before, one after (spec §6.2, §10.2).

use super::skew::Skew;
use super::targets::Targets;
use crate::bench::network::{Links, Partition};
use crate::bench::random::Probability;
use crate::checker::Value;

/// A fault that begins or ends. Nodes are indices in the cluster's list.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// These links refuse all messages.
    StartPartition(Partition, Links),
    /// All links work again.
    StopPartition,
    /// These nodes die, and lose their memory.
    Kill(Targets),
    /// Every node that is dead starts anew.
    Restart,
    /// These nodes stop; what arrives for them waits.
    Pause(Targets),
    /// Every node that is stopped goes on.
    Resume,
    /// Messages between nodes are lost with this probability.
    StartLoss(Probability),
    /// No more than usual.
    StopLoss,
    /// Messages between nodes arrive twice with this probability.
    StartDuplicate(Probability),
    /// No more than usual.
    StopDuplicate,
    /// All links from and to these nodes are slow.
    StartSlow(Targets),
    /// No links are but those that usually are.
    StopSlow,
    /// The clocks of these nodes go wrong.
    StartSkew(Vec<(usize, Skew)>),
    /// All clocks are right again.
    StopSkew,
    /// The plugin of this node is swapped for its successor.
    Swap(usize),
    /// The same on every node that still runs the first plugin.
    FinishSwap,
}

impl Action {
    /// Its name in the history; those that Maelstrom has too are called as there.
    pub fn f(&self) -> &'static str {
        match self {
            Action::StartPartition(..) => "start-partition",
            Action::StopPartition => "stop-partition",
            Action::Kill(_) => "kill",
            Action::Restart => "start",
            Action::Pause(_) => "pause",
            Action::Resume => "resume",
            Action::StartLoss(_) => "start-loss",
            Action::StopLoss => "stop-loss",
            Action::StartDuplicate(_) => "start-duplicate",
            Action::StopDuplicate => "stop-duplicate",
            Action::StartSlow(_) => "start-slow",
            Action::StopSlow => "stop-slow",
            Action::StartSkew(_) => "start-skew",
            Action::StopSkew => "stop-skew",
            Action::Swap(_) => "swap",
            Action::FinishSwap => "finish-swap",
        }
    }

    /// By how much the number of faults that last changes.
    pub fn faults_begun(&self) -> isize {
        match self {
            Action::StartPartition(..)
            | Action::Kill(_)
            | Action::Pause(_)
            | Action::StartLoss(_)
            | Action::StartDuplicate(_)
            | Action::StartSlow(_)
            | Action::StartSkew(_) => 1,
            Action::StopPartition
            | Action::Restart
            | Action::Resume
            | Action::StopLoss
            | Action::StopDuplicate
            | Action::StopSlow
            | Action::StopSkew => -1,
            Action::Swap(_) | Action::FinishSwap => 0,
        }
    }

    /// The value of the record before: what is wanted.
    pub fn intent(&self) -> Value {
        match self {
            Action::StartPartition(kind, _) => Value::from(kind.as_str()),
            Action::Kill(targets) | Action::Pause(targets) | Action::StartSlow(targets) => {
                Value::from(targets.share.as_str())
            }
            Action::Restart | Action::Resume | Action::FinishSwap => Value::from("all"),
            Action::StartLoss(probability) | Action::StartDuplicate(probability) => {
                Value::Float(probability.get())
            }
            _ => Value::Null,
        }
    }

    /// The value of the record after: what has happened. `nodes` are the cluster's.
    pub fn effect(&self, nodes: &[String]) -> Value {
        let each = |targets: &[usize], state: &str| {
            let entries = targets.iter().map(|&node| (name(nodes, node), Value::from(state)));
            Value::Map(entries.collect())
        };
        let all: Vec<usize> = (0..nodes.len()).collect();
        match self {
            Action::StartPartition(_, cut) => vec![Value::from("isolated"), refused(cut, nodes)].into(),
            Action::StopPartition => Value::from("network-healed"),
            Action::Kill(targets) => each(&targets.nodes, "killed"),
            Action::Restart => each(&all, "started"),
            Action::Pause(targets) => each(&targets.nodes, "paused"),
            Action::Resume => each(&all, "resumed"),
            Action::StartLoss(_) | Action::StartDuplicate(_) => self.intent(),
            Action::StartSlow(targets) => each(&targets.nodes, "slow"),
            Action::StartSkew(skews) => {
                Value::Map(skews.iter().map(|&(node, skew)| (name(nodes, node), clock_error(skew))).collect())
            }
            Action::StopLoss | Action::StopDuplicate | Action::StopSlow => Value::from("network-healed"),
            Action::StopSkew => Value::from("clocks-reset"),
            Action::Swap(node) => each(&[*node], "swapping"),
            Action::FinishSwap => each(&all, "swapping"),
        }
    }
}

fn name(nodes: &[String], node: usize) -> Value {
    Value::from(nodes[node].as_str())
}

/// `{node #{refused sources}}`, for the nodes that refuse any.
fn refused(cut: &Links, nodes: &[String]) -> Value {
    let sources = |dest| cut.sources_of(dest).map(|src| name(nodes, src)).collect();
    Value::Map(cut.destinations().map(|dest| (name(nodes, dest), sources(dest))).collect())
}

fn clock_error(skew: Skew) -> Value {
    let entries = [("offset-ms", skew.offset_ms), ("gain-ppm", skew.gain_ppm)];
    Value::Map(entries.map(|(key, number)| (Value::from(key), Value::from(number))).into())
}

#[cfg(test)]
mod tests {
    use super::super::targets::Share;
    use super::*;

    /// `f`, `value` before and `value` after in a cluster of three.
    fn told(action: Action) -> [String; 3] {
        let nodes = ["n1", "n2", "n3"].map(str::to_owned);
        [action.f().to_owned(), action.intent().to_string(), action.effect(&nodes).to_string()]
    }

    #[test]
    fn a_partition_is_told_as_maelstrom_does() {
        let mut cut = Links::none(3);
        for (src, dest) in [(0, 1), (1, 0), (0, 2), (2, 0)] {
            cut.insert(src, dest);
        }
        let start = told(Action::StartPartition(Partition::One, cut));
        let isolated = r#"["isolated",{"n1":["n2","n3"],"n2":["n1"],"n3":["n1"]}]"#;
        assert_eq!(start, ["start-partition", r#""one""#, isolated]);
        assert_eq!(told(Action::StopPartition), ["stop-partition", "null", r#""network-healed""#]);
    }

    #[test]
    fn the_nodes_a_fault_has_hit_are_named() {
        let targets = Targets { share: Share::Minority, nodes: vec![1] };
        assert_eq!(told(Action::Kill(targets.clone())), ["kill", r#""minority""#, r#"{"n2":"killed"}"#]);
        assert_eq!(told(Action::Pause(targets.clone())), ["pause", r#""minority""#, r#"{"n2":"paused"}"#]);
        assert_eq!(told(Action::StartSlow(targets)), ["start-slow", r#""minority""#, r#"{"n2":"slow"}"#]);
        let started = r#"{"n1":"started","n2":"started","n3":"started"}"#;
        assert_eq!(told(Action::Restart), ["start", r#""all""#, started]);
    }

    #[test]
    fn the_node_that_is_swapped_is_named() {
        assert_eq!(told(Action::Swap(1)), ["swap", "null", r#"{"n2":"swapping"}"#]);
        let all = r#"{"n1":"swapping","n2":"swapping","n3":"swapping"}"#;
        assert_eq!(told(Action::FinishSwap), ["finish-swap", r#""all""#, all]);
    }

    #[test]
    fn the_measure_of_a_fault_is_told() {
        let loss = Action::StartLoss(Probability::percent(30));
        assert_eq!(told(loss), ["start-loss", "0.3", "0.3"]);
        let skew = Action::StartSkew(vec![(2, Skew { offset_ms: -4, gain_ppm: 7 })]);
        assert_eq!(told(skew), ["start-skew", "null", r#"{"n3":{"offset-ms":-4,"gain-ppm":7}}"#]);
    }
}

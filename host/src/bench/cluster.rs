//! The nodes of a cluster, whatever they are made of: plugins in this process and in virtual time, or processes on
//! pipes and in real time. The run loop is the same for both.

use super::nemesis::Skew;
use super::offence;

/// Something that came out of a node.
#[derive(Debug)]
pub enum Output<'a> {
    /// A message.
    Message {
        /// Whom the node says it is from.
        src: &'a str,
        /// To whom.
        dest: &'a str,
        /// Its body, an object.
        body: &'a str,
    },
    /// The node is dead.
    Death(Death),
    /// The node did something that it should not, and lives.
    Offence {
        /// What kind of thing.
        kind: offence::Kind,
        /// What, in words.
        text: String,
        /// The beginning of what it wrote.
        quote: Option<String>,
    },
    /// The node's plugin was swapped, with what is to be said about that, or was not, with the reason.
    Swap(Result<String, String>),
}

/// How a node died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The reason in one line: the node's own words, if it had any.
    pub reason: String,
    /// The author's own functions, innermost first (`at FUNCTION`), or the last lines a process wrote.
    pub details: Vec<String>,
}

/// What a node has written since it was started, as far as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// What came through its standard output; none if it is a plugin, whose messages do not go through a pipe.
    pub pipe: Option<Pipe>,
    /// The last lines of its standard output and error, or of its log; one without a line break is marked.
    pub tail: Vec<String>,
}

/// What came through a node's standard output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pipe {
    /// How many bytes.
    pub bytes: u64,
    /// How it ends, if that is not with a line break.
    pub partial: Option<Partial>,
    /// The first line that is no message, and why it is none.
    pub junk: Option<(String, String)>,
}

/// The beginning of a line that has not been ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    /// How many bytes there are.
    pub bytes: usize,
    /// The first of them, as text.
    pub begin: String,
}

/// Nodes, named by their index.
pub trait Cluster {
    /// Starts a node, which then waits for `init`. A node that was killed begins anew.
    fn start(&mut self, node: usize, now_ns: u64);

    /// Ends a node at once.
    fn kill(&mut self, node: usize);

    /// Stops a node from running, or lets it go on. The run loop holds back what is for it meanwhile.
    fn pause(&mut self, node: usize, paused: bool);

    /// Makes a node's clocks wrong, or right again.
    fn skew(&mut self, node: usize, skew: Option<Skew>, now_ns: u64);

    /// Swaps a node's plugin for its successor, now or as soon as it can be; [`Output::Swap`] tells of it. A node that
    /// is down, or is killed meanwhile, starts with the successor. `again` swaps a successor for another instance of it.
    fn swap(&mut self, node: usize, again: bool, now_ns: u64);

    /// Hands a message to a node. `id` is the message's number in the journal.
    fn deliver(&mut self, node: usize, now_ns: u64, message: Delivery<'_>);

    /// Lets a node do what it wanted to be woken for.
    fn fire(&mut self, node: usize, now_ns: u64);

    /// When a node wants to be woken.
    fn next_alarm_ns(&mut self, node: usize) -> Option<u64>;

    /// Hands over what has come out of nodes, in order, with the node's index.
    fn drain(&mut self, take: &mut dyn FnMut(usize, Output<'_>));

    /// Waits until a time, or until something comes out of a node before; returns what time it is then.
    fn wait(&mut self, until_ns: u64) -> u64;

    /// What a node has written.
    fn written(&mut self, node: usize) -> Written;

    /// Closes a node's input, and gives it a moment to write what it holds back. A plugin holds nothing back.
    fn end_input(&mut self, _node: usize) {}

    /// Ends all nodes and returns what each has logged.
    fn stop(&mut self) -> Vec<String>;
}

/// A message to be handed to a node.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Its number in the journal.
    pub id: u32,
    /// The sender.
    pub src: &'a str,
    /// The receiver.
    pub dest: &'a str,
    /// The body.
    pub body: &'a str,
}

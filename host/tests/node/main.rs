//! One node under Maelstrom's protocol, as its users meet it: through the built binary, over pipes, to the byte.

mod calls;
mod contract;
mod conversation;
mod expiry;
mod holding;
mod input;
mod lifecycle;
mod plugins;
mod sandbox;
mod swap;
mod talk;

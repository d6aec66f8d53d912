//! The wire: Maelstrom's line protocol (spec §3) and its error table (spec §7). Text in, spans of text out; nothing
//! here knows a node, a guest or a driver.

mod body;
mod envelope;
mod error;
mod excerpt;
pub mod json;
mod specials;

pub use body::{Body, MsgId, Stamp, write_error_body, write_message};
pub use envelope::{Envelope, Malformed, is_client};
pub use error::ErrorCode;
pub use excerpt::{excerpt, quote};

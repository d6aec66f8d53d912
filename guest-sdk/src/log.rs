//! `info!(node, "heard {n} from {peer}")` and its siblings: lines for the node's log.

/// Writes a line to the node's log at [`Level::Trace`](crate::Level::Trace): `trace!(node, "…")`.
#[macro_export]
macro_rules! trace {
    ($node:expr, $($text:tt)+) => { $node.log($crate::Level::Trace, ::core::format_args!($($text)+)) };
}

/// Writes a line to the node's log at [`Level::Debug`](crate::Level::Debug): `debug!(node, "…")`.
#[macro_export]
macro_rules! debug {
    ($node:expr, $($text:tt)+) => { $node.log($crate::Level::Debug, ::core::format_args!($($text)+)) };
}

/// Writes a line to the node's log at [`Level::Info`](crate::Level::Info): `info!(node, "…")`.
#[macro_export]
macro_rules! info {
    ($node:expr, $($text:tt)+) => { $node.log($crate::Level::Info, ::core::format_args!($($text)+)) };
}

/// Writes a line to the node's log at [`Level::Warn`](crate::Level::Warn): `warn!(node, "…")`.
#[macro_export]
macro_rules! warn {
    ($node:expr, $($text:tt)+) => { $node.log($crate::Level::Warn, ::core::format_args!($($text)+)) };
}

/// Writes a line to the node's log at [`Level::Error`](crate::Level::Error): `error!(node, "…")`.
#[macro_export]
macro_rules! error {
    ($node:expr, $($text:tt)+) => { $node.log($crate::Level::Error, ::core::format_args!($($text)+)) };
}

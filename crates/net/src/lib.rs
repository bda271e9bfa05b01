//! Tokio drivers: what connects the pure machines to sockets and clocks.

pub mod carousel;
pub mod clock;
pub mod echo;
pub mod http;
pub mod link;

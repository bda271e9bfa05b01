//! The browser's side, embedded into the binary: the pages at `/` and `/operator`, and the client for pages of others.
//!
//! Beside the data flow: a page is a client like any other and knows only the client protocol. What is embedded is built by
//! `make web` and committed, so that nobody else needs npm. Invariant: everything a page needs comes from here; it loads
//! nothing from elsewhere.

mod answer;
mod asset;

pub use answer::answer;
pub use asset::{Asset, asset, paths};

//! What the root promises, one test a promise.

mod frames;
mod opening;
mod reports;
mod subscribers;
mod tops;

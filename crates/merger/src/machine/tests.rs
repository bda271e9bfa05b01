//! What the root promises, one test a promise.

mod counts;
mod frames;
mod opening;
mod reports;
mod subscribers;
mod tops;

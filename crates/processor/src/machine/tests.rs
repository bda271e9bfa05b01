//! What a processor promises, one test a promise.

mod cold;
mod comments;
mod counts;
mod deletions;
mod disk;
mod fences;
mod groups;
mod likes;
mod pins;
mod queries;
mod replay;
mod reports;
mod saving;
mod spread;
mod taps;
mod windows;

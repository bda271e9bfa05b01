//! Hostile bytes for every door of the system: what a stranger, a wrong version or a broken disk might send.
//!
//! A door is a decoder with all that is behind it as far as no socket is needed: what it takes goes into the machine that it
//! is meant for. `tests/mutations.rs` feeds each door with mutations of true messages, the same ones on each run;
//! `fuzz/` lets cargo-fuzz look for worse. Invariant: a door answers any bytes, with a value or an error; what it takes
//! says the same when it is written and read once more.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "for tests: what cannot go on has failed")]

mod client;
mod disk;
mod frames;
mod machines;
mod mutator;
mod peer;
mod samples;

pub use mutator::Mutator;

/// Takes bytes in; true when they were taken for what they should be.
pub type Feed = Box<dyn FnMut(&[u8]) -> bool>;

/// One way in.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// What it is called, here and among the fuzz targets.
    pub name: &'static str,
    /// True messages.
    pub corpus: fn() -> Vec<Vec<u8>>,
    /// The door as it stands before the first message.
    pub open: fn() -> Feed,
}

/// All doors, outside first.
pub const DOORS: [Door; 24] = [
    Door { name: "client_frames", corpus: samples::client_frames, open: frames::client_frames },
    Door { name: "request_json", corpus: samples::requests_json, open: client::request_json },
    Door { name: "request_message_pack", corpus: samples::requests_message_pack, open: client::request_message_pack },
    Door { name: "response_json", corpus: samples::responses_json, open: client::response_json },
    Door {
        name: "response_message_pack",
        corpus: samples::responses_message_pack,
        open: client::response_message_pack,
    },
    Door { name: "response_compact", corpus: samples::responses_compact, open: client::response_compact },
    Door { name: "response_deflate", corpus: samples::responses_deflate, open: client::response_deflate },
    Door { name: "to_processor", corpus: samples::to_processor, open: peer::to_processor },
    Door { name: "from_processor", corpus: samples::from_processor, open: peer::from_processor },
    Door { name: "to_merger", corpus: samples::to_merger, open: peer::to_merger },
    Door { name: "from_merger", corpus: samples::from_merger, open: peer::from_merger },
    Door { name: "to_feed", corpus: samples::to_feed, open: peer::to_feed },
    Door { name: "from_feed", corpus: samples::from_feed, open: peer::from_feed },
    Door { name: "link", corpus: samples::link, open: peer::link },
    Door { name: "log_record", corpus: samples::log_records, open: disk::record },
    Door { name: "log_segment", corpus: samples::log_segments, open: disk::segment },
    Door { name: "rows", corpus: samples::rows, open: disk::rows },
    Door { name: "store", corpus: samples::stores, open: disk::store },
    Door { name: "checkpoint", corpus: samples::checkpoints, open: disk::checkpoint },
    Door { name: "map", corpus: samples::maps, open: disk::map },
    Door { name: "topology", corpus: samples::topologies, open: disk::topology },
    Door { name: "processor", corpus: samples::for_processor, open: machines::processor },
    Door { name: "merger", corpus: samples::for_merger, open: machines::merger },
    Door { name: "broadcast", corpus: samples::for_broadcast, open: machines::broadcast },
];

/// The door of this name.
pub fn door(name: &str) -> Door {
    DOORS.into_iter().find(|door| door.name == name).expect("a door of this name")
}

/// Feeds one input to a door that has just been opened: a run of a fuzzer.
pub fn once(name: &str, bytes: &[u8]) {
    (door(name).open)()(bytes);
}

//! What an idle stream costs at the root: bytes that its machine holds for each of many.
//!
//! The streams go the way of nearly all: one node subscribes, the owners have nothing, the one viewer is told a little
//! later, in a frame. Invariant: bytes are counted as they are asked of the allocator, so the figure is the same everywhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{alloc::System, sync::Arc};

use cap::Cap;
use watershed_merger::{Config, Input, Merger, Output};
use watershed_placement::Map;
use watershed_protocol::{
    ClusterKey, Millis, NodeName, StreamId,
    peer::{
        PeerId,
        feed::{FromFeed, ToFeed},
        report::{FromMerger, Report, ToMerger},
    },
};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// Enough that what the machine holds once does not show.
const STREAMS: usize = 10_000;

/// The budget is 1,024 bytes resident; an allocator adds some 16 to each of ten pieces, and holes.
const STREAM_BYTES_MAX: usize = 700;

const NODE: PeerId = PeerId::new(1);
const OWNERS: [(PeerId, &str); 2] = [(PeerId::new(2), "p1"), (PeerId::new(3), "p2")];

/// A root with a node and all owners, and what it said last.
struct Root {
    machine: Merger,
    now: Millis,
    outbox: Vec<Output>,
}

impl Root {
    fn new() -> Self {
        let names = OWNERS.map(|(_, name)| name.parse::<NodeName>().unwrap());
        let map = Map::found(ClusterKey::from_bytes([7; 32]), &names).unwrap();
        let machine = Merger::new(Config::new("m1".parse().unwrap()), Arc::new(map), 1..1_000_000);
        let mut root = Self { machine, now: Millis::new(1_000_000), outbox: Vec::new() };
        for (peer, name) in OWNERS {
            root.step(Input::ProcessorUp { peer, node: name.parse().unwrap() });
        }
        root.step(Input::NodeUp { peer: NODE, node: "b1".parse().unwrap() });
        root
    }

    fn step(&mut self, input: Input<'_>) -> Vec<Output> {
        self.machine.step(self.now, input, &mut self.outbox);
        self.outbox.drain(..).collect()
    }

    /// Opens a stream that nobody has written in.
    fn open(&mut self, stream: &StreamId) {
        let message = ToFeed::Subscribe { stream: stream.clone(), have: None, viewers: 0 };
        for output in self.step(Input::Node { peer: NODE, message: &message }) {
            if let Output::ToProcessor { peer, message: FromMerger::Open { stream, epoch, .. } } = output {
                let report = Report {
                    stream,
                    epoch,
                    resync: true,
                    spans: Vec::new(),
                    comments: Vec::new(),
                    tallies: Vec::new(),
                    deleted: Vec::new(),
                    pin: None,
                    reactions: None,
                    total: 0,
                    top: None,
                };
                self.step(Input::Processor { peer, message: &ToMerger::Report(report) });
            }
        }
    }
}

#[test]
fn an_idle_stream_takes_less_than_its_budget() {
    let mut root = Root::new();
    let before = HEAP.allocated();
    for number in 0..STREAMS {
        let stream: StreamId = format!("stream-{number:06}").parse().unwrap();
        root.open(&stream);
        root.step(Input::Node { peer: NODE, message: &ToFeed::Viewers(vec![(stream, 1)]) });
    }
    root.now = root.now.plus(10_000);
    let frames = root.step(Input::Tick);
    let told = |output: &&Output| matches!(output, Output::ToNodes { message: FromFeed::Frame { .. }, .. });
    assert_eq!(frames.iter().filter(told).count(), STREAMS, "each has its viewer told in one frame");
    drop((frames, std::mem::take(&mut root.outbox)));
    let each = (HEAP.allocated() - before) / STREAMS;
    println!("an idle stream takes {each} bytes at the root");
    assert!(each <= STREAM_BYTES_MAX, "an idle stream takes {each} bytes, at most {STREAM_BYTES_MAX} are meant");
    assert_eq!(root.machine.deadline(), None, "nothing of an idle stream is on a timer");
}

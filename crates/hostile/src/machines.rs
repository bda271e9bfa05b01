//! What a peer of the right version and secret says, taken in by the machine that it is meant for.
//!
//! Behind the decoders: messages that read well and make no sense. Invariant: the machine goes on, within its bounds, and
//! what it says to others it could read itself.

use watershed_broadcast::{
    Behind, Feed as Subscriptions, Op, Origin, Relay, Room, RoomConfig, Uplink, Write,
    feed::{self, Update},
    relay, uplink,
};
use watershed_merger::Merger;
use watershed_processor::Processor;
use watershed_protocol::{
    CommentBody, DisplayName, Millis, Ref, StreamId,
    client::{Encoding, Response},
    peer::{
        PeerId, decode, encode,
        feed::{FromFeed, ToFeed},
        report::{FromMerger, ToMerger},
        uplink::{FromProcessor, ToProcessor},
    },
};

use crate::{Feed, samples};

/// Messages after which a machine is replaced by a fresh one: long enough to get into any state, short enough to come
/// back from it.
const LIFE: u32 = 64;

const NODE: PeerId = PeerId::new(1);
const PROCESSOR: PeerId = PeerId::new(2);
const ROOT: PeerId = PeerId::new(3);
const BELOW: PeerId = PeerId::new(4);

/// A processor, and its links to a broadcast node and to the root.
pub(crate) fn processor() -> Feed {
    let (mut machine, mut now, mut age) = (new_processor(), samples::NOW, 0);
    Box::new(move |bytes| {
        if age == LIFE {
            (machine, age) = (new_processor(), 0);
        }
        (now, age) = (now.plus(7), age + 1);
        let mut taken = false;
        if let Ok(message) = decode::<ToProcessor>(bytes) {
            let input = match &message {
                ToProcessor::Writes(batch) => watershed_processor::Input::Writes { peer: NODE, batch },
                ToProcessor::Query { number, query } => {
                    watershed_processor::Input::Query { peer: NODE, number: *number, query }
                }
            };
            step_processor(&mut machine, now, input);
            taken = true;
        }
        if let Ok(message) = decode::<FromMerger>(bytes) {
            step_processor(&mut machine, now, watershed_processor::Input::Merger(&message));
            taken = true;
        }
        taken
    })
}

fn new_processor() -> Processor {
    let mut config = watershed_processor::Config::new(samples::node("p1"));
    (config.comments_max, config.registers_max, config.group_answers_max) = (200, 200, 200);
    config.viewers_max = 150;
    let mut machine = Processor::new(config);
    machine.start(samples::NOW, samples::map());
    step_processor(&mut machine, samples::NOW, watershed_processor::Input::MergerUp(ROOT));
    for bytes in samples::for_processor() {
        if let Ok(ToProcessor::Writes(batch)) = decode(&bytes) {
            step_processor(
                &mut machine,
                samples::NOW,
                watershed_processor::Input::Writes { peer: NODE, batch: &batch },
            );
        }
    }
    machine
}

fn step_processor(machine: &mut Processor, now: Millis, input: watershed_processor::Input<'_>) {
    let mut outbox = Vec::new();
    machine.step(now, input, &mut outbox);
    while let Some(output) = outbox.pop() {
        match output {
            watershed_processor::Output::Append { group, .. } => {
                machine.step(now, watershed_processor::Input::Durable { group }, &mut outbox);
            }
            watershed_processor::Output::Answer { batch, .. } => readable(&FromProcessor::Answers(batch)),
            watershed_processor::Output::Reply { number, reply, .. } => {
                readable(&FromProcessor::Reply { number, reply });
            }
            watershed_processor::Output::Report(report) => readable(&report),
            watershed_processor::Output::Load { load, .. } => {
                machine.step(now, watershed_processor::Input::NotLoaded { load }, &mut outbox);
            }
            watershed_processor::Output::Durable(_)
            | watershed_processor::Output::Counted { .. }
            | watershed_processor::Output::Save(_)
            | watershed_processor::Output::Checkpoint(_) => {}
        }
    }
}

/// A root, and its links to a processor and to a broadcast node.
pub(crate) fn merger() -> Feed {
    let (mut machine, mut now, mut age) = (new_merger(), samples::NOW, 0);
    Box::new(move |bytes| {
        if age == LIFE {
            (machine, age) = (new_merger(), 0);
        }
        (now, age) = (now.plus(37), age + 1);
        let mut taken = false;
        if let Ok(message) = decode::<ToMerger>(bytes) {
            step_merger(&mut machine, now, watershed_merger::Input::Processor { peer: PROCESSOR, message: &message });
            taken = true;
        }
        if let Ok(message) = decode::<ToFeed>(bytes) {
            step_merger(&mut machine, now, watershed_merger::Input::Node { peer: NODE, message: &message });
            taken = true;
        }
        taken
    })
}

fn new_merger() -> Merger {
    let config = watershed_merger::Config { streams_max: 20, ..watershed_merger::Config::new(samples::node("m1")) };
    let mut machine = Merger::new(config, samples::map(), samples::STREAM_EPOCH..samples::STREAM_EPOCH + 1_000);
    let now = samples::NOW;
    step_merger(&mut machine, now, watershed_merger::Input::ProcessorUp { peer: PROCESSOR, node: samples::node("p1") });
    step_merger(&mut machine, now, watershed_merger::Input::NodeUp { peer: NODE, node: samples::node("b1") });
    for bytes in samples::opening() {
        if let Ok(message) = decode::<ToFeed>(&bytes) {
            step_merger(&mut machine, now, watershed_merger::Input::Node { peer: NODE, message: &message });
        }
        if let Ok(message) = decode::<ToMerger>(&bytes) {
            step_merger(&mut machine, now, watershed_merger::Input::Processor { peer: PROCESSOR, message: &message });
        }
    }
    machine
}

fn step_merger(machine: &mut Merger, now: Millis, input: watershed_merger::Input<'_>) {
    let mut outbox = Vec::new();
    machine.step(now, input, &mut outbox);
    machine.step(now, watershed_merger::Input::Tick, &mut outbox);
    for output in outbox {
        match output {
            watershed_merger::Output::ToProcessor { message, .. } => readable(&message),
            watershed_merger::Output::ToNodes { message, .. } => {
                if let FromFeed::Frame { delta, .. } = &message {
                    assert!(delta.seq > delta.from, "{delta:?}");
                }
                readable(&message);
            }
            watershed_merger::Output::ReserveEpochs | watershed_merger::Output::Counted { .. } => {}
        }
    }
}

/// The machines of a broadcast node, its room, and its links to a processor, to the root and to a node below.
pub(crate) fn broadcast() -> Feed {
    let (mut node, mut now, mut age) = (Node::new(), samples::NOW, 0);
    Box::new(move |bytes| {
        if age == LIFE {
            (node, age) = (Node::new(), 0);
        }
        (now, age) = (now.plus(7), age + 1);
        let mut taken = false;
        if let Ok(message) = decode::<FromProcessor>(bytes) {
            node.write(now);
            node.upward(now, uplink::Input::Message { peer: PROCESSOR, message });
            taken = true;
        }
        if let Ok(message) = decode::<FromFeed>(bytes) {
            node.downward(now, feed::Input::Message { peer: ROOT, message });
            taken = true;
        }
        if let Ok(message) = decode::<ToFeed>(bytes) {
            node.pass(now, relay::Input::Message { peer: BELOW, message });
            taken = true;
        }
        taken
    })
}

/// Most streams that the node below may want, and most points that it may ask for.
const STREAMS_BELOW_MAX: usize = 20;
const POINTS_BELOW_MAX: usize = 20;

/// A node's only room.
struct OneRoom<'a>(&'a Room);

impl relay::Rooms for OneRoom<'_> {
    fn look<T>(&self, stream: &StreamId, at: impl FnOnce(&Room) -> T) -> Option<T> {
        (*stream == samples::stream()).then(|| at(self.0))
    }
}

struct Node {
    uplink: Uplink,
    feed: Subscriptions,
    relay: Relay,
    room: Room,
    writes: u64,
}

impl Node {
    fn new() -> Self {
        let mut node = Self {
            uplink: Uplink::new(uplink::Config::new(8), samples::map()),
            feed: Subscriptions::new(feed::Config::default()),
            relay: Relay::new(relay::Config { streams_max: STREAMS_BELOW_MAX, points_max: POINTS_BELOW_MAX }),
            room: Room::new(RoomConfig { frames_kept: 8, frame_bytes_kept: 1 << 20 }),
            writes: 0,
        };
        node.upward(samples::NOW, uplink::Input::Up { peer: PROCESSOR, node: samples::node("p1") });
        node.downward(samples::NOW, feed::Input::Want { stream: samples::stream() });
        node.downward(samples::NOW, feed::Input::Up { peer: ROOT });
        node.pass(samples::NOW, relay::Input::Ready(true));
        node.pass(samples::NOW, relay::Input::Up { peer: BELOW, node: &samples::node("b2") });
        for bytes in samples::from_feed() {
            let message = decode(&bytes).expect("a sample decodes");
            node.downward(samples::NOW, feed::Input::Message { peer: ROOT, message });
        }
        node
    }

    /// A viewer's comment, so that there is something to be answered.
    fn write(&mut self, now: Millis) {
        self.writes += 1;
        let op = Op::Comment {
            id: samples::id(self.writes as u8),
            author: "ann".parse().expect("a name"),
            name: DisplayName::new("Ann").expect("a name"),
            body: CommentBody::new("hi", 10).expect("a body"),
        };
        let reference = Ref::new(&self.writes.to_string()).ok();
        let mut writes = vec![Write { origin: Origin(self.writes), stream: samples::stream(), reference, op }];
        self.upward(now, uplink::Input::Writes(&mut writes));
    }

    fn upward(&mut self, now: Millis, input: uplink::Input<'_>) {
        let mut outbox = Vec::new();
        self.uplink.step(now, input, &mut outbox);
        for output in outbox {
            match output {
                uplink::Output::Send { message, .. } => readable(&message),
                uplink::Output::Answer { response, .. } => shown(&response),
                uplink::Output::Told { .. } | uplink::Output::WantMap { .. } | uplink::Output::Shed { .. } => {}
            }
        }
        assert!(self.uplink.writes_held() as u64 <= self.writes);
    }

    fn downward(&mut self, now: Millis, input: feed::Input) {
        let mut outbox = Vec::new();
        self.feed.step(now, input, &mut outbox);
        for output in outbox {
            match output {
                feed::Output::Send { message, .. } => readable(&message),
                feed::Output::Publish { stream, update } if stream == samples::stream() => self.publish(now, update),
                feed::Output::Publish { .. } => {} // Of a stream that only the node below wants.
                feed::Output::Unknown { stream, epoch, seq } => {
                    self.pass(now, relay::Input::Unknown { stream, epoch, seq });
                }
            }
        }
    }

    /// What a node below wants and asks for stays within bounds, and what it is sent it can read.
    fn pass(&mut self, now: Millis, input: relay::Input<'_>) {
        let mut outbox = Vec::new();
        self.relay.step(now, input, &OneRoom(&self.room), &mut outbox);
        for output in outbox {
            match output {
                relay::Output::Send { message, .. } => readable(&*message),
                relay::Output::Want(stream) => self.downward(now, feed::Input::Want { stream }),
                relay::Output::Leave(stream) if stream != samples::stream() => {
                    self.downward(now, feed::Input::Unwant { stream });
                }
                relay::Output::Viewers(stream) => {
                    let viewers = self.relay.viewers(&stream);
                    self.downward(now, feed::Input::Viewers { stream, viewers });
                }
                relay::Output::Ask { stream, epoch, seq } => {
                    self.downward(now, feed::Input::Point { stream, epoch, seq });
                }
                relay::Output::Leave(_) => {}
                // It comes back.
                relay::Output::HangUp(peer) => {
                    self.pass(now, relay::Input::Up { peer, node: &samples::node("b2") });
                }
            }
        }
        assert!(self.relay.counters().streams <= STREAMS_BELOW_MAX as u64);
    }

    /// What the feed lets through, the room takes, and a viewer at any place can be told of.
    fn publish(&mut self, now: Millis, update: Update) {
        let before = self.room.head();
        self.room.publish(now, update).expect("what the feed publishes chains");
        for encoding in Encoding::ALL {
            for cursor in [watershed_broadcast::Cursor::NOTHING, before] {
                let _ = self.room.since(now, cursor, encoding, Behind::Lags);
                let _ = self.room.since(now, cursor, encoding, Behind::Resumes);
            }
            let _ = self.room.beat(encoding);
        }
        self.pass(now, relay::Input::Published { stream: &samples::stream() });
        let view = self.room.view().expect("it has published");
        shown(&Response::from(&view.snapshot()));
    }
}

/// A peer of the same version can read it.
fn readable<T: serde::Serialize + serde::de::DeserializeOwned>(message: &T) {
    decode::<T>(&encode(message)).expect("what a machine says can be read");
}

/// A viewer can read it, in either encoding.
fn shown(response: &Response) {
    for encoding in Encoding::ALL {
        Response::decode(encoding, &response.encode(encoding)).expect("what a viewer is told can be read");
    }
}

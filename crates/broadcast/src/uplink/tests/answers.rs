//! Whatever links, owners and time do: one answer for each write, in time, and an honest one.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Event {
    /// To which processor, and of which kind: comment, like, or without a reference.
    Write(usize, u8),
    Up(usize),
    Lost(usize),
    Full(usize),
    Room(usize),
    /// Some processor answers one of the last writes that it was sent, in one of several ways.
    Answer {
        pick: usize,
        how: u8,
    },
    /// Any link answers any number.
    Noise {
        peer: u64,
        number: u64,
    },
    Map,
    Wait(u64),
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (0usize..2, 0u8..4).prop_map(|(to, kind)| Event::Write(to, kind)),
        3 => (0usize..2).prop_map(Event::Up),
        2 => (0usize..2).prop_map(Event::Lost),
        1 => (0usize..2).prop_map(Event::Full),
        1 => (0usize..2).prop_map(Event::Room),
        12 => (any::<usize>(), 0u8..8).prop_map(|(pick, how)| Event::Answer { pick, how }),
        2 => (0u64..9, 0u64..60).prop_map(|(peer, number)| Event::Noise { peer, number }),
        1 => Just(Event::Map),
        6 => prop_oneof![0u64..300, 1_000u64..4_000].prop_map(Event::Wait),
    ]
}

/// What the test knows of a write.
#[derive(Default)]
struct Known {
    arrived: Millis,
    /// Sendings whose outcome the node cannot know: all but those that were answered as moved.
    open: u32,
    acknowledged: bool,
    answers: u32,
}

/// The world around one uplink.
struct World {
    node: Node,
    links: [Option<PeerId>; 2],
    full: [bool; 2],
    known: BTreeMap<u64, Known>,
    /// What was sent and not lost: link, number, whether it is a like.
    sent: Vec<(PeerId, u64, bool)>,
    /// The origin of each number.
    origins: BTreeMap<u64, u64>,
    written: usize,
}

impl World {
    fn new() -> Self {
        let config = Config { writes_held_max: 40, writes_per_batch_max: 3, ..Config::new(77) };
        let (known, sent, origins) = Default::default();
        Self { node: Node::new(config), links: [None; 2], full: [false; 2], known, sent, origins, written: 0 }
    }

    fn happen(&mut self, event: Event) {
        let outbox = match event {
            Event::Write(to, kind) => self.write(to, kind),
            Event::Up(processor) => {
                let former = self.links[processor];
                self.sent.retain(|(peer, ..)| Some(*peer) != former);
                let (peer, outbox) = self.node.up(processor);
                self.links[processor] = Some(peer);
                self.full[processor] = false;
                outbox
            }
            Event::Lost(processor) => {
                let Some(peer) = self.links[processor].take() else { return };
                self.sent.retain(|(to, ..)| *to != peer);
                self.full[processor] = false;
                self.node.step(Input::Lost(peer))
            }
            Event::Full(processor) | Event::Room(processor) => {
                let Some(peer) = self.links[processor] else { return };
                self.full[processor] = matches!(event, Event::Full(_));
                self.node.step(if self.full[processor] { Input::Full(peer) } else { Input::Room(peer) })
            }
            Event::Answer { pick, how } => self.answer(pick, how),
            Event::Noise { peer, number } => {
                let peer = PeerId::new(1_000 + peer);
                self.node.done(peer, &[number])
            }
            Event::Map => {
                self.node.map.claim(&names()[0]);
                self.node.step(Input::Map(Arc::new(self.node.map.clone())))
            }
            Event::Wait(ms) => return self.wait(ms),
        };
        self.look(outbox);
    }

    fn write(&mut self, to: usize, kind: u8) -> Vec<Output> {
        self.written += 1;
        let n = self.written;
        let write = if kind < 2 { self.node.comment(to, n) } else { self.node.like(to, n) };
        if kind == 3 {
            return self.node.write(Write { reference: None, origin: Origin(u64::MAX), ..write });
        }
        self.known.insert(n as u64, Known { arrived: self.node.now, ..Known::default() });
        self.node.write(write)
    }

    fn answer(&mut self, pick: usize, how: u8) -> Vec<Output> {
        if self.sent.is_empty() {
            return Vec::new();
        }
        let at = pick % self.sent.len();
        let (peer, number, like) = self.sent[at];
        let known = self.origins.get(&number).and_then(|origin| self.known.get_mut(origin));
        let mut batch = AnswerBatch { map_epoch: self.node.map.epoch(), ..AnswerBatch::default() };
        match how {
            0 => batch.refused.push((number, Refusal::last(Code::Forbidden, "no"))),
            1 => {
                batch.moved.push(number);
                known.into_iter().for_each(|known| known.open -= 1);
            }
            _ => {
                known.into_iter().for_each(|known| known.acknowledged = true);
                // Some answers come twice.
                for _ in 0..if how == 2 { 2 } else { 1 } {
                    if like { batch.likes.push((number, liked().to_bits())) } else { batch.done.push(number) }
                }
            }
        }
        self.sent.swap_remove(at);
        self.node.answer(peer, batch)
    }

    /// Time passes, and the node is woken whenever it asked for it.
    fn wait(&mut self, ms: u64) {
        let end = self.node.now.plus(ms);
        while let Some(at) = self.node.uplink.deadline().filter(|at| *at <= end) {
            let before = self.node.now;
            self.node.now = at.max(before);
            let outbox = self.node.step(Input::Tick);
            assert!(
                self.node.uplink.deadline().is_none_or(|next| next > self.node.now),
                "it wants to be woken for ever"
            );
            self.look(outbox);
        }
        self.node.now = end;
        for known in self.known.values().filter(|known| known.answers == 0) {
            assert!(end.since(known.arrived) < UNANSWERED_MS, "ten seconds and no answer");
        }
    }

    fn look(&mut self, outbox: Vec<Output>) {
        for output in outbox {
            match output {
                Output::Send { peer, message: ToProcessor::Writes(batch) } => self.look_at_batch(peer, &batch),
                Output::Answer { origin, response } => self.look_at_answer(origin.0, &response),
                other => assert!(matches!(other, Output::WantMap { .. } | Output::Shed { .. }), "{other:?}"),
            }
        }
        assert!(self.node.uplink.writes_held() <= 40);
    }

    fn look_at_batch(&mut self, peer: PeerId, batch: &WriteBatch) {
        let processor = self.links.iter().position(|link| *link == Some(peer)).expect("the link is there");
        assert!(!self.full[processor], "the link is full");
        assert!(batch.len() <= 3);
        let likes = batch.likes.iter().map(|row| (row.number, row.comment, true));
        let comments = batch.comments.iter().map(|row| (row.number, row.id, false));
        for (number, id, like) in likes.chain(comments) {
            assert_eq!(self.node.map.owner_of(&id).node, names()[processor], "each goes to its owner");
            assert_eq!(batch.slot_epoch(id.slot()), Some(self.node.map.owner_of(&id).epoch));
            let origin = u64::from_be_bytes(id.as_bytes()[8..].try_into().unwrap());
            assert_eq!(*self.origins.entry(number).or_insert(origin), origin, "a number names one write for ever");
            if let Some(known) = self.known.get_mut(&origin) {
                assert_eq!(known.answers, 0, "what is answered is not sent");
                known.open += 1;
            }
            self.sent.push((peer, number, like));
        }
    }

    fn look_at_answer(&mut self, origin: u64, response: &Response) {
        let known = self.known.get_mut(&origin).expect("only writes with a reference are answered");
        known.answers += 1;
        assert_eq!(known.answers, 1, "write {origin} is answered twice");
        match response {
            Response::Ack { .. } => assert!(known.acknowledged, "nobody said that it is durable"),
            Response::Reject { code: Code::Unavailable | Code::Overloaded, .. } => {
                assert_eq!(known.open, 0, "it may have been taken");
            }
            Response::Reject { code: Code::Unknown, .. } => assert!(known.open > 0, "it was never taken"),
            Response::Reject { code: Code::Forbidden, .. } => {
                assert_eq!(known.open, 1, "an earlier sending may have been taken");
            }
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_write_with_a_reference_gets_exactly_one_answer_in_time(events in prop::collection::vec(events(), 1..200)) {
        let mut world = World::new();
        events.into_iter().for_each(|event| world.happen(event));
        world.wait(UNANSWERED_MS);
        prop_assert_eq!(world.known.values().filter(|known| known.answers != 1).count(), 0);
        prop_assert_eq!(world.node.uplink.writes_held(), 0);
    }
}

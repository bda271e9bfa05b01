//! Random histories against a model: whatever is repeated, reordered, refused by a full disk or lost in a crash, every
//! acknowledged write survives and every count ends as the viewers' last words.
//!
//! Three broadcast nodes that send writes of a small pool, each perhaps often; one root that remembers what it merged.
//! The truth is made of the rows of durable groups, read one by one, and never asks the machine.

mod root;
mod truth;

use proptest::prelude::*;
use watershed_protocol::{
    CommentId, Register, Stamp,
    peer::{report::From, uplink::LikeRow},
};

use self::{root::Root, truth::Truth};
use super::{rig::*, *};

const VIEWERS: [&str; 4] = ["v0", "v1", "v2", "v3"];
const COMMENTS: u8 = 6;
const PEERS: u64 = 3;

/// A write by its content: what is sent twice is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Write {
    Comment(u8),
    Set { comment: u8, viewer: usize, stamp: u64, liked: bool },
    Delete(u8),
}

impl Write {
    fn put(self, batch: WriteBatch) -> WriteBatch {
        match self {
            Self::Comment(n) => batch.comment(comment(n), "ann", "hi"),
            Self::Set { comment: n, viewer, stamp, liked } if liked => batch.like(comment(n), VIEWERS[viewer], stamp),
            Self::Set { comment: n, viewer, stamp, .. } => batch.unlike(comment(n), VIEWERS[viewer], stamp),
            Self::Delete(n) => batch.delete(comment(n), "ann"),
        }
    }
}

fn comment(n: u8) -> CommentId {
    id(2 + u16::from(n % 3), n.into())
}

#[derive(Clone, Debug)]
enum Act {
    /// A peer sends these, new or not.
    Send {
        peer: u64,
        writes: Vec<Write>,
    },
    Durable,
    Full,
    /// The process dies; `kept` says whether the group in flight was synced.
    Restart {
        kept: bool,
    },
    PeerLost {
        peer: u64,
    },
    /// The root comes, and names what it has merged or asks for all.
    Root {
        resync: bool,
    },
    RootLost,
    /// The link to the root takes this report and no more.
    LinkFull(bool),
    /// What is reported from here on does not arrive, until the root comes anew.
    Deaf,
    Pass {
        ms: u64,
    },
    /// A checkpoint is asked for.
    Save,
    /// The store takes a share of what it was given, in percent.
    Store {
        percent: u8,
    },
    /// The store answers what it was asked for first, or cannot be read.
    Answer {
        readable: bool,
    },
}

fn write() -> impl Strategy<Value = Write> {
    let set = (0..COMMENTS, 0..VIEWERS.len(), 1..8u64, any::<bool>());
    prop_oneof![
        3 => (0..COMMENTS).prop_map(Write::Comment),
        12 => set.prop_map(|(comment, viewer, stamp, liked)| Write::Set { comment, viewer, stamp, liked }),
        1 => (0..COMMENTS).prop_map(Write::Delete),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => (1..=PEERS, prop::collection::vec(write(), 1..8)).prop_map(|(peer, writes)| Act::Send { peer, writes }),
        8 => Just(Act::Durable),
        2 => Just(Act::Full),
        1 => any::<bool>().prop_map(|kept| Act::Restart { kept }),
        1 => (1..=PEERS).prop_map(|peer| Act::PeerLost { peer }),
        2 => any::<bool>().prop_map(|resync| Act::Root { resync }),
        1 => Just(Act::RootLost),
        1 => any::<bool>().prop_map(Act::LinkFull),
        1 => Just(Act::Deaf),
        4 => (0..200u64).prop_map(|ms| Act::Pass { ms }),
        3 => Just(Act::Save),
        6 => prop_oneof![6 => Just(100), 1 => 0..100u8].prop_map(|percent| Act::Store { percent }),
        6 => prop_oneof![9 => Just(true), 1 => Just(false)].prop_map(|readable| Act::Answer { readable }),
    ]
}

struct World {
    rig: Rig,
    truth: Truth,
    root: Root,
    /// Sendings without an answer: peer, number, content.
    waiting: BTreeMap<(u64, u64), Write>,
    acknowledged: BTreeSet<Write>,
    /// Sendings whose answer was lost with a link or a process: perhaps in effect.
    limbo: BTreeSet<Write>,
    sent: u64,
    /// Refused because memory was full.
    crowded_out: Vec<Write>,
}

impl World {
    /// A processor that has room for so many bytes of registers.
    fn new(registers_bytes_max: usize) -> Self {
        let rig = Rig::with(Config { registers_bytes_max, ..config() });
        let (waiting, acknowledged, limbo, truth, root) = Default::default();
        Self { rig, truth, root, waiting, acknowledged, limbo, sent: 0, crowded_out: Vec::new() }
    }

    fn carry(&mut self, outbox: &[Output]) {
        for output in outbox {
            match output {
                Output::Report(ToMerger::Report(report)) => self.root.take(report, &self.truth),
                Output::Durable(row) => {
                    let is_true = self.truth.was(row.id, row.tally.version.get(), row.tally.count);
                    assert!(is_true, "{row:?} is traced and was never durable");
                }
                _ => {}
            }
        }
        for peer in 1..=PEERS {
            for (number, told) in answers(outbox, PeerId::new(peer)) {
                let write = self.waiting.remove(&(peer, number)).expect("one answer to each sending");
                self.judge(write, told);
            }
        }
    }

    /// What was acknowledged is durable at this moment.
    fn judge(&mut self, write: Write, told: Told) {
        match (write, told) {
            (Write::Set { comment: n, viewer, stamp, liked }, Told::Like(now, is_liked)) => {
                let bits = |stamp, liked| Register { stamp: Stamp::new(stamp).unwrap(), liked }.to_bits();
                let (asked, told) = (bits(stamp, liked), bits(now, is_liked));
                assert!(told >= asked, "the register as it is covers what was asked");
                let id = comment(n);
                let kept = self.truth.live.get(&id).map(|registers| registers.get(&key(VIEWERS[viewer])).copied());
                let covers = kept.map(|bits| bits.unwrap_or(0) >= told);
                assert!(covers.unwrap_or_else(|| self.truth.deleted.contains(&id)), "{write:?} is not durable");
            }
            (Write::Comment(n), Told::Done) => {
                assert!(self.truth.live.contains_key(&comment(n)) || self.truth.deleted.contains(&comment(n)));
            }
            (Write::Delete(n), Told::Done) => assert!(self.truth.deleted.contains(&comment(n))),
            (_, Told::Refused(Code::Unavailable)) => return,
            (write @ Write::Set { .. }, Told::Refused(Code::Overloaded)) => return self.crowded_out.push(write),
            (Write::Set { .. } | Write::Delete(_), Told::Refused(Code::UnknownComment)) => return,
            (write, told) => panic!("{write:?} was told {told:?}"),
        }
        self.acknowledged.insert(write);
    }

    fn step(&mut self, input: Input<'_>) {
        let outbox = self.rig.step(input);
        self.carry(&outbox);
    }

    fn send(&mut self, peer: u64, writes: &[Write]) {
        let mut batch = writes.iter().fold(batch(), |batch, write| write.put(batch));
        // Numbers are the sender's own and go on from batch to batch.
        let from = self.sent;
        self.sent += writes.len() as u64;
        batch.comments.iter_mut().for_each(|write| write.number += from);
        batch.deletes.iter_mut().for_each(|write| write.number += from);
        let likes: Vec<_> = batch.likes.iter().collect();
        batch.likes = Default::default();
        likes.into_iter().for_each(|row| batch.likes.push(LikeRow { number: row.number + from, ..row }));
        let numbered = writes.iter().zip(from + 1..).map(|(write, number)| ((peer, number), *write));
        self.waiting.extend(numbered);
        let outbox = self.rig.send(PeerId::new(peer), batch);
        self.carry(&outbox);
    }

    fn durable(&mut self) {
        if let Some((_, sections)) = &self.rig.in_flight {
            sections.iter().for_each(|section| self.truth.take(section));
            let outbox = self.rig.durable();
            self.carry(&outbox);
        }
    }

    /// The answers of this peer, or of all, will not come.
    fn lose(&mut self, peer: Option<u64>) {
        let lost = |at: &(u64, u64)| peer.is_none_or(|peer| at.0 == peer);
        self.limbo.extend(self.waiting.iter().filter(|(at, _)| lost(at)).map(|(_, write)| *write));
        self.waiting.retain(|at, _| !lost(at));
    }

    fn root_up(&mut self, resync: bool) {
        self.root.epoch += 1;
        self.root.deaf = false;
        let from = if resync {
            From::Nothing
        } else {
            merged(&self.root.merged.iter().map(|(slot, to)| (*slot, *to)).collect::<Vec<_>>())
        };
        self.step(Input::MergerUp(PeerId::new(99)));
        let outbox = self.rig.open_under(self.root.epoch, from);
        self.carry(&outbox);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Send { peer, writes } => self.send(peer, &writes),
            Act::Durable => self.durable(),
            Act::Full => {
                if self.rig.in_flight.is_some() {
                    let outbox = self.rig.full();
                    self.carry(&outbox);
                    assert!(self.waiting.is_empty() || !self.rig.loads.is_empty(), "all that waited is refused");
                }
            }
            Act::Restart { kept } => {
                if let Some((_, sections)) = self.rig.in_flight.take().filter(|_| kept) {
                    sections.iter().for_each(|section| self.truth.take(section));
                    self.rig.log.extend(sections);
                }
                self.lose(None);
                self.rig.restart();
                self.root.deaf = true;
            }
            Act::PeerLost { peer } => {
                self.step(Input::PeerLost(PeerId::new(peer)));
                self.lose(Some(peer));
            }
            Act::Root { resync } => self.root_up(resync),
            Act::RootLost => self.step(Input::MergerLost),
            Act::LinkFull(true) => self.step(Input::MergerFull),
            Act::LinkFull(false) if !self.root.deaf => self.step(Input::MergerRoom),
            Act::LinkFull(false) => {}
            Act::Deaf => self.root.deaf = true,
            Act::Pass { ms } => {
                let outbox = self.rig.pass(ms);
                self.carry(&outbox);
            }
            Act::Save => {
                let outbox = self.rig.save();
                self.carry(&outbox);
            }
            Act::Store { percent } => {
                let outbox = self.rig.store_takes(f64::from(percent) / 100.0);
                self.carry(&outbox);
            }
            Act::Answer { readable } => {
                let outbox = self.rig.store_answers(readable);
                self.carry(&outbox);
            }
        }
        self.seen();
    }

    /// What history shows is the truth, at every moment.
    fn seen(&mut self) {
        let shown: BTreeMap<CommentId, u64> = self.rig.shown().into_iter().collect();
        assert_eq!(shown, self.truth.counts());
    }

    /// Everything is answered: the disk has space, the store can be read, and what is in limbo is sent again.
    fn settle(&mut self) {
        self.quiet();
        let again: Vec<Write> = std::mem::take(&mut self.limbo).into_iter().collect();
        for write in again {
            self.crowded_out = vec![write];
            while let Some(write) = self.crowded_out.pop() {
                self.send(1, &[write]);
                self.quiet();
            }
        }
        self.seen();
    }

    fn quiet(&mut self) {
        while !self.rig.machine.is_idle() {
            let outbox = self.rig.loaded();
            self.carry(&outbox);
            self.durable();
        }
        assert!(self.waiting.is_empty(), "each sending has its answer");
        self.rig.checkpoint();
    }

    /// What the acknowledged writes alone make.
    fn expected(&self) -> BTreeMap<CommentId, u64> {
        let has = |write| self.acknowledged.contains(&write);
        let live = (0..COMMENTS).filter(|n| has(Write::Comment(*n)) && !has(Write::Delete(*n)));
        let liked = |n: u8, viewer: usize| {
            let words = self.acknowledged.iter().filter_map(|write| match write {
                Write::Set { comment, viewer: by, stamp, liked } if (*comment, *by) == (n, viewer) => {
                    Some((*stamp, !*liked))
                }
                _ => None,
            });
            words.max().is_some_and(|(_, unliked)| !unliked)
        };
        live.map(|n| (comment(n), (0..VIEWERS.len()).filter(|viewer| liked(n, *viewer)).count() as u64)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_writes_survive_and_counts_end_as_the_last_words(
        acts in prop::collection::vec(act(), 1..150),
        registers_bytes_max in prop_oneof![Just(usize::MAX), 20..200usize],
    ) {
        let mut world = World::new(registers_bytes_max);
        for act in acts {
            world.act(act);
        }
        world.settle();
        prop_assert_eq!(world.rig.shown().into_iter().collect::<BTreeMap<_, _>>(), world.expected());
        world.root_up(false);
        world.act(Act::Pass { ms: 10_000 });
        prop_assert_eq!(world.root.shown(), world.expected(), "the root has it all from where it was");
        world.act(Act::Restart { kept: false });
        prop_assert_eq!(world.rig.shown().into_iter().collect::<BTreeMap<_, _>>(), world.expected());
        world.root_up(true);
        prop_assert_eq!(world.root.shown(), world.expected(), "and from nothing");
    }
}

//! The stage of the examples: one processor and its log, as its driver runs them, and likes as broadcast nodes send them.
//!
//! Links and reports to the root are not on it. Invariant: what is refused or moved ends the example.

use std::{
    error::Error,
    fs,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use bytes::Bytes;
use watershed_log::LogWriter;
use watershed_placement::Map;
use watershed_processor::{Config, Input, Keyspace, Output, Processor, SavedRow};
use watershed_protocol::{
    ClusterKey, CommentBody, CommentId, DisplayName, Millis, NodeName, Part, Register, Slot, Spread, Stamp, ViewerKey,
    client::{Code, Refusal},
    peer::{
        self, PeerId,
        uplink::{CommentWrite, FromProcessor, HeaderWrite, LikeRow, ToProcessor, WriteBatch},
    },
};
use watershed_store::{
    CommitEvent, CommitThread, FileDisk, Keyspaces, LoadEvent, LoadThread, Rows, SaveEvent, SaveThread,
};

/// Viewers, comments, likes of a batch.
pub(crate) const VIEWERS: u64 = 1_000_000;
pub(crate) const COMMENTS: usize = 10_000;
pub(crate) const PER_BATCH: usize = 1_000;
pub(crate) const NOW: Millis = Millis::new(1_763_900_000_000);
const PEER: PeerId = PeerId::new(1);

pub(crate) type Failed = Box<dyn Error>;

/// Batches as they come over a link, of likes by a million viewers on some comments (Zipf, s = 1).
pub(crate) struct Likes {
    pub(crate) comments: Vec<CommentId>,
    /// What each comment and those before it have of the sum.
    sums: Vec<f64>,
    sum: f64,
    random: fastrand::Rng,
    stamp: u64,
    spread: Spread,
}

impl Likes {
    pub(crate) fn new(comments: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut sum = 0.0;
        let before = |rank| {
            let before = sum;
            sum += 1.0 / rank as f64;
            before
        };
        let sums: Vec<f64> = (1..=comments).map(before).collect();
        let comments = (0..comments).map(|_| CommentId::from_bytes(random.u128(..).to_be_bytes())).collect();
        Self { comments, sums, sum, random, stamp: NOW.get() * 1_000, spread: Spread::WHOLE }
    }

    /// The same on comments that are spread like this.
    pub(crate) fn spread(self, spread: Spread) -> Self {
        Self { spread, ..self }
    }

    /// The next batch, and its rows.
    pub(crate) fn batch(&mut self) -> (Bytes, Vec<LikeRow>) {
        let rows: Vec<LikeRow> = (0..PER_BATCH as u64).map(|number| self.row(number)).collect();
        let mut batch = batch(rows.iter().map(|row| row.part.slot(&row.comment)));
        rows.iter().for_each(|row| batch.likes.push(*row));
        (peer::encode(&ToProcessor::Writes(batch)), rows)
    }

    fn row(&mut self, number: u64) -> LikeRow {
        self.stamp += 1;
        let at = self.random.f64() * self.sum;
        let comment = self.comments[self.sums.partition_point(|before| *before <= at) - 1];
        let viewer = viewer(self.random.u64(..VIEWERS));
        let register = Register { stamp: Stamp::new(self.stamp / 1_000).expect("a time of today"), liked: true };
        LikeRow { number, stream: 0, comment, viewer, register, part: self.spread.part_of(&viewer) }
    }
}

/// The key of a viewer.
pub(crate) fn viewer(number: u64) -> ViewerKey {
    ViewerKey::from_bytes(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

/// A batch without rows that may speak of these slots.
pub(crate) fn batch(slots: impl Iterator<Item = Slot>) -> WriteBatch {
    let map = map();
    let mut slots: Vec<_> = slots.map(|slot| (slot, map.owner(slot).epoch)).collect();
    slots.sort_unstable();
    slots.dedup();
    WriteBatch {
        map_epoch: map.epoch(),
        slots,
        streams: vec!["demo".parse().expect("a name")],
        ..WriteBatch::default()
    }
}

pub(crate) fn map() -> Map {
    Map::found(ClusterKey::from_bytes([7; 32]), &[node()]).expect("one processor is enough")
}

pub(crate) fn node() -> NodeName {
    "p1".parse().expect("a name")
}

/// One processor, as its driver runs it.
pub(crate) struct Stage {
    pub(crate) machine: Processor,
    pub(crate) commit: CommitThread,
    /// The last durable record.
    pub(crate) durable: u64,
    store: Option<Store>,
    /// Likes that were refused because memory was full: by number of the batch.
    pub(crate) refused: Vec<u64>,
    told: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    outbox: Vec<Output>,
}

/// What the threads say.
enum Event {
    Commit(CommitEvent),
    Save(SaveEvent),
    Load(LoadEvent),
}

/// Where checkpoints go and pages come from.
struct Store {
    save: SaveThread,
    load: LoadThread,
}

impl Stage {
    /// Starts a processor that has read what it has.
    pub(crate) fn start(mut machine: Processor, writer: LogWriter<FileDisk>) -> Result<Self, Failed> {
        let (told, events) = mpsc::channel();
        let durable = writer.durable();
        let of_commits = told.clone();
        let commit = CommitThread::start(writer, move |event| drop(of_commits.send(Event::Commit(event))))?;
        machine.start(NOW, Arc::new(map()));
        let (outbox, refused) = Default::default();
        Ok(Self { machine, commit, durable, store: None, refused, told, events, outbox })
    }

    /// Checkpoints go to these keyspaces from now on.
    pub(crate) fn save_to(&mut self, keyspaces: Arc<Keyspaces>) -> Result<(), Failed> {
        let (saved, loaded) = (self.told.clone(), self.told.clone());
        let save = SaveThread::start(keyspaces.clone(), move |event| drop(saved.send(Event::Save(event))))?;
        let load = LoadThread::start(keyspaces, move |event| drop(loaded.send(Event::Load(event))))?;
        self.store = Some(Store { save, load });
        Ok(())
    }

    /// Makes a checkpoint of all that is durable, and cuts the log.
    pub(crate) fn checkpoint(&mut self) -> Result<(), Failed> {
        let made = self.machine.counters().checkpoints;
        self.step(Input::Save { position: self.durable })?;
        while self.machine.counters().checkpoints == made {
            let event = self.events.recv()?;
            self.happened(event)?;
        }
        self.commit.cut_to(self.durable);
        Ok(())
    }

    /// A processor with an empty log in a directory, and these comments.
    pub(crate) fn open(log: &Path, config: Config, comments: &[CommentId]) -> Result<Self, Failed> {
        Self::open_spread(log, config, comments, Spread::WHOLE)
    }

    /// The same with comments that are spread, all parts on this processor.
    pub(crate) fn open_spread(
        log: &Path,
        config: Config,
        comments: &[CommentId],
        spread: Spread,
    ) -> Result<Self, Failed> {
        let replay = |_: &watershed_log::Record| Ok::<(), String>(());
        let (writer, _) = watershed_store::open(log, Default::default(), Default::default(), replay)?;
        let mut stage = Self::start(Processor::new(config), writer)?;
        for ids in comments.chunks(500) {
            let parts = || ids.iter().flat_map(|id| spread.parts().map(move |part| (*id, part)));
            let mut batch = batch(parts().map(|(id, part)| part.slot(&id)));
            batch.comments = (0..).zip(ids).map(|(number, id)| comment(number, *id, spread)).collect();
            let headers = (1_000..).zip(parts().filter(|(_, part)| !part.is_home()));
            batch.headers = headers.map(|(number, (id, part))| header(number, id, part)).collect();
            stage.take(&peer::encode(&ToProcessor::Writes(batch)))?;
            stage.settle()?;
        }
        Ok(stage)
    }

    /// Takes a message of a broadcast node, and whatever has been committed meanwhile.
    pub(crate) fn take(&mut self, message: &[u8]) -> Result<(), Failed> {
        let ToProcessor::Writes(batch) = peer::decode(message)? else { return Err("a batch was made".into()) };
        // A full group is what a link's window would hold back: here the next batch waits for it.
        while self.machine.is_full() {
            let event = self.events.recv()?;
            self.happened(event)?;
        }
        self.step(Input::Writes { peer: PEER, batch: &batch })?;
        while let Ok(event) = self.events.try_recv() {
            self.happened(event)?;
        }
        Ok(())
    }

    /// Waits until all is durable.
    pub(crate) fn settle(&mut self) -> Result<(), Failed> {
        while !self.machine.is_idle() {
            let event = self.events.recv()?;
            self.happened(event)?;
        }
        Ok(())
    }

    fn happened(&mut self, event: Event) -> Result<(), Failed> {
        match event {
            Event::Commit(CommitEvent::Durable { group, position }) => {
                self.durable = position;
                self.step(Input::Durable { group })
            }
            Event::Save(SaveEvent::Saved) => self.step(Input::Saved),
            Event::Load(LoadEvent { load, value: Ok(value) }) => {
                self.step(Input::Loaded { load, value: value.as_deref() })
            }
            Event::Commit(other) => Err(format!("{other:?}").into()),
            Event::Save(other) => Err(format!("{other:?}").into()),
            Event::Load(other) => Err(format!("{other:?}").into()),
        }
    }

    fn step(&mut self, input: Input<'_>) -> Result<(), Failed> {
        self.machine.step(NOW, input, &mut self.outbox);
        for output in std::mem::take(&mut self.outbox) {
            match output {
                Output::Append { group, sections } => self.commit.submit(group, sections)?,
                Output::Answer { batch, .. } => {
                    let is_overloaded = |(_, refusal): &(u64, Refusal)| refusal.code == Code::Overloaded;
                    if !batch.refused.iter().all(is_overloaded) || !batch.moved.is_empty() {
                        return Err(format!("refused: {:?}", batch.refused.first()).into());
                    }
                    self.refused.extend(batch.refused.iter().map(|(number, _)| *number));
                    std::hint::black_box(peer::encode(&FromProcessor::Answers(batch)));
                }
                Output::Save(rows) => self.put(rows)?,
                Output::Checkpoint(checkpoint) => {
                    let store = self.store.as_ref().ok_or("there is no store")?;
                    store.save.seal(checkpoint.encode()).then_some(()).ok_or("the store has ended")?;
                }
                Output::Load { load, keyspace, key } => {
                    let store = self.store.as_ref().ok_or("there is no store")?;
                    store.load.load(load, index(keyspace), key).then_some(()).ok_or("the store has ended")?;
                }
                Output::Reply { .. } | Output::Report(_) | Output::Durable(_) | Output::Counted { .. } => {}
            }
        }
        Ok(())
    }

    fn put(&self, rows: Vec<SavedRow>) -> Result<(), Failed> {
        let rows: Rows = rows.into_iter().map(|row| ((index(row.keyspace), row.key), row.value)).collect();
        let store = self.store.as_ref().ok_or("there is no store")?;
        Ok(store.save.put(rows).then_some(()).ok_or("the store has ended")?)
    }
}

/// Which of the store's keyspaces it is.
fn index(keyspace: Keyspace) -> usize {
    Keyspace::ALL.iter().position(|known| *known == keyspace).unwrap_or_default()
}

fn header(number: u64, id: CommentId, part: Part) -> HeaderWrite {
    HeaderWrite { number, stream: 0, id, author: "ann".parse().expect("a name"), part }
}

fn comment(number: u64, id: CommentId, spread: Spread) -> CommentWrite {
    let body = CommentBody::new("hello", 100).expect("a body");
    let (author, name) = ("ann".parse().expect("a name"), DisplayName::new("Ann").expect("a name"));
    CommentWrite { number, stream: 0, id, author, name, body, spread }
}

/// Processor time of all threads so far, those that have ended too.
pub(crate) fn cpu() -> Result<Duration, Failed> {
    let told = fs::read_to_string("/proc/self/stat")?;
    let after_name = told.rsplit(')').next().ok_or("no process status")?;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum();
    // USER_HZ, which Linux has kept at 100 for all that it shows to processes.
    Ok(Duration::from_millis(ticks * 10))
}

/// Bytes of this process in memory.
pub(crate) fn resident() -> Result<u64, Failed> {
    let told = fs::read_to_string("/proc/self/statm")?;
    Ok(told.split_whitespace().nth(1).ok_or("no memory status")?.parse::<u64>()? * 4_096)
}

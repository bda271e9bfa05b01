//! One stream on one node: the log of its latest frames, and what each viewer of it is still to be sent.
//!
//! Between the feed, which publishes, and the carousel, which asks for all since a viewer's cursor. A frame is encoded
//! once per encoding into the exact bytes of a WebSocket frame, and all viewers share them:
//!
//! ```text
//!   snapshot │ frame  frame  frame  frame        a cursor names a boundary
//!            1      2      3      4      5       5 is the head
//!                          └──────┬──────┘
//!                           one merged range for all who stand at 3
//! ```
//!
//! Invariant: whoever applies the chunks that it is given has, after each, the view of the chunk's `to`.

mod frame;
mod grade;
mod onward;

pub use grade::Grade;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use watershed_protocol::{
    Delta, Epoch, Gap, Millis, Mutant, Seq, Snapshot, View,
    client::{Encoding, Response, frame_of},
    limits,
};

use crate::{feed::Update, forms::Forms};
use frame::Frame;

/// Most merged ranges that are kept for viewers who lag alike. Viewers that lag at all are few, and by few frames.
const RANGES_MAX: usize = 64;

/// A snapshot is made at most this often; who joins in between gets the last one and one merged range.
const SNAPSHOT_INTERVAL_MS: u64 = 1_000;

/// Most comments of a range for a viewer that lags: the newest ones, which is what one can read in five seconds. The
/// range says how many there were.
const LAGGING_COMMENTS_MAX: usize = 50;

/// A range of fewer bytes is not compared with a snapshot: it is a third of one that is full, and making one costs more.
const SMALL_RANGE_BYTES: usize = 8 * 1024;

/// The limits of a room.
#[derive(Clone, Copy, Debug)]
pub struct RoomConfig {
    /// Most frames that are kept for viewers that lag or resume.
    pub frames_kept: usize,
    /// Most bytes of frames that are kept, as they are in memory, roughly. The newest frame is always kept.
    pub frame_bytes_kept: usize,
}

impl Default for RoomConfig {
    fn default() -> Self {
        Self { frames_kept: 512, frame_bytes_kept: 16 * 1024 * 1024 }
    }
}

/// A place in the room's log: how far a viewer has been sent. Never used again, across epochs either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(u64);

impl Cursor {
    /// Has nothing: wants a snapshot.
    pub const NOTHING: Self = Self(0);

    /// The cursor as a number, for packing.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What a viewer is sent next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Whole WebSocket frames.
    pub bytes: Bytes,
    /// Where the viewer stands after it: always the head.
    pub to: Cursor,
    /// What is in it.
    pub kind: ChunkKind,
}

/// What a chunk consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// The newest frame, as it came.
    Frame,
    /// Several frames, merged into one.
    Range {
        /// How many.
        frames: u32,
        /// Whether some of their comments are left out, and only counted.
        sampled: bool,
    },
    /// A snapshot, and what came after it.
    Snapshot,
}

/// How a viewer came to be behind, which decides how much of it is made up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behind {
    /// It is slower than the frames. Of many comments it gets a sample.
    Lags,
    /// It was gone and has come back with its point. It gets all that it missed, or a snapshot.
    Resumes,
}

/// Where a viewer starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Here.
    At(Cursor),
    /// Its resume point is later than the room's: wait, or ask whether there is such a point.
    Ahead,
}

/// What a room has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that were published.
    pub frames_in: u64,
    /// Snapshots that were published.
    pub snapshots_in: u64,
    /// Updates that were refused, for they did not continue the view.
    pub gaps: u64,
    /// Ranges that were merged and encoded.
    pub ranges_merged: u64,
    /// Ranges, of these, that leave comments out.
    pub ranges_sampled: u64,
    /// Snapshots that were made and encoded.
    pub snapshots_made: u64,
    /// Bytes of all that was encoded.
    pub bytes_encoded: u64,
}

/// An encoded snapshot.
#[derive(Clone, Debug)]
struct Made {
    at: u64,
    made_at: Millis,
    bytes: Bytes,
    /// The snapshot followed by the range up to this cursor.
    joined: Option<(u64, Bytes)>,
}

impl Made {
    fn is_young(&self, now: Millis) -> bool {
        now.since(self.made_at) < SNAPSHOT_INTERVAL_MS
    }
}

/// One stream on one node.
#[derive(Debug)]
pub struct Room {
    config: RoomConfig,
    view: Option<View>,
    head: u64,
    published_at: Millis,
    frames: VecDeque<Frame>,
    frame_bytes: usize,
    /// Comments in all frames that were ever published.
    comments: u64,
    /// The newest frame, encoded; of the head, like the two below.
    newest: Forms<Bytes>,
    beats: Forms<Bytes>,
    ranges: BTreeMap<(u64, Encoding, Behind), (Bytes, ChunkKind)>,
    snapshots: Forms<Made>,
    counters: Counters,
}

impl Room {
    /// A room that has heard nothing yet.
    pub fn new(config: RoomConfig) -> Self {
        Self {
            config,
            view: None,
            head: Cursor::NOTHING.0,
            published_at: Millis::default(),
            frames: VecDeque::new(),
            frame_bytes: 0,
            comments: 0,
            newest: Forms::default(),
            beats: Forms::default(),
            ranges: BTreeMap::new(),
            snapshots: Forms::default(),
            counters: Counters::default(),
        }
    }

    /// The place after the newest frame; [`Cursor::NOTHING`] before the first snapshot.
    pub fn head(&self) -> Cursor {
        Cursor(self.head)
    }

    /// The newest frame's epoch and seq; none before the first snapshot.
    pub fn point(&self) -> Option<(Epoch, Seq)> {
        self.view.as_ref().map(|view| (view.epoch(), view.seq()))
    }

    /// When the head last moved.
    pub fn published_at(&self) -> Millis {
        self.published_at
    }

    /// What it has done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The view at the head; none before the first snapshot.
    pub fn view(&self) -> Option<&View> {
        self.view.as_ref()
    }

    /// Takes what the feed brings. What does not continue the view, or is older than it, is refused.
    pub fn publish(&mut self, now: Millis, update: Update) -> Result<(), Gap> {
        let moved = match update {
            Update::Snapshot(snapshot) => self.replace(&snapshot),
            Update::Frame(delta) => self.append(now, delta).map(|()| true),
        };
        match moved {
            Ok(true) => {
                self.head += 1;
                self.published_at = now;
                self.newest.clear();
                self.beats.clear();
                if !Mutant::OldRangeSent.lives() {
                    self.ranges.clear();
                }
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(gap) => {
                self.counters.gaps += 1;
                Err(gap)
            }
        }
    }

    /// True when the snapshot is later than the view; at the same point it says nothing new.
    fn replace(&mut self, snapshot: &Snapshot) -> Result<bool, Gap> {
        let new = (snapshot.epoch, snapshot.seq);
        match self.point() {
            Some(point) if point == new => return Ok(false),
            Some((epoch, seq)) if (epoch, seq) > new => {
                return Err(Gap { epoch, seq, frame_epoch: snapshot.epoch, from: snapshot.seq });
            }
            _ => {}
        }
        self.view = Some(View::new(snapshot));
        self.frames.clear();
        self.frame_bytes = 0;
        self.snapshots.clear();
        self.counters.snapshots_in += 1;
        Ok(true)
    }

    fn append(&mut self, now: Millis, delta: Arc<Delta>) -> Result<(), Gap> {
        let view = self.view.as_mut().ok_or(Gap {
            epoch: Epoch::ZERO,
            seq: Seq::ZERO,
            frame_epoch: delta.epoch,
            from: delta.from,
        })?;
        view.apply(&delta)?;
        // A viewer may resume from within a range. It gets a snapshot, which must not be older than its point. One that is
        // not young serves nobody any more.
        if delta.seq > delta.from.next() || !self.snapshots.all().any(|made| made.is_young(now)) {
            self.snapshots.clear();
        }
        self.comments += delta.comments.len() as u64;
        let frame = Frame::new(delta, self.comments);
        self.frame_bytes += frame.bytes();
        if self.frames.is_empty() {
            self.frames.reserve_exact(1); // A queue that grows by itself begins with four places.
        }
        self.frames.push_back(frame);
        while self.frames.len() > 1
            && (self.frames.len() > self.config.frames_kept || self.frame_bytes > self.config.frame_bytes_kept)
        {
            self.frame_bytes -= self.frames.pop_front().map_or(0, |frame| frame.bytes());
        }
        self.counters.frames_in += 1;
        Ok(())
    }

    /// Where a viewer with this resume point starts.
    pub fn place(&self, resume: Option<(Epoch, Seq)>) -> Place {
        let Some((epoch, seq)) = resume else { return Place::At(Cursor::NOTHING) };
        match self.point() {
            None => Place::Ahead,
            Some(point) if (epoch, seq) > point && Mutant::SentBack.lives() => Place::At(Cursor::NOTHING),
            Some(point) if (epoch, seq) > point => Place::Ahead,
            Some(point) if (epoch, seq) == point => Place::At(self.head()),
            Some((current, _)) if epoch < current => Place::At(Cursor::NOTHING),
            Some(_) if Mutant::MissedForgotten.lives() => Place::At(self.head()),
            Some(_) => {
                let found = self.frames.binary_search_by_key(&seq, Frame::from);
                Place::At(found.map_or(Cursor::NOTHING, |index| Cursor(self.base() + index as u64)))
            }
        }
    }

    /// All that a viewer at `cursor` has not been sent; `None` when that is nothing, or there is no snapshot yet.
    ///
    /// Who is behind gets less the further it is: all frames in one, a sample of their comments, a snapshot.
    pub fn since(&mut self, now: Millis, cursor: Cursor, encoding: Encoding, behind: Behind) -> Option<Chunk> {
        debug_assert!(cursor.0 <= self.head, "a cursor of this room is never beyond its head");
        if self.view.is_none() || cursor.0 == self.head {
            return None;
        }
        let to = self.head();
        if !self.has_since(now, cursor, encoding, behind) {
            return Some(Chunk { bytes: self.snapshot(now, encoding)?, to, kind: ChunkKind::Snapshot });
        }
        let (bytes, kind) = self.range(cursor.0, encoding, behind);
        if kind != ChunkKind::Frame && bytes.len() > SMALL_RANGE_BYTES && !self.is_past_snapshot(now, cursor, encoding)
        {
            let snapshot = self.snapshot(now, encoding)?;
            if snapshot.len() < bytes.len() {
                return Some(Chunk { bytes: snapshot, to, kind: ChunkKind::Snapshot });
            }
        }
        Some(Chunk { bytes, to, kind })
    }

    /// The sign of life for a viewer who has all; none before the first snapshot.
    pub fn beat(&mut self, encoding: Encoding) -> Option<Bytes> {
        let (epoch, seq) = self.point()?;
        if self.beats.get(encoding).is_none() {
            let beat = Response::Beat { epoch: epoch.get(), seq: seq.get() };
            let bytes = self.framed(beat.encode(encoding), encoding);
            self.beats.put(encoding, bytes);
        }
        self.beats.get(encoding).cloned()
    }

    /// Bytes of what [`Room::trim`] lets go of, roughly: all frames but the newest, and what was made of them.
    pub fn kept_bytes(&self) -> usize {
        let made = |made: &Made| made.bytes.len() + made.joined.as_ref().map_or(0, |(_, bytes)| bytes.len());
        let newest = self.frames.back().map_or(0, Frame::bytes);
        let ranges = self.ranges.values().map(|(bytes, _)| bytes.len()).sum::<usize>();
        self.frame_bytes - newest + ranges + self.snapshots.all().map(made).sum::<usize>()
    }

    /// Lets go of all frames but the newest, and of all that was made of them. Who is further behind gets a snapshot.
    pub fn trim(&mut self) {
        self.frames.drain(..self.frames.len().saturating_sub(1));
        self.frame_bytes = self.frames.iter().map(Frame::bytes).sum();
        self.ranges.clear();
        self.snapshots.clear();
    }

    /// The cursor before the oldest frame that is kept.
    fn base(&self) -> u64 {
        self.head - self.frames.len() as u64
    }

    /// Whether a viewer at `cursor` may get a range: the log has it, and it is not too much.
    fn has_since(&self, now: Millis, cursor: Cursor, encoding: Encoding, behind: Behind) -> bool {
        if cursor == Cursor::NOTHING || cursor.0 < self.base() {
            return false;
        }
        self.head - cursor.0 == 1
            || behind == Behind::Lags
            || self.comments_since(cursor) <= limits::SNAPSHOT_COMMENTS_MAX as u64
            || self.is_past_snapshot(now, cursor, encoding)
    }

    /// Comments in the frames from `cursor` on, which the log has.
    fn comments_since(&self, cursor: Cursor) -> u64 {
        let first = &self.frames[(cursor.0 - self.base()) as usize];
        self.comments - (first.comments_to - first.comments())
    }

    /// Whether the snapshot that would be sent is older than the cursor: it would take the viewer back, and has the
    /// range in its wake anyway.
    fn is_past_snapshot(&self, now: Millis, cursor: Cursor, encoding: Encoding) -> bool {
        self.cached(now, encoding).is_some_and(|made| made.at <= cursor.0)
    }

    /// The frames from `cursor` to the head as one.
    fn range(&mut self, cursor: u64, encoding: Encoding, behind: Behind) -> (Bytes, ChunkKind) {
        if self.head - cursor == 1 {
            return (self.newest(encoding), ChunkKind::Frame);
        }
        if let Some(made) = self.ranges.get(&(cursor, encoding, behind)) {
            return made.clone();
        }
        let index = (cursor - self.base()) as usize;
        let frames: Vec<Arc<Delta>> = self.frames.range(index..).map(Frame::delta).collect();
        let merged = Delta::merged(frames.iter().map(|delta| &**delta));
        let mut merged = merged.unwrap_or_else(|| unreachable!("a cursor before the head has frames behind it"));
        let sampled = behind == Behind::Lags && sample(&mut merged);
        let bytes = self.framed(merged.encode(encoding), encoding);
        let made = (bytes, ChunkKind::Range { frames: (self.head - cursor) as u32, sampled });
        self.counters.ranges_merged += 1;
        self.counters.ranges_sampled += u64::from(sampled);
        while self.ranges.len() >= RANGES_MAX {
            self.ranges.pop_first();
        }
        self.ranges.insert((cursor, encoding, behind), made.clone());
        made
    }

    /// The newest frame itself. There is one: it is what moved the head.
    fn newest(&mut self, encoding: Encoding) -> Bytes {
        if let Some(bytes) = self.newest.get(encoding) {
            return bytes.clone();
        }
        let frame = &self.frames[self.frames.len() - 1];
        let (payload, is_kept) = (frame.delta().encode(encoding), !frame.tells_viewers_only());
        let bytes = self.framed(payload, encoding);
        // A few bytes that nearly all silent rooms would keep: they are soon made again, once a worker.
        if is_kept {
            self.newest.put(encoding, bytes.clone());
        }
        bytes
    }

    /// The last snapshot, if it still serves: young, and all since it is in the log.
    fn cached(&self, now: Millis, encoding: Encoding) -> Option<&Made> {
        let made = self.snapshots.get(encoding);
        made.filter(|made| made.at == self.head || (made.is_young(now) && made.at >= self.base()))
    }

    /// A snapshot and all since.
    fn snapshot(&mut self, now: Millis, encoding: Encoding) -> Option<Bytes> {
        if self.cached(now, encoding).is_none() {
            let payload = self.view.as_ref()?.snapshot().encode(encoding);
            let bytes = self.framed(payload, encoding);
            self.counters.snapshots_made += 1;
            self.snapshots.put(encoding, Made { at: self.head, made_at: now, bytes, joined: None });
        }
        let (at, bytes) = match self.snapshots.get(encoding)? {
            made if made.at == self.head => return Some(made.bytes.clone()),
            Made { joined: Some((to, bytes)), .. } if *to == self.head => return Some(bytes.clone()),
            made => (made.at, made.bytes.clone()),
        };
        let (range, _) = self.range(at, encoding, Behind::Resumes);
        let mut joined = BytesMut::with_capacity(bytes.len() + range.len());
        joined.extend_from_slice(&bytes);
        joined.extend_from_slice(&range);
        let joined = joined.freeze();
        self.snapshots.get_mut(encoding)?.joined = Some((self.head, joined.clone()));
        Some(joined)
    }

    fn framed(&mut self, payload: Vec<u8>, encoding: Encoding) -> Bytes {
        let bytes = frame_of(encoding.opcode(), &payload);
        self.counters.bytes_encoded += bytes.len() as u64;
        bytes
    }
}

/// Leaves only the newest comments of a range and says so; false when there are few.
fn sample(range: &mut Delta) -> bool {
    let left_out = range.comments.len().saturating_sub(LAGGING_COMMENTS_MAX);
    range.comments.drain(..left_out);
    range.shown = range.shown.saturating_sub(left_out as u64);
    left_out > 0
}

#[cfg(test)]
mod tests;

//! Which viewers are slowest, for operators who ask.
//!
//! Between the node, which asks now and then, and the slab of each worker, which is looked through in small steps beside all
//! other work. Invariant: nothing is counted, kept or sent for a viewer because somebody may ask; what is told is read off
//! the records that are there anyway.

use std::{cmp::Reverse, sync::Arc};

use tokio::sync::oneshot;
use watershed_broadcast::{Cursor, room::Grade};
use watershed_protocol::{StreamId, ViewerId};

use super::{
    Carousel,
    inbox::Message,
    viewer::{Flags, NO_STREAM, Seat},
    worker::{Shared, TICK_MS, Worker},
};

/// How many viewers are told of: what somebody looks at.
pub const SLOWEST_MAX: usize = 5;
/// Places of the slab that are looked at in one step of a slice: two cache lines each that are not there make some 10 µs.
const VIEWERS_PER_STEP: u32 = 64;
/// What one frame stands for when being behind is weighed against taking nothing: a busy stream has ten a second.
const FRAME_MS: u64 = 100;

/// A viewer that is slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Who it is.
    pub viewer: ViewerId,
    /// What it watches.
    pub stream: StreamId,
    /// Frames that it has not been sent. Of who needs a whole view it is not known how many it missed: none then.
    pub behind_frames: u64,
    /// For how long its socket has taken nothing, while something waits for it.
    pub stalled_ms: u64,
    /// What it gets when its socket takes bytes again.
    pub grade: Grade,
}

/// How slow a viewer is, and who: the slowest come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// For how long it has been behind, at least.
    behind_ms: Reverse<u64>,
    stalled_ms: u64,
    behind_frames: u64,
    seat: Seat,
}

/// How far one worker has come with its look.
#[derive(Debug)]
pub(super) struct Survey {
    next: u32,
    found: Vec<Candidate>,
    told: oneshot::Sender<Vec<Slow>>,
}

impl Carousel {
    /// The slowest viewers, at most [`SLOWEST_MAX`], the slowest first. Each worker looks at all of its own: ask seldom. Who
    /// waits for the answer does not hold the carousel.
    pub fn slowest(&self) -> impl Future<Output = Vec<Slow>> + Send + use<> {
        let ask = |worker: &Arc<Shared>| {
            let (told, answer) = oneshot::channel();
            worker.inbox.put(Message::Survey(Survey { next: 0, found: Vec::new(), told }));
            answer
        };
        let answers: Vec<_> = self.workers.iter().map(ask).collect();
        async move {
            let mut slowest = Vec::new();
            for answer in answers {
                // A worker that has ended has no viewers.
                slowest.extend(answer.await.unwrap_or_default());
            }
            slowest.sort_by_key(|slow: &Slow| Reverse(weight(slow.stalled_ms, slow.behind_frames)));
            slowest.truncate(SLOWEST_MAX);
            slowest
        }
    }
}

impl Worker {
    /// Looks at some viewers; what is left to do, if anything is.
    pub(super) fn survey_some(&mut self, mut survey: Survey) -> Option<Survey> {
        if survey.told.is_closed() {
            return None;
        }
        let end = (survey.next + VIEWERS_PER_STEP).min(self.viewers.places());
        for index in survey.next..end {
            let Some(candidate) = self.look_for_slow(index) else { continue };
            let place = survey.found.partition_point(|known| *known < candidate);
            if place < SLOWEST_MAX {
                survey.found.insert(place, candidate);
                survey.found.truncate(SLOWEST_MAX);
            }
        }
        survey.next = end;
        if end < self.viewers.places() {
            return Some(survey);
        }
        let slowest = survey.found.iter().filter_map(|candidate| self.name(*candidate)).collect();
        // Whoever asked may have gone.
        let _: Result<(), Vec<Slow>> = survey.told.send(slowest);
        None
    }

    /// Whether the viewer at a place is slow: it takes nothing, or is further behind than a turn that goes on leaves it.
    fn look_for_slow(&mut self, index: u32) -> Option<Candidate> {
        let now = self.ticks();
        let viewer = self.viewers.at(index);
        let is_watching = viewer.is_open() && viewer.stream != NO_STREAM && !viewer.flags.has(Flags::AHEAD);
        if !is_watching || viewer.session.is_none() {
            return None;
        }
        let is_stalled = viewer.flags.has(Flags::BLOCKED);
        let stalled_ms = if is_stalled { u64::from(now.wrapping_sub(viewer.stalled_at)) * TICK_MS } else { 0 };
        let (cursor, stream) = (viewer.cursor, viewer.stream);
        let head = self.streams.get(stream)?.room.head();
        let behind_frames = if cursor == Cursor::NOTHING { 0 } else { head.saturating_sub(cursor.get()) };
        let seat = self.viewers.seat(index);
        let behind_ms = Reverse(weight(stalled_ms, behind_frames));
        (stalled_ms > 0 || behind_frames > 1).then_some(Candidate { behind_ms, stalled_ms, behind_frames, seat })
    }

    /// Who a candidate is, if it is still there.
    fn name(&mut self, candidate: Candidate) -> Option<Slow> {
        let Candidate { stalled_ms, behind_frames, seat, .. } = candidate;
        let viewer = self.viewers.find(seat)?;
        let (cursor, encoding, behind) = (viewer.cursor, viewer.encoding(), viewer.behind());
        let index = viewer.stream;
        let session = viewer.session.as_deref()?;
        let (viewer, stream) = (session.viewer().clone(), session.stream().clone());
        let grade = self.streams.get(index)?.room.lock().grade(self.now, cursor, encoding, behind);
        Some(Slow { viewer, stream, behind_frames, stalled_ms, grade })
    }
}

/// For how long a viewer is behind, at least.
fn weight(stalled_ms: u64, behind_frames: u64) -> u64 {
    stalled_ms.max(behind_frames.saturating_mul(FRAME_MS))
}

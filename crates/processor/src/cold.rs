//! Who waits for registers that are in the store only.
//!
//! Between `writes` and `query`, which come upon a cold page, and the driver, which loads it beside the commit path. When
//! the page is there, a write takes its way anew and joins the group that is open then: nothing of it was decided before.
//! Invariant: a page is loaded once for all who wait for it, and whoever waits is told something in the end, unless its link
//! is gone.

use std::collections::BTreeMap;

use watershed_protocol::{
    CommentId, Slot, ViewerKey,
    client::{Code, Refusal},
    peer::{
        PeerId,
        uplink::{Query, Reply},
    },
};

use crate::{
    comments::CommentNo,
    config::RETRY_AFTER_MS,
    group::Answer,
    machine::{Output, Processor},
    place::place_of,
    registers::PageRange,
    saved::{Keyspace, Saved},
};

/// Pages that are asked for at one time; with 4 KiB each they are what memory may have beyond its limit.
const LOADS_MAX: usize = 1_024;
/// Writes that wait for pages, of all viewers.
const HELD_MAX: usize = 65_536;
/// Of one viewer: as many as a broadcast node leaves unanswered.
const HELD_PER_VIEWER_MAX: u32 = 32;
/// Questions that wait for pages.
const QUESTIONS_MAX: usize = 4_096;

/// A like or unlike that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldLike {
    pub(crate) peer: PeerId,
    pub(crate) number: u64,
    pub(crate) slot: Slot,
    pub(crate) comment: CommentNo,
    pub(crate) viewer: ViewerKey,
    pub(crate) bits: u64,
}

/// A question about likes, as far as it is answered.
#[derive(Clone, Debug)]
pub(crate) struct HeldQuestion {
    pub(crate) peer: PeerId,
    pub(crate) number: u64,
    pub(crate) viewer: ViewerKey,
    /// Comments that were not looked at yet, the next one last, and those that the viewer likes.
    pub(crate) left: Vec<(Slot, CommentId)>,
    pub(crate) liked: Vec<CommentId>,
    /// The stream that was asked about.
    pub(crate) stream: watershed_protocol::StreamId,
}

/// A page on its way, and who waits for it.
#[derive(Debug)]
struct Load {
    comment: CommentNo,
    range: PageRange,
    likes: Vec<HeldLike>,
    questions: Vec<HeldQuestion>,
}

/// See the head of the file.
#[derive(Debug, Default)]
pub(crate) struct Held {
    loads: BTreeMap<u64, Load>,
    numbers: BTreeMap<(CommentNo, PageRange), u64>,
    /// Loads that were begun in this step.
    wanted: Vec<u64>,
    loads_begun: u64,
    likes: usize,
    questions: usize,
    viewers: BTreeMap<ViewerKey, u32>,
}

impl Held {
    /// Writes that wait.
    pub(crate) fn likes(&self) -> usize {
        self.likes
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.loads.is_empty()
    }

    /// Pages that were asked for so far.
    pub(crate) fn loads_begun(&self) -> u64 {
        self.loads_begun
    }

    /// Lets a write wait; false if too much waits already.
    #[must_use]
    pub(crate) fn hold(&mut self, range: PageRange, like: HeldLike) -> bool {
        let of_viewer = self.viewers.get(&like.viewer).copied().unwrap_or_default();
        if self.likes >= HELD_MAX || of_viewer >= HELD_PER_VIEWER_MAX {
            return false;
        }
        let Some(load) = self.load(like.comment, range) else { return false };
        load.likes.push(like);
        self.likes += 1;
        *self.viewers.entry(like.viewer).or_default() += 1;
        true
    }

    /// Lets a question wait; false if too much waits already.
    #[must_use]
    pub(crate) fn ask(&mut self, comment: CommentNo, range: PageRange, question: HeldQuestion) -> bool {
        if self.questions >= QUESTIONS_MAX {
            return false;
        }
        let Some(load) = self.load(comment, range) else { return false };
        load.questions.push(question);
        self.questions += 1;
        true
    }

    fn load(&mut self, comment: CommentNo, range: PageRange) -> Option<&mut Load> {
        let next = self.loads_begun + 1;
        let is_full = self.loads.len() >= LOADS_MAX;
        let number = match self.numbers.get(&(comment, range)) {
            Some(number) => *number,
            None if is_full => return None,
            None => {
                self.loads_begun = next;
                self.numbers.insert((comment, range), next);
                self.wanted.push(next);
                next
            }
        };
        let new = || Load { comment, range, likes: Vec::new(), questions: Vec::new() };
        Some(self.loads.entry(number).or_insert_with(new))
    }

    fn take(&mut self, number: u64) -> Option<Load> {
        let load = self.loads.remove(&number)?;
        self.numbers.remove(&(load.comment, load.range));
        self.questions -= load.questions.len();
        for like in &load.likes {
            self.release(like.viewer);
        }
        Some(load)
    }

    fn release(&mut self, viewer: ViewerKey) {
        self.likes -= 1;
        if let Some(count) = self.viewers.get_mut(&viewer) {
            *count -= 1;
            if *count == 0 {
                self.viewers.remove(&viewer);
            }
        }
    }

    /// Nobody waits for what this peer has sent. Returns how many likes that were.
    pub(crate) fn forget(&mut self, peer: PeerId) -> usize {
        let mut gone = Vec::new();
        for load in self.loads.values_mut() {
            gone.extend(load.likes.extract_if(.., |like| like.peer == peer).map(|like| like.viewer));
            let before = load.questions.len();
            load.questions.retain(|question| question.peer != peer);
            self.questions -= before - load.questions.len();
        }
        let forgotten = gone.len();
        gone.into_iter().for_each(|viewer| self.release(viewer));
        forgotten
    }

    /// Takes all questions out: what they have read so far may have been taken back.
    fn take_questions(&mut self) -> Vec<HeldQuestion> {
        self.questions = 0;
        self.loads.values_mut().flat_map(|load| std::mem::take(&mut load.questions)).collect()
    }
}

impl Processor {
    /// Asks for the pages that somebody has begun to wait for.
    pub(crate) fn ask_for_pages(&mut self, outbox: &mut Vec<Output>) {
        for number in std::mem::take(&mut self.held.wanted) {
            if let Some(Load { comment, range, .. }) = self.held.loads.get(&number) {
                let key = place_of(&self.state.comments[*comment]).page_key(*range);
                outbox.push(Output::Load { load: number, keyspace: Keyspace::Metrics, key });
            }
        }
    }

    /// The store has answered: with a row, or that there is none.
    pub(crate) fn loaded(&mut self, number: u64, value: Option<&[u8]>, outbox: &mut Vec<Output>) {
        let Some(load) = self.held.take(number) else { return };
        let Load { comment, range, .. } = load;
        // Of a comment that was deleted meanwhile no page is left: whoever waited for it is told so.
        if self.state.comments[comment].registers.has(range) {
            let key = place_of(&self.state.comments[comment]).page_key(range);
            let saved = value.map(|value| Saved::decode(Keyspace::Metrics, &key, value));
            let taken = match saved {
                Some(Ok(Saved::Page { cells, .. })) => self.state.load(comment, range, &cells),
                _ => false,
            };
            if !taken {
                return self.give_up(load, outbox);
            }
        }
        for like in load.likes {
            self.retake(like);
        }
        for question in load.questions {
            self.resume(question, outbox);
        }
    }

    /// The store cannot be read.
    pub(crate) fn not_loaded(&mut self, number: u64, outbox: &mut Vec<Output>) {
        if let Some(load) = self.held.take(number) {
            self.give_up(load, outbox);
        }
    }

    fn give_up(&mut self, load: Load, outbox: &mut Vec<Output>) {
        self.counters.loads_failed += 1;
        for HeldLike { peer, number, .. } in load.likes {
            let why = "the store of the comment's owner cannot be read";
            self.answer(peer, number, Answer::Refused(Refusal::retry(Code::Unavailable, RETRY_AFTER_MS, why)));
        }
        refuse_questions(load.questions, outbox);
    }

    /// A group was refused: questions may have read what it took back.
    pub(crate) fn refuse_held_questions(&mut self, outbox: &mut Vec<Output>) {
        refuse_questions(self.held.take_questions(), outbox);
    }

    /// Answers a question about likes, or lets it wait for the next page that it needs.
    pub(crate) fn resume(&mut self, mut question: HeldQuestion, outbox: &mut Vec<Output>) {
        let stream = self.state.streams.find(&question.stream);
        let viewer = self.state.viewers.find(question.viewer);
        while let Some((slot, id)) = question.left.last().copied() {
            let found = self.state.in_slot(stream, slot, &id).zip(viewer);
            match found.map(|(comment, viewer)| (comment, self.state.comments[comment].registers.get(viewer))) {
                Some((comment, Err(cold))) => {
                    let (peer, number) = (question.peer, question.number);
                    if !self.held.ask(comment, cold.0, question) {
                        outbox.push(Output::Reply { peer, number, reply: Reply::Unavailable });
                    }
                    return;
                }
                Some((_, Ok(bits))) if crate::state::liked(bits) => question.liked.push(id),
                _ => {}
            }
            question.left.pop();
        }
        self.reply_riding(question.peer, question.number, Reply::Likes(question.liked), outbox);
    }
}

impl HeldQuestion {
    /// A question that nothing has been answered of; `None` if it is not one about likes.
    pub(crate) fn new(peer: PeerId, number: u64, query: &Query, ids_max: usize) -> Option<Self> {
        let Query::Likes { stream, viewer, comments } = query else { return None };
        let mut left: Vec<(Slot, CommentId)> = comments.iter().take(ids_max).copied().collect();
        left.reverse();
        Some(Self { peer, number, viewer: *viewer, left, liked: Vec::new(), stream: stream.clone() })
    }
}

fn refuse_questions(questions: Vec<HeldQuestion>, outbox: &mut Vec<Output>) {
    let unavailable = |question: HeldQuestion| Output::Reply {
        peer: question.peer,
        number: question.number,
        reply: Reply::Unavailable,
    };
    outbox.extend(questions.into_iter().map(unavailable));
}

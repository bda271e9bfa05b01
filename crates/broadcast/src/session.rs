//! One viewer's rules: who it is, what it may do, and how often.
//!
//! Between the socket, which hands over whole messages, and the uplink, which takes them to their owners.
//! Invariant: at most [`limits::UNANSWERED_MAX`] writes of one viewer are unanswered, and each message with a reference
//! becomes either one write or one answer.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use watershed_protocol::{
    ClusterKey, CommentBody, CommentId, DisplayName, Millis, ReactionKind, Ref, Register, Stamp, StreamId, ViewerId,
    client::{Code, Encoding, Limits, Refusal, Request, RequestError, RequestLimits, Response, frame_of},
    limits,
};

use crate::{
    rate::{Bucket, Rate},
    uplink::{Op, Origin, Write},
};

/// After how long a viewer that ignores the bound on unanswered writes may try again.
const OVERLOADED_RETRY_MS: u64 = 1_000;

/// How many taps may come early: networks deliver evenly sent messages unevenly.
const TAP_BURST: u32 = 2;

/// What holds for all viewers of a node.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Makes the ids of comments and the keys of viewers.
    pub key: ClusterKey,
    /// Fresh at each start of the process: a part of the ids of comments that have no reference.
    pub incarnation: u64,
    /// Who may pin, and remove others' comments.
    pub moderators: BTreeSet<ViewerId>,
    /// The kinds of reactions; taps of other kinds are dropped. At most [`limits::REACTION_KINDS_MAX`].
    pub kinds: BTreeSet<ReactionKind>,
    /// Longest comment in bytes.
    pub comment_bytes: usize,
    /// Comments of one viewer in a minute, all at once if it likes.
    pub comments_per_minute: u32,
    /// Likes, unlikes and deletions of one viewer in a minute, all at once if it likes.
    pub likes_per_minute: u32,
    /// Shortest time between two `react` messages of one viewer, in milliseconds; earlier ones are dropped.
    pub tap_interval_ms: u32,
    /// Something is sent to a viewer at least this often, in milliseconds.
    pub beat_ms: u64,
}

impl SessionConfig {
    /// The default limits: no moderators, and hearts.
    pub fn new(key: ClusterKey, incarnation: u64) -> Self {
        Self {
            key,
            incarnation,
            moderators: BTreeSet::new(),
            kinds: ReactionKind::new("heart").into_iter().collect(),
            comment_bytes: 1_000,
            comments_per_minute: 60,
            likes_per_minute: 600,
            tap_interval_ms: 250,
            beat_ms: 20_000,
        }
    }

    /// What viewers are told of it.
    pub fn limits(&self) -> Limits {
        Limits {
            comment_bytes: self.comment_bytes.min(limits::BODY_BYTES_MAX) as u64,
            comments_per_minute: self.comments_per_minute.into(),
            tap_interval_ms: self.tap_interval_ms.into(),
            beat_ms: self.beat_ms,
        }
    }

    fn taps(&self) -> Rate {
        Rate { per_minute: 60_000 / self.tap_interval_ms.max(1), burst: TAP_BURST }
    }
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to an owner. With a reference it is unanswered until [`Session::answered`].
    Write(Write),
    /// It is answered at once.
    Answer(Response),
    /// It is counted.
    Taps {
        /// Which kind.
        kind: ReactionKind,
        /// How many taps.
        count: u32,
    },
    /// It is dropped, and nobody is told.
    Nothing,
}

/// One viewer on one connection.
#[derive(Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    viewer: ViewerId,
    name: DisplayName,
    stream: StreamId,
    comments: Bucket,
    likes: Bucket,
    taps: Bucket,
    /// Numbers the comments without a reference.
    unnamed: u32,
    unanswered: u8,
    moderator: bool,
    encoding: Encoding,
}

impl Session {
    /// A viewer who has just come.
    pub fn new(
        config: Arc<SessionConfig>,
        viewer: ViewerId,
        name: DisplayName,
        stream: StreamId,
        encoding: Encoding,
    ) -> Self {
        Self {
            moderator: config.moderators.contains(&viewer),
            config,
            viewer,
            name,
            stream,
            comments: Bucket::default(),
            likes: Bucket::default(),
            taps: Bucket::default(),
            unnamed: 0,
            unanswered: 0,
            encoding,
        }
    }

    /// The same with its names in memory of its own. Who keeps it for long calls this on the thread that keeps it: beside the
    /// short-lived memory of a handshake a few bytes that stay would hold whole pages.
    pub fn settled(mut self) -> Self {
        let is_unnamed = self.name.as_str() == self.viewer.as_str();
        self.viewer = self.viewer.copied();
        self.name = if is_unnamed { DisplayName::from(&self.viewer) } else { self.name.copied() };
        self
    }

    /// The stream that it watches.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Who it is.
    pub fn viewer(&self) -> &ViewerId {
        &self.viewer
    }

    /// How its messages are written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The first message to it, as a whole WebSocket frame: where it is, and where it belongs.
    pub fn welcome(&self, node: &str, placed: &str) -> Bytes {
        let welcome = Response::Welcome {
            viewer: self.viewer.clone(),
            node: node.to_owned(),
            stream: self.stream.clone(),
            placed: placed.to_owned(),
            limits: self.config.limits(),
        };
        frame_of(self.encoding.opcode(), &welcome.encode(self.encoding))
    }

    /// Whether its socket may be read: not while too many of its writes are unanswered.
    pub fn may_read(&self) -> bool {
        self.unanswered < limits::UNANSWERED_MAX
    }

    /// One of its writes has been answered.
    pub fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// Takes one message of the viewer.
    pub fn request(&mut self, now: Millis, origin: Origin, payload: &[u8]) -> Verdict {
        let limits = RequestLimits { body_bytes: self.config.comment_bytes };
        match Request::decode(self.encoding, payload, &limits) {
            Ok(Request::React { kind, count }) => self.react(now, kind, count),
            Ok(Request::Comment { reference, body }) => {
                let op = self.comment(now, origin, reference.as_ref(), body);
                self.write(origin, reference, op)
            }
            Ok(Request::Like { reference, id, liked, stamp }) => {
                let op = self.like(now, id, liked, stamp);
                self.write(origin, reference, op)
            }
            Ok(Request::Delete { reference, id }) => {
                let op = self.delete(now, id);
                self.write(origin, reference, op)
            }
            Ok(Request::Pin { reference, id }) => {
                let op = self.pin(id);
                self.write(origin, reference, op)
            }
            Err(error) => refuse_unread(error),
        }
    }

    fn comment(
        &mut self,
        now: Millis,
        origin: Origin,
        reference: Option<&Ref>,
        body: CommentBody,
    ) -> Result<Op, Refusal> {
        let per_minute = self.config.comments_per_minute;
        let rate = Rate { per_minute, burst: per_minute };
        self.comments.take(now, rate).map_err(|wait_ms| {
            Refusal::retry(Code::RateLimited, wait_ms, format!("{per_minute} comments a minute are allowed"))
        })?;
        let key = &self.config.key;
        let id = match reference {
            Some(reference) => key.comment(&self.stream, &self.viewer, reference.as_str().as_bytes()),
            None => {
                self.unnamed = self.unnamed.wrapping_add(1);
                let reference = own_reference([self.config.incarnation, origin.0, now.get(), self.unnamed.into()]);
                key.comment(&self.stream, &self.viewer, &reference)
            }
        };
        Ok(Op::Comment { id, author: self.viewer.clone(), name: self.name.clone(), body })
    }

    fn like(&mut self, now: Millis, id: CommentId, liked: bool, stamp: Option<Stamp>) -> Result<Op, Refusal> {
        self.take_like(now)?;
        let at_arrival = || Stamp::new(now.get().clamp(1, limits::STAMP_MAX));
        let stamp = stamp.map_or_else(at_arrival, Ok);
        let stamp = stamp.map_err(|invalid| Refusal::last(Code::BadStamp, invalid.to_string()))?;
        let viewer = self.config.key.viewer(&self.viewer);
        Ok(Op::Like { id, viewer, register: Register { stamp, liked } })
    }

    /// Whether the viewer is the author is for the owner to say. Moderation is never slowed down.
    fn delete(&mut self, now: Millis, id: CommentId) -> Result<Op, Refusal> {
        if !self.moderator {
            self.take_like(now)?;
        }
        Ok(Op::Delete { id, viewer: self.viewer.clone(), moderator: self.moderator })
    }

    fn pin(&self, id: Option<CommentId>) -> Result<Op, Refusal> {
        if self.moderator { Ok(Op::Pin { id }) } else { Err(Refusal::last(Code::Forbidden, "only moderators may pin")) }
    }

    fn take_like(&mut self, now: Millis) -> Result<(), Refusal> {
        let per_minute = self.config.likes_per_minute;
        self.likes.take(now, Rate { per_minute, burst: per_minute }).map_err(|wait_ms| {
            let why = format!("{per_minute} likes and deletions a minute are allowed");
            Refusal::retry(Code::RateLimited, wait_ms, why)
        })
    }

    /// Taps have no answer, whatever becomes of them.
    fn react(&mut self, now: Millis, kind: ReactionKind, count: u32) -> Verdict {
        if self.config.kinds.contains(&kind) && self.taps.take(now, self.config.taps()).is_ok() {
            Verdict::Taps { kind, count }
        } else {
            Verdict::Nothing
        }
    }

    fn write(&mut self, origin: Origin, reference: Option<Ref>, op: Result<Op, Refusal>) -> Verdict {
        let op = op.and_then(|op| if reference.is_none() || self.may_read() { Ok(op) } else { Err(too_many()) });
        match (op, reference) {
            (Ok(op), reference) => {
                self.unanswered += u8::from(reference.is_some());
                Verdict::Write(Write { origin, stream: self.stream.clone(), reference, op })
            }
            (Err(refusal), Some(reference)) => Verdict::Answer(Response::reject(Some(reference), refusal)),
            (Err(_), None) => Verdict::Nothing,
        }
    }
}

fn too_many() -> Refusal {
    let why = format!("{} writes are unanswered, no more are taken", limits::UNANSWERED_MAX);
    Refusal::retry(Code::Overloaded, OVERLOADED_RETRY_MS, why)
}

/// A message that says nothing we know is answered even without a reference, so that its author finds the mistake.
fn refuse_unread(error: RequestError) -> Verdict {
    let RequestError { reference, understood, refusal } = error;
    if reference.is_none() && understood {
        return Verdict::Nothing;
    }
    Verdict::Answer(Response::reject(reference, refusal))
}

/// A reference that no client can have chosen, for it is longer than theirs, and no other comment has.
fn own_reference(parts: [u64; 4]) -> [u8; limits::REF_BYTES_MAX + 32] {
    let mut reference = [0; limits::REF_BYTES_MAX + 32];
    for (place, part) in reference[limits::REF_BYTES_MAX..].chunks_exact_mut(8).zip(parts) {
        place.copy_from_slice(&part.to_le_bytes());
    }
    reference
}

#[cfg(test)]
mod tests;

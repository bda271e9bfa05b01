//! Every comment that was written or seen: who wrote it, what is known of it, and how one becomes the other.
//!
//! Fed by sendings, by acknowledgements (which name the id) and by sightings in frames (which may come before them).
//! Invariant: a comment keeps the author, name, body and time that it was first seen with.

use std::collections::BTreeMap;

use watershed_protocol::{CommentId, client::Line};

use crate::{Point, Violation, counts::Counts, likes::Registers, sends::Fate};

/// A comment as a person of this crowd sent it.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) person: u32,
    pub(crate) body: String,
    /// The turn of its first sending: whoever had a view by then must get it.
    pub(crate) turn: u64,
    pub(crate) fate: Fate,
    pub(crate) id: Option<CommentId>,
    /// The turn in which it was first acknowledged.
    pub(crate) done: Option<u64>,
}

/// All that is known of one comment id.
#[derive(Debug, Default)]
pub(crate) struct Dossier {
    /// Which sending it is, if it is of this crowd.
    pub(crate) written: Option<usize>,
    /// A digest of author, name, body and time, once it was seen.
    pub(crate) content: Option<u64>,
    /// The earliest point at which it was seen.
    pub(crate) seen_by: Option<Point>,
    /// Deletions that may take effect.
    pub(crate) may_delete: u32,
    /// A deletion was acknowledged.
    pub(crate) deleted: bool,
    /// The earliest point by which a frame listed its deletion.
    pub(crate) deleted_by: Option<Point>,
    pub(crate) registers: Registers,
    pub(crate) counts: Counts,
}

impl Dossier {
    /// Whether it may be gone.
    pub(crate) fn may_be_deleted(&self) -> bool {
        self.may_delete > 0 || self.deleted || self.deleted_by.is_some()
    }
}

/// All comments of a stream.
#[derive(Debug, Default)]
pub(crate) struct Comments {
    /// In the order of first sendings, so by turn.
    pub(crate) written: Vec<Written>,
    pub(crate) known: BTreeMap<CommentId, Dossier>,
    /// Written and not yet known by id, by author and body.
    unbound: BTreeMap<(u32, String), Vec<usize>>,
}

/// Who an author is to this crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// A person of this crowd.
    Own(u32),
    /// Somebody else, who may be on the stream.
    Foreign,
    /// Somebody who cannot have written.
    Impossible,
}

impl Comments {
    /// A new comment is sent; gives its number.
    pub(crate) fn write(&mut self, person: u32, body: &str, turn: u64) -> usize {
        let number = self.written.len();
        self.written.push(Written { person, body: body.into(), turn, fate: Fate::Open, id: None, done: None });
        self.unbound.entry((person, body.into())).or_default().push(number);
        number
    }

    /// The dossier of a comment, opened at its first mention.
    pub(crate) fn dossier(&mut self, id: CommentId) -> &mut Dossier {
        self.known.entry(id).or_default()
    }

    /// A sending was acknowledged with an id. `Err` says why that cannot be.
    pub(crate) fn acknowledge(&mut self, number: usize, id: CommentId) -> Result<(), String> {
        let was_acknowledged = self.written[number].fate == Fate::Acknowledged;
        self.written[number].fate = Fate::Acknowledged;
        let (seen_as, bound_to) = (self.written[number].id, self.dossier(id).written);
        if seen_as == Some(id) {
            return Ok(());
        }
        if was_acknowledged && let Some(first) = seen_as {
            return Err(format!("one ref was acknowledged as {first} and as {id}"));
        }
        // A sighting binds by author and body alone; of two sendings with the same body it may have taken the wrong one.
        match bound_to {
            None => {}
            Some(other) if self.is_twin(other, number) && self.written[other].fate != Fate::Acknowledged => {
                self.release(other);
            }
            Some(other) => {
                let body = &self.written[other].body;
                return Err(format!("{id} was acknowledged for two refs, one with the body {body:?}"));
            }
        }
        if let Some(wrong) = seen_as {
            self.release(number);
            self.bind(number, id);
            let (person, body) = (self.written[number].person, self.written[number].body.clone());
            return match self.candidate(person, &body) {
                Some(twin) => {
                    self.bind(twin, wrong);
                    Ok(())
                }
                None => Err(format!("one sending is stored as {wrong} and as {id}, body {body:?}")),
            };
        }
        self.bind(number, id);
        Ok(())
    }

    /// A comment was seen. `Err` says what cannot be.
    pub(crate) fn sight(&mut self, line: &Line, author: Author) -> Result<Sighting, (Violation, String)> {
        let content = digest(line);
        let Line { id, body, .. } = line;
        let dossier = self.dossier(*id);
        if let Some(first) = dossier.content {
            if first == content {
                return Ok(Sighting { written: dossier.written, is_new: false });
            }
            let words =
                format!("{id} is now by {}, {:?}, at {}, and was not before", line.author, short(body), line.at);
            return Err((Violation::CommentChanged, words));
        }
        dossier.content = Some(content);
        let said = || format!("{id} by {} says {:?}", line.author, short(body));
        let written = dossier.written;
        match (author, written) {
            (Author::Foreign, None) => return Ok(Sighting { written: None, is_new: true }),
            (Author::Own(person), Some(number)) => {
                let sent = &self.written[number];
                if sent.person == person && sent.body == *body {
                    return Ok(Sighting { written, is_new: true });
                }
                return Err((Violation::NobodyWrote, format!("{}, its sending was {:?}", said(), short(&sent.body))));
            }
            (Author::Own(person), None) => {
                if let Some(number) = self.candidate(person, body) {
                    self.bind(number, *id);
                    return Ok(Sighting { written: Some(number), is_new: true });
                }
                if self.unbound.contains_key(&(person, body.clone())) {
                    return Err((Violation::RefusedShown, format!("{}, and was refused", said())));
                }
            }
            (Author::Foreign | Author::Impossible, _) => {}
        }
        Err((Violation::NobodyWrote, format!("{}, and nobody wrote that", said())))
    }

    /// The comment is certainly stored: it was acknowledged, or somebody saw it.
    pub(crate) fn happened(&self, written: &Written) -> bool {
        let seen = || written.id.and_then(|id| self.known.get(&id)).is_some_and(|dossier| dossier.content.is_some());
        written.fate == Fate::Acknowledged || seen()
    }

    /// A sending with this author and body that no id is known of, and that may have taken effect.
    fn candidate(&self, person: u32, body: &str) -> Option<usize> {
        let numbers = self.unbound.get(&(person, body.to_owned()))?;
        numbers.iter().copied().find(|number| self.written[*number].fate != Fate::Refused)
    }

    fn is_twin(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.written[one], &self.written[other]);
        one.person == other.person && one.body == other.body
    }

    fn bind(&mut self, number: usize, id: CommentId) {
        self.written[number].id = Some(id);
        self.dossier(id).written = Some(number);
        let key = (self.written[number].person, self.written[number].body.clone());
        if let Some(numbers) = self.unbound.get_mut(&key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.unbound.remove(&key);
            }
        }
    }

    fn release(&mut self, number: usize) {
        if let Some(id) = self.written[number].id.take() {
            self.dossier(id).written = None;
        }
        let key = (self.written[number].person, self.written[number].body.clone());
        self.unbound.entry(key).or_default().push(number);
    }
}

/// What a sighting tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// The sending, if it is of this crowd.
    pub(crate) written: Option<usize>,
    /// It was never seen before.
    pub(crate) is_new: bool,
}

/// FNV-1a over what may not change; a chance collision hides one fault in 2^64.
fn digest(line: &Line) -> u64 {
    let Line { author, name, body, at, .. } = line;
    let bytes = [author.as_str().as_bytes(), name.as_str().as_bytes(), body.as_bytes(), &at.to_be_bytes()];
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, part| {
        part.iter().chain(&[0xff]).fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
    })
}

/// A body as far as a report needs it.
fn short(body: &str) -> String {
    body.chars().take(60).collect()
}

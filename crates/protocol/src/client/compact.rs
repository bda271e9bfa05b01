//! The compact form: the MessagePack arrays, in which a comment has an ordinal, and is called by it from then on.
//!
//! Frames and snapshots are written from what the feed brings; what is for one viewer alone is as in MessagePack. `docs/protocol.md`
//! has the arrays. Invariant: a comment is called by its ordinal only where the frame does so, never by a guess of this place.

use serde::{Deserialize, Serialize, Serializer};

use super::{Line, Response};
use crate::{CommentId, Delta, DisplayName, Ordinal, Shown, Snapshot, ViewerId};

/// What a comment is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A whole number.
    Ordinal(Ordinal),
    /// 16 bytes.
    Id(CommentId),
}

impl Name {
    fn of((id, ordinal): (CommentId, Option<Ordinal>)) -> Self {
        ordinal.map_or(Self::Id(id), Self::Ordinal)
    }
}

/// A comment in an array: as in MessagePack, and its ordinal.
#[derive(Serialize)]
struct Row<'a>(CommentId, &'a ViewerId, &'a DisplayName, &'a str, u64, u64, Option<Ordinal>);

#[derive(Serialize)]
struct SnapshotRow<'a, R>(u8, u64, u64, bool, u64, &'a R, Option<Row<'a>>, Vec<Row<'a>>, Vec<Row<'a>>);

#[derive(Serialize)]
struct DeltaRow<'a, R>(
    u8,
    u64,
    u64,
    u64,
    Vec<Row<'a>>,
    Vec<(Name, u64)>,
    Vec<Name>,
    Option<Vec<Row<'a>>>,
    Option<Vec<Row<'a>>>,
    &'a Option<R>,
    Option<u64>,
    u64,
    u64,
);

/// A frame or a range.
pub(super) fn delta(delta: &Delta) -> Vec<u8> {
    let pinned = delta.pinned.as_ref();
    written(&DeltaRow(
        2,
        delta.epoch.get(),
        delta.from.get(),
        delta.seq.get(),
        rows(&delta.comments),
        delta.likes_numbered().map(|(id, ordinal, count)| (Name::of((id, ordinal)), count)).collect(),
        delta.deleted_numbered().map(Name::of).collect(),
        pinned.map(|pinned| pinned.comment().map(Row::from).into_iter().collect()),
        delta.top.as_deref().map(rows),
        &delta.reactions,
        delta.viewers,
        delta.shown,
        delta.total,
    ))
}

/// A whole view.
pub(super) fn snapshot(snapshot: &Snapshot) -> Vec<u8> {
    let Snapshot { epoch, seq, partial, viewers, reactions, pinned, top, comments } = snapshot;
    let pinned = pinned.comment().map(Row::from);
    written(&SnapshotRow(1, epoch.get(), seq.get(), *partial, *viewers, reactions, pinned, rows(top), rows(comments)))
}

/// A message as clients know it: nothing in it has an ordinal.
pub(super) fn response(response: &Response) -> Vec<u8> {
    match response {
        Response::Snapshot { epoch, seq, partial, viewers, reactions, pinned, top, comments } => {
            let pinned = pinned.as_ref().map(Row::from);
            written(&SnapshotRow(1, *epoch, *seq, *partial, *viewers, reactions, pinned, rows(top), rows(comments)))
        }
        Response::Delta {
            epoch,
            from,
            seq,
            comments,
            likes,
            deleted,
            pinned,
            top,
            reactions,
            viewers,
            shown,
            total,
        } => written(&DeltaRow(
            2,
            *epoch,
            *from,
            *seq,
            rows(comments),
            likes.iter().map(|(id, count)| (Name::Id(*id), *count)).collect(),
            deleted.iter().copied().map(Name::Id).collect(),
            pinned.as_ref().map(|pinned| pinned.iter().map(Row::from).collect()),
            top.as_deref().map(rows),
            reactions,
            *viewers,
            *shown,
            *total,
        )),
        other => other.message_pack(),
    }
}

fn rows<'a, T>(comments: &'a [T]) -> Vec<Row<'a>>
where
    Row<'a>: From<&'a T>,
{
    comments.iter().map(Row::from).collect()
}

fn written(message: &impl Serialize) -> Vec<u8> {
    // The writer fails only where the sink or a key's type does; a Vec and these types do neither.
    rmp_serde::to_vec(message).unwrap_or_else(|error| unreachable!("a message of our own always encodes: {error}"))
}

impl<'a> From<&'a Shown> for Row<'a> {
    fn from(Shown { comment, likes, ordinal }: &'a Shown) -> Self {
        let at = comment.time.millis().get();
        Self(comment.id, &comment.author, &comment.name, comment.body.as_str(), at, *likes, *ordinal)
    }
}

impl<'a> From<&'a Line> for Row<'a> {
    fn from(line: &'a Line) -> Self {
        Self(line.id, &line.author, &line.name, &line.body, line.at, line.likes, None)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ordinal(ordinal) => ordinal.serialize(serializer),
            Self::Id(id) => id.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Name;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an ordinal or the 16 bytes of an id")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Name, E> {
                Ordinal::try_from(number).map(Name::Ordinal).map_err(E::custom)
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Name, E> {
                let id = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
                Ok(Name::Id(CommentId::from_bytes(id)))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

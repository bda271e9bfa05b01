//! Views at one (epoch, seq) must agree in all that both cover: the contents reached at the latest points.
//!
//! Between the steps of screens and the findings. Invariant: contents with the same point and coverage are one object,
//! and at most [`POINTS_MAX`] points are kept.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use watershed_protocol::CommentId;

use crate::{Point, contents::Contents};

/// Points that are kept for comparison: half a minute at 10 frames a second. Later comers to older ones go unchecked.
const POINTS_MAX: usize = 300;

/// The contents of views, by point.
#[derive(Debug, Default)]
pub(crate) struct Agreement {
    points: BTreeMap<Point, Vec<Arc<Contents>>>,
}

/// A comment in which two views at one point differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The counts are not the same.
    Count { id: CommentId, one: u64, other: u64 },
    /// One view still shows what was deleted by this point.
    Deleted { id: CommentId },
}

impl Agreement {
    /// Takes contents that a view reached; gives the shared ones, and the first difference to others at the same point.
    pub(crate) fn settle(
        &mut self,
        contents: Contents,
        deleted: impl Fn(CommentId) -> bool,
    ) -> (Arc<Contents>, Option<Difference>) {
        let point = contents.point();
        let here = self.points.entry(point).or_default();
        let same = here.iter().position(|other| other.coverage() == contents.coverage());
        let difference = match same {
            Some(at) => compare(&contents, &here[at], &deleted),
            None => {
                let widest = here.iter().max_by_key(|other| other.covered().len());
                widest.and_then(|widest| compare(&contents, widest, &deleted))
            }
        };
        let shared = match same {
            Some(at) if difference.is_none() => here[at].clone(),
            _ => {
                let shared = Arc::new(contents);
                if same.is_none() {
                    here.push(shared.clone());
                }
                shared
            }
        };
        while self.points.len() > POINTS_MAX {
            self.points.pop_first();
        }
        (shared, difference)
    }
}

/// The first comment that both cover with different counts, or that only one has although it is deleted.
fn compare(one: &Contents, other: &Contents, deleted: &impl Fn(CommentId) -> bool) -> Option<Difference> {
    let (mut a, mut b) = (one.covered(), other.covered());
    loop {
        let alone = match (a.first(), b.first()) {
            (None, None) => return None,
            (Some(&(id, one)), Some(&(with, other))) => match id.cmp(&with) {
                Ordering::Equal if one != other => return Some(Difference::Count { id, one, other }),
                Ordering::Equal => {
                    (a, b) = (&a[1..], &b[1..]);
                    continue;
                }
                Ordering::Less => id,
                Ordering::Greater => with,
            },
            (Some(&(id, _)), None) | (None, Some(&(id, _))) => id,
        };
        if deleted(alone) {
            return Some(Difference::Deleted { id: alone });
        }
        if a.first().is_some_and(|(id, _)| *id == alone) {
            a = &a[1..];
        } else {
            b = &b[1..];
        }
    }
}

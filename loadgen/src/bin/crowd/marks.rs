//! Markers: a few comments whose counts are followed, viewer by viewer.
//!
//! Beside the viewers' records, and empty when no comment is followed. Invariant: a row holds the count that the viewer was
//! told last, or [`UNSEEN`].

use std::collections::BTreeMap;

use watershed_protocol::CommentId;

use crate::arguments::Markers;

/// Most comments that are followed.
pub(crate) const MARKS_MAX: usize = 8;
/// No count has come.
pub(crate) const UNSEEN: u32 = u32::MAX;

/// The counts of all markers, in the order of [`Marks::ids`].
pub(crate) type Row = [u32; MARKS_MAX];

/// The markers and who has which counts.
#[derive(Debug)]
pub(crate) struct Marks {
    ids: Vec<CommentId>,
    learning: bool,
    rows: Vec<Row>,
}

impl Marks {
    pub(crate) fn new(markers: &Markers) -> Self {
        let (ids, learning) = match markers {
            Markers::None => (Vec::new(), false),
            Markers::First => (Vec::new(), true),
            Markers::Ids(ids) => (ids.clone(), false),
        };
        Self { ids, learning, rows: Vec::new() }
    }

    /// Whether any are followed.
    pub(crate) fn any(&self) -> bool {
        self.learning || !self.ids.is_empty()
    }

    /// Makes room for so many viewers.
    pub(crate) fn reserve(&mut self, viewers: usize) {
        if self.any() {
            self.rows.resize(viewers, [UNSEEN; MARKS_MAX]);
        }
    }

    /// Notes a count in the row of a message, if the comment is one of the markers, or can become one.
    pub(crate) fn note(&mut self, id: CommentId, likes: u64, row: &mut Row) {
        let mut place = self.ids.iter().position(|marker| *marker == id);
        if place.is_none() && self.learning && self.ids.len() < MARKS_MAX {
            place = Some(self.ids.len());
            self.ids.push(id);
        }
        if let Some(place) = place {
            row[place] = u32::try_from(likes).unwrap_or(UNSEEN - 1);
        }
    }

    /// A viewer is told what a message says.
    pub(crate) fn tell(&mut self, viewer: u32, told: &Row) {
        let Some(row) = self.rows.get_mut(viewer as usize) else { return };
        for (count, told) in row.iter_mut().zip(told).filter(|(_, told)| **told != UNSEEN) {
            *count = *told;
        }
    }

    /// Of each marker: how many viewers have which count. Viewers that have none are not in it.
    pub(crate) fn counts(&self) -> BTreeMap<String, BTreeMap<u32, u64>> {
        let mut counts = BTreeMap::new();
        for (place, id) in self.ids.iter().enumerate() {
            let of_one: &mut BTreeMap<u32, u64> = counts.entry(id.to_string()).or_default();
            for row in self.rows.iter().filter(|row| row[place] != UNSEEN) {
                *of_one.entry(row[place]).or_default() += 1;
            }
        }
        counts
    }
}

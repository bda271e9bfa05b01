//! What the viewers of one stream at one worker have brought that the node has yet to be told.
//!
//! Between what is read from sockets and the report. Invariant: taps and refused writes only add up until they are told.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use watershed_protocol::{Empty, Epoch, ReactionKind, Seq, StreamId};

use super::{Event, viewer::Seat};

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Untold {
    /// Viewers whose resume points are ahead of the room.
    pub(super) ahead: BTreeMap<(Epoch, Seq), Ahead>,
    /// Taps.
    pub(super) taps: BTreeMap<ReactionKind, u64>,
    /// Writes refused because the node has too many.
    pub(super) shed: u64,
}

/// Viewers that wait for one point.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Whether the node has been told of the point.
    pub(super) asked: bool,
    pub(super) viewers: Vec<Seat>,
}

impl Empty for Untold {
    const EMPTY: &'static Self = &Self { ahead: BTreeMap::new(), taps: BTreeMap::new(), shed: 0 };
}

impl Untold {
    /// Whether nothing is left to tell, and nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.ahead.is_empty() && self.taps.is_empty() && self.shed == 0
    }

    /// Tells the node; false when its channel is full, and the rest is told later. Whoever waits for a point still does.
    pub(super) fn tell(&mut self, name: &StreamId, events: &mpsc::Sender<Event>) -> bool {
        for (point, waiting) in self.ahead.iter_mut().filter(|(_, waiting)| !waiting.asked) {
            let (epoch, seq) = *point;
            if events.try_send(Event::Ahead { stream: name.clone(), epoch, seq }).is_err() {
                return false;
            }
            waiting.asked = true;
        }
        while let Some((kind, count)) = self.taps.pop_first() {
            let taps = Event::Taps { stream: name.clone(), kind: kind.clone(), count };
            if events.try_send(taps).is_err() {
                self.taps.insert(kind, count);
                return false;
            }
        }
        if self.shed > 0 {
            let shed = Event::Shed { stream: name.clone(), count: self.shed };
            if events.try_send(shed).is_err() {
                return false;
            }
            self.shed = 0;
        }
        true
    }
}

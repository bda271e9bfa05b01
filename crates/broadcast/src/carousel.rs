//! The order of service of one stream's viewers at one worker: who is next, and who has had its turn.
//!
//! Between the room, whose head moves, and the worker, which owns the sockets and writes to them. The machine knows
//! viewers only by number; what each is owed follows from its cursor.
//!
//! Invariant: once a turn is called, every viewer that is a member until the turn ends is named by it, whoever joins or
//! leaves meanwhile; and calling again while a turn goes on costs those who wait nothing.
//!
//! ```text
//!            at               at + waiting
//!   served   │     waiting    │   served          a ring: the waiting ones may wrap round its end
//! ──○──○──○──●──●──●──●──●──●─┼──○──○──○──
//! ```

/// The members of a stream at one worker, in a ring, and how far the turn has come.
#[derive(Clone, Debug, Default)]
pub struct Round {
    members: Vec<u32>,
    at: usize,
    waiting: usize,
}

impl Round {
    /// Number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Members that the turn has still to name; 0 when no turn goes on.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// All members, in no order that means anything.
    pub fn members(&self) -> &[u32] {
        &self.members
    }

    /// A viewer comes; its place is returned. It need not be named by the turn that goes on: serve it now.
    pub fn join(&mut self, viewer: u32) -> u32 {
        let place = self.members.len();
        if self.at + self.waiting > place {
            // The waiting ones wrap round the end, where the newcomer now stands among them.
            self.waiting += 1;
        }
        self.members.push(viewer);
        place_of(place)
    }

    /// The member at `place` goes. `moved` is told the new place of each member that had to move, at most three.
    ///
    /// A hole in the ring is filled from its end. When that would carry a waiting member among the served, the hole is
    /// first handed on to the edge between them, so that nobody loses the turn.
    pub fn leave(&mut self, place: u32, mut moved: impl FnMut(u32, u32)) {
        let mut hole = place as usize;
        assert!(hole < self.members.len(), "place {place} is beyond the {} members", self.members.len());
        let last = self.members.len() - 1;
        let mut shift = |members: &mut [u32], from: usize, to: usize| {
            if from != to {
                members[to] = members[from];
                moved(members[to], place_of(to));
            }
        };
        if self.is_waiting(hole) {
            // The next in the turn fills the hole and waits on there; the edge steps past where it stood.
            shift(&mut self.members, self.at, hole);
            hole = self.at;
            self.at = self.after(self.at);
            self.waiting -= 1;
        }
        if hole != last && self.is_waiting(last) {
            // The one served last fills the hole, the ring's end takes its place and with it joins the waiting.
            // There is a place before the edge: at 0, with the end waiting, all would wait, the hole too.
            shift(&mut self.members, self.at - 1, hole);
            hole = self.at - 1;
            self.at = hole;
        }
        shift(&mut self.members, last, hole);
        self.members.pop();
        if self.at >= self.members.len() {
            self.at = 0;
        }
    }

    /// Something new is there for everybody: a turn of all members begins at the present place.
    pub fn call(&mut self) {
        self.waiting = self.members.len();
    }

    /// Who is next in the turn; `None` when it is over.
    pub fn advance(&mut self) -> Option<u32> {
        self.waiting = self.waiting.checked_sub(1)?;
        let viewer = self.members[self.at];
        self.at = self.after(self.at);
        Some(viewer)
    }

    fn after(&self, place: usize) -> usize {
        if place + 1 == self.members.len() { 0 } else { place + 1 }
    }

    fn is_waiting(&self, place: usize) -> bool {
        let length = self.members.len();
        let ahead = if place >= self.at { place - self.at } else { place + length - self.at };
        ahead < self.waiting
    }
}

fn place_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or_else(|_| unreachable!("a worker has fewer than 2^32 viewers"))
}

#[cfg(test)]
mod tests;

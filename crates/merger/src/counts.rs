//! The tallies of one stream's comments, and which of them the viewers have yet to be told.
//!
//! Reports merge into it, frames take out of it. A count is shown only with all parts of one generation of its spread in
//! hand; a newer generation takes over when it is complete.
//!
//! Invariant: a register is only replaced by a later one, so repeats and old tallies change nothing while it is kept. It is
//! kept as long as its count waits, and then until `kept_max` others have changed after it; a link does not repeat that late.

use std::collections::{BTreeMap, VecDeque};

use watershed_protocol::{CommentId, Empty, Mutant, Part, Rare, Spread, Tally, peer::report::TallyRow};

/// Tallies by comment.
#[derive(Debug)]
pub(crate) struct Counts {
    kept_max: usize,
    rows: Rare<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    entries: BTreeMap<CommentId, Entry>,
    /// Comments whose counts wait, oldest change first. May name some that have been told in the meantime, never the first.
    waiting: VecDeque<CommentId>,
    /// Comments whose counts do not wait, by when they were last heard of.
    quiet: BTreeMap<u64, CommentId>,
    quiet_next: u64,
    /// Spread comments whose newest generation is not complete.
    lacking: BTreeMap<CommentId, Spread>,
}

impl Empty for Rows {
    const EMPTY: &'static Self = &Self {
        entries: BTreeMap::new(),
        waiting: VecDeque::new(),
        quiet: BTreeMap::new(),
        quiet_next: 0,
        lacking: BTreeMap::new(),
    };
}

#[derive(Debug)]
struct Entry {
    /// The generation that is shown: all its parts are in hand.
    shown: Option<Generation>,
    /// A newer one that is not complete.
    next: Option<Generation>,
    told: Told,
}

#[derive(Debug)]
enum Told {
    Waiting,
    /// Its place in `quiet`.
    Quiet(u64),
}

impl Counts {
    pub(crate) fn new(kept_max: usize) -> Self {
        Self { kept_max, rows: Rare::default() }
    }

    /// Takes a tally; true when it tells something new.
    pub(crate) fn merge(&mut self, row: &TallyRow) -> bool {
        let rows = self.rows.make();
        let news = rows.merge(row);
        rows.tidy(self.kept_max);
        news
    }

    /// The count to show, if any is known.
    pub(crate) fn count(&self, id: CommentId) -> Option<u64> {
        Some(self.rows.entries.get(&id)?.shown.as_ref()?.sum())
    }

    /// Whether parts of some comment's count have not been told.
    pub(crate) fn is_lacking(&self) -> bool {
        !self.rows.lacking.is_empty()
    }

    /// Whether parts of this comment's count have not been told.
    pub(crate) fn lacks(&self, id: CommentId) -> bool {
        self.rows.lacking.contains_key(&id)
    }

    /// The comments whose parts are to be asked for, at most `max`. An owner may be away for long, so there is no last time.
    pub(crate) fn ask(&self, max: usize) -> Vec<(CommentId, Spread)> {
        self.rows.lacking.iter().take(max).map(|(id, spread)| (*id, *spread)).collect()
    }

    /// How many counts wait, at most; 0 when none does.
    pub(crate) fn waiting(&self) -> usize {
        self.rows.waiting.len()
    }

    /// The viewers are told this count in another way.
    pub(crate) fn told(&mut self, id: CommentId) {
        let Some(rows) = self.rows.made() else { return };
        if let Some(entry) = rows.entries.get_mut(&id).filter(|entry| entry.waits()) {
            entry.told = be_quiet(id, &mut rows.quiet, &mut rows.quiet_next);
        }
        rows.tidy(self.kept_max);
    }

    /// Takes out up to `max` counts that wait, oldest change first.
    pub(crate) fn take(&mut self, max: usize) -> Vec<(CommentId, u64)> {
        let Some(rows) = self.rows.made() else { return Vec::new() };
        let taken = rows.take(max);
        rows.tidy(self.kept_max);
        taken
    }

    /// The comment is gone.
    pub(crate) fn remove(&mut self, id: CommentId) {
        let Some(rows) = self.rows.made() else { return };
        rows.lacking.remove(&id);
        if let Some(Entry { told: Told::Quiet(place), .. }) = rows.entries.remove(&id) {
            rows.quiet.remove(&place);
        }
        rows.tidy(self.kept_max);
    }

    /// Whether the viewers have yet to be told this comment's count.
    pub(crate) fn waits(&self, id: CommentId) -> bool {
        self.rows.waits(id)
    }
}

impl Rows {
    fn merge(&mut self, row: &TallyRow) -> bool {
        let Self { entries, quiet, quiet_next, .. } = self;
        let entry = entries.entry(row.id).or_insert_with(|| Entry::new(row.id, quiet, quiet_next));
        let (news, changed) = entry.merge(row.part, row.tally);
        match &entry.next {
            None => drop(self.lacking.remove(&row.id)),
            Some(next) => drop(self.lacking.insert(row.id, next.spread)),
        }
        if let Told::Quiet(place) = entry.told {
            quiet.remove(&place);
            if changed && !Mutant::CountUntold.lives() {
                entry.told = Told::Waiting;
                self.waiting.push_back(row.id);
            } else {
                entry.told = be_quiet(row.id, quiet, quiet_next);
            }
        }
        news
    }

    fn take(&mut self, max: usize) -> Vec<(CommentId, u64)> {
        let mut taken = Vec::new();
        while taken.len() < max
            && let Some(id) = self.waiting.pop_front()
        {
            let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.waits()) else { continue };
            entry.told = be_quiet(id, &mut self.quiet, &mut self.quiet_next);
            taken.extend(entry.shown.as_ref().map(|shown| (id, shown.sum())));
        }
        taken
    }

    fn waits(&self, id: CommentId) -> bool {
        self.entries.get(&id).is_some_and(Entry::waits)
    }

    fn tidy(&mut self, kept_max: usize) {
        while self.waiting.front().is_some_and(|id| !self.waits(*id)) {
            self.waiting.pop_front();
        }
        while self.quiet.len() > kept_max
            && let Some((_, id)) = self.quiet.pop_first()
        {
            self.entries.remove(&id);
            self.lacking.remove(&id);
        }
    }
}

fn be_quiet(id: CommentId, quiet: &mut BTreeMap<u64, CommentId>, next: &mut u64) -> Told {
    let place = *next;
    *next += 1;
    quiet.insert(place, id);
    Told::Quiet(place)
}

impl Entry {
    fn new(id: CommentId, quiet: &mut BTreeMap<u64, CommentId>, next: &mut u64) -> Self {
        Self { shown: None, next: None, told: be_quiet(id, quiet, next) }
    }

    fn waits(&self) -> bool {
        matches!(self.told, Told::Waiting)
    }

    /// Whether the tally was later than what is held, and whether the shown count is another now.
    fn merge(&mut self, part: Part, tally: Tally) -> (bool, bool) {
        let before = self.shown.as_ref().map(Generation::sum);
        let news = match (&mut self.shown, &mut self.next) {
            (Some(shown), _) if shown.holds(part) => shown.merge(part, tally),
            (Some(shown), _) if part.spread().generation() <= shown.spread.generation() => false,
            (_, Some(next)) if next.holds(part) => next.merge(part, tally),
            (_, Some(next)) if part.spread().generation() <= next.spread.generation() => false,
            (_, next) => next.insert(Generation::new(part)).merge(part, tally),
        };
        if self.next.as_ref().is_some_and(Generation::is_complete) {
            self.shown = self.next.take();
        }
        (news, before != self.shown.as_ref().map(Generation::sum))
    }
}

/// The registers of one generation of a spread.
#[derive(Debug)]
struct Generation {
    spread: Spread,
    parts: BTreeMap<u16, Tally>,
}

impl Generation {
    fn new(part: Part) -> Self {
        Self { spread: part.spread(), parts: BTreeMap::new() }
    }

    fn holds(&self, part: Part) -> bool {
        self.spread == part.spread()
    }

    fn is_complete(&self) -> bool {
        self.parts.len() == usize::from(self.spread.count())
    }

    fn sum(&self) -> u64 {
        self.parts.values().fold(0, |sum, tally| sum.saturating_add(tally.count))
    }

    fn merge(&mut self, part: Part, tally: Tally) -> bool {
        let Some(kept) = self.parts.get_mut(&part.index()) else {
            self.parts.insert(part.index(), tally);
            return true;
        };
        let later = (tally.epoch, tally.version) > (kept.epoch, kept.version);
        kept.merge(tally);
        later
    }
}

#[cfg(test)]
mod tests;

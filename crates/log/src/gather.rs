//! Group commit: while one group is in flight to the disk, the next gathers.
//!
//! The processor's machine puts the effects of writes (answers to give, tallies to report) in here and takes them out
//! when the log says that their group is durable. Invariant: at most one group is in flight, and effects come out only
//! with the group that holds the state they rest on, in the order of groups.
//!
//! There is no timer: an idle log commits at once, a busy one gathers for as long as a sync takes.

/// What an answer that changes nothing must wait for, because the state it read may not be durable yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: all state is durable. Answer at once.
    Durable,
    /// The group in flight, of this number.
    InFlight(u64),
    /// The group that gathers now.
    Open,
}

/// Effects of type `T` per commit group. Groups are numbered 1, 2, 3…
#[derive(Clone, Debug)]
pub struct Gatherer<T> {
    /// The number of the open group.
    number: u64,
    open: T,
    changed: bool,
    in_flight: Option<(u64, T)>,
}

impl<T: Default> Default for Gatherer<T> {
    fn default() -> Self {
        Self { number: 1, open: T::default(), changed: false, in_flight: None }
    }
}

impl<T: Default> Gatherer<T> {
    /// Nothing gathered, nothing in flight, group 1 next.
    pub fn new() -> Self {
        Self::default()
    }

    /// The effects of the group that gathers now, for a write that changes something. The group is then no longer
    /// empty.
    pub fn open(&mut self) -> &mut T {
        self.changed = true;
        &mut self.open
    }

    /// What an answer must wait for that changes nothing.
    pub fn rests_on(&self) -> Rest {
        match &self.in_flight {
            _ if self.changed => Rest::Open,
            Some((group, _)) => Rest::InFlight(*group),
            None => Rest::Durable,
        }
    }

    /// The effects that an answer which changes nothing rides with, by [`Self::rests_on`]; `None` if it need not wait.
    pub fn ride(&mut self) -> Option<&mut T> {
        match &mut self.in_flight {
            _ if self.changed => Some(&mut self.open),
            Some((_, effects)) => Some(effects),
            None => None,
        }
    }

    /// Whether no group is in flight.
    pub fn idle(&self) -> bool {
        self.in_flight.is_none()
    }

    /// Whether a group waits to be sealed.
    pub fn gathering(&self) -> bool {
        self.changed
    }

    /// The effects of the group in flight, if there is one.
    pub fn in_flight(&self) -> Option<(u64, &T)> {
        self.in_flight.as_ref().map(|(group, effects)| (*group, effects))
    }

    /// Sends the open group off, if it is not empty and none is in flight; a new one opens.
    pub fn seal(&mut self) -> Option<(u64, &T)> {
        if self.in_flight.is_some() || !self.changed {
            return None;
        }
        let group = self.number;
        self.number += 1;
        self.changed = false;
        let (group, effects) = self.in_flight.insert((group, std::mem::take(&mut self.open)));
        Some((*group, effects))
    }

    /// The group in flight is durable: its effects may be let out.
    ///
    /// # Panics
    ///
    /// If `group` is not the one in flight: whoever drives the log has confused its groups, and an answer too early
    /// cannot be taken back.
    pub fn durable(&mut self, group: u64) -> T {
        match self.in_flight.take() {
            Some((number, effects)) if number == group => effects,
            other => panic!("group {group} was called durable, in flight is {:?}", other.map(|(number, _)| number)),
        }
    }

    /// The log had no space for the group in flight, and nothing of it is in the log: its effects come back, and the
    /// next group to be sealed has its number again. What the open group holds may rest on it.
    ///
    /// # Panics
    ///
    /// As [`Self::durable`].
    pub fn refused(&mut self, group: u64) -> T {
        let effects = self.durable(group);
        self.number = group;
        effects
    }
}

impl<T: Default> Gatherer<T> {
    /// The open group, to look at: it stays empty if it is.
    pub fn peek(&self) -> &T {
        &self.open
    }

    /// The open group, for changes that make no row.
    pub fn peek_mut(&mut self) -> &mut T {
        &mut self.open
    }

    /// The group in flight, for what must no longer ride with it.
    pub fn in_flight_mut(&mut self) -> Option<&mut T> {
        self.in_flight.as_mut().map(|(_, effects)| effects)
    }

    /// Empties the open group, whose effects rest on a group that was refused.
    pub fn abandon(&mut self) -> T {
        self.changed = false;
        std::mem::take(&mut self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gatherer_with(effect: &'static str) -> Gatherer<Vec<&'static str>> {
        let mut gatherer = Gatherer::<Vec<_>>::new();
        gatherer.open().push(effect);
        gatherer
    }

    #[test]
    fn an_idle_log_commits_at_once_and_a_busy_one_gathers() {
        let mut gatherer = gatherer_with("a");
        assert_eq!(gatherer.seal(), Some((1, &vec!["a"])));
        gatherer.open().push("b");
        gatherer.open().push("c");
        assert_eq!(gatherer.seal(), None, "one group is in flight");
        assert_eq!(gatherer.durable(1), ["a"]);
        assert_eq!(gatherer.seal(), Some((2, &vec!["b", "c"])));
        assert_eq!(gatherer.durable(2), ["b", "c"]);
        assert_eq!(gatherer.seal(), None, "nothing gathered");
    }

    #[test]
    fn an_answer_that_changed_nothing_waits_for_the_group_it_read() {
        let mut gatherer = gatherer_with("a");
        assert_eq!(gatherer.rests_on(), Rest::Open);
        gatherer.ride().unwrap().push("read a");
        gatherer.seal();
        assert_eq!(gatherer.rests_on(), Rest::InFlight(1));
        gatherer.ride().unwrap().push("read a again");
        assert!(!gatherer.gathering(), "riding changes nothing");
        assert_eq!(gatherer.durable(1), ["a", "read a", "read a again"]);
        assert_eq!(gatherer.rests_on(), Rest::Durable);
        assert_eq!(gatherer.ride(), None);
    }

    #[test]
    fn a_refused_group_gives_its_number_to_the_next() {
        let mut gatherer = gatherer_with("a");
        gatherer.seal();
        gatherer.open().push("b");
        assert_eq!(gatherer.refused(1), ["a"]);
        assert_eq!(gatherer.seal(), Some((1, &vec!["b"])));
    }

    #[test]
    fn an_abandoned_group_leaves_nothing_to_wait_for() {
        let mut gatherer = gatherer_with("a");
        assert_eq!(gatherer.abandon(), ["a"]);
        assert_eq!(gatherer.rests_on(), Rest::Durable);
        assert_eq!(gatherer.seal(), None);
    }

    #[test]
    #[should_panic(expected = "group 2 was called durable, in flight is Some(1)")]
    fn a_group_that_is_not_in_flight_cannot_become_durable() {
        let mut gatherer = gatherer_with("a");
        gatherer.seal();
        gatherer.durable(2);
    }
}

//! What changed from one sample to the next, in words.
//!
//! Beside `rates`: the same two samples, read for what is not a number. Invariant: at most [`EVENTS_MAX`] are kept, and
//! the newest stands first.

use std::collections::VecDeque;

use watershed_protocol::Role;

use super::{
    rates::Rates,
    sample::{Node, Sample, State},
    tone::Tone,
};

/// How many events are kept; older ones are forgotten.
pub(super) const EVENTS_MAX: usize = 200;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// When it was seen, in Unix milliseconds.
    pub(super) at_ms: u64,
    /// Good, bad or neither.
    pub(super) tone: Tone,
    /// Who did what.
    pub(super) words: String,
}

/// The events so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Events(VecDeque<Event>);

impl Events {
    /// Takes what happened.
    pub(super) fn add(&mut self, at_ms: u64, tone: Tone, words: String) {
        self.0.push_front(Event { at_ms, tone, words });
        self.0.truncate(EVENTS_MAX);
    }

    /// Takes what differs between two samples.
    pub(super) fn compare(&mut self, at_ms: u64, before: &Sample, after: &Sample, rates: &Rates) {
        for node in &after.nodes {
            let began_anew = rates.restarted().contains(&node.name);
            for (tone, words) in of_node(before.node(&node.name), node, began_anew) {
                self.add(at_ms, tone, format!("{} {words}", node.name));
            }
        }
        if let Some(root) = after.root.as_ref().filter(|&root| before.root.as_ref() != Some(root)) {
            self.add(at_ms, Tone::Strong, format!("{} is the root, epoch {}", root.node, root.epoch));
        }
        if let (Some(was), Some(is)) = (before.map_epoch, after.map_epoch)
            && was != is
        {
            self.add(at_ms, Tone::Plain, format!("the map has epoch {is}"));
        }
    }

    /// The newest first.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.0.iter()
    }
}

/// What one node did.
fn of_node(before: Option<&Node>, after: &Node, began_anew: bool) -> Vec<(Tone, String)> {
    let Some(before) = before else {
        return vec![(Tone::Good, "joined".into())];
    };
    let mut happened = Vec::new();
    if before.state != after.state {
        happened.push(match after.state {
            State::Dead => (Tone::Bad, "died".to_owned()),
            State::Silent => (Tone::Warn, "is silent".into()),
            State::Alive => (Tone::Good, "is alive again".into()),
            State::Other => (Tone::Warn, "is in a state that this version does not know".into()),
        });
    } else if began_anew && after.role != Role::Merger {
        // It died and came back between two samples. A merger counts from zero whenever it becomes the root.
        happened.push((Tone::Warn, "has started again".into()));
    }
    match (before.ready, after.ready) {
        (was, Some(false)) if was != Some(false) || before.missing != after.missing => {
            happened
                .push((Tone::Warn, format!("is not ready: {}", after.missing.as_deref().unwrap_or("no reason told"))));
        }
        (Some(false) | None, Some(true)) if after.state == State::Alive => {
            happened.push((Tone::Good, "is ready".into()));
        }
        _ => {}
    }
    if let (Some(was), Some(is)) = (before.slots, after.slots)
        && was != is
    {
        happened.push((Tone::Plain, format!("owns {is} slots, {was} before")));
    }
    happened
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(nodes: &str, root: &str) -> Sample {
        Sample::parse(format!(r#"{{"map_epoch":5,"root":{root},"nodes":[{nodes}]}}"#).as_bytes()).unwrap()
    }

    fn told(before: &Sample, after: &Sample) -> Vec<String> {
        let mut events = Events::default();
        events.compare(0, before, after, &Rates::between(before, after, 1000));
        events.iter().map(|event| event.words.clone()).collect()
    }

    const ALIVE: &str =
        r#"{"node":"p2","role":"processor","state":"alive","ready":true,"slots":9,"figures":{"commits":7}}"#;
    const DEAD: &str = r#"{"node":"p2","role":"processor","state":"dead","ready":null,"slots":9,"figures":null}"#;

    #[test]
    fn a_death_and_a_return_are_told_newest_first() {
        let (alive, dead) = (sample(ALIVE, "null"), sample(DEAD, "null"));
        assert_eq!(told(&alive, &dead), ["p2 died"]);
        assert_eq!(told(&dead, &alive), ["p2 is ready", "p2 is alive again"]);
        assert_eq!(told(&alive, &alive), Vec::<String>::new());
    }

    #[test]
    fn a_restart_between_two_samples_is_told() {
        let again = ALIVE.replace(r#""commits":7"#, r#""commits":1"#);
        assert_eq!(told(&sample(ALIVE, "null"), &sample(&again, "null")), ["p2 has started again"]);
    }

    #[test]
    fn why_a_node_is_not_ready_is_told_and_what_it_owns() {
        let waits = ALIVE.replace(r#""ready":true,"slots":9"#, r#""ready":false,"missing":"reads its log","slots":4"#);
        let words = told(&sample(ALIVE, "null"), &sample(&waits, "null"));
        assert_eq!(words, ["p2 owns 4 slots, 9 before", "p2 is not ready: reads its log"]);
    }

    #[test]
    fn a_new_root_is_told_with_its_epoch() {
        let (before, after) = (sample("", r#"{"node":"m1","epoch":1}"#), sample("", r#"{"node":"m2","epoch":2}"#));
        assert_eq!(told(&before, &after), ["m2 is the root, epoch 2"]);
    }

    #[test]
    fn no_more_events_are_kept_than_fit() {
        let mut events = Events::default();
        (0..EVENTS_MAX as u64 + 5).for_each(|at_ms| events.add(at_ms, Tone::Plain, String::new()));
        assert_eq!((events.iter().len(), events.iter().next().unwrap().at_ms), (EVENTS_MAX, EVENTS_MAX as u64 + 4));
    }
}

//! What has been seen of a cluster so far: the last sample, its rates, two minutes of history, and the events.
//!
//! Takes what `source` got, in order; the screens are drawn from it. Invariant: the last good sample stays until there is a
//! better one, whatever goes wrong meanwhile.

use super::{
    events::Events,
    history::History,
    rates::Rates,
    sample::{Node, Sample},
    tone::Tone,
};

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    seen: Option<Seen>,
    /// Counts a second, of the last two samples.
    pub(super) rates: Rates,
    /// The head's figures over the last two minutes.
    pub(super) history: History,
    /// What happened.
    pub(super) events: Events,
    trouble: Option<Trouble>,
}

/// A sample, and where it is from.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// What was answered.
    pub(super) sample: Sample,
    /// Who answered.
    pub(super) url: String,
    /// When it came, in Unix milliseconds of this machine.
    pub(super) at_ms: u64,
}

/// Nobody answers.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// Since when, in Unix milliseconds.
    pub(super) since_ms: u64,
    /// What the last who was asked said.
    pub(super) why: String,
}

impl Watch {
    /// Takes an answer.
    pub(super) fn take(&mut self, at_ms: u64, url: String, sample: Sample) {
        if self.trouble.take().is_some() {
            self.events.add(at_ms, Tone::Good, format!("{url} answers"));
        }
        let seen = Seen { sample, url, at_ms };
        // A node may give everybody who asks the answer that it has just gathered.
        if self.seen.as_ref().is_some_and(|before| is_same(before, &seen)) {
            return;
        }
        if let Some(before) = &self.seen {
            self.rates = Rates::between(&before.sample, &seen.sample, elapsed_ms(before, &seen));
            self.events.compare(at_ms, &before.sample, &seen.sample, &self.rates);
            if before.url != seen.url {
                self.events.add(at_ms, Tone::Warn, format!("{} does not answer, {} is asked", before.url, seen.url));
            }
        }
        self.history.add(at_ms, &seen.sample, &self.rates);
        self.seen = Some(seen);
    }

    /// Nobody has answered.
    pub(super) fn fail(&mut self, at_ms: u64, why: String) {
        if self.trouble.is_none() {
            self.events.add(at_ms, Tone::Bad, "nobody answers".into());
        }
        let since_ms = self.trouble.as_ref().map_or(at_ms, |trouble| trouble.since_ms);
        self.trouble = Some(Trouble { since_ms, why });
    }

    /// The last sample, if there ever was one.
    pub(super) fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// What is wrong now.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// A counter's rate at one node.
    pub(super) fn rate(&self, node: &Node, counter: &str) -> Option<f64> {
        self.rates.of(&node.name, counter)
    }
}

/// Whether two answers are one sample: no time has gone by between them.
fn is_same(before: &Seen, after: &Seen) -> bool {
    before.url == after.url && after.sample.at.is_some() && before.sample.at == after.sample.at
}

/// The time between two samples: by the clock of the node that gathered both, if it told; else by when they came.
fn elapsed_ms(before: &Seen, after: &Seen) -> u64 {
    let gathered = if before.url == after.url { before.sample.at.zip(after.sample.at) } else { None };
    let (from, to) = gathered.unwrap_or((before.at_ms, after.at_ms));
    to.saturating_sub(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: u64, commits: u64) -> Sample {
        let text = format!(
            r#"{{"at":{at},"nodes":[{{"node":"p1","role":"processor","state":"alive","figures":{{"commits":{commits}}}}}]}}"#
        );
        Sample::parse(text.as_bytes()).unwrap()
    }

    fn words(watch: &Watch) -> Vec<&str> {
        watch.events.iter().map(|event| event.words.as_str()).collect()
    }

    #[test]
    fn the_last_sample_stays_while_nobody_answers() {
        let mut watch = Watch::default();
        watch.take(1000, "http://a".into(), sample(1, 5));
        watch.fail(2000, "no answer within 2000 ms".into());
        watch.fail(4000, "no answer within 2000 ms".into());
        assert_eq!(watch.seen().unwrap().sample.nodes.len(), 1);
        assert_eq!(watch.trouble().unwrap().since_ms, 2000);
        watch.take(5000, "http://b".into(), sample(9, 5));
        assert!(watch.trouble().is_none());
        assert_eq!(
            words(&watch),
            ["http://a does not answer, http://b is asked", "http://b answers", "nobody answers"]
        );
    }

    #[test]
    fn the_same_sample_given_twice_changes_nothing() {
        let mut watch = Watch::default();
        watch.take(10_000, "http://a".into(), sample(500, 0));
        watch.take(11_000, "http://a".into(), sample(1500, 30));
        watch.take(11_300, "http://a".into(), sample(1500, 30));
        assert_eq!(watch.rates.of("p1", "commits"), Some(30.0));
        assert_eq!(watch.seen().unwrap().at_ms, 11_000, "it is as old as it is");
    }

    #[test]
    fn rates_go_by_the_clock_of_whoever_gathered_both_samples() {
        let mut watch = Watch::default();
        watch.take(10_000, "http://a".into(), sample(500, 0));
        watch.take(11_400, "http://a".into(), sample(1500, 30));
        assert_eq!(watch.rates.of("p1", "commits"), Some(30.0), "the second answer was 400 ms late");
        watch.take(13_400, "http://b".into(), sample(999_999, 90));
        assert_eq!(watch.rates.of("p1", "commits"), Some(30.0), "another node has another clock");
    }
}

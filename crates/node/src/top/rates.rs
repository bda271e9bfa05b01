//! What happened in a second: two samples make rates.
//!
//! Between `sample` and what is shown. Invariant: a rate is never negative; a node whose counters fell has begun to count
//! from zero, and has no rates until it is seen twice again.

use std::collections::BTreeMap;

use watershed_protocol::Role;

use super::sample::{Node, Sample};

/// The counters that something here is made of.
const COUNTERS: [&str; 23] = [
    "writes_in",
    "batches_out",
    "frames_in",
    "frames_written",
    "likes_in",
    "commits",
    "commit_microseconds",
    "reports_out",
    "tallies_out",
    "reports_in",
    "tallies_in",
    "frames_out",
    "joins_refused",
    "joins_full",
    "writes_refused",
    "closed_stalled",
    "closed_held",
    "closed_full",
    "writes_crowded_out",
    "viewers_turned_away",
    "commit_disk_full",
    "comments_unshown",
    "resyncs_partial",
];

/// Counts a second, of each node.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    nodes: BTreeMap<String, BTreeMap<&'static str, f64>>,
    restarted: Vec<String>,
}

impl Rates {
    /// What happened from one sample to the next.
    pub(super) fn between(before: &Sample, after: &Sample, elapsed_ms: u64) -> Self {
        let mut rates = Self::default();
        if elapsed_ms == 0 {
            return rates;
        }
        for node in &after.nodes {
            match before.node(&node.name).map(|was| grown(was, node)) {
                None => {}
                Some(None) => rates.restarted.push(node.name.clone()),
                Some(Some(grown)) => {
                    let a_second = |(name, count)| (name, count * 1000.0 / elapsed_ms as f64);
                    rates.nodes.insert(node.name.clone(), grown.into_iter().map(a_second).collect());
                }
            }
        }
        rates
    }

    /// A counter's rate at one node.
    pub(super) fn of(&self, node: &str, counter: &str) -> Option<f64> {
        self.nodes.get(node)?.get(counter).copied()
    }

    /// A counter's rate at all nodes of a role together; none if no node has it.
    pub(super) fn sum(&self, sample: &Sample, role: Role, counter: &str) -> Option<f64> {
        sample.of_role(role).filter_map(|node| self.of(&node.name, counter)).reduce(|sum, rate| sum + rate)
    }

    /// The nodes that count from zero again.
    pub(super) fn restarted(&self) -> &[String] {
        &self.restarted
    }
}

/// By how much each counter has grown; none if one fell.
fn grown(was: &Node, is: &Node) -> Option<BTreeMap<&'static str, f64>> {
    let mut grown = BTreeMap::new();
    for name in COUNTERS {
        if let (Some(before), Some(after)) = (was.figure(name), is.figure(name)) {
            if after < before {
                return None;
            }
            grown.insert(name, after - before);
        }
    }
    Some(grown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processor(figures: &str) -> Sample {
        let text =
            format!(r#"{{"nodes":[{{"node":"p1","role":"processor","state":"alive","figures":{{{figures}}}}}]}}"#);
        Sample::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_rate_is_what_a_counter_grew_by_in_a_second() {
        let (before, after) = (processor(r#""likes_in":100"#), processor(r#""likes_in":350"#));
        let rates = Rates::between(&before, &after, 500);
        assert_eq!(rates.of("p1", "likes_in"), Some(500.0));
        assert_eq!(rates.of("p1", "commits"), None);
        assert_eq!(rates.sum(&after, Role::Processor, "likes_in"), Some(500.0));
        assert_eq!(rates.sum(&after, Role::Broadcast, "likes_in"), None);
    }

    #[test]
    fn a_counter_that_fell_is_a_restart_and_no_rate() {
        let (before, after) = (processor(r#""likes_in":9,"commits":100"#), processor(r#""likes_in":10,"commits":3"#));
        let rates = Rates::between(&before, &after, 1000);
        assert_eq!(rates.restarted(), ["p1"]);
        assert_eq!(rates.of("p1", "likes_in"), None, "it grew from zero, not from 9");
    }

    #[test]
    fn a_node_that_did_not_answer_has_no_rates_and_has_not_restarted() {
        let dead = Sample::parse(br#"{"nodes":[{"node":"p1","role":"processor","state":"dead"}]}"#).unwrap();
        for (before, after) in [(processor(r#""commits":5"#), dead.clone()), (dead, processor(r#""commits":5"#))] {
            let rates = Rates::between(&before, &after, 1000);
            assert_eq!((rates.of("p1", "commits"), rates.restarted().len()), (None, 0));
        }
    }

    #[test]
    fn two_samples_of_one_moment_make_no_rates() {
        let sample = processor(r#""commits":5"#);
        assert_eq!(Rates::between(&sample, &sample, 0).of("p1", "commits"), None);
    }
}

//! What all viewers have seen, held against what was acknowledged: how many are wrong, and in what.
//!
//! Between the crowds' reports and the table. Invariant: a viewer that is not at the cluster's own point, with the exact
//! counts and all comments, is counted as wrong in at least one of the lines.

use std::collections::BTreeMap;

use super::crowds::{Each, Report};

/// What every viewer is to have.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Viewers of all crowds.
    pub viewers: u64,
    /// Comments that were acknowledged since all had joined.
    pub comments: u64,
    /// Acknowledged likes, by comment.
    pub likes: BTreeMap<String, u64>,
}

/// Viewers that are wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Not connected.
    pub away: u64,
    /// Without a view, or with another than the newest.
    pub behind: u64,
    /// With another count of some marked comment, at most.
    pub wrong_counts: u64,
    /// Crowds in which a viewer has not all comments, received or told of as not shown.
    pub wrong_comments: u64,
    /// Messages that did not continue what was there, or could not be read.
    pub broken: u64,
    /// How connections ended that did not last.
    pub ends: BTreeMap<String, u64>,
}

impl Verdict {
    /// Holds the reports of all crowds against what is expected.
    pub fn of(reports: &[Report], expected: &Expected) -> Self {
        let mut verdict = Self::default();
        // Where the cluster is: whoever has all counts and comments and is nowhere else has the newest frame.
        let points = || reports.iter().flat_map(|report| &report.points);
        let newest = points().map(|(epoch, seq, _)| (*epoch, *seq)).max().unwrap_or_default();
        for report in reports {
            verdict.away += report.viewers - report.joined;
            let there = report.points.iter().filter(|(epoch, seq, _)| (*epoch, *seq) == newest);
            verdict.behind += report.viewers - there.map(|(_, _, viewers)| viewers).sum::<u64>();
            verdict.broken += report.chain_errors + report.unreadable;
            verdict.wrong_comments += u64::from(!has_all(report, expected.comments));
            let rights = expected.likes.iter().map(|(id, likes)| has_count(report, id, *likes));
            verdict.wrong_counts += report.viewers - rights.min().unwrap_or(report.viewers);
            for (how, count) in &report.ends {
                *verdict.ends.entry(how.clone()).or_default() += count;
            }
        }
        let viewers: u64 = reports.iter().map(|report| report.viewers).sum();
        verdict.away += expected.viewers.saturating_sub(viewers);
        verdict
    }

    /// Whether every viewer has all, exactly.
    pub fn is_right(&self) -> bool {
        let Self { away, behind, wrong_counts, wrong_comments, broken, ends: _ } = self;
        away + behind + wrong_counts + wrong_comments + broken == 0
    }

    /// How connections ended, in one line.
    pub fn ends_in_words(&self) -> String {
        let ends: Vec<String> = self.ends.iter().map(|(how, count)| format!("{how}: {count}")).collect();
        if ends.is_empty() { "none".into() } else { ends.join(", ") }
    }
}

/// Viewers of a crowd that have this count of a comment.
fn has_count(report: &Report, id: &str, likes: u64) -> u64 {
    report.markers.get(id).and_then(|counts| counts.get(&likes)).copied().unwrap_or(0)
}

/// Whether every viewer of a crowd has been told of so many comments, and has received those that are shown.
fn has_all(report: &Report, comments: u64) -> bool {
    let all = |each: Each, number| each.min == number && each.max == number;
    all(report.each_total, comments) && report.each_comments == report.each_shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right() -> (Report, Expected) {
        let each = Each { sum: 6, min: 2, max: 2 };
        let report = Report {
            viewers: 3,
            joined: 3,
            each_comments: each,
            each_shown: each,
            each_total: each,
            points: vec![(4, 9, 3)],
            markers: [("c".to_owned(), [(7, 3)].into())].into(),
            ..Report::default()
        };
        let likes = [("c".to_owned(), 7)].into();
        (report, Expected { viewers: 3, comments: 2, likes })
    }

    fn wrong(change: impl Fn(&mut Report)) -> Verdict {
        let (mut report, expected) = right();
        change(&mut report);
        let verdict = Verdict::of(&[report], &expected);
        assert!(!verdict.is_right(), "{verdict:?}");
        verdict
    }

    #[test]
    fn who_has_all_is_right_however_connections_ended() {
        let (mut report, expected) = right();
        report.ends = [("1013".to_owned(), 2)].into();
        let verdict = Verdict::of(&[report], &expected);
        assert!(verdict.is_right(), "{verdict:?}");
        assert_eq!(verdict.ends_in_words(), "1013: 2");
    }

    #[test]
    fn whoever_lacks_anything_is_counted() {
        assert_eq!(wrong(|report| report.joined = 2).away, 1);
        assert_eq!(wrong(|report| report.points = vec![(4, 9, 2), (4, 8, 1)]).behind, 1);
        assert_eq!(wrong(|report| report.markers = [("c".to_owned(), [(7, 2), (6, 1)].into())].into()).wrong_counts, 1);
        assert_eq!(wrong(|report| report.markers.clear()).wrong_counts, 3);
        assert_eq!(wrong(|report| report.each_total.max = 3).wrong_comments, 1);
        assert_eq!(wrong(|report| report.each_comments.min = 1).wrong_comments, 1);
        assert_eq!(wrong(|report| report.chain_errors = 1).broken, 1);
        let (_, expected) = right();
        assert_eq!(Verdict::of(&[], &expected).away, 3);
    }
}

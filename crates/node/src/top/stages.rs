//! What each stage that gathers has made of less, and what each stage that spreads has made of more.
//!
//! From a sample and its rates to the screen, from the viewer up and down again. Invariant: units in and out of a stage are
//! counted by the nodes themselves, since their start; nothing is estimated.

use watershed_protocol::Role;

use super::{rates::Rates, sample::Sample};

/// Whether a stage makes one unit of many, or many of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Many in, one out.
    Gathers,
    /// One in, many out.
    Spreads,
}

/// Where a unit is counted.
struct Counted {
    role: Role,
    counter: &'static str,
    unit: &'static str,
}

const fn at(role: Role, counter: &'static str, unit: &'static str) -> Counted {
    Counted { role, counter, unit }
}

/// A stage: who does what, the same in a word, which way, and what goes in and comes out.
struct Plan {
    what: &'static str,
    short: &'static str,
    kind: Kind,
    into: Counted,
    out: Counted,
}

/// The stages in the order of the data flow.
const PLAN: [Plan; 7] = [
    Plan {
        what: "broadcast nodes gather",
        short: "batch",
        kind: Kind::Gathers,
        into: at(Role::Broadcast, "writes_in", "writes"),
        out: at(Role::Broadcast, "batches_out", "batches"),
    },
    Plan {
        what: "processors sync",
        short: "sync",
        kind: Kind::Gathers,
        into: at(Role::Processor, "writes_in", "writes"),
        out: at(Role::Processor, "commits", "commits"),
    },
    Plan {
        what: "processors count likes",
        short: "count",
        kind: Kind::Gathers,
        into: at(Role::Processor, "likes_in", "likes"),
        out: at(Role::Processor, "tallies_out", "tallies"),
    },
    Plan {
        what: "the root merges",
        short: "merge",
        kind: Kind::Gathers,
        into: at(Role::Merger, "tallies_in", "tallies"),
        out: at(Role::Merger, "tallies_out", "tallies"),
    },
    Plan {
        what: "the root makes frames",
        short: "frame",
        kind: Kind::Gathers,
        into: at(Role::Merger, "reports_in", "reports"),
        out: at(Role::Merger, "frames_out", "frames"),
    },
    Plan {
        what: "frames reach nodes",
        short: "nodes",
        kind: Kind::Spreads,
        into: at(Role::Merger, "frames_out", "frames"),
        out: at(Role::Broadcast, "frames_in", "frames"),
    },
    Plan {
        what: "nodes reach viewers",
        short: "reach",
        kind: Kind::Spreads,
        into: at(Role::Broadcast, "frames_in", "frames"),
        out: at(Role::Broadcast, "frames_written", "deliveries"),
    },
];

/// One stage as it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    /// Who does what.
    pub(super) what: &'static str,
    /// What it does, in a word.
    pub(super) short: &'static str,
    /// Gathers or spreads.
    pub(super) kind: Kind,
    /// What goes in.
    pub(super) into: Side,
    /// What comes out.
    pub(super) out: Side,
}

/// One side of a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Side {
    /// What is counted.
    pub(super) unit: &'static str,
    /// How many a second.
    pub(super) per_s: Option<f64>,
    /// How many since the nodes started.
    pub(super) total: Option<f64>,
}

/// All stages, in the order of the data flow.
pub(super) fn stages(sample: &Sample, rates: &Rates) -> Vec<Stage> {
    let side = |counted: &Counted| Side {
        unit: counted.unit,
        per_s: rates.sum(sample, counted.role, counted.counter),
        total: sample.sum(counted.role, counted.counter),
    };
    let stage = |plan: &Plan| Stage {
        what: plan.what,
        short: plan.short,
        kind: plan.kind,
        into: side(&plan.into),
        out: side(&plan.out),
    };
    PLAN.iter().map(stage).collect()
}

impl Stage {
    /// The factor of the last second; none while nothing comes out.
    pub(super) fn factor_now(&self) -> Option<f64> {
        self.factor(self.into.per_s?, self.out.per_s?)
    }

    /// The factor since the nodes started.
    pub(super) fn factor_total(&self) -> Option<f64> {
        self.factor(self.into.total?, self.out.total?)
    }

    fn factor(&self, into: f64, out: f64) -> Option<f64> {
        let (many, few) = match self.kind {
            Kind::Gathers => (into, out),
            Kind::Spreads => (out, into),
        };
        (few > 0.0).then(|| many / few)
    }

    /// The sign before the factor.
    pub(super) fn sign(&self) -> char {
        match self.kind {
            Kind::Gathers => '÷',
            Kind::Spreads => '×',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(likes: u64, tallies: u64, written: u64) -> Sample {
        let text = format!(
            r#"{{"nodes":[
                {{"node":"p1","role":"processor","state":"alive","figures":{{"likes_in":{likes},"tallies_out":{tallies}}}}},
                {{"node":"b1","role":"broadcast","state":"alive","figures":{{"frames_in":10,"frames_written":{written}}}}}]}}"#
        );
        Sample::parse(text.as_bytes()).unwrap()
    }

    fn named<'s>(stages: &'s [Stage], what: &str) -> &'s Stage {
        stages.iter().find(|stage| stage.what == what).unwrap()
    }

    #[test]
    fn a_stage_that_gathers_divides_and_one_that_spreads_multiplies() {
        let (before, after) = (cluster(0, 0, 0), cluster(1200, 60, 500));
        let shown = stages(&after, &Rates::between(&before, &after, 1000));
        let (count, reach) = (named(&shown, "processors count likes"), named(&shown, "nodes reach viewers"));
        assert_eq!((count.sign(), count.factor_now(), count.factor_total()), ('÷', Some(20.0), Some(20.0)));
        assert_eq!((reach.sign(), reach.factor_now(), reach.factor_total()), ('×', None, Some(50.0)));
    }

    #[test]
    fn a_stage_that_nothing_came_out_of_has_no_factor() {
        let sample = cluster(5, 0, 0);
        let shown = stages(&sample, &Rates::default());
        assert_eq!(named(&shown, "processors count likes").factor_total(), None);
        assert_eq!(named(&shown, "the root merges").into.total, None, "there is no merger");
    }
}

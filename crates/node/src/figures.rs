//! A node's figures: what `/metrics` shows to Prometheus and `/v1/node` to the operator page.
//!
//! Every driver gathers its machines' counters into one list when asked; nothing is counted twice.
//! Invariant: a name's unit is its last word, and no label names a viewer or a comment.

use std::sync::Arc;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

/// How a figure behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One figure of one node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// Without the prefix `watershed_`.
    pub(crate) name: &'static str,
    /// One line of help.
    pub(crate) help: &'static str,
    /// Counter or gauge.
    pub(crate) kind: Kind,
    /// Its value now.
    pub(crate) value: f64,
}

impl Figure {
    /// A figure that only grows.
    pub(crate) fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: Kind::Counter, value: value as f64 }
    }

    /// A figure of this moment.
    pub(crate) fn gauge(name: &'static str, help: &'static str, value: impl Into<f64>) -> Self {
        Self { name, help, kind: Kind::Gauge, value: value.into() }
    }

    /// A figure that only grows, but not by whole numbers.
    pub(crate) fn growing(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, kind: Kind::Counter, value }
    }

    /// How many units of work go in for one that comes out: where it is 1, the stage earns nothing.
    pub(crate) fn reduction(name: &'static str, help: &'static str, incoming: u64, outgoing: u64) -> Self {
        Self::gauge(name, help, incoming as f64 / outgoing.max(1) as f64)
    }
}

/// Gathers a node's figures.
pub(crate) type Source = Arc<dyn Fn() -> Vec<Figure> + Send + Sync>;

/// The figures in Prometheus' text format.
pub(crate) fn prometheus(source: &Source) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Gathered(source())));
    let mut text = String::new();
    // Writing to a String does not fail.
    let written = encode(&mut text, &registry);
    debug_assert!(written.is_ok());
    text
}

/// The figures as a JSON object.
pub(crate) fn json(source: &Source) -> serde_json::Map<String, serde_json::Value> {
    source().into_iter().map(|figure| (figure.name.to_owned(), figure.value.into())).collect()
}

#[derive(Debug)]
struct Gathered(Vec<Figure>);

impl Collector for Gathered {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for Figure { name, help, kind, value } in &self.0 {
            let name = format!("watershed_{name}");
            match kind {
                Kind::Counter => {
                    let metric = ConstCounter::new(*value);
                    metric.encode(encoder.encode_descriptor(&name, help, None, metric.metric_type())?)?;
                }
                Kind::Gauge => {
                    let metric = ConstGauge::new(*value);
                    metric.encode(encoder.encode_descriptor(&name, help, None, metric.metric_type())?)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_to_prometheus_and_as_json() {
        let source: Source = Arc::new(|| {
            vec![
                Figure::counter("frames_sent", "Frames", 3),
                Figure::reduction("likes_per_tally", "Reduction", 10, 4),
                Figure::reduction("idle", "Nothing yet", 0, 0),
            ]
        });
        let text = prometheus(&source);
        assert!(text.contains("watershed_frames_sent_total 3"), "{text}");
        assert!(text.contains("watershed_likes_per_tally 2.5"), "{text}");
        assert_eq!(json(&source)["likes_per_tally"], 2.5);
        assert_eq!(json(&source)["idle"], 0.0);
    }
}

//! A broadcast node's figures.

use std::sync::{Arc, Mutex, PoisonError};

use watershed_broadcast::{Feed, Relay, Uplink, relay};
use watershed_net::carousel::{Carousel, Explained};
use watershed_protocol::client::Code;

use super::{entrance::Entrance, rooms::Rooms};
use crate::figures::{Figure, Source};

/// The machines' figures as of the driver's last step; the carousel's are read when asked.
#[derive(Default)]
pub(super) struct Board {
    figures: Mutex<Counted>,
}

#[derive(Clone, Default)]
struct Counted {
    writes_in: u64,
    batches_out: u64,
    resent: u64,
    moved: u64,
    acknowledged: u64,
    rejected: u64,
    overloaded: u64,
    unavailable: u64,
    unknown: u64,
    taps_dropped: u64,
    held: u64,
    frames_in: u64,
    gaps: u64,
    below: relay::Counters,
}

impl Board {
    pub(super) fn set(&self, uplink: &Uplink, feed: &Feed, relay: &Relay) {
        let (up, down) = (uplink.counters(), feed.counters());
        let rejected = |code| up.rejected.get(&code).copied().unwrap_or_default();
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = Counted {
            writes_in: up.writes_in,
            batches_out: up.batches_out,
            resent: up.resent,
            moved: up.moved,
            acknowledged: up.acknowledged,
            rejected: up.rejected.values().sum(),
            overloaded: rejected(Code::Overloaded),
            unavailable: rejected(Code::Unavailable),
            unknown: rejected(Code::Unknown),
            taps_dropped: up.taps_dropped,
            held: uplink.writes_held() as u64,
            frames_in: down.frames_in,
            gaps: down.gaps,
            below: relay.counters(),
        };
    }

    pub(super) fn source(
        self: &Arc<Self>,
        carousel: &Arc<Carousel>,
        rooms: &Arc<Rooms>,
        entrance: &Arc<Entrance>,
    ) -> Source {
        let (board, carousel, rooms) = (self.clone(), Arc::downgrade(carousel), rooms.clone());
        let entrance = Arc::downgrade(entrance);
        Arc::new(move || {
            let carousel = carousel.upgrade().map(|carousel| carousel.figures()).unwrap_or_default();
            let c = board.figures.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let at_entrance = entrance.upgrade().map(|entrance| entrance.figures()).unwrap_or_default();
            let mut figures = vec![
                Figure::counter("writes_in", "Writes of viewers", c.writes_in),
                Figure::counter("batches_out", "Batches to processors", c.batches_out),
                Figure::counter("writes_resent", "Writes sent again after a lost link", c.resent),
                Figure::counter("writes_moved", "Writes that found another owner", c.moved),
                Figure::counter("writes_acknowledged", "Writes acknowledged", c.acknowledged),
                Figure::counter("writes_rejected", "Writes refused, here or by owners", c.rejected),
                Figure::counter("writes_overloaded", "Of these, as too many waited here", c.overloaded),
                Figure::counter("writes_unavailable", "Of these, as their owner was down", c.unavailable),
                Figure::counter("writes_unknown", "Of these, as no answer came in time", c.unknown),
                Figure::counter("taps_dropped", "Taps of too many streams or kinds", c.taps_dropped),
                Figure::gauge("writes_held", "Writes that wait for their answer", c.held as f64),
                Figure::counter("frames_in", "Frames from the root, or from the node above", c.frames_in),
                Figure::counter("feed_gaps", "Frames that did not continue what was there", c.gaps),
                Figure::gauge("streams", "Streams with a room here", rooms.len() as f64),
                Figure::gauge("kept_bytes", "Frames kept for viewers who lag or come back", rooms.kept_bytes() as f64),
                Figure::counter("joins_admitted", "New viewers let in", at_entrance.admission.admitted),
                Figure::counter("joins_resumed", "Resuming viewers let in", at_entrance.admission.resumed),
                Figure::counter("joins_refused", "Viewers told when to come again", at_entrance.admission.refused),
                Figure::counter("joins_sent_on", "Viewers sent to another node", at_entrance.sent_on),
                Figure::counter("joins_full", "Viewers that found all nodes full", at_entrance.full),
                Figure::gauge("below_links", "Nodes below that feed from this one", c.below.links as f64),
                Figure::gauge("below_streams", "Streams that nodes below want", c.below.streams as f64),
                Figure::counter("below_frames", "Frames encoded for nodes below, once for all", c.below.frames_out),
                Figure::counter("below_snapshots", "Snapshots encoded for nodes below", c.below.snapshots_out),
                Figure::counter("below_sends", "Frames and snapshots sent to nodes below", c.below.sends),
                Figure::counter("below_hung_up", "Links below ended for lack of frames or of a place", c.below.hung_up),
                Figure::counter("below_refused", "Subscriptions from below beyond the limit", c.below.streams_refused),
                Figure::counter(
                    "below_points_dropped",
                    "Questions from below that were too many",
                    c.below.points_dropped,
                ),
                Figure::reduction(
                    "reduction_writes_per_batch",
                    "Writes in for one batch out",
                    c.writes_in,
                    c.batches_out,
                ),
                Figure::gauge(
                    "fanout_writes_per_frame",
                    "Writes to viewers for one frame in",
                    carousel.frames_written as f64 / c.frames_in.max(1) as f64,
                ),
            ];
            // Names repeat where a figure of the machines says the same of another hop.
            let seen: Vec<&str> = figures.iter().map(|figure| figure.name).collect();
            let new = |figure: &Explained| !seen.contains(&figure.name);
            let (counters, gauges) = (carousel.counters().filter(new), carousel.gauges().filter(new));
            let counters: Vec<Figure> = counters.map(|c| Figure::counter(c.name, c.help.trim(), c.value)).collect();
            figures.extend(gauges.map(|g| Figure::gauge(g.name, g.help.trim(), g.value as f64)));
            figures.extend(counters);
            figures
        })
    }
}

//! Writes and questions on their way up: from viewers and HTTP requests to the owners, and the answers back.
//!
//! Between the carousel with the HTTP side, and the links to processors: it steps the uplink and carries its orders out.
//! Invariant: whoever asked hears an answer or the end of the question, once.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::oneshot;
use watershed_analytics::Recorder;
use watershed_broadcast::{Uplink, uplink};
use watershed_link::Sent;
use watershed_net::{carousel::Carousel, clock::SharedClock};
use watershed_protocol::{
    Millis, StreamId,
    peer::{self, uplink::Reply},
};

use super::Ask;
use crate::{analytics, outlet::Outlets};

/// See the head of the file.
pub(super) struct Upward {
    clock: Arc<SharedClock>,
    carousel: Arc<Carousel>,
    recorder: Recorder,
    uplink: Uplink,
    /// HTTP requests that wait for a processor, by token.
    waiting: BTreeMap<u64, oneshot::Sender<Option<Reply>>>,
    tokens: u64,
    outbox: Vec<uplink::Output>,
}

impl Upward {
    pub(super) fn new(clock: Arc<SharedClock>, carousel: Arc<Carousel>, recorder: Recorder, uplink: Uplink) -> Self {
        Self { clock, carousel, recorder, uplink, waiting: BTreeMap::new(), tokens: 0, outbox: Vec::new() }
    }

    pub(super) fn uplink(&self) -> &Uplink {
        &self.uplink
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.uplink.deadline()
    }

    /// A question of an HTTP request.
    pub(super) fn ask(&mut self, Ask { to, query, told }: Ask, outlets: &mut Outlets) {
        self.tokens += 1;
        self.waiting.insert(self.tokens, told);
        self.step(uplink::Input::Ask { token: self.tokens, to, query }, outlets);
    }

    /// Writes were refused as overloaded.
    pub(super) fn shed(&self, stream: &StreamId, count: u64) {
        self.recorder.count(self.clock.now(), stream, &analytics::of_refused(count));
    }

    /// Steps the uplink and does what it wants.
    pub(super) fn step(&mut self, input: uplink::Input<'_>, outlets: &mut Outlets) {
        let now = self.clock.now();
        let mut outputs = std::mem::take(&mut self.outbox);
        self.uplink.step(now, input, &mut outputs);
        let (mut answers, mut full) = (Vec::new(), Vec::new());
        for output in outputs.drain(..) {
            match output {
                uplink::Output::Send { peer, message } => {
                    if outlets.send(peer, peer::encode(&message)) == Sent::Filled {
                        full.push(peer);
                    }
                }
                uplink::Output::Answer { origin, response } => answers.push((origin, response)),
                uplink::Output::Shed { stream } => self.shed(&stream, 1),
                uplink::Output::Told { token, reply } => {
                    if let Some(told) = self.waiting.remove(&token) {
                        // Whoever asked may have gone.
                        let _ = told.send(reply);
                    }
                }
                // The map is looked at ten times a second anyway.
                uplink::Output::WantMap { epoch } => tracing::debug!(%epoch, "a processor has a newer map"),
            }
        }
        self.outbox = outputs;
        if !answers.is_empty() {
            self.carousel.answer(answers);
        }
        full.into_iter().for_each(|peer| self.step(uplink::Input::Full(peer), outlets));
    }
}

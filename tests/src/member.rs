//! One of a crowd: a viewer that does what it is ordered, and comes back whenever its connection ends.
//!
//! Invariant: an order's write is sent until its last word, under one ref and stamp, some of them twice.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use watershed_ledger::What;
use watershed_protocol::{CommentId, Ref, client::Response};

use crate::{chance::below, viewer::Viewer};

/// One in so many writes is sent twice at once, and one in so many again after its answer.
const TWICE_EVERY: u64 = 5;

/// Between the attempts of a viewer to come back.
const RECONNECT: Duration = Duration::from_millis(100);

/// What a member is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Comment,
    Like(CommentId),
    Unlike(CommentId),
}

/// What members tell the crowd, and the crowd tells them.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// HTTP addresses of the nodes that may be asked.
    pub(crate) nodes: Mutex<Vec<String>>,
    /// Writes that were ordered and have not had their last word.
    pub(crate) trying: AtomicU64,
    /// Members that are connected.
    pub(crate) connected: AtomicU64,
    /// Connections that replaced one that had ended.
    pub(crate) reconnected: AtomicU64,
}

/// See the head of the file.
pub(crate) struct Member {
    viewer: Viewer,
    shared: Arc<Shared>,
    /// Writes without their last word, and when to try again after a refusal.
    trying: BTreeMap<Ref, (What, Option<Instant>)>,
    /// Which node is asked next, and the state of its choices.
    number: u64,
}

impl Member {
    pub(crate) fn new(viewer: Viewer, shared: Arc<Shared>, number: u64) -> Self {
        Self { viewer, shared, trying: BTreeMap::new(), number }
    }

    /// Watches and writes, for ever.
    pub(crate) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut was_here = false;
        loop {
            while self.connect().await.is_err() {
                sleep(RECONNECT).await;
            }
            self.shared.connected.fetch_add(1, Ordering::Relaxed);
            self.shared.reconnected.fetch_add(u64::from(was_here), Ordering::Relaxed);
            was_here = true;
            // However the connection ends, the viewer comes back.
            let _ended = self.watch(&mut orders).await;
            self.viewer.leave();
            self.shared.connected.fetch_sub(1, Ordering::Relaxed);
        }
    }

    async fn connect(&mut self) -> anyhow::Result<()> {
        self.number += 1;
        let node = {
            let nodes = self.shared.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            nodes[self.number as usize % nodes.len()].clone()
        };
        self.viewer.connect(&node).await
    }

    async fn watch(&mut self, orders: &mut mpsc::UnboundedReceiver<Order>) -> anyhow::Result<()> {
        for (reference, (what, retry_at)) in &mut self.trying {
            *retry_at = None;
            self.viewer.send(reference, what).await?;
        }
        loop {
            let retry_at = self.trying.values().filter_map(|(_, at)| *at).min();
            tokio::select! {
                heard = self.viewer.hear() => self.answered(heard?).await?,
                Some(order) = orders.recv() => self.take(order).await?,
                () = sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => {
                    let due = self.trying.iter_mut().find(|(_, (_, at))| *at == retry_at);
                    if let Some((reference, (what, at))) = due {
                        *at = None;
                        self.viewer.send(reference, what).await?;
                    }
                }
            }
        }
    }

    async fn take(&mut self, order: Order) -> anyhow::Result<()> {
        let reference = self.viewer.next_ref();
        let what = match order {
            Order::Comment => What::Comment { body: format!("{} says {reference}", self.viewer.id) },
            Order::Like(id) => self.viewer.says(id, true),
            Order::Unlike(id) => self.viewer.says(id, false),
        };
        self.trying.insert(reference.clone(), (what.clone(), None));
        self.viewer.send(&reference, &what).await?;
        if below(&mut self.number, TWICE_EVERY) == 0 {
            self.viewer.send(&reference, &what).await?;
        }
        Ok(())
    }

    async fn answered(&mut self, message: Arc<Response>) -> anyhow::Result<()> {
        match &*message {
            Response::Ack { reference, .. } => {
                let Some((what, _)) = self.trying.remove(reference) else { return Ok(()) };
                self.shared.trying.fetch_sub(1, Ordering::Relaxed);
                // The late retry of a client that did not hear its answer.
                if below(&mut self.number, TWICE_EVERY) == 0 {
                    self.viewer.send(reference, &what).await?;
                }
            }
            Response::Reject { reference: Some(reference), retry_after_ms, .. } => match retry_after_ms {
                Some(after_ms) => {
                    if let Some((_, retry_at)) = self.trying.get_mut(reference) {
                        *retry_at = Some(Instant::now() + Duration::from_millis(*after_ms));
                    }
                }
                None => {
                    let refused = self.trying.remove(reference).is_some();
                    self.shared.trying.fetch_sub(u64::from(refused), Ordering::Relaxed);
                }
            },
            _ => {}
        }
        Ok(())
    }
}

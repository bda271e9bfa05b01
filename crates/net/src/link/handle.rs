//! Sending on a connection from anywhere, without waiting.
//!
//! Between the role's threads and the link's task: both step the same machine under one short lock, so the window is the
//! only bound and is exact. Invariant: what waits in `unsent` is in the order in which the machine numbered it, and a
//! task that may sleep has been woken for it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};
use watershed_link::{Hello, Input, Link, OfferError, Output, Packet};

use super::{
    LinkId,
    stats::{LinkStats, add},
};
use crate::clock::SharedClock;

/// The way to one peer over one connection. Cheap to clone; after the connection is over every offer is refused.
#[derive(Clone)]
pub struct LinkHandle {
    link: LinkId,
    shared: Arc<Shared>,
}

impl LinkHandle {
    pub(super) fn new(link: LinkId, shared: Arc<Shared>) -> Self {
        Self { link, shared }
    }

    /// The connection.
    pub fn link(&self) -> LinkId {
        self.link
    }

    /// Takes a body to be sent, in order, once, if the connection lasts. Never waits: if the window is full, the event
    /// `Room` says when to offer again.
    pub fn offer(&self, body: Bytes) -> Result<(), OfferError> {
        self.shared.offer(self.link, body)
    }

    /// Ends this connection, after a peer has sent what it should not. A dialed peer is dialed again, after a pause.
    pub fn hang_up(&self) {
        self.shared.hang_up(self.link);
    }

    /// The counters that this link shares with the others of its peer or its listener.
    pub fn stats(&self) -> &Arc<LinkStats> {
        &self.shared.stats
    }
}

impl fmt::Debug for LinkHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handle of {:?}", self.link)
    }
}

/// A message that the consumer has not finished with: dropping it is what the peer's window waits for.
pub(super) struct Credit {
    link: LinkId,
    bytes: usize,
    shared: Arc<Shared>,
}

impl Credit {
    pub(super) fn new(link: LinkId, bytes: usize, shared: Arc<Shared>) -> Self {
        Self { link, bytes, shared }
    }
}

impl fmt::Debug for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credit of {} bytes", self.bytes)
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.shared.taken(self.link, self.bytes);
    }
}

/// What a link's task and its handles share.
pub(super) struct Shared {
    core: Mutex<Core>,
    wake: Notify,
    clock: Arc<SharedClock>,
    stats: Arc<LinkStats>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what a link's task and its handles share")
    }
}

struct Core {
    machine: Link,
    link: LinkId,
    outbox: Vec<Output>,
    unsent: VecDeque<Packet>,
    hang_up: bool,
}

impl Shared {
    pub(super) fn new(machine: Link, clock: Arc<SharedClock>, stats: Arc<LinkStats>) -> Arc<Self> {
        let (outbox, unsent) = (Vec::new(), VecDeque::new());
        let core = Mutex::new(Core { machine, link: LinkId::next(), outbox, unsent, hang_up: false });
        Arc::new(Self { core, wake: Notify::new(), clock, stats })
    }

    pub(super) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    pub(super) fn stats(&self) -> &LinkStats {
        &self.stats
    }

    /// Lets a dialer that pauses dial at once. Any connection stays as it is.
    pub(super) fn hurry(&self) {
        let now = self.clock.now();
        let mut core = self.lock();
        let Core { machine, outbox, .. } = &mut *core;
        machine.step(now, Input::Hurry, outbox);
        debug_assert!(outbox.is_empty(), "hurrying orders nothing by itself");
        drop(core);
        self.wake.notify_one();
    }

    /// Starts a new connection: handles of the one before are refused from here on, and nothing of it is sent.
    pub(super) fn begin(&self, hello: Hello) -> LinkId {
        let mut core = self.lock();
        core.machine.introduce_as(hello);
        core.link = LinkId::next();
        core.unsent.clear();
        core.hang_up = false;
        core.link
    }

    /// Steps the machine. What it transmits is queued under the same lock, so that no offer of another thread comes
    /// between numbers and their order; its other orders are for the task.
    pub(super) fn step(&self, input: Input, orders: &mut Vec<Output>) {
        let now = self.clock.now();
        let mut core = self.lock();
        let Core { machine, outbox, unsent, .. } = &mut *core;
        machine.step(now, input, outbox);
        for output in outbox.drain(..) {
            match output {
                Output::Transmit(packet) => unsent.push_back(packet),
                order => orders.push(order),
            }
        }
    }

    /// Steps the machine if its deadline has come.
    pub(super) fn tick(&self, orders: &mut Vec<Output>) {
        if self.lock().machine.deadline().is_some_and(|at| at <= self.clock.now()) {
            self.step(Input::Tick(self.clock.hybrid()), orders);
        }
    }

    /// Moves what waits to the task's own queue. A heartbeat that another one follows says nothing, so a peer that does
    /// not read never makes more than one wait; the first of the queue may be partly written and stays.
    pub(super) fn collect(&self, writing: &mut VecDeque<Packet>) {
        let mut core = self.lock();
        for packet in core.unsent.drain(..) {
            let replaces =
                packet.is_heartbeat() && writing.len() > 1 && writing.back().is_some_and(Packet::is_heartbeat);
            if replaces {
                writing.pop_back();
            }
            writing.push_back(packet);
        }
    }

    /// When the task must tick, and whether a handle wants the connection ended.
    pub(super) fn due(&self) -> (Option<Instant>, bool) {
        let core = self.lock();
        let deadline = core.machine.deadline().map(|at| Instant::from_std(self.clock.instant_of(at)));
        (deadline, core.hang_up)
    }

    pub(super) fn frame_bytes_max(&self) -> usize {
        self.lock().machine.frame_bytes_max()
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().machine.is_over()
    }

    /// Waits until a handle has left something to do. A wake-up that comes before the wait is kept.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn offer(&self, link: LinkId, body: Bytes) -> Result<(), OfferError> {
        let now = self.clock.now();
        let mut core = self.lock();
        if core.link != link {
            return Err(OfferError::Down);
        }
        let Core { machine, outbox, unsent, .. } = &mut *core;
        // The task empties the queue whenever it looks, so only the first into an empty one must wake it.
        let wake = unsent.is_empty();
        let offered = machine.offer(now, body, outbox);
        for output in outbox.drain(..) {
            match output {
                Output::Transmit(packet) => unsent.push_back(packet),
                order => unreachable!("an offer orders nothing but a transmission, not {order:?}"),
            }
        }
        drop(core);
        match offered {
            Ok(()) if wake => self.wake.notify_one(),
            Err(OfferError::Full { .. }) => add(&self.stats.full, 1),
            _ => {}
        }
        offered
    }

    fn taken(&self, link: LinkId, bytes: usize) {
        let now = self.clock.now();
        let mut core = self.lock();
        if core.link != link {
            return;
        }
        let Core { machine, outbox, .. } = &mut *core;
        machine.step(now, Input::Taken { messages: 1, bytes: bytes as u64 }, outbox);
        debug_assert!(outbox.is_empty(), "taking orders nothing by itself");
        let wake = machine.deadline().is_some_and(|at| at <= now);
        drop(core);
        if wake {
            self.wake.notify_one();
        }
    }

    fn hang_up(&self, link: LinkId) {
        let mut core = self.lock();
        if core.link == link {
            core.hang_up = true;
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The thread that commits: groups in, "durable" out.
//!
//! Between the processor's driver, which seals groups, and the log. A sync blocks for as long as the disk takes, so it
//! has a thread of its own. Invariant: groups become durable in the order of their numbers, without a gap, and each is
//! answered once per submission: durable, full, or failed.
//!
//! All groups that queue up during a sync go into one record and one sync. Joining them keeps the writer's promise of
//! one unsynced record, on which recovery rests.
//!
//! Segments that a checkpoint has made superfluous go back to the disk between commits, one at a time, or one after the
//! other when there is nothing to commit.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use watershed_log::{
    AppendError, Disk, LogWriter, Section,
    record::{HEADER_BYTES, RECORD_BYTES_MAX, encoded_bytes},
};

use crate::CommitStats;

/// Most groups that wait for the disk. A processor keeps one in flight, so a full queue is a driver's bug.
pub const GROUPS_QUEUED_MAX: usize = 4;

/// What became of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitEvent {
    /// It is durable, and so are all before it.
    Durable {
        /// The group's number.
        group: u64,
        /// The last record of the log that holds nothing of a later group: where a checkpoint stands that holds this group
        /// and all before it.
        position: u64,
    },
    /// The disk is full, and nothing of the group is in the log. Neither is anything of the groups after it, until
    /// the first that was refused has been submitted again, under its number.
    Full {
        /// The group's number.
        group: u64,
    },
    /// Nobody knows whether it is durable. The last event: stop all answers, exit, and recover.
    Failed {
        /// The first of the groups that this befell.
        group: u64,
        /// What failed.
        why: String,
    },
}

/// Why a group was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// As many wait already as may. The sections come back; submit them after the next event.
    #[error("{GROUPS_QUEUED_MAX} groups wait for the disk already")]
    Busy(Vec<Section>),
    /// The log has failed; a [`CommitEvent::Failed`] has said why.
    #[error("log has failed")]
    Failed,
}

struct Group {
    number: u64,
    sections: Vec<Section>,
}

enum Order {
    Commit(Group),
    /// Look at [`Shared::cut`].
    Tidy,
}

/// What the handle and the thread both see.
#[derive(Debug, Default)]
struct Shared {
    /// Groups in the queue.
    queued: AtomicUsize,
    /// Records up to this one are in a checkpoint.
    cut: AtomicU64,
    /// Whether an [`Order::Tidy`] is in the queue: it holds at most one.
    tidy_queued: AtomicBool,
}

/// A running commit thread. Dropping it commits what was submitted, then ends it.
#[derive(Debug)]
pub struct CommitThread {
    queue: Option<SyncSender<Order>>,
    shared: Arc<Shared>,
    stats: Arc<CommitStats>,
    thread: Option<JoinHandle<()>>,
}

impl CommitThread {
    /// Starts to commit to `writer`, and tells `event` what became of each group, on the new thread.
    ///
    /// Fails if the system has no thread to give.
    pub fn start<D: Disk + Send + 'static>(
        writer: LogWriter<D>,
        event: impl FnMut(CommitEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, orders) = sync_channel(GROUPS_QUEUED_MAX + 1);
        let (shared, stats) = (Arc::new(Shared::default()), Arc::new(CommitStats::default()));
        let committer = Committer {
            writer,
            event,
            shared: shared.clone(),
            stats: stats.clone(),
            expected: 1,
            refused: false,
            waiting: VecDeque::new(),
            untidy: false,
        };
        let thread = thread::Builder::new().name("commit".into()).spawn(move || committer.run(orders))?;
        Ok(Self { queue: Some(queue), shared, stats, thread: Some(thread) })
    }

    /// Hands a group over, without waiting. Groups are numbered 1, 2, 3… in the order of their submission; one that was
    /// refused because the disk was full comes again under its number.
    pub fn submit(&self, group: u64, sections: Vec<Section>) -> Result<(), SubmitError> {
        let Some(queue) = &self.queue else { return Err(SubmitError::Failed) };
        if self.shared.queued.fetch_add(1, SeqCst) >= GROUPS_QUEUED_MAX {
            self.shared.queued.fetch_sub(1, SeqCst);
            return Err(SubmitError::Busy(sections));
        }
        queue.try_send(Order::Commit(Group { number: group, sections })).map_err(|refused| match refused {
            TrySendError::Full(Order::Commit(group)) => SubmitError::Busy(group.sections),
            TrySendError::Full(Order::Tidy) | TrySendError::Disconnected(_) => SubmitError::Failed,
        })
    }

    /// Everything up to record `position` of the log is durable in a checkpoint, and no start will ask the log for it
    /// again: segments without a later record go back to the disk. Does not wait; nothing tells when it is done.
    pub fn cut_to(&self, position: u64) {
        self.shared.cut.fetch_max(position, SeqCst);
        if let Some(queue) = &self.queue
            && !self.shared.tidy_queued.swap(true, SeqCst)
        {
            // A log that has failed is not cut.
            let _ = queue.try_send(Order::Tidy);
        }
    }

    /// The thread's counters.
    pub fn stats(&self) -> Arc<CommitStats> {
        self.stats.clone()
    }

    /// Commits what was submitted, ends the thread, and gives the log's lock back.
    pub fn close(mut self) {
        self.join();
    }

    fn join(&mut self) {
        self.queue = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for CommitThread {
    fn drop(&mut self) {
        self.join();
    }
}

/// The thread's own state.
struct Committer<D, F> {
    writer: LogWriter<D>,
    event: F,
    shared: Arc<Shared>,
    stats: Arc<CommitStats>,
    /// The number that the next group in the log has.
    expected: u64,
    /// Whether `expected` was refused, so that groups after it may still come from before that was known.
    refused: bool,
    /// Taken from the queue and not yet committed.
    waiting: VecDeque<Group>,
    /// Whether the log may have segments that can go.
    untidy: bool,
}

/// Groups that share a record: from the expected one to before `end`.
struct Joined {
    end: u64,
    sections: Vec<Section>,
}

/// The log has failed at this group, and the thread ends.
struct Ended {
    group: u64,
    why: String,
}

impl<D: Disk, F: FnMut(CommitEvent)> Committer<D, F> {
    fn run(mut self, orders: Receiver<Order>) {
        if let Err(Ended { group, why }) = self.commit_all(&orders) {
            // Closed first, so that whoever has been told submits in vain.
            drop(orders);
            (self.event)(CommitEvent::Failed { group, why });
        }
    }

    /// Commits what comes, until nobody can submit any more.
    fn commit_all(&mut self, orders: &Receiver<Order>) -> Result<(), Ended> {
        while let Ok(order) = orders.recv() {
            self.take(order);
            while self.untidy || !self.waiting.is_empty() {
                while self.waiting.len() < GROUPS_QUEUED_MAX
                    && let Ok(order) = orders.try_recv()
                {
                    self.take(order);
                }
                self.commit_some()?;
                self.tidy()?;
            }
        }
        Ok(())
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Commit(group) => {
                self.shared.queued.fetch_sub(1, SeqCst);
                self.waiting.push_back(group);
            }
            Order::Tidy => {
                // In this order: a position that comes after it is read here, or queues again.
                self.shared.tidy_queued.store(false, SeqCst);
                self.writer.cut_to(self.shared.cut.load(SeqCst));
                self.untidy = true;
            }
        }
    }

    /// Gives at most one segment back.
    fn tidy(&mut self) -> Result<(), Ended> {
        self.untidy = self.writer.tidy().map_err(|error| Ended { group: self.expected, why: error.to_string() })?;
        Ok(())
    }

    /// Commits as many of the waiting groups as one record holds, and says so.
    fn commit_some(&mut self) -> Result<(), Ended> {
        let Joined { end, sections } = self.join_groups()?;
        let groups = self.expected..end;
        if groups.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let bytes_before = self.writer.bytes_written();
        match self.append_and_sync(&sections) {
            Ok(()) => {
                let bytes = self.writer.bytes_written() - bytes_before;
                self.stats.committed(end - self.expected, bytes, begun.elapsed());
                self.expected = end;
                self.refused = false;
                let record = self.writer.durable();
                groups.for_each(|group| {
                    let position = if group + 1 == end { record } else { record - 1 };
                    (self.event)(CommitEvent::Durable { group, position });
                });
            }
            Err(AppendError::Full) => {
                self.stats.was_full();
                self.refused = true;
                groups.for_each(|group| (self.event)(CommitEvent::Full { group }));
            }
            // A refused group would be our own bug; it ends the log as a broken disk does, and for the same reason.
            Err(error) => return Err(Ended { group: self.expected, why: error.to_string() }),
        }
        Ok(())
    }

    fn append_and_sync(&mut self, sections: &[Section]) -> Result<(), AppendError> {
        self.writer.append(sections)?;
        self.writer.sync().map_err(|error| AppendError::Failed { why: error.why })?;
        Ok(())
    }

    /// Takes groups off the front that follow each other and fit into one record. On the way, groups that rest on a
    /// refused one are refused as well.
    fn join_groups(&mut self) -> Result<Joined, Ended> {
        let mut joined = Joined { end: self.expected, sections: Vec::new() };
        let mut bytes = HEADER_BYTES;
        while let Some(group) = self.waiting.pop_front() {
            if self.refused && joined.sections.is_empty() && group.number > joined.end {
                (self.event)(CommitEvent::Full { group: group.number });
                continue;
            }
            if group.number != joined.end || group.sections.is_empty() {
                let why = format!("group {} was submitted, empty or where group {} was due", group.number, joined.end);
                return Err(Ended { group: self.expected, why });
            }
            bytes += encoded_bytes(&group.sections) - HEADER_BYTES;
            if bytes > RECORD_BYTES_MAX && !joined.sections.is_empty() {
                self.waiting.push_front(group);
                break;
            }
            joined.end += 1;
            joined.sections.extend(group.sections);
        }
        Ok(joined)
    }
}

#[cfg(test)]
mod tests;

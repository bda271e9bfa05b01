//! The handle that drivers count into, and the thread behind it that writes.
//!
//! A counting is a short lock and an addition; encoding and the disk are the thread's. Nothing is awaited and nothing comes
//! back: what cannot be written is counted, said once, and tried again. Invariant: the lock is never held over the encoder or
//! a system call but the thread's own sleep.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use watershed_protocol::{Millis, StreamId};

use crate::{Batch, Config, Counts, Figures, Gatherer, config::RETRY_MS, directory::Directory, stats::Stats};

/// Counts what happens on one node. Cheap to clone; [`Recorder::off`] counts nothing.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    shared: Option<Arc<Shared>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The thread is to look at the time again, or at its end.
    turned: Condvar,
    stats: Stats,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct State {
    gatherer: Gatherer,
    ending: bool,
}

impl Recorder {
    /// Starts the thread. `clock` is the node's, and never goes back. Fails if the system has no thread to give; whatever is
    /// wrong with the directory is found out by the first file.
    pub fn start(config: Config, clock: impl Fn() -> Millis + Send + 'static) -> io::Result<Self> {
        let gatherer = Gatherer::new(config.rotate_s, config.file_bytes);
        let shared = Arc::new(Shared {
            state: Mutex::new(State { gatherer, ending: false }),
            turned: Condvar::new(),
            stats: Stats::default(),
            thread: Mutex::default(),
        });
        let mut writer = Writer { shared: shared.clone(), directory: Directory::new(config), clock, failing: false };
        let thread = thread::Builder::new().name("analytics".into()).spawn(move || writer.run())?;
        *lock(&shared.thread) = Some(thread);
        Ok(Self { shared: Some(shared) })
    }

    /// Counts nothing and writes nothing.
    pub fn off() -> Self {
        Self::default()
    }

    /// Whether anything is counted.
    pub fn is_on(&self) -> bool {
        self.shared.is_some()
    }

    /// Counts what has happened just now.
    pub fn count(&self, now: Millis, stream: &StreamId, counts: &Counts) {
        let Some(shared) = &self.shared else { return };
        if lock(&shared.state).gatherer.count(now, stream, counts) {
            shared.turned.notify_one();
        }
    }

    /// What was written so far.
    pub fn figures(&self) -> Figures {
        let Some(shared) = &self.shared else { return Figures::default() };
        let state = lock(&shared.state);
        Figures {
            rows_dropped: state.gatherer.dropped(),
            counts_folded: state.gatherer.folded(),
            rows_held: state.gatherer.held() as u64,
            ..shared.stats.figures()
        }
    }

    /// Writes all that was counted, the open second too, and ends the thread. One attempt: a disk that takes nothing does not
    /// keep a node from ending. Blocks: not for a task of tokio's. What is counted afterwards is lost.
    pub fn close(&self) {
        let Some(shared) = &self.shared else { return };
        lock(&shared.state).ending = true;
        shared.turned.notify_one();
        if let Some(thread) = lock(&shared.thread).take() {
            // Its panic, a bug of the encoder's or ours, has been reported.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread.
struct Writer<C> {
    shared: Arc<Shared>,
    directory: Directory,
    clock: C,
    /// The last file was not written, and that was said.
    failing: bool,
}

/// What the thread has to do next.
enum Next {
    Write(Batch),
    /// The last one, if there is any.
    End(Option<Batch>),
}

impl<C: Fn() -> Millis> Writer<C> {
    fn run(&mut self) {
        let mut not_before = Millis::default();
        loop {
            match self.wait(not_before) {
                Next::Write(batch) => {
                    not_before = if self.write(batch) { Millis::default() } else { (self.clock)().plus(RETRY_MS) };
                }
                Next::End(last) => {
                    last.map(|batch| self.write(batch));
                    return;
                }
            }
        }
    }

    /// Sleeps until a file is due, but not for one before a retry is; and for ever while there is nothing to write.
    fn wait(&self, not_before: Millis) -> Next {
        let mut state = lock(&self.shared.state);
        loop {
            let now = (self.clock)();
            if state.ending {
                return Next::End(state.gatherer.take_all(now));
            }
            let due = state.gatherer.due_at().map(|due| due.max(not_before));
            if due.is_some_and(|due| due <= now)
                && let Some(batch) = state.gatherer.take(now)
            {
                return Next::Write(batch);
            }
            state = match due {
                // A millisecond at least: the clock's are whole.
                Some(due) => {
                    let wait = Duration::from_millis(due.since(now).max(1));
                    self.shared.turned.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.shared.turned.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Writes one file, and removes old ones. False: it is put back.
    fn write(&mut self, batch: Batch) -> bool {
        let stats = &self.shared.stats;
        let written = self.directory.write(&batch);
        let mut state = lock(&self.shared.state);
        match written {
            Ok(bytes) => {
                Stats::add(&stats.rows, batch.rows.len() as u64);
                state.gatherer.written();
                drop(state);
                Stats::add(&stats.bytes, bytes);
                // Last: whoever sees the file counted sees its rows and bytes.
                Stats::add(&stats.files, 1);
                if std::mem::take(&mut self.failing) {
                    tracing::info!("analytics are written again");
                }
                self.trim();
                true
            }
            Err(error) => {
                Stats::add(&stats.failures, 1);
                state.gatherer.put_back(batch);
                let rows_held = state.gatherer.held();
                drop(state);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, rows_held, retry_ms = RETRY_MS, "analytics are not written, nothing else is touched");
                }
                false
            }
        }
    }

    fn trim(&mut self) {
        match self.directory.trim() {
            Ok(removed) => Stats::add(&self.shared.stats.files_removed, removed),
            // It is tried again behind the next file, and the disk is the operator's.
            Err(error) => tracing::warn!(%error, "an old file of analytics was not removed"),
        }
    }
}

#[cfg(test)]
mod tests;

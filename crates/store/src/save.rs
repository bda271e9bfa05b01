//! The thread that saves: parts of a checkpoint in, "saved" out.
//!
//! Between the processor's driver and the keyspaces. Parts gather in memory, up to a bound, and are ingested together:
//! an ingestion makes a table, and a few large tables are cheaper than many small ones. Invariant: a checkpoint is in force
//! only when everything that was put in before it is durable.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use crate::{KeyspaceError, Keyspaces, keyspaces::Rows};

/// Bytes of parts that gather before they are ingested.
const GATHERED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Parts that wait for the thread. The machine has one on its way, so a full queue is a driver's bug.
const QUEUED_MAX: usize = 2;

/// What became of a part, or of a checkpoint.
#[derive(Debug)]
pub enum SaveEvent {
    /// It was taken; a checkpoint is in force.
    Saved,
    /// It was not, nor is anything that was put in since the last checkpoint sure to be there.
    Failed(KeyspaceError),
}

enum Order {
    Rows(Rows),
    Seal(Vec<u8>),
}

/// A running thread. Dropping it ends it; what was not sealed is lost, as in a crash.
#[derive(Debug)]
pub struct SaveThread {
    queue: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl SaveThread {
    /// Starts to save to these keyspaces, and tells `event` what became of each part, on the new thread.
    ///
    /// Fails if the system has no thread to give.
    pub fn start(keyspaces: Arc<Keyspaces>, event: impl FnMut(SaveEvent) + Send + 'static) -> io::Result<Self> {
        let (queue, orders) = sync_channel(QUEUED_MAX);
        let thread = thread::Builder::new().name("save".into()).spawn(move || save(&keyspaces, &orders, event))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Hands a part over. False when the thread is gone or has too much already: then it is as good as failed.
    #[must_use]
    pub fn put(&self, rows: Rows) -> bool {
        self.order(Order::Rows(rows))
    }

    /// Hands a checkpoint over, which follows all its parts. False as above.
    #[must_use]
    pub fn seal(&self, checkpoint: Vec<u8>) -> bool {
        self.order(Order::Seal(checkpoint))
    }

    fn order(&self, order: Order) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.try_send(order).is_ok())
    }
}

impl Drop for SaveThread {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // Its panic, a bug of the engine's or ours, has been reported; there is nothing to be saved any more.
            let _ = thread.join();
        }
    }
}

fn save(keyspaces: &Keyspaces, orders: &Receiver<Order>, mut event: impl FnMut(SaveEvent)) {
    let (mut gathered, mut bytes) = (Rows::new(), 0);
    while let Ok(order) = orders.recv() {
        let checkpoint = match order {
            Order::Rows(rows) => {
                bytes +=
                    rows.iter().map(|((_, key), value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum::<usize>();
                gathered.extend(rows);
                None
            }
            Order::Seal(checkpoint) => Some(checkpoint),
        };
        let mut done = Ok(());
        if checkpoint.is_some() || bytes >= GATHERED_BYTES_MAX {
            done = keyspaces.ingest(&gathered);
            (gathered, bytes) = (Rows::new(), 0);
        }
        let done = done.and_then(|()| checkpoint.map_or(Ok(()), |checkpoint| keyspaces.seal(&checkpoint)));
        event(done.map_or_else(SaveEvent::Failed, |()| SaveEvent::Saved));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_was_sealed_is_there_after_a_start_and_what_was_not_may_not_be() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Keyspaces::open(directory.path(), &["one"]).unwrap();
        let (told, events) = mpsc::channel();
        let row = |key: &str| Rows::from([((0, key.as_bytes().to_vec()), Some(b"v".to_vec()))]);
        {
            let thread = SaveThread::start(Arc::new(open()), move |event| told.send(event).unwrap()).unwrap();
            assert!(thread.put(row("a")));
            assert!(matches!(events.recv(), Ok(SaveEvent::Saved)));
            assert!(thread.seal(b"up to here".to_vec()));
            assert!(matches!(events.recv(), Ok(SaveEvent::Saved)));
            assert!(thread.put(row("b")));
            assert!(matches!(events.recv(), Ok(SaveEvent::Saved)));
        }
        let store = open();
        assert_eq!(store.checkpoint().unwrap().as_deref(), Some(&b"up to here"[..]));
        let mut keys = Vec::new();
        let read = store.read(|_, key, _| {
            keys.push(key.to_vec());
            Ok::<(), KeyspaceError>(())
        });
        assert_eq!(read.unwrap(), 1);
        assert_eq!(keys, [b"a".to_vec()]);
    }
}

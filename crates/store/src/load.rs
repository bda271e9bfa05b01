//! The thread that loads: keys in, rows of the store out.
//!
//! Between the processor's driver and the keyspaces, beside the thread that saves: whoever waits for a page waits neither
//! for a commit nor for a checkpoint. Invariant: every key that was taken is answered once, unless the thread is ended.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use crate::{KeyspaceError, Keyspaces};

/// What the store has under a key.
#[derive(Debug)]
pub struct LoadEvent {
    /// The load's number.
    pub load: u64,
    /// The row, or `None` if there is none.
    pub value: Result<Option<Vec<u8>>, KeyspaceError>,
}

struct Order {
    load: u64,
    keyspace: usize,
    key: Vec<u8>,
}

/// A running thread. Dropping it ends it. How many keys wait is bounded by who asks: the machine's own limit of loads.
#[derive(Debug)]
pub struct LoadThread {
    queue: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl LoadThread {
    /// Starts to load from these keyspaces, and tells `event` what was found, on the new thread.
    ///
    /// Fails if the system has no thread to give.
    pub fn start(keyspaces: Arc<Keyspaces>, mut event: impl FnMut(LoadEvent) + Send + 'static) -> io::Result<Self> {
        let (queue, orders): (_, Receiver<Order>) = channel();
        let load = move || {
            while let Ok(Order { load, keyspace, key }) = orders.recv() {
                event(LoadEvent { load, value: keyspaces.get(keyspace, &key) });
            }
        };
        let thread = thread::Builder::new().name("load".into()).spawn(load)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Asks for the row under a key of a keyspace, by its index. False when the thread is gone.
    #[must_use]
    pub fn load(&self, load: u64, keyspace: usize, key: Vec<u8>) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.send(Order { load, keyspace, key }).is_ok())
    }
}

impl Drop for LoadThread {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // Its panic, a bug of the engine's or ours, has been reported.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::Rows;

    #[test]
    fn what_was_ingested_is_found_and_what_was_not_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let keyspaces = Arc::new(Keyspaces::open(directory.path(), &["one", "two"]).unwrap());
        keyspaces.ingest(&Rows::from([((1, b"a".to_vec()), Some(b"v".to_vec()))])).unwrap();
        let (told, events) = mpsc::channel();
        let thread = LoadThread::start(keyspaces, move |event| told.send(event).unwrap()).unwrap();
        for (load, keyspace) in [(1, 1), (2, 0)] {
            assert!(thread.load(load, keyspace, b"a".to_vec()));
        }
        let found: Vec<_> = events.iter().take(2).map(|event| (event.load, event.value.unwrap())).collect();
        assert_eq!(found, [(1, Some(b"v".to_vec())), (2, None)]);
    }
}

//! What the thread says of each group, on a disk that waits, fills up or fails when it is told to.

use std::sync::mpsc::{Sender, channel};

use watershed_log::{Base, DiskError, LogConfig, MemoryDisk, SegmentId, SlotEnd, recover};
use watershed_protocol::{Epoch, Position, Slot};

use super::*;

/// A disk in memory whose syncs report that they have begun, and wait for permission to end.
struct GatedDisk {
    disk: MemoryDisk,
    begun: Sender<()>,
    permission: Receiver<()>,
}

impl Disk for GatedDisk {
    fn segments(&mut self) -> Result<Vec<SegmentId>, DiskError> {
        self.disk.segments()
    }
    fn create(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.disk.create(segment)
    }
    fn bytes(&mut self, segment: SegmentId) -> Result<u64, DiskError> {
        self.disk.bytes(segment)
    }
    fn read_at(&mut self, segment: SegmentId, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        self.disk.read_at(segment, offset, buffer)
    }
    fn write_at(&mut self, segment: SegmentId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.disk.write_at(segment, offset, bytes)
    }
    fn sync(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        let _ = self.begun.send(());
        let _ = self.permission.recv();
        self.disk.sync(segment)
    }
    fn cut(&mut self, segment: SegmentId, offset: u64) -> Result<(), DiskError> {
        self.disk.cut(segment, offset)
    }
    fn remove(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.disk.remove(segment)
    }
    fn recycle(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.disk.recycle(segment)
    }
}

fn writer<D: Disk>(disk: D) -> LogWriter<D> {
    recover(disk, LogConfig::default(), Base::default(), |_| Ok::<(), String>(())).unwrap().0
}

fn start<D: Disk + Send + 'static>(writer: LogWriter<D>) -> (CommitThread, Receiver<CommitEvent>) {
    let (tell, events) = channel();
    let thread = CommitThread::start(writer, move |event| {
        let _ = tell.send(event);
    });
    (thread.unwrap(), events)
}

/// The commit thread on a gated disk: "a sync began", and permission for it to end.
fn start_gated() -> (CommitThread, Receiver<CommitEvent>, Receiver<()>, Sender<()>) {
    let (begun, syncs) = channel();
    let (permit, permission) = channel();
    let (thread, events) = start(writer(GatedDisk { disk: MemoryDisk::new(), begun, permission }));
    (thread, events, syncs, permit)
}

/// One row of slot 7.
fn row(number: u64) -> Vec<Section> {
    let (from, to) = (Position::new(number - 1), Position::new(number));
    vec![Section { slot: Slot::new(7).unwrap(), epoch: Epoch::new(1), from, to, body: vec![number as u8; 100] }]
}

/// Group and record.
fn durable(group: u64, position: u64) -> CommitEvent {
    CommitEvent::Durable { group, position }
}

fn full(group: u64) -> CommitEvent {
    CommitEvent::Full { group }
}

#[test]
fn groups_become_durable_in_order_and_closing_waits_for_them() {
    let directory = tempfile::tempdir().unwrap();
    let opened =
        || crate::open(directory.path(), LogConfig::default(), Base::default(), |_| Ok::<(), String>(())).unwrap();
    let (thread, events) = start(opened().0);
    for number in 1..=3 {
        thread.submit(number, row(number)).unwrap();
    }
    let stats = thread.stats();
    thread.close();
    let told = events.iter().map(|event| matches!(event, CommitEvent::Durable { group, .. } if group <= 3));
    assert_eq!(told.collect::<Vec<_>>(), [true; 3]);
    let (writer, _) = opened();
    assert_eq!(writer.ends().get(Slot::new(7).unwrap()).unwrap().position, Position::new(3));
    let figures = stats.figures();
    assert_eq!(figures.groups, 3);
    assert_eq!(figures.buckets.iter().sum::<u64>(), figures.commits);
}

#[test]
fn groups_that_queue_up_during_a_sync_share_the_next() {
    let (thread, events, syncs, permit) = start_gated();
    thread.submit(1, row(1)).unwrap();
    syncs.recv().unwrap();
    for number in 2..=4 {
        thread.submit(number, row(number)).unwrap();
    }
    assert!(events.try_recv().is_err(), "nothing is durable while the sync runs");
    permit.send(()).unwrap();
    permit.send(()).unwrap();
    let stats = thread.stats();
    thread.close();
    assert_eq!(events.iter().collect::<Vec<_>>(), [durable(1, 1), durable(2, 1), durable(3, 1), durable(4, 2)]);
    let figures = stats.figures();
    assert_eq!((figures.commits, figures.groups), (2, 4));
}

#[test]
fn a_full_queue_gives_the_sections_back() {
    let (thread, _events, syncs, permit) = start_gated();
    thread.submit(1, row(1)).unwrap();
    syncs.recv().unwrap();
    let last = GROUPS_QUEUED_MAX as u64 + 2;
    for number in 2..last {
        thread.submit(number, row(number)).unwrap();
    }
    assert_eq!(thread.submit(last, row(last)), Err(SubmitError::Busy(row(last))));
    drop(permit);
}

#[test]
fn a_full_disk_refuses_a_group_and_takes_it_again_later() {
    let mut disk = MemoryDisk::new();
    disk.full_after(400);
    let (thread, events) = start(writer(disk));
    thread.submit(1, row(1)).unwrap();
    assert_eq!(events.recv(), Ok(durable(1, 1)));
    let large = |bytes| vec![Section { body: vec![0; bytes], ..row(2).remove(0) }];
    thread.submit(2, large(1_000)).unwrap();
    assert_eq!(events.recv(), Ok(full(2)));
    thread.submit(3, row(3)).unwrap();
    assert_eq!(events.recv(), Ok(full(3)), "it follows a group that is not there");
    thread.submit(2, large(50)).unwrap();
    assert_eq!(events.recv(), Ok(durable(2, 2)));
    let stats = thread.stats();
    thread.close();
    assert_eq!((stats.figures().full, stats.figures().commits), (1, 2));
}

#[test]
fn a_failed_sync_is_told_once_and_ends_the_thread() {
    let mut failing = writer(MemoryDisk::new());
    failing.disk_mut().fail_next_sync();
    let (thread, events) = start(failing);
    thread.submit(1, row(1)).unwrap();
    let why = "log has failed: sync of segment 0000000000000001 failed".to_owned();
    assert_eq!(events.iter().collect::<Vec<_>>(), [CommitEvent::Failed { group: 1, why }]);
    assert_eq!(thread.submit(2, row(2)), Err(SubmitError::Failed));
    thread.close();
}

#[test]
fn a_group_out_of_turn_ends_the_thread_before_anything_rests_on_it() {
    let (thread, events) = start(writer(MemoryDisk::new()));
    thread.submit(2, row(1)).unwrap();
    let told = events.recv().unwrap();
    assert!(matches!(&told, CommitEvent::Failed { group: 1, why } if why.starts_with("group 2 ")), "{told:?}");
}

#[test]
fn a_log_is_cut_between_commits_and_when_there_are_none() {
    let directory = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 300 };
    let (writer, _) = crate::open(directory.path(), config, Base::default(), |_| Ok::<(), String>(())).unwrap();
    let (thread, events) = start(writer);
    let mut at = 0;
    for number in 1..=20 {
        thread.submit(number, row(number)).unwrap();
        match events.recv().unwrap() {
            CommitEvent::Durable { position, .. } => at = position,
            other => panic!("{other:?}"),
        }
    }
    // However often it is asked for, it takes no place in the queue of groups.
    (0..100).for_each(|_| thread.cut_to(at));
    for number in 21..21 + GROUPS_QUEUED_MAX as u64 {
        thread.submit(number, row(number)).unwrap();
    }
    let last = 20 + GROUPS_QUEUED_MAX as u64;
    while events.recv().is_ok_and(|event| !matches!(event, CommitEvent::Durable { group, .. } if group == last)) {}
    thread.cut_to(at);
    thread.close();
    let slot = (Slot::new(7).unwrap(), SlotEnd { epoch: Epoch::new(1), position: Position::new(20) });
    let base = Base { position: at, ends: [slot].into_iter().collect() };
    let found = crate::verify(directory.path(), base, |_| Ok::<(), String>(())).unwrap();
    // Two records to a segment at most.
    assert!((at - 1..=at + 1).contains(&found.first), "the log begins with {} and is cut at {at}", found.first);
}

#[test]
fn a_disk_that_fails_while_the_log_is_cut_ends_the_thread() {
    let config = LogConfig { segment_bytes: 300 };
    let mut failing = recover(MemoryDisk::new(), config, Base::default(), |_| Ok::<(), String>(())).unwrap().0;
    for number in 1..=6 {
        failing.append(&row(number)).unwrap();
    }
    failing.sync().unwrap();
    failing.disk_mut().gone_after(0);
    let (thread, events) = start(failing);
    thread.cut_to(6);
    let why = "log has failed: disk is gone".to_owned();
    assert_eq!(events.iter().collect::<Vec<_>>(), [CommitEvent::Failed { group: 1, why }]);
    thread.cut_to(7);
    assert_eq!(thread.submit(1, row(7)), Err(SubmitError::Failed));
}

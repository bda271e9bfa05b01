//! Any sequence of groups, syncs, process exits, power cuts and full disks: what was synced comes back, whole and in
//! order.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy sees only in `#[test]` functions")]

use proptest::{collection::vec, prelude::*};
use watershed_log::{
    AppendError, Base, Disk, LogConfig, LogWriter, MemoryDisk, Record, RecoverError, Section, recover,
};
use watershed_protocol::{Epoch, Position, Slot};

const SLOTS: u16 = 3;

#[derive(Clone, Debug)]
enum Step {
    /// A group of one section, with a body of this many bytes.
    Append(u16, usize),
    Sync,
    /// The next sync fails (this one, recovery's own, or a later group's), and the process exits.
    FailSync,
    /// The process exits; the kernel goes on.
    Exit,
    /// The power goes; this many unsynced bytes were written before.
    Crash(usize),
    /// The power goes; unsynced sectors survive as these bits say.
    Scatter(u64),
    /// The disk takes this many bytes more, and is emptied after the next group.
    Full(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..SLOTS, 0..2_000usize).prop_map(|(slot, bytes)| Step::Append(slot, bytes)),
        4 => Just(Step::Sync),
        1 => Just(Step::FailSync),
        1 => Just(Step::Exit),
        2 => (0..3_000usize).prop_map(Step::Crash),
        2 => any::<u64>().prop_map(Step::Scatter),
        1 => (0..2_000usize).prop_map(Step::Full),
    ]
}

/// A log and what was told to it.
struct Run {
    config: LogConfig,
    writer: LogWriter<MemoryDisk>,
    /// All groups of the log's present history; the durable ones are a prefix.
    appended: Vec<Section>,
    durable: usize,
}

impl Run {
    fn new(segment_bytes: u64) -> Self {
        let config = LogConfig { segment_bytes };
        let writer = open(MemoryDisk::new(), config).unwrap().0;
        Self { config, writer, appended: Vec::new(), durable: 0 }
    }

    fn step(mut self, step: Step) -> Self {
        match step {
            Step::Append(slot, bytes) => {
                let section = self.section(slot, bytes);
                match self.writer.append(std::slice::from_ref(&section)) {
                    Ok(position) => {
                        self.appended.push(section);
                        assert_eq!(position, self.appended.len() as u64);
                        self.durable = self.writer.durable() as usize;
                    }
                    Err(AppendError::Full) => {}
                    Err(AppendError::Failed { .. }) => return self.restart(|_| {}),
                    Err(refused) => panic!("{refused}"),
                }
                self.writer.disk_mut().make_room();
                self
            }
            Step::Sync => match self.writer.sync() {
                Ok(position) => {
                    self.durable = position as usize;
                    self
                }
                Err(_) => self.restart(|_| {}),
            },
            Step::FailSync => {
                self.writer.disk_mut().fail_next_sync();
                let _ = self.writer.sync();
                self.restart(|_| {})
            }
            Step::Exit => self.restart(|_| {}),
            Step::Crash(torn) => self.restart(|disk| disk.crash(torn)),
            Step::Scatter(mut bits) => self.restart(|disk| {
                disk.crash_scattered(|| {
                    bits = bits.rotate_left(1);
                    bits & 1 == 1
                })
            }),
            Step::Full(bytes) => {
                self.writer.disk_mut().full_after(bytes);
                self
            }
        }
    }

    /// The section that follows what the log holds of the slot.
    fn section(&self, slot: u16, bytes: usize) -> Section {
        let slot = Slot::new(slot).unwrap();
        let from = self.writer.ends().get(slot).map_or(Position::ZERO, |end| end.position);
        Section { slot, epoch: Epoch::new(1), from, to: from.next(), body: vec![self.appended.len() as u8; bytes] }
    }

    /// Ends the process, does something to the disk, starts again, and checks what came back.
    fn restart(self, accident: impl FnOnce(&mut MemoryDisk)) -> Self {
        let Self { config, writer, mut appended, durable } = self;
        let mut disk = writer.into_disk();
        disk.make_room();
        accident(&mut disk);
        if let Err(RecoverError::Disk { .. }) = open(disk.clone(), config) {
            // The start itself meets the sync that fails. The one after it must not mind.
            drop(recover(&mut disk, config, Base::default(), |_| Ok::<(), String>(())));
        }
        let (writer, records) = open(disk, config).unwrap();
        assert!(records.len() >= durable, "{} of {durable} durable records came back", records.len());
        for (record, section) in records.iter().zip(&appended) {
            assert!(record.sections == [section.clone()], "record {} is another", record.position);
        }
        assert!(records.len() <= appended.len());
        appended.truncate(records.len());
        // What recovery replayed it has made durable.
        Self { config, writer, durable: appended.len(), appended }
    }
}

fn open(disk: MemoryDisk, config: LogConfig) -> Result<(LogWriter<MemoryDisk>, Vec<Record>), RecoverError<String>> {
    let mut records = Vec::new();
    let (writer, recovered) = recover(disk, config, Base::default(), |record| {
        records.push(record);
        Ok(())
    })?;
    assert_eq!(recovered.last, records.len() as u64);
    Ok((writer, records))
}

#[test]
fn a_group_refused_by_a_full_disk_does_not_come_back_under_the_next() {
    // All but the last byte of the refused group were written, and of the next group only its last sector survives:
    // the gap between them reads as zeros, and a zero is what the refused group ends with.
    let survivors = 0b10001 << 59;
    let steps = [Step::Full(46), Step::Append(0, 2), Step::Append(0, 979), Step::Scatter(survivors)];
    steps.into_iter().fold(Run::new(100), Run::step);
}

proptest! {
    #[test]
    fn recovery_yields_a_prefix_that_holds_all_that_was_synced(
        steps in vec(step(), 1..60),
        segment_bytes in 100..8_000u64,
    ) {
        let run = steps.into_iter().fold(Run::new(segment_bytes), Run::step);
        run.restart(|disk| disk.crash(0));
    }

    #[test]
    fn a_flipped_bit_is_refused_unless_it_is_in_the_last_record(
        sizes in vec(0..300usize, 1..30),
        segment_bytes in 100..2_000u64,
        at in any::<proptest::sample::Index>(),
    ) {
        let mut run = Run::new(segment_bytes);
        for bytes in &sizes {
            run = run.step(Step::Append(0, *bytes));
        }
        run = run.step(Step::Sync);
        let (config, mut disk) = (run.config, run.writer.into_disk());
        let lengths: Vec<_> = disk.segments().unwrap().into_iter().map(|id| (id, disk.cached(id).len())).collect();
        let whole: usize = lengths.iter().map(|(_, bytes)| bytes).sum();
        let last = watershed_log::record::encoded_bytes(run.appended.last());
        let flipped = at.index(whole);
        let mut offset = flipped;
        for (segment, bytes) in lengths {
            if offset < bytes {
                prop_assert!(disk.flip(segment, offset));
                break;
            }
            offset -= bytes;
        }
        match open(disk, config) {
            Err(RecoverError::Damaged { record, later, .. }) => {
                prop_assert!(record < later);
                prop_assert!(flipped < whole - last);
            }
            Err(other) => prop_assert!(false, "{other}"),
            Ok((_, records)) => {
                prop_assert_eq!(records.len(), sizes.len() - 1);
                prop_assert!(flipped >= whole - last, "a flip in the middle was taken for a torn tail");
            }
        }
    }
}

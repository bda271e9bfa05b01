//! Any sequence of groups, syncs, cuts, process exits, power cuts and full disks: what was synced comes back, whole and
//! in order, and nothing else does.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy sees only in `#[test]` functions")]

use proptest::{collection::vec, prelude::*};
use watershed_log::{
    AppendError, Base, Disk, LogConfig, LogWriter, MemoryDisk, Record, RecoverError, Section, Sector, SlotEnd, recover,
};
use watershed_protocol::{Epoch, Position, Slot};

const SLOTS: u16 = 3;

#[derive(Clone, Debug)]
enum Step {
    /// A group of one section, with a body of this many bytes.
    Append(u16, usize),
    Sync,
    /// Everything durable is held elsewhere from now on, durably.
    Checkpoint,
    /// The log may be cut at the checkpoint, and so many segments go at once.
    Cut(usize),
    /// A spare segment of this many zeros is there.
    Prewrite(usize),
    /// The next sync fails (this one, recovery's own, or a later group's), and the process exits.
    FailSync,
    /// The process exits; the kernel goes on.
    Exit,
    /// The power goes; this many unsynced bytes were written before.
    Crash(usize),
    /// The power goes; unsynced sectors survive as these bits say.
    Scatter(u64),
    /// So many orders later the disk is gone; then the power goes, as with [`Step::Scatter`].
    Gone(usize, u64),
    /// The process exits; its next start dies after so many orders, and the power goes, as with [`Step::Crash`].
    DieAtStart(usize, usize),
    /// The disk takes this many bytes more, and is emptied after the next group.
    Full(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        16 => (0..SLOTS, 0..2_000usize).prop_map(|(slot, bytes)| Step::Append(slot, bytes)),
        6 => Just(Step::Sync),
        3 => Just(Step::Checkpoint),
        4 => (0..4usize).prop_map(Step::Cut),
        1 => (0..8_000usize).prop_map(Step::Prewrite),
        1 => Just(Step::FailSync),
        1 => Just(Step::Exit),
        2 => (0..3_000usize).prop_map(Step::Crash),
        2 => any::<u64>().prop_map(Step::Scatter),
        1 => (0..12usize, any::<u64>()).prop_map(|(orders, bits)| Step::Gone(orders, bits)),
        2 => (0..30usize, 0..8_000usize).prop_map(|(orders, torn)| Step::DieAtStart(orders, torn)),
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
    base: Base,
    /// Tells every group that was ever tried from every other.
    serial: u8,
    /// What becomes of unsynced sectors once the disk is gone.
    gone: Option<u64>,
}

impl Run {
    fn new(segment_bytes: u64) -> Self {
        let config = LogConfig { segment_bytes };
        let (base, gone) = (Base::default(), None);
        let writer = open(MemoryDisk::new(), config, &base).unwrap().0;
        Self { config, writer, appended: Vec::new(), durable: 0, base, serial: 0, gone }
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
                    Err(AppendError::Failed { .. }) => return self.restart_after_failure(),
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
                Err(_) => self.restart_after_failure(),
            },
            Step::Checkpoint => {
                let durable = &self.appended[..self.durable];
                let end = |section: &Section| (section.slot, SlotEnd { epoch: section.epoch, position: section.to });
                self.base = Base { position: durable.len() as u64, ends: durable.iter().map(end).collect() };
                self
            }
            Step::Cut(segments) => {
                self.writer.cut_to(self.base.position);
                for _ in 0..segments {
                    if self.writer.tidy().is_err() {
                        return self.restart_after_failure();
                    }
                }
                self
            }
            Step::Prewrite(bytes) => {
                self.writer.disk_mut().prewrite(bytes);
                self
            }
            Step::FailSync => {
                self.writer.disk_mut().fail_next_sync();
                let _ = self.writer.sync();
                self.restart(|_| {})
            }
            Step::Exit => self.restart(|_| {}),
            Step::Crash(torn) => self.restart(|disk| disk.crash(torn)),
            Step::Scatter(bits) => self.restart(|disk| scatter(disk, bits)),
            Step::Gone(orders, bits) => {
                self.writer.disk_mut().gone_after(orders);
                self.gone = Some(bits);
                self
            }
            Step::DieAtStart(orders, torn) => {
                let (config, base) = (self.config, self.base.clone());
                self.restart(|disk| {
                    disk.gone_after(orders);
                    drop(recover(&mut *disk, config, base, |_| Ok::<(), String>(())));
                    disk.crash(torn);
                })
            }
            Step::Full(bytes) => {
                self.writer.disk_mut().full_after(bytes);
                self
            }
        }
    }

    /// The section that follows what the log holds of the slot.
    fn section(&mut self, slot: u16, bytes: usize) -> Section {
        let slot = Slot::new(slot).unwrap();
        let from = self.writer.ends().get(slot).map_or(Position::ZERO, |end| end.position);
        let body = vec![self.serial; bytes];
        self.serial = self.serial.wrapping_add(1);
        Section { slot, epoch: Epoch::new(1), from, to: from.next(), body }
    }

    /// The log has failed: by a sync that did, or because the disk is gone.
    fn restart_after_failure(self) -> Self {
        match self.gone {
            Some(bits) => self.restart(|disk| scatter(disk, bits)),
            None => self.restart(|_| {}),
        }
    }

    /// Ends the process, does something to the disk, starts again, and checks what came back.
    fn restart(self, accident: impl FnOnce(&mut MemoryDisk)) -> Self {
        let Self { config, writer, mut appended, durable, base, serial, .. } = self;
        let mut disk = writer.into_disk();
        disk.make_room();
        disk.comes_back();
        accident(&mut disk);
        if let Err(RecoverError::Disk { .. }) = open(disk.clone(), config, &base) {
            // The start itself meets the sync that fails. The one after it must not mind.
            drop(recover(&mut disk, config, base.clone(), |_| Ok::<(), String>(())));
        }
        without_its_checkpoint(disk.clone(), config, base.position, &appended);
        let (writer, records) = open(disk, config, &base).unwrap();
        let held = base.position as usize;
        assert!(held + records.len() >= durable, "{} after {held} of {durable} durable came back", records.len());
        assert!(held + records.len() <= appended.len());
        for (record, section) in records.iter().zip(&appended[held..]) {
            assert!(record.sections == [section.clone()], "record {} is another", record.position);
        }
        appended.truncate(held + records.len());
        // What recovery replayed it has made durable.
        Self { config, writer, durable: appended.len(), appended, base, serial, gone: None }
    }
}

/// Without the checkpoint, a log that was cut is refused; one that was not is as good as ever.
fn without_its_checkpoint(disk: MemoryDisk, config: LogConfig, held: u64, appended: &[Section]) {
    match open(disk, config, &Base::default()) {
        Ok((_, records)) => {
            for (record, section) in records.iter().zip(appended) {
                assert!(record.sections == [section.clone()], "record {} is another", record.position);
            }
        }
        Err(RecoverError::Begins { first, base: 0, .. }) => assert!((2..=held + 1).contains(&first)),
        Err(other) => panic!("{other}"),
    }
}

fn scatter(disk: &mut MemoryDisk, mut bits: u64) {
    disk.crash_scattered(|| {
        bits = bits.rotate_left(2);
        match bits & 3 {
            0 => Sector::Lost,
            1 => Sector::Flipped,
            _ => Sector::Kept,
        }
    });
}

fn open(
    disk: MemoryDisk,
    config: LogConfig,
    base: &Base,
) -> Result<(LogWriter<MemoryDisk>, Vec<Record>), RecoverError<String>> {
    let mut records = Vec::new();
    let (writer, recovered) = recover(disk, config, base.clone(), |record| {
        records.push(record.clone());
        Ok(())
    })?;
    assert_eq!((recovered.replayed, recovered.last), (records.len() as u64, base.position + records.len() as u64));
    assert_eq!(recovered.ends, *writer.ends());
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
        steps in vec(step(), 1..120),
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
        let (config, base, mut disk) = (run.config, run.base, run.writer.into_disk());
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
        match open(disk, config, &base) {
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

//! A disk that outlives the process that has it open, whatever becomes of that process's start.
//!
//! Between the log's own code, which owns its disk, and the machine, whose disk stays when a process ends. Invariant: all
//! handles are the same disk.

use std::{cell::RefCell, rc::Rc};

use watershed_log::{Disk, DiskError, MemoryDisk, SegmentId};

/// A handle.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedDisk(Rc<RefCell<MemoryDisk>>);

impl SharedDisk {
    /// Does something to the disk that the log does not ask for.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut MemoryDisk) -> T) -> T {
        change(&mut self.0.borrow_mut())
    }
}

impl Disk for SharedDisk {
    fn segments(&mut self) -> Result<Vec<SegmentId>, DiskError> {
        self.with(|disk| disk.segments())
    }
    fn create(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.with(|disk| disk.create(segment))
    }
    fn bytes(&mut self, segment: SegmentId) -> Result<u64, DiskError> {
        self.with(|disk| disk.bytes(segment))
    }
    fn read_at(&mut self, segment: SegmentId, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        self.with(|disk| disk.read_at(segment, offset, buffer))
    }
    fn write_at(&mut self, segment: SegmentId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.with(|disk| disk.write_at(segment, offset, bytes))
    }
    fn sync(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.with(|disk| disk.sync(segment))
    }
    fn cut(&mut self, segment: SegmentId, offset: u64) -> Result<(), DiskError> {
        self.with(|disk| disk.cut(segment, offset))
    }
    fn remove(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.with(|disk| disk.remove(segment))
    }
    fn recycle(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.with(|disk| disk.recycle(segment))
    }
}

//! The doors of the disk: the log, the ownership map, and the file that describes the cluster.

use watershed_log::{Disk, LogConfig, MemoryDisk, Section, SegmentId, record, recover};
use watershed_membership::Topology;
use watershed_placement::Map;
use watershed_processor::{Config, Processor};
use watershed_protocol::{Epoch, Position};

use crate::{Feed, samples};

/// One record of the log.
pub(crate) fn record() -> Feed {
    Box::new(|bytes| match record::decode(bytes) {
        Ok((record, length)) => {
            assert!(length <= bytes.len());
            assert!(record.sections.iter().map(|section| section.body.len()).sum::<usize>() <= length);
            true
        }
        Err(_) => false,
    })
}

/// A whole segment: what recovery takes of it is still there after another one.
pub(crate) fn segment() -> Feed {
    Box::new(|bytes| {
        let mut disk = MemoryDisk::new();
        let written = disk
            .create(SegmentId::new(1))
            .and_then(|()| disk.write_at(SegmentId::new(1), 0, bytes))
            .and_then(|()| disk.sync(SegmentId::new(1)));
        written.expect("a disk in memory takes all");
        let config = LogConfig { segment_bytes: 4_096 };
        let Ok((writer, first)) = recover(disk, config, |_| Ok::<(), String>(())) else { return false };
        let (_, again) = recover(writer.into_disk(), config, |_| Ok::<(), String>(())).expect("it was just recovered");
        assert_eq!((again.records, again.cut), (first.records, None));
        first.records > 0
    })
}

/// The rows of one section, read back into a machine.
pub(crate) fn rows() -> Feed {
    Box::new(|bytes| {
        let slot = samples::slot(2);
        let mut taken = false;
        // How many rows a body has is written beside it; each input is tried as one row and as three.
        for rows in [1, 3] {
            let (from, to) = (Position::ZERO, Position::new(rows));
            let section = Section { slot, epoch: Epoch::new(1), from, to, body: bytes.to_vec() };
            taken |= Processor::new(Config::new(samples::node("p1"))).replay(&section).is_ok();
        }
        taken
    })
}

/// The ownership map.
pub(crate) fn map() -> Feed {
    Box::new(|bytes| match Map::decode(bytes) {
        Ok(map) => {
            assert_eq!(Map::decode(map.encode().as_bytes()).as_ref(), Ok(&map));
            true
        }
        Err(error) => {
            assert!(!error.to_string().contains('\n'));
            false
        }
    })
}

/// The topology.
pub(crate) fn topology() -> Feed {
    Box::new(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        match Topology::parse(text) {
            Ok(topology) => {
                assert!(!topology.nodes().is_empty());
                true
            }
            Err(error) => {
                let line = error.to_string();
                assert!(!line.contains('\n') && line.chars().count() < 1_000, "{line:?}");
                false
            }
        }
    })
}

//! The doors of the disk: the log, the ownership map, and the file that describes the cluster.

use watershed_log::{Base, Disk, LogConfig, MemoryDisk, Section, SegmentId, record, recover, verify};
use watershed_membership::Topology;
use watershed_placement::Map;
use watershed_processor::{Checkpoint, Config, Keyspace, Processor, SavedRow};
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
        let checked = verify(&mut disk, Base::default(), |_| Ok::<(), String>(()));
        let opened = recover(disk, config, Base::default(), |_| Ok::<(), String>(()));
        assert_eq!(checked.is_ok(), opened.is_ok(), "what a check finds, a start does: {checked:?}");
        let Ok((writer, first)) = opened else { return false };
        let again = recover(writer.into_disk(), config, Base::default(), |_| Ok::<(), String>(()));
        let (_, again) = again.expect("it was just recovered");
        assert_eq!((again.last, again.replayed, again.cut), (first.last, first.replayed, None));
        first.replayed > 0
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
            let mut machine = Processor::new(Config::new(samples::node("p1")));
            let replayed = machine.replay(&section, &mut |_, _| Ok(None));
            taken |= replayed.and_then(|()| machine.replayed(&mut |_, _| Ok(None))).is_ok();
        }
        taken
    })
}

/// Rows of the store, one after the other, read back into a machine.
pub(crate) fn store() -> Feed {
    Box::new(|bytes| {
        let mut machine = Processor::new(Config::new(samples::node("p1")));
        let (mut rest, mut taken) = (bytes, 0);
        while let Some((row, behind)) = saved_row(rest) {
            rest = behind;
            if machine.restore(&row, &mut |_, _| Ok(None)).is_err() {
                return false; // A start ends here.
            }
            taken += 1;
        }
        machine.restored(&Checkpoint::default());
        let _ = machine.tallies().count();
        taken > 0
    })
}

/// Keyspace u8, length of the key u8, length of the value u16, key, value.
fn saved_row(bytes: &[u8]) -> Option<(SavedRow, &[u8])> {
    let ([keyspace, key_bytes, high, low], rest) = bytes.split_first_chunk()?;
    let keyspace = Keyspace::ALL[usize::from(*keyspace) % Keyspace::ALL.len()];
    let (key, rest) = rest.split_at_checked(usize::from(*key_bytes))?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
    Some((SavedRow { keyspace, key: key.to_vec(), value: Some(value.to_vec()) }, rest))
}

/// The mark behind the rows of a checkpoint.
pub(crate) fn checkpoint() -> Feed {
    Box::new(|bytes| match Checkpoint::decode(bytes) {
        Ok(checkpoint) => {
            assert_eq!(Checkpoint::decode(&checkpoint.encode()).as_ref(), Ok(&checkpoint));
            true
        }
        Err(_) => false,
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

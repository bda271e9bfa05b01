//! The interface to whatever keeps the cluster together: join with a lease, see the others, change the map.
//!
//! Between every node and the state directory of one machine, or a coordination engine of many. It blocks, briefly: call
//! it off the hot threads.
//!
//! Invariant: of two changes that started from the same map, one is refused.

use std::{io, path::PathBuf, sync::Arc};

use watershed_placement::{Map, MapError, Spreads};
use watershed_protocol::{ClusterKey, Epoch, NodeName};

use crate::{Health, Load, Member, Sighting};

/// How often a node beats its lease: four times within [`SILENT_AFTER_MS`], so that a thread that a busy machine holds up
/// for half a second costs no root its place.
pub const HEARTBEAT_MS: u64 = 250;

/// A member whose last heartbeat is this old is silent: three were missed.
pub const SILENT_AFTER_MS: u64 = 1_000;

/// How often [`Membership::update`] starts again after losing a race, before it gives up.
///
/// Each loss means that another node's change was made, so a cluster of fewer nodes than this always gets through.
const UPDATE_ATTEMPTS_MAX: u32 = 1_000;

/// What a node needs from the cluster's state.
pub trait Membership: Send + Sync {
    /// Becomes a member, alive for as long as the lease lives. A name is held by one process at a time.
    fn join(&self, member: &Member) -> Result<Box<dyn Lease>, JoinError>;

    /// All members ever joined, the last incarnation of each name, sorted by name, each with its last word on its load.
    ///
    /// For polling: all of it comes with one look at each member, loads included.
    fn look(&self) -> Result<Vec<Sighting>, StateError>;

    /// The same without their loads.
    fn members(&self) -> Result<Vec<(Member, Health)>, StateError> {
        Ok(self.look()?.into_iter().map(|seen| (seen.member, seen.health)).collect())
    }

    /// The newest map; none before the cluster was founded. Cheap when nothing has changed: the same `Arc` again.
    fn map(&self) -> Result<Option<Arc<Map>>, StateError>;

    /// Replaces the map of epoch `expected` by `next`. [`Epoch::ZERO`] stands for "there is none yet".
    ///
    /// The epoch of `next` must be greater than `expected`: every change of a [`Map`] raises it.
    fn compare_and_set(&self, expected: Epoch, next: &Map) -> Result<(), CasError>;

    /// The newest map, if it is newer than `known`. For polling: ten times a second costs next to nothing.
    fn map_newer_than(&self, known: Epoch) -> Result<Option<Arc<Map>>, StateError> {
        Ok(self.map()?.filter(|map| map.epoch() > known))
    }

    /// Reads the map, changes it, and writes it back, again and again until nobody else was faster.
    ///
    /// `change` may run several times, each time on a fresh copy. Without a change of epoch nothing is written.
    fn update(&self, change: &mut dyn FnMut(&mut Map)) -> Result<Arc<Map>, CasError> {
        for _ in 0..UPDATE_ATTEMPTS_MAX {
            let found = self.map()?.ok_or(CasError::Lost { found: Epoch::ZERO })?;
            let mut next = Map::clone(&found);
            change(&mut next);
            if next.epoch() == found.epoch() {
                return Ok(found);
            }
            match self.compare_and_set(found.epoch(), &next) {
                Ok(()) => return Ok(Arc::new(next)),
                Err(CasError::Lost { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(CasError::Busy { attempts: UPDATE_ATTEMPTS_MAX })
    }

    /// The map; the first one, with a fresh random key, if there is none. However many call it, one map is founded. What an
    /// existing map spreads stays as it is: compare it with what you wanted.
    fn found_if_absent(&self, processors: &[NodeName], spreads: &Spreads) -> Result<Arc<Map>, CasError> {
        if let Some(map) = self.map()? {
            return Ok(map);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|source| StateError::Random { source })?;
        let first = Map::found(ClusterKey::from_bytes(key), processors);
        let first = first.map_err(|source| StateError::Map { at: "the first map".into(), source })?;
        let first = first.spreading(spreads.clone());
        match self.compare_and_set(Epoch::ZERO, &first) {
            Ok(()) => Ok(Arc::new(first)),
            Err(CasError::Lost { found }) => self.map()?.ok_or(CasError::Lost { found }),
            Err(error) => Err(error),
        }
    }
}

/// A membership that lasts. Dropping it, or the end of the process in whatever way, ends it.
pub trait Lease: Send + Sync {
    /// Says "still here", and how loaded the node is, if anybody may want to know; due every [`HEARTBEAT_MS`].
    ///
    /// A load that has not changed costs nothing beyond the beat.
    fn heartbeat(&self, load: Option<&Load>) -> Result<(), LeaseError>;
}

/// Why a node could not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Another process holds the name: it, or this one, should not be there.
    #[error("{name} is already running{}", .pid.map(|pid| format!(" as process {pid}")).unwrap_or_default())]
    Taken {
        /// The name.
        name: NodeName,
        /// The process that holds it, if it says so.
        pid: Option<u32>,
    },
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why a heartbeat did not count.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The lease is gone although the process lives: stop, for another may have joined under this name.
    #[error("the lease of {name} was taken away: its member file was removed or replaced")]
    Lost {
        /// Whose lease it was.
        name: NodeName,
    },
    /// The state cannot be written: beat again.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why the map was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum CasError {
    /// Somebody else changed it first: read it and decide anew.
    #[error("the map is at epoch {found} by now")]
    Lost {
        /// The epoch of the map as it is; zero if there is none.
        found: Epoch,
    },
    /// Others kept it busy: try later.
    #[error("the map was held by others at each of {attempts} attempts")]
    Busy {
        /// How often it was tried.
        attempts: u32,
    },
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why the cluster's state could not be read or written: nothing to do but to say so.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or directory failed.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The map is there but cannot be used.
    #[error("{at}: {source}")]
    Map {
        /// Where it was found.
        at: String,
        /// What is wrong with it.
        source: MapError,
    },
    /// The system has no randomness to make a key from.
    #[error("no random bytes for the cluster's key: {source}")]
    Random {
        /// What the system said.
        source: getrandom::Error,
    },
}

//! The processes: a driver for each role, as `watershed` has them on tokio, here on the simulated outside.
//!
//! Between the world, which hands over events, and the machines. Invariant: a driver decides nothing: it carries inputs
//! to its machine, and orders out.

mod broadcast;
mod hall;
mod merger;
mod processor;

use watershed_placement::Map;
use watershed_protocol::{Epoch, NodeName, Role, Snapshot, StreamId};

use crate::{event::NodeEvent, links::Told, outside::Outside, time::Moment};

pub(crate) use broadcast::{Broadcast, PAGE};
pub(crate) use merger::Merger;
pub(crate) use processor::Processor;

/// A running process.
#[derive(Debug)]
pub(crate) enum Process {
    Broadcast(Box<Broadcast>),
    Processor(Box<Processor>),
    Merger(Box<Merger>),
}

impl Process {
    /// Starts the process of a node. Fails where the real one would not come up.
    pub(crate) fn start(outside: &mut Outside, node: usize, life: u64) -> Result<Self, String> {
        Ok(match outside.places[node].role {
            Role::Broadcast => Self::Broadcast(Box::new(Broadcast::start(outside, node, life))),
            Role::Processor => Self::Processor(Box::new(Processor::start(outside, node, life)?)),
            Role::Merger => Self::Merger(Box::new(Merger::start(outside, node, life))),
        })
    }

    /// Something happens to it, and then whatever is due.
    pub(crate) fn event(&mut self, outside: &mut Outside, event: NodeEvent) {
        match self {
            Self::Broadcast(node) => drive(&mut **node, outside, event),
            Self::Processor(node) => drive(&mut **node, outside, event),
            Self::Merger(node) => drive(&mut **node, outside, event),
        }
    }

    /// When it wants to be woken.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        match self {
            Self::Broadcast(node) => node.deadline(),
            Self::Processor(node) => node.deadline(),
            Self::Merger(node) => node.deadline(),
        }
    }

    /// How many viewers of the stream it holds itself.
    pub(crate) fn seats(&self, stream: &StreamId) -> usize {
        match self {
            Self::Broadcast(node) => node.seats(stream),
            Self::Processor(_) | Self::Merger(_) => 0,
        }
    }

    /// The stream as this process has it, if it is of a role that has.
    pub(crate) fn snapshot(&self, stream: &StreamId) -> Option<Snapshot> {
        match self {
            Self::Broadcast(node) => node.snapshot(stream),
            Self::Processor(_) => None,
            Self::Merger(node) => node.snapshot(stream),
        }
    }
}

/// What all drivers have in common.
trait Driver {
    fn links(&mut self) -> &mut crate::links::Links;
    /// A link has said something.
    fn told(&mut self, outside: &mut Outside, told: Told);
    /// The newest map is to be looked at.
    fn map(&mut self, outside: &mut Outside);
    /// Something that only this role knows.
    fn other(&mut self, outside: &mut Outside, event: NodeEvent);
    /// Steps the machines whose deadlines have come.
    fn tick(&mut self, outside: &mut Outside);
}

/// Links first, as in production, where their tasks run beside the driver's; then the machine.
fn drive<D: Driver>(driver: &mut D, outside: &mut Outside, event: NodeEvent) {
    let told = match event {
        NodeEvent::Wake => Vec::new(),
        NodeEvent::Connected { conn } => driver.links().dialed(outside, conn, true),
        NodeEvent::Refused { conn } => driver.links().dialed(outside, conn, false),
        NodeEvent::Called { conn } => driver.links().called(outside, conn),
        NodeEvent::Map => {
            driver.map(outside);
            Vec::new()
        }
        NodeEvent::Bytes { conn, ref bytes } => {
            let told = driver.links().bytes(outside, conn, bytes);
            if told.is_empty() {
                driver.other(outside, event);
            }
            told
        }
        NodeEvent::Closed { conn } => {
            let told = driver.links().closed(outside, conn);
            driver.other(outside, event);
            told
        }
        other => {
            driver.other(outside, other);
            Vec::new()
        }
    };
    told.into_iter().for_each(|told| driver.told(outside, told));
    let told = driver.links().tick(outside);
    told.into_iter().for_each(|told| driver.told(outside, told));
    driver.tick(outside);
}

/// The root of a map, as links follow it.
fn root_of(map: &Map) -> Vec<(NodeName, Epoch)> {
    map.root().map(|root| (root.node.clone(), root.epoch)).into_iter().collect()
}

//! The way of the frames through a broadcast node of the simulator: sources, feed, halls, and nodes below.
//!
//! What `node`'s `downward` is in production, on the same machines. Invariant: a frame that the feed publishes is in its
//! hall before the relay hears of it.

use std::collections::BTreeMap;

use watershed_broadcast::{Room, feed, relay, sources};
use watershed_link::Sent;
use watershed_protocol::{
    Role, StreamId,
    peer::{self, PeerId},
};

use super::{Broadcast, Hall};
use crate::{outside::Outside, troubles::Trouble};

/// The halls, as the relay looks at them.
struct Rooms<'a>(&'a BTreeMap<StreamId, Hall>);

impl relay::Rooms for Rooms<'_> {
    fn look<T>(&self, stream: &StreamId, at: impl FnOnce(&Room) -> T) -> Option<T> {
        self.0.get(stream).map(|hall| at(&hall.room))
    }
}

impl Broadcast {
    /// A source or a node below says something.
    pub(super) fn hear_of_frames(&mut self, outside: &mut Outside, peer: PeerId, body: &[u8]) {
        let heard = if self.above.contains_key(&peer) {
            peer::decode(body).map(|message| self.downward(outside, feed::Input::Message { peer, message }))
        } else {
            peer::decode(body).map(|message| self.pass(outside, relay::Input::Message { peer, message }))
        };
        if let Err(error) = heard {
            outside.breaks(5, format!("node {} cannot read what is said of frames: {error}", self.me));
        }
    }

    /// Tells how many viewers a stream has here and below.
    pub(super) fn count(&mut self, outside: &mut Outside, stream: StreamId) {
        let viewers = self.seats(&stream) as u64 + self.relay.viewers(&stream);
        self.downward(outside, feed::Input::Viewers { stream, viewers });
    }

    /// Steps the feed and does what it wants.
    pub(super) fn downward(&mut self, outside: &mut Outside, input: feed::Input) {
        let (now, mut outputs, mut full) = (self.now(outside), Vec::new(), Vec::new());
        self.feed.step(now, input, &mut outputs);
        for output in outputs {
            match output {
                feed::Output::Send { peer, message } => {
                    if self.links.send(outside, peer, peer::encode(&message)) == Sent::Filled {
                        full.push(peer);
                    }
                }
                feed::Output::Publish { stream, update } => {
                    let Some(hall) = self.halls.get_mut(&stream) else { continue };
                    if let Err(gap) = hall.publish(now, update) {
                        // The feed promises that what it publishes chains; production asks anew and goes on.
                        outside.breaks(5, format!("node {}: the feed published a gap of {stream}: {gap}", self.me));
                    }
                    self.pass(outside, relay::Input::Published { stream: &stream });
                }
                feed::Output::Unknown { stream, epoch, seq } => {
                    if let Some(hall) = self.halls.get_mut(&stream) {
                        hall.start_over((epoch, seq));
                    }
                    self.pass(outside, relay::Input::Unknown { stream, epoch, seq });
                }
            }
        }
        full.into_iter().for_each(|peer| self.downward(outside, feed::Input::Full(peer)));
        self.put_turns(outside);
    }

    /// Steps the relay and does what it wants.
    pub(super) fn pass(&mut self, outside: &mut Outside, input: relay::Input<'_>) {
        let (now, mut outputs) = (self.now(outside), Vec::new());
        self.relay.step(now, input, &Rooms(&self.halls), &mut outputs);
        for output in outputs {
            match output {
                relay::Output::Send { peers, message } => {
                    let body = peer::encode(&*message);
                    for peer in peers {
                        if self.links.send(outside, peer, body.clone()) == Sent::Filled {
                            self.pass(outside, relay::Input::Full(peer));
                        }
                    }
                }
                relay::Output::Want(stream) => {
                    if !self.halls.contains_key(&stream) {
                        self.halls.insert(stream.clone(), Hall::new(stream.clone(), now));
                        self.downward(outside, feed::Input::Want { stream });
                    }
                }
                relay::Output::Leave(stream) => {
                    if let Some(hall) = self.halls.get_mut(&stream) {
                        hall.empty_since = now;
                    }
                    self.count(outside, stream);
                }
                relay::Output::Viewers(stream) => self.count(outside, stream),
                relay::Output::Ask { stream, epoch, seq } => {
                    self.downward(outside, feed::Input::Point { stream, epoch, seq });
                }
                relay::Output::HangUp(peer) => self.hang_up(outside, peer),
            }
        }
    }

    /// Steps the sources and does what they want.
    pub(super) fn choose(&mut self, outside: &mut Outside, input: sources::Input<'_>) {
        let (now, mut outputs) = (self.now(outside), Vec::new());
        self.sources.step(now, input, &mut outputs);
        self.links.root_epoch = self.sources.shown_epoch();
        for output in outputs {
            match output {
                sources::Output::Feed(peer) => {
                    let name = self.above.get(&peer);
                    if name.is_some_and(|name| self.sources.names(name)) {
                        outside.troubles.count(Trouble::FedFromAbove);
                    }
                    self.downward(outside, feed::Input::Up { peer });
                }
                sources::Output::Starve(peer) => self.downward(outside, feed::Input::Lost(peer)),
                sources::Output::HangUp(peer) => self.hang_up(outside, peer),
                sources::Output::CallRoot(_) => self.follow_root(outside),
                sources::Output::Ready(ready) => self.pass(outside, relay::Input::Ready(ready)),
            }
        }
    }

    /// Keeps a link to the root while it is called.
    pub(super) fn follow_root(&mut self, outside: &mut Outside) {
        let root = if self.sources.calls_root() { super::super::root_of(&self.map) } else { Vec::new() };
        let told = self.links.follow(outside, Role::Merger, &root);
        told.into_iter().for_each(|told| super::Driver::told(self, outside, told));
    }

    fn hang_up(&mut self, outside: &mut Outside, peer: PeerId) {
        let told = self.links.hang_up(outside, peer);
        told.into_iter().for_each(|told| super::Driver::told(self, outside, told));
    }
}

//! One node's links: the real machine of each, on the simulated network.
//!
//! What `net` is in production: it dials and accepts, cuts frames out of bytes, ticks, and tells the driver what its links
//! say. Invariant: a driver hears of a peer only between that peer's up and its down.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use watershed_link::{DownReason, Hello, Input, Link, LinkConfig, OfferError, Outlet, Output, Secret, Sent, cut};
use watershed_placement::Map;
use watershed_protocol::{Epoch, Millis, Mutant, NodeName, Role, peer::PeerId};

use crate::{
    network::{ConnId, Party, Side},
    outside::Outside,
    time::NodeClock,
    troubles::Trouble,
};

/// What links tell the driver.
#[derive(Debug)]
pub(crate) enum Told {
    Up { peer: PeerId, role: Role, node: NodeName, root_epoch: Epoch },
    Message { peer: PeerId, role: Role, body: Bytes },
    Room { peer: PeerId, role: Role },
    Down { peer: PeerId, role: Role, reason: DownReason },
}

/// A link that is up.
#[derive(Debug)]
struct Up {
    peer: PeerId,
    role: Role,
    outlet: Outlet,
}

#[derive(Debug)]
struct Port {
    link: Link,
    /// Whom this side dials.
    dials: Option<usize>,
    /// The epoch of what that one owns, by the newest map.
    claimed: Epoch,
    conn: Option<ConnId>,
    up: Option<Up>,
    buffer: BytesMut,
}

/// All links of one process.
#[derive(Debug)]
pub(crate) struct Links {
    me: usize,
    life: u64,
    config: LinkConfig,
    ports: BTreeMap<u64, Port>,
    ports_made: u64,
    peers_made: u64,
    pub(crate) clock: NodeClock,
    /// Of the newest map that this node knows.
    map_epoch: Epoch,
    /// Of the newest root that it knows; a merger's own; zero of whoever has no frames.
    pub(crate) root_epoch: Epoch,
}

impl Links {
    pub(crate) fn new(outside: &Outside, me: usize, life: u64) -> Self {
        let secret = Secret::new("the simulator's").unwrap_or_else(|invalid| unreachable!("{invalid}"));
        let mut config = LinkConfig::new(secret);
        config.window_bytes = outside.window_bytes;
        Self {
            me,
            life,
            config,
            ports: BTreeMap::new(),
            ports_made: 0,
            peers_made: 0,
            clock: NodeClock::new(outside.places[me].ahead_ms),
            map_epoch: Epoch::ZERO,
            root_epoch: Epoch::ZERO,
        }
    }

    fn party(&self) -> Party {
        Party::Node { node: self.me, life: self.life }
    }

    /// The node has read this map: handshakes say so.
    pub(crate) fn learn(&mut self, map: &Map) {
        (self.map_epoch, self.root_epoch) = (map.epoch(), map.root_epoch());
    }

    /// Keeps links to these nodes, and to no others, among those that this node dials. Whose epoch has risen is there, and
    /// dialed at once.
    pub(crate) fn follow(&mut self, outside: &mut Outside, role: Role, wanted: &[(NodeName, Epoch)]) -> Vec<Told> {
        let find = |(name, epoch): &(NodeName, Epoch)| Some((outside.find(name)?, *epoch));
        let wanted: BTreeMap<usize, Epoch> = wanted.iter().filter_map(find).collect();
        let mut told = Vec::new();
        let dialed = |port: &Port| port.dials.filter(|node| outside.places[*node].role == role);
        let present: Vec<(u64, usize)> =
            self.ports.iter().filter_map(|(number, port)| Some((*number, dialed(port)?))).collect();
        for (number, node) in &present {
            match wanted.get(node) {
                Some(epoch) => self.hurry(outside, *number, *epoch, &mut told),
                None if Mutant::ReplacedObeyed.lives() => {}
                None => self.step(outside, *number, Input::Shutdown, &mut told),
            }
        }
        for (node, epoch) in wanted.into_iter().filter(|(node, _)| present.iter().all(|(_, dialed)| dialed != node)) {
            let expect = (role, outside.places[node].name.clone());
            let seed = outside.random.u64(..);
            let link = Link::dialer(self.config.clone(), self.hello(outside), Some(expect), seed);
            let number = self.open(link, Some(node), None);
            self.hurry(outside, number, epoch, &mut told);
        }
        told
    }

    fn hurry(&mut self, outside: &mut Outside, number: u64, claimed: Epoch, told: &mut Vec<Told>) {
        let Some(port) = self.ports.get_mut(&number) else { return };
        if std::mem::replace(&mut port.claimed, claimed) < claimed {
            self.step(outside, number, Input::Hurry, told);
        }
    }

    /// Ends the connection to a peer.
    pub(crate) fn hang_up(&mut self, outside: &mut Outside, peer: PeerId) -> Vec<Told> {
        let mut told = Vec::new();
        if let Some(number) = self.port_of_peer(peer) {
            self.step(outside, number, Input::HangUp, &mut told);
        }
        told
    }

    /// Ends the connections to all peers.
    pub(crate) fn hang_up_all(&mut self, outside: &mut Outside) -> Vec<Told> {
        let peers: Vec<PeerId> = self.ports.values().filter_map(|port| Some(port.up.as_ref()?.peer)).collect();
        peers.into_iter().flat_map(|peer| self.hang_up(outside, peer)).collect()
    }

    /// Another node has called.
    pub(crate) fn called(&mut self, outside: &mut Outside, conn: ConnId) -> Vec<Told> {
        let mut told = Vec::new();
        let link = Link::accepter(self.config.clone(), self.hello(outside));
        let number = self.open(link, None, Some(conn));
        self.step(outside, number, Input::Connected, &mut told);
        told
    }

    /// A connection that a link dialed stands, or was refused.
    pub(crate) fn dialed(&mut self, outside: &mut Outside, conn: ConnId, stands: bool) -> Vec<Told> {
        let mut told = Vec::new();
        let Some(number) = self.port_of(conn) else {
            // The link has given up meanwhile.
            outside.close(conn, Side::Caller);
            return told;
        };
        if stands {
            let hello = self.hello(outside);
            if let Some(port) = self.ports.get_mut(&number) {
                port.link.introduce_as(hello);
            }
        }
        self.step(outside, number, if stands { Input::Connected } else { Input::ConnectFailed }, &mut told);
        told
    }

    /// Bytes have arrived.
    pub(crate) fn bytes(&mut self, outside: &mut Outside, conn: ConnId, bytes: &[u8]) -> Vec<Told> {
        let mut told = Vec::new();
        let Some(number) = self.port_of(conn) else { return told };
        if let Some(port) = self.ports.get_mut(&number) {
            port.buffer.extend_from_slice(bytes);
        }
        let mut progress = true;
        while let Some(port) = self.ports.get_mut(&number).filter(|port| port.conn == Some(conn)) {
            let input = match cut(&mut port.buffer, port.link.frame_bytes_max()) {
                Ok(Some(frame)) => Input::Frame(frame),
                Ok(None) if progress => Input::Progress,
                Ok(None) => break,
                Err(error) => Input::Garbled(error),
            };
            let ends = !matches!(input, Input::Frame(_));
            progress = false;
            self.step(outside, number, input, &mut told);
            if ends {
                break;
            }
        }
        told
    }

    /// The connection is over.
    pub(crate) fn closed(&mut self, outside: &mut Outside, conn: ConnId) -> Vec<Told> {
        let mut told = Vec::new();
        if let Some(number) = self.port_of(conn) {
            self.step(outside, number, Input::Closed, &mut told);
        }
        told
    }

    /// Ticks the links whose time has come.
    pub(crate) fn tick(&mut self, outside: &mut Outside) -> Vec<Told> {
        let mut told = Vec::new();
        let now = self.clock.now(outside.now());
        let due = |port: &Port| port.link.deadline().is_some_and(|at| at <= now);
        let numbers: Vec<u64> = self.ports.iter().filter(|(_, port)| due(port)).map(|(number, _)| *number).collect();
        for number in numbers {
            let hybrid = self.clock.hybrid(outside.now());
            self.step(outside, number, Input::Tick(hybrid), &mut told);
        }
        told
    }

    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.ports.values().filter_map(|port| port.link.deadline()).min()
    }

    /// Sends to a peer, or holds.
    pub(crate) fn send(&mut self, outside: &mut Outside, peer: PeerId, body: Bytes) -> Sent {
        let Some(number) = self.port_of_peer(peer) else { return Sent::Taken };
        self.with_outlet(outside, number, |outlet, offer| outlet.send(body, offer)).unwrap_or(Sent::Taken)
    }

    /// There is room: sends what is held. True when the machine may make more.
    pub(crate) fn room(&mut self, outside: &mut Outside, peer: PeerId) -> bool {
        let Some(number) = self.port_of_peer(peer) else { return false };
        self.with_outlet(outside, number, |outlet, offer| outlet.room(offer)).unwrap_or(false)
    }

    fn with_outlet<T>(
        &mut self,
        outside: &mut Outside,
        number: u64,
        act: impl FnOnce(&mut Outlet, &mut dyn FnMut(Bytes) -> Result<(), OfferError>) -> T,
    ) -> Option<T> {
        let now = self.clock.now(outside.now());
        let port = self.ports.get_mut(&number)?;
        let (link, up, conn) = (&mut port.link, port.up.as_mut()?, port.conn?);
        let mut outputs = Vec::new();
        let done = act(&mut up.outlet, &mut |body| link.offer(now, body, &mut outputs));
        let side = if port.dials.is_some() { Side::Caller } else { Side::Called };
        for output in outputs {
            let Output::Transmit(packet) = output else { unreachable!("an offer orders only transmissions") };
            transmit(outside, conn, side, &packet);
        }
        Some(done)
    }

    /// Steps one link and does what it orders.
    fn step(&mut self, outside: &mut Outside, number: u64, input: Input, told: &mut Vec<Told>) {
        let now = self.clock.now(outside.now());
        let party = self.party();
        let Some(port) = self.ports.get_mut(&number) else { return };
        let side = if port.dials.is_some() { Side::Caller } else { Side::Called };
        let mut outputs = Vec::new();
        port.link.step(now, input, &mut outputs);
        for output in outputs {
            match output {
                Output::Dial => {
                    port.buffer.clear();
                    port.conn = port.dials.map(|node| outside.call(party, node));
                }
                Output::Transmit(packet) => {
                    if let Some(conn) = port.conn {
                        transmit(outside, conn, side, &packet);
                    }
                }
                Output::Up(hello) => {
                    self.peers_made += 1;
                    let (peer, role) = (PeerId::new(self.peers_made), hello.role);
                    port.up = Some(Up { peer, role, outlet: Outlet::default() });
                    told.push(Told::Up { peer, role, node: hello.node, root_epoch: hello.root_epoch });
                }
                Output::Message(body) => {
                    let Some(Up { peer, role, .. }) = &port.up else { continue };
                    let bytes = body.len() as u64;
                    told.push(Told::Message { peer: *peer, role: *role, body });
                    // The driver takes every message at once.
                    port.link.step(now, Input::Taken { messages: 1, bytes }, &mut Vec::new());
                }
                Output::Heard(time) => {
                    if !self.clock.hear(outside.now(), time) {
                        outside.troubles.count(Trouble::SkewAlarm);
                    }
                }
                Output::Room => {
                    told.extend(port.up.as_ref().map(|up| Told::Room { peer: up.peer, role: up.role }));
                }
                Output::Down(reason) => {
                    outside.note(format_args!("node {} loses a link: {reason}", self.me));
                    told.extend(port.up.take().map(|up| Told::Down { peer: up.peer, role: up.role, reason }));
                }
                Output::Failed(_) => {}
                Output::Disconnect => {
                    if let Some(conn) = port.conn.take() {
                        outside.close(conn, side);
                    }
                }
            }
        }
        if port.link.is_over() {
            self.ports.remove(&number);
        }
    }

    fn open(&mut self, link: Link, dials: Option<usize>, conn: Option<ConnId>) -> u64 {
        self.ports_made += 1;
        self.ports.insert(
            self.ports_made,
            Port { link, dials, claimed: Epoch::ZERO, conn, up: None, buffer: BytesMut::new() },
        );
        self.ports_made
    }

    fn hello(&self, outside: &Outside) -> Hello {
        let place = &outside.places[self.me];
        Hello {
            role: place.role,
            node: place.name.clone(),
            incarnation: self.life,
            url: String::new(),
            map_epoch: self.map_epoch,
            root_epoch: self.root_epoch,
        }
    }

    fn port_of(&self, conn: ConnId) -> Option<u64> {
        self.ports.iter().find(|(_, port)| port.conn == Some(conn)).map(|(number, _)| *number)
    }

    fn port_of_peer(&self, peer: PeerId) -> Option<u64> {
        let is = |port: &Port| port.up.as_ref().is_some_and(|up| up.peer == peer);
        self.ports.iter().find(|(_, port)| is(port)).map(|(number, _)| *number)
    }
}

fn transmit(outside: &mut Outside, conn: ConnId, side: Side, packet: &watershed_link::Packet) {
    let mut bytes = BytesMut::with_capacity(packet.wire_bytes());
    bytes.extend_from_slice(packet.head());
    bytes.extend_from_slice(packet.body());
    outside.send_split(conn, side, bytes.freeze());
}

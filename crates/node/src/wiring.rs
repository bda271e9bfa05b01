//! What all roles' drivers are wired with: ports, links, the way to the root, the clock's alarm.

use std::{collections::BTreeMap, future::pending, sync::Arc};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use watershed_link::{Hello, LinkConfig};
use watershed_membership::Node;
use watershed_net::{
    clock::SharedClock,
    http::{ListenerConfig, listen},
    link::{Dialing, LinkEvent, Links, Secret},
};
use watershed_placement::Map;
use watershed_protocol::{Epoch, Millis, NodeName, Role};

use crate::{presence::Presence, setup::Setup};

/// Events of links that may wait for a driver; their bytes are bounded by the links' windows.
pub(crate) const LINK_EVENTS_MAX: usize = 1_024;

/// Binds the node's ports: HTTP, and for links where it has one.
pub(crate) async fn bind(node: &Node) -> anyhow::Result<(TcpListener, Option<TcpListener>)> {
    let taken = |port: &'static str, address: std::net::SocketAddr| {
        format!("cannot listen on {address} ({port} of {})", node.name)
    };
    let http = listen(node.http, ListenerConfig::default()).with_context(|| taken("HTTP", node.http))?;
    let peer = match node.peer {
        Some(address) => Some(listen(address, ListenerConfig::default()).with_context(|| taken("links", address))?),
        None => None,
    };
    Ok((http, peer))
}

/// Waits for a machine's deadline; for ever if it has none.
pub(crate) async fn until(clock: &SharedClock, deadline: Option<Millis>) {
    match deadline {
        Some(at) => sleep_until(Instant::from_std(clock.instant_of(at))).await,
        None => pending().await,
    }
}

/// The links of this node, introduced as what it is, and with the newest root that it knows, or is itself.
pub(crate) fn links(
    setup: &Setup,
    presence: &Presence,
    clock: &Arc<SharedClock>,
    events: mpsc::Sender<LinkEvent>,
    end: &CancellationToken,
    root_epoch: impl Fn(&Map) -> Epoch + Send + Sync + 'static,
) -> anyhow::Result<Links> {
    let config = LinkConfig::new(Secret::new(setup.topology.link_secret())?);
    let (node, role, incarnation) = (setup.node.name.clone(), setup.node.role, setup.incarnation);
    let (map, url) = (presence.map(), setup.node.http_url(setup.node.http.port()));
    let hello = move || {
        let map = map.borrow();
        let (map_epoch, root_epoch) = (map.epoch(), root_epoch(&map));
        Hello { role, node: node.clone(), incarnation, url: url.clone(), map_epoch, root_epoch }
    };
    Ok(Links::new(clock.clone(), config, hello, events, end.clone(), setup.incarnation))
}

/// Keeps a link to whoever is the root by the map.
pub(crate) fn follow_root(links: &Links, presence: &Presence, end: CancellationToken) -> JoinHandle<()> {
    follow_root_while(links, presence, watch::channel(true).1, end)
}

/// The same, while the root is called.
pub(crate) fn follow_root_while(
    links: &Links,
    presence: &Presence,
    called: watch::Receiver<bool>,
    end: CancellationToken,
) -> JoinHandle<()> {
    let root = |map: &Map| map.root().map(|root| (root.node.clone(), root.epoch)).into_iter().collect();
    follow(links, presence, called, end, Role::Merger, root)
}

/// Keeps a link to every processor that owns slots by the map.
pub(crate) fn follow_processors(links: &Links, presence: &Presence, end: CancellationToken) -> JoinHandle<()> {
    let owners = |map: &Map| {
        let claimed = |node: NodeName| (node.clone(), map.claimed_epoch(&node));
        map.processors().into_iter().map(claimed).collect()
    };
    follow(links, presence, watch::channel(true).1, end, Role::Processor, owners)
}

/// Keeps a link to each of these broadcast nodes. One that has been started again is there, however often it could not be
/// reached before: it is dialed at once.
pub(crate) fn follow_above(
    links: &Links,
    presence: &Presence,
    above: &[NodeName],
    end: CancellationToken,
) -> JoinHandle<()> {
    let mut members = presence.members_changes();
    let dial = |node: &NodeName| {
        let (presence, address) = (presence.clone(), node.clone());
        let dialing = links.dial(Some((Role::Broadcast, node.clone())), move || presence.peer_address(&address));
        (node.clone(), None, dialing)
    };
    let mut dialed: Vec<(NodeName, Option<u64>, Dialing)> = above.iter().map(dial).collect();
    tokio::spawn(async move {
        loop {
            let seen = members.borrow_and_update().clone();
            for (node, known, dialing) in &mut dialed {
                let member = seen.iter().find(|(member, _)| member.name == *node);
                let started = member.map(|(member, _)| member.incarnation);
                if started.is_some() && std::mem::replace(known, started) != started {
                    dialing.hurry();
                }
            }
            tokio::select! {
                changed = members.changed() => if changed.is_err() { return },
                () = end.cancelled() => return,
            }
        }
    })
}

/// Keeps links to those that the map names, while they are called. One whose epoch has risen is there, however often it could not be reached
/// before: it is dialed at once.
fn follow(
    links: &Links,
    presence: &Presence,
    mut called: watch::Receiver<bool>,
    end: CancellationToken,
    role: Role,
    whom: impl Fn(&Map) -> Vec<(NodeName, Epoch)> + Send + 'static,
) -> JoinHandle<()> {
    let (links, presence, mut maps) = (links.clone(), presence.clone(), presence.map());
    tokio::spawn(async move {
        let mut dialed: BTreeMap<NodeName, (Epoch, Dialing)> = BTreeMap::new();
        loop {
            let mut wanted = whom(&maps.borrow_and_update());
            if !*called.borrow_and_update() {
                wanted.clear();
            }
            dialed.retain(|node, (_, dialing)| {
                let keep = wanted.iter().any(|(wanted, _)| wanted == node);
                if !keep {
                    dialing.stop();
                }
                keep
            });
            for (node, epoch) in wanted {
                let dial = || {
                    let (presence, address) = (presence.clone(), node.clone());
                    (epoch, links.dial(Some((role, node.clone())), move || presence.peer_address(&address)))
                };
                let (known, dialing) = dialed.entry(node.clone()).or_insert_with(dial);
                if *known < epoch {
                    *known = epoch;
                    dialing.hurry();
                }
            }
            tokio::select! {
                changed = maps.changed() => if changed.is_err() { return },
                // Who is always called has nobody who could call him off.
                Ok(()) = called.changed() => {}
                () = end.cancelled() => return,
            }
        }
    })
}

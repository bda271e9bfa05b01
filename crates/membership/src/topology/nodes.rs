//! The nodes that a topology names: b1, b2 and so on, each with the addresses that it listens on.
//!
//! Between the checked sections of the file and everybody who starts or reaches a node.
//! Invariant: no two listeners share an address, unless the system chooses the port.

use std::net::{IpAddr, SocketAddr};

use watershed_protocol::{NodeName, Role};

use super::{Broadcast, Merger, Node, Processor, TopologyError, file::value};

/// Names the nodes of all roles and gives them their addresses, in the order to start them in.
pub(super) fn plan(broadcast: &Broadcast, processor: &Processor, merger: &Merger) -> Result<Vec<Node>, TopologyError> {
    let mut nodes = Vec::new();
    let advertise = merger.advertise.as_deref();
    let ports = Ports { http: merger.port, peer: Some(merger.peer_port) };
    nodes.extend(of_role(Role::Merger, merger.nodes, merger.host, advertise, ports)?);
    let advertise = processor.advertise.as_deref();
    let ports = Ports { http: processor.port, peer: Some(processor.peer_port) };
    nodes.extend(of_role(Role::Processor, processor.nodes, processor.host, advertise, ports)?);
    let advertise = broadcast.advertise.as_deref();
    let ports = Ports { http: broadcast.port, peer: broadcast.peer_port };
    if let (None, Some(node)) = (ports.peer, broadcast.levels.first_feeder()) {
        let limit = format!("but {node} feeds others, whose links it accepts there");
        return Err(value("[broadcast] peer_port", "missing", limit));
    }
    nodes.extend(of_role(Role::Broadcast, broadcast.nodes, broadcast.host, advertise, ports)?);
    let leaves = nodes.iter_mut().filter(|node| node.role == Role::Broadcast && !broadcast.levels.feeds(&node.name));
    leaves.for_each(|leaf| leaf.peer = None);
    check_distinct(&nodes)?;
    Ok(nodes)
}

/// The ports of a role's first node.
#[derive(Clone, Copy)]
struct Ports {
    http: u16,
    peer: Option<u16>,
}

fn of_role(
    role: Role,
    count: u16,
    host: IpAddr,
    advertise: Option<&str>,
    ports: Ports,
) -> Result<Vec<Node>, TopologyError> {
    let letter = match role {
        Role::Broadcast => 'b',
        Role::Processor => 'p',
        Role::Merger => 'm',
    };
    let advertise = advertise.map_or_else(|| reachable(host), String::from);
    let node = |i: u16| {
        let listen = |key: &str, first: u16| Ok(SocketAddr::new(host, nth_port(role, key, first, i)?));
        let name = format!("{letter}{}", i + 1);
        Ok(Node {
            name: NodeName::new(&name).map_err(|why| value(format!("[{role}] nodes"), name, why.to_string()))?,
            role,
            http: listen("port", ports.http)?,
            peer: ports.peer.map(|first| listen("peer_port", first)).transpose()?,
            advertise: advertise.clone(),
        })
    };
    (0..count).map(node).collect()
}

/// Port 0 is for all nodes of the role; others count up.
fn nth_port(role: Role, key: &str, first: u16, i: u16) -> Result<u16, TopologyError> {
    let port = if first == 0 { Some(0) } else { first.checked_add(i) };
    port.ok_or_else(|| {
        let limit =
            format!("node {} would listen on {}, at most 65535 is allowed", i + 1, u32::from(first) + u32::from(i));
        value(format!("[{role}] {key}"), first.to_string(), limit)
    })
}

/// Who listens on every address is reached on the loopback, unless the file says where else.
fn reachable(host: IpAddr) -> String {
    match host {
        IpAddr::V4(host) if host.is_unspecified() => "127.0.0.1".into(),
        IpAddr::V4(host) => host.to_string(),
        IpAddr::V6(host) if host.is_unspecified() => "[::1]".into(),
        IpAddr::V6(host) => format!("[{host}]"),
    }
}

/// One place where a node listens, as people know it.
struct Listener {
    node: NodeName,
    key: String,
    address: SocketAddr,
}

fn check_distinct(nodes: &[Node]) -> Result<(), TopologyError> {
    let listener = |node: &Node, key: &str, address: SocketAddr| Listener {
        node: node.name.clone(),
        key: format!("[{}] {key}", node.role),
        address,
    };
    let listeners = nodes.iter().flat_map(|node| {
        let http = listener(node, "port", node.http);
        [Some(http), node.peer.map(|address| listener(node, "peer_port", address))].into_iter().flatten()
    });
    let mut seen: Vec<Listener> = Vec::new();
    for second in listeners.filter(|listener| listener.address.port() != 0) {
        if let Some(first) = seen.iter().find(|first| collide(first.address, second.address)) {
            return Err(TopologyError::Address {
                first: first.node.to_string(),
                second: second.node.to_string(),
                address: second.address,
                key: second.key,
            });
        }
        seen.push(second);
    }
    Ok(())
}

/// Listening on every address takes the port on each.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

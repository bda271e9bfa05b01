//! Asks a node whether it is ready, or for its figures: one small HTTP request on its own address.
//!
//! Invariant: an answer other than 200, however strange, and no answer at all, mean "not ready", within a second or so.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use watershed_membership::{Member, Node, OperatorToken};
use watershed_protocol::NodeName;

/// How long connecting, and each read and write, may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Longest answer with figures that is read: it has some kilobytes.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// As much of the answer as is read: the status line.
const STATUS_BYTES: usize = 12;

/// Whether `GET /readyz` of a member is answered with 200.
pub(crate) fn is_ready(node: &Node, member: &Member) -> bool {
    address(node, &member.http).is_some_and(|address| ask(address).unwrap_or(false))
}

/// Where the member listens on this machine: the topology's host, and the port that the member says.
///
/// Not the advertised host: that may be reachable only from elsewhere.
fn address(node: &Node, http: &str) -> Option<SocketAddr> {
    let port = http.rsplit_once(':')?.1.trim_end_matches('/').parse().ok()?;
    let host = match node.http.ip() {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    };
    Some(SocketAddr::new(host, port))
}

fn ask(address: SocketAddr) -> std::io::Result<bool> {
    let mut status = [0; STATUS_BYTES];
    get(address, "/readyz", None)?.read_exact(&mut status)?;
    Ok(status.starts_with(b"HTTP/1.") && status.ends_with(b" 200"))
}

/// What a member says of itself: the figures of `GET /v1/node`.
pub(crate) fn figures(
    node: &Node,
    member: &Member,
    token: Option<&OperatorToken>,
) -> Option<serde_json::Map<String, serde_json::Value>> {
    told(node, member, token)?.get("figures")?.as_object().cloned()
}

/// Whom a broadcast node takes its frames from, if from anybody.
pub(crate) fn fed_by(node: &Node, member: &Member, token: Option<&OperatorToken>) -> Option<NodeName> {
    NodeName::new(told(node, member, token)?.get("fed_by")?.as_str()?).ok()
}

fn told(node: &Node, member: &Member, token: Option<&OperatorToken>) -> Option<serde_json::Value> {
    let mut answer = String::new();
    let stream = get(address(node, &member.http)?, "/v1/node", token).ok()?;
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

fn get(address: SocketAddr, path: &str, token: Option<&OperatorToken>) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let shown = token.map(|token| format!("Authorization: Bearer {}\r\n", token.reveal())).unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{shown}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use watershed_membership::Topology;

    use super::*;

    /// Asks a server that gives this answer once.
    fn asked(answer: &'static [u8]) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let ready = ask(address).unwrap_or(false);
        assert!(server.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:"));
        ready
    }

    #[test]
    fn only_200_is_ready() {
        assert!(asked(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        assert!(!asked(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"));
        assert!(!asked(b"HTTP/1."));
        assert!(!asked(b"SSH-2.0-other 200"));
    }

    #[test]
    fn nobody_there_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(!ask(address).unwrap_or(false));
    }

    #[test]
    fn the_port_is_the_members_and_the_host_the_topologys() {
        let text = include_str!("../local.toml")
            .replacen("port = 8080", "port = 0\nadvertise = \"live.example.org\"", 1)
            .replacen("[cluster]", "[cluster]\nsecret = \"of this test\"", 1);
        let topology = Topology::parse(&text).unwrap();
        let b1 = topology.node(&"b1".parse().unwrap()).unwrap();
        assert_eq!(address(b1, "http://live.example.org:40123"), Some("127.0.0.1:40123".parse().unwrap()));
        assert_eq!(address(b1, "nonsense"), None);
    }
}

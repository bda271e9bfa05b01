//! The addresses that viewers connect from: one address has ports for 28,000 connections to one server, and a million need more.
//!
//! Before the handshake. Invariant: addresses of the network are used in turn, so each carries about as many as any other.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpStream},
};

use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Protocol, Socket, Type};

/// The addresses of an IPv4 network, but its first and its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sources {
    network: u32,
    hosts: u32,
}

impl Sources {
    /// Reads a network such as `127.1.0.0/16`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("--sources is {text:?}, an IPv4 network such as 127.1.0.0/16 is needed");
        let (address, bits) = text.split_once('/').ok_or_else(bad)?;
        let address: Ipv4Addr = address.parse().map_err(|_| bad())?;
        let bits: u32 = bits.parse().ok().filter(|bits| (8..=30).contains(bits)).ok_or_else(bad)?;
        let size = 1_u32 << (32 - bits);
        Ok(Self { network: address.to_bits() & !(size - 1), hosts: size - 2 })
    }

    /// The address of the nth connection.
    fn nth(self, number: u64) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network + 1 + (number % u64::from(self.hosts)) as u32)
    }
}

/// Begins to connect, as the nth connection of this process.
pub(crate) fn connect(
    server: SocketAddr,
    sources: Option<Sources>,
    number: u64,
    receive_buffer_bytes: Option<usize>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if let Some(bytes) = receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(sources) = sources {
        // The port is chosen when the server is known: else an address would be out of ports after 28,000 for all servers.
        setsockopt(&socket, IpBindAddressNoPort, &true)?;
        socket.bind(&SocketAddr::from((sources.nth(number), 0)).into())?;
    }
    match socket.connect(&server.into()) {
        Ok(()) => Ok(socket.into()),
        Err(error) if error.raw_os_error() == Some(nix::libc::EINPROGRESS) => Ok(socket.into()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_network_are_used_in_turn() {
        let sources = Sources::parse("127.1.0.0/30").unwrap();
        let addresses: Vec<_> = (0..3).map(|number| sources.nth(number).to_string()).collect();
        assert_eq!(addresses, ["127.1.0.1", "127.1.0.2", "127.1.0.1"]);
        assert!(Sources::parse("127.1.0.0/31").unwrap_err().contains("127.1.0.0/31"));
    }
}

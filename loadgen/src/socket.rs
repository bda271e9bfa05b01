//! One WebSocket: its address, its small buffers, its handshake.
//!
//! Under a viewer. Invariant: a connection holds about 10 KiB, so that 19,000 fit into one process.

use std::time::Duration;

use anyhow::{Context, anyhow};
use http::{HeaderValue, Uri, header::SEC_WEBSOCKET_PROTOCOL};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{client::IntoClientRequest, protocol::WebSocketConfig},
};
use watershed_ledger::Point;
use watershed_protocol::{StreamId, ViewerId, client::Encoding};

/// A viewer's connection.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// What is read from the kernel at once. The library's default is 128 KiB for each connection.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// The largest message: a snapshot of 100 comments of 4,000 bytes, and much room.
const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The longest time from connecting to the upgrade.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Who connects, and from where on.
pub(crate) struct Hello<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) viewer: &'a ViewerId,
    pub(crate) name: &'a str,
    pub(crate) encoding: Encoding,
    pub(crate) resume: Option<Point>,
}

/// Connects to a node by the address that `place` or `move` named.
pub(crate) async fn connect(url: &str, hello: &Hello<'_>) -> anyhow::Result<Socket> {
    let address = address(url, hello)?;
    let uri: Uri = address.parse().with_context(|| format!("{address} is no address"))?;
    let host = uri.host().ok_or_else(|| anyhow!("{address} has no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(80);
    let mut request = address.as_str().into_client_request()?;
    let protocol = HeaderValue::from_static(hello.encoding.subprotocol());
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let handshake = async {
        let socket = TcpStream::connect((host, port)).await?;
        socket.set_nodelay(true)?;
        let (socket, _) = client_async_with_config(request, socket, Some(config)).await?;
        anyhow::Ok(socket)
    };
    let joined = timeout(HANDSHAKE_MAX, handshake).await;
    joined
        .with_context(|| format!("no handshake within {HANDSHAKE_MAX:?}"))?
        .with_context(|| format!("connecting to {url}"))
}

/// The whole address: a node's own path stays, a bare node gets the stream's.
fn address(url: &str, hello: &Hello<'_>) -> anyhow::Result<String> {
    let Hello { stream, viewer, name, resume, .. } = hello;
    let rest = url.strip_prefix("ws://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.ok_or_else(|| anyhow!("{url} is not a ws:// address"))?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (node, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = if path.is_empty() { format!("v1/streams/{stream}/live") } else { path.to_owned() };
    let kept: String = query
        .split('&')
        .filter(|field| !["", "viewer", "name", "resume"].contains(&field.split('=').next().unwrap_or("")))
        .map(|field| format!("&{field}"))
        .collect();
    let resume = resume.map(|point| format!("&resume={point}")).unwrap_or_default();
    Ok(format!("ws://{node}/{path}?viewer={viewer}&name={}{kept}{resume}", percent_encoded(name)))
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_node_and_a_whole_address_both_lead_to_the_stream() {
        let (stream, viewer) = (StreamId::new("demo").unwrap(), ViewerId::new("v1").unwrap());
        let mut hello = Hello { stream: &stream, viewer: &viewer, name: "v1", encoding: Encoding::Json, resume: None };
        let plain = "ws://a:1/v1/streams/demo/live?viewer=v1&name=v1";
        assert_eq!(address("ws://a:1", &hello).unwrap(), plain);
        assert_eq!(address("http://a:1/", &hello).unwrap(), plain);
        assert_eq!(address("ws://a:1/v1/streams/demo/live?viewer=v1", &hello).unwrap(), plain);
        hello.resume = Some(Point { epoch: 3, seq: 41 });
        assert_eq!(
            address("ws://a:1/v1/streams/demo/live?zone=x", &hello).unwrap(),
            "ws://a:1/v1/streams/demo/live?viewer=v1&name=v1&zone=x&resume=3:41"
        );
        hello.name = "Ülkü B.";
        assert!(address("ws://a:1", &hello).unwrap().contains("&name=%C3%9Clk%C3%BC%20B.&resume="));
        assert!(address("ftp://a", &hello).is_err());
    }
}

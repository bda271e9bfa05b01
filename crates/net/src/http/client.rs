//! A small HTTP client: one GET, for figures of other nodes. Not for viewers' traffic.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderValue, StatusCode, Uri,
    header::{AUTHORIZATION, HOST},
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time};

/// Largest body that is taken: figures of a large cluster are far below it.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why nothing was got.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// The URL is wrong; trying again does not help.
    #[error("{0:?} is not an http:// URL with a host")]
    Url(String),
    /// The node cannot be reached.
    #[error("{0} cannot be reached: {1}")]
    Connect(String, std::io::Error),
    /// The node was reached, but the exchange failed or its body is too large.
    #[error("the exchange failed: {0}")]
    Exchange(Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
}

/// Gets a URL: status and body, whatever the status is.
pub async fn get(url: &str, timeout: Duration) -> Result<(StatusCode, Bytes), GetError> {
    get_as(url, None, timeout).await
}

/// Gets a URL, with these credentials where there are some: status and body, whatever the status is.
pub async fn get_as(
    url: &str,
    credentials: Option<&HeaderValue>,
    timeout: Duration,
) -> Result<(StatusCode, Bytes), GetError> {
    time::timeout(timeout, exchange(url, credentials)).await.unwrap_or(Err(GetError::Late(timeout)))
}

async fn exchange(url: &str, credentials: Option<&HeaderValue>) -> Result<(StatusCode, Bytes), GetError> {
    let wrong = || GetError::Url(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(wrong)?;
    let address = format!("{}:{}", host.host(), host.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(&address).await.map_err(|error| GetError::Connect(address, error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = http::Request::get(path).header(HOST, host.as_str());
    if let Some(credentials) = credentials {
        request = request.header(AUTHORIZATION, credentials);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(broken)?;
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        Ok((status, body.map_err(GetError::Exchange)?.to_bytes()))
        // The sender is dropped here, and with it the connection ends.
    };
    tokio::join!(exchange, connection).0
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> GetError {
    GetError::Exchange(error.into())
}

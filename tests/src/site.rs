//! A small site of a test: files over HTTP, and what else a page asks its origin for, WebSockets included.
//!
//! Under pages that no node serves: the client's own tests, the example of its README, a recorded stream. Invariant: what
//! the test does not name is 404, so that a page that asks for more is seen to.

use std::{convert::Infallible, path::Path, sync::Arc};

use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

use crate::web;

/// A browser's WebSocket, seen from the site.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The answer to a request.
pub type Page = Response<Full<Bytes>>;

/// A request, which may ask for a WebSocket.
pub type Asked = Request<Incoming>;

type Answers = dyn Fn(Asked) -> BoxFuture<'static, Page> + Send + Sync;

/// A running site.
#[derive(Debug)]
pub struct Site {
    /// Its base URL.
    pub url: String,
    accepting: JoinHandle<()>,
}

impl Site {
    /// Serves these answers on a free port.
    pub async fn open(answers: impl Fn(Asked) -> BoxFuture<'static, Page> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let answers: Arc<Answers> = Arc::new(answers);
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, answers.clone()));
            }
        });
        Self { url, accepting }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(socket: TcpStream, answers: Arc<Answers>) {
    let service = service_fn(|request: Asked| {
        // Browsers ask for an icon by themselves where a page names none; a page's console is not to hold that.
        let answer = if request.uri().path() == "/favicon.ico" { ready(no_icon()).boxed() } else { answers(request) };
        async { Ok::<_, Infallible>(answer.await) }
    });
    // A browser that goes away in the middle is no fault of the site's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).with_upgrades().await;
}

/// The answer that makes a connection a WebSocket of the protocol that was asked for first, and the WebSocket to come.
pub fn websocket(mut request: Asked) -> (Page, impl Future<Output = Socket>) {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).expect("a handshake has a key");
    let accept = derive_accept_key(key.as_bytes());
    let protocols = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|names| names.to_str().ok());
    let first = protocols.and_then(|names| names.split(',').next()).map(|name| name.trim().to_owned());
    let mut answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(first) = first {
        answer = answer.header(header::SEC_WEBSOCKET_PROTOCOL, first);
    }
    let answer = answer.body(Full::default()).expect("an answer");
    let coming = hyper::upgrade::on(&mut request);
    (answer, async {
        let socket = coming.await.expect("the browser goes on after the handshake");
        WebSocketStream::from_raw_socket(TokioIo::new(socket), Role::Server, None).await
    })
}

/// Bytes of a kind.
pub fn page(kind: &'static str, bytes: impl Into<Bytes>) -> Page {
    let mut page = Response::new(Full::new(bytes.into()));
    page.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    page
}

fn no_icon() -> Page {
    let mut page = Response::new(Full::default());
    *page.status_mut() = StatusCode::NO_CONTENT;
    page
}

/// Nothing there.
pub fn nothing() -> Page {
    let mut page = page("text/plain", "");
    *page.status_mut() = StatusCode::NOT_FOUND;
    page
}

/// A file, if it is there and below the folder.
pub fn file(folder: &Path, path: &str) -> Page {
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    if path.split('/').any(|part| part == "..") {
        return nothing();
    }
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    };
    std::fs::read(folder.join(path)).map_or_else(|_| nothing(), |bytes| page(kind, bytes))
}

/// What a node answers, as if it were of this site.
pub async fn passed_on(node: &str, path: &str) -> Page {
    let answer = web::get(&format!("{node}{path}")).await.unwrap_or_else(|error| panic!("{error:#}"));
    let mut page = Response::new(Full::new(answer.body));
    (*page.status_mut(), *page.headers_mut()) = (answer.status, answer.headers);
    page
}

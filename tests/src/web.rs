//! HTTP as a client of the cluster sees it: one request, one connection, the whole answer.
//!
//! Invariant: an answer is read to its end; what cannot be reached is an error, not an answer.

use anyhow::{Context, anyhow};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use watershed_protocol::client::Line;

use crate::{PATIENCE, until};

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// Asks for `url`, which begins with `http://HOST:PORT`.
pub async fn get(url: &str) -> anyhow::Result<Answer> {
    request(Method::GET, url, None).await
}

/// The same with these words of who asks.
pub async fn get_as(url: &str, authorization: &str) -> anyhow::Result<Answer> {
    let headers = [(header::AUTHORIZATION, authorization)];
    patient(url, ask(Method::GET, url, &headers, None)).await
}

/// What a browser asks before a page of elsewhere may show a token at `url`.
pub async fn preflight(url: &str) -> anyhow::Result<Answer> {
    let headers = [
        (header::ORIGIN, "http://127.0.0.1:1"),
        (header::ACCESS_CONTROL_REQUEST_METHOD, "GET"),
        (header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization"),
    ];
    patient(url, ask(Method::OPTIONS, url, &headers, None)).await
}

/// Asks for `url` and expects the status 200 and JSON.
pub async fn get_json(url: &str) -> Value {
    let answer = get(url).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(answer.status, StatusCode::OK, "{url}: {}", answer.text());
    answer.json()
}

/// The same, again while the answer is 503 with a time to retry: an owner of comments cannot be reached at the moment.
pub async fn when_available(url: &str) -> Value {
    until(url, async || match get(url).await {
        Ok(answer) if answer.status == StatusCode::OK => Ok(answer.json()),
        Ok(answer) if may_retry(&answer) => Err(answer.text()),
        other => panic!("{url}: {other:?}"),
    })
    .await
}

/// Whether the answer is 503 and says when to ask again.
pub fn may_retry(answer: &Answer) -> bool {
    let after = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    answer.status == StatusCode::SERVICE_UNAVAILABLE && after.is_some()
}

/// One request with a JSON body, if there is one.
pub async fn request(method: Method, url: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
    patient(url, ask(method, url, &[], body)).await
}

async fn patient(url: &str, asked: impl Future<Output = anyhow::Result<Answer>>) -> anyhow::Result<Answer> {
    let asked = timeout(PATIENCE, asked).await;
    asked.with_context(|| format!("{url} did not answer within {PATIENCE:?}"))?.with_context(|| format!("asking {url}"))
}

async fn ask(
    method: Method,
    url: &str,
    headers: &[(header::HeaderName, &str)],
    body: Option<&Value>,
) -> anyhow::Result<Answer> {
    let rest = url.strip_prefix("http://").ok_or_else(|| anyhow!("{url} is not an http:// address"))?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let socket = TcpStream::connect(authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let running = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, authority);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = match body {
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(serde_json::to_vec(body)?)))?,
        None => request.body(Full::default())?,
    };
    let response = sender.send_request(request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.into_body().collect().await?.to_bytes();
    running.abort();
    Ok(Answer { status, headers, body })
}

/// The whole history of a stream, newest first, in pages of `limit`.
pub async fn whole_history(node: &str, stream: &str, limit: usize) -> Vec<Line> {
    let mut comments: Vec<Line> = Vec::new();
    loop {
        let before = comments.last().map(|line| format!("&before={}", line.id)).unwrap_or_default();
        let url = format!("{node}/v1/streams/{stream}/comments?limit={limit}{before}");
        let page = when_available(&url).await["comments"].take();
        let page: Vec<Line> = serde_json::from_value(page).unwrap_or_else(|error| panic!("{url}: {error}"));
        if page.is_empty() {
            return comments;
        }
        comments.extend(page);
    }
}

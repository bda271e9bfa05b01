//! One viewer over a real WebSocket, who tells the ledger everything that it sends and receives.
//!
//! Led by hand in a test, or by a crowd. Invariants: a sending is in the ledger before its first byte leaves, a message as
//! soon as it has come; a write keeps its ref and stamp through refusals and connections.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, anyhow, bail};
use futures::{SinkExt, StreamExt};
use http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest},
};
use watershed_ledger::{Seat, What};
use watershed_protocol::{
    CommentId, Ref, Register, Stamp, ViewerId,
    client::{Code, Encoding, Response},
};

use crate::{
    PATIENCE,
    book::Book,
    compact::{self, Ordinals},
    packed::{self, Writer},
    view::View,
    web,
};

/// A stamp as a client makes it: the wall clock, and always later than `last`.
pub fn stamp_after(last: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_millis() as u64);
    now.max(last + 1)
}

/// The last word on one of a viewer's writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Durable: the comment's id, and the register of a like.
    Acknowledged {
        /// The id that the answer names.
        id: Option<CommentId>,
        /// Of a like: whether it stands, and since which stamp.
        register: Option<(bool, u64)>,
    },
    /// Refused for good.
    Refused(Code),
}

/// See the head of the file.
#[derive(Debug)]
pub struct Viewer {
    /// Who it is.
    pub id: ViewerId,
    /// How its comments are signed, written as in a query; its id when absent.
    pub name: Option<&'static str>,
    /// Connects to the node that it asks, wherever it belongs.
    pub stays: bool,
    /// How its messages are written.
    pub encoding: Encoding,
    /// What it sees.
    pub view: Arc<Mutex<View>>,
    /// The payload of the last message, as it came.
    pub payload: Bytes,
    /// The last message in the form of JSON.
    pub form: Value,
    ordinals: Ordinals,
    book: Arc<Book>,
    seat: Seat,
    socket: Option<WebSocketStream<TcpStream>>,
    writes: u64,
    stamp: u64,
}

impl Viewer {
    /// A viewer that is not connected yet.
    pub fn new(book: &Arc<Book>, id: &str, encoding: Encoding) -> Self {
        let id = ViewerId::new(id).expect("a viewer's name");
        let seat = book.ledger().seat(&id);
        Self {
            id,
            name: None,
            stays: false,
            encoding,
            view: Arc::default(),
            payload: Bytes::new(),
            form: Value::Null,
            ordinals: Ordinals::default(),
            book: book.clone(),
            seat,
            socket: None,
            writes: 0,
            stamp: 0,
        }
    }

    /// Connects, and waits until it has a view of all owners' comments.
    pub async fn come(&mut self, node: &str) {
        self.connect(node).await.unwrap_or_else(|error| panic!("{} cannot join: {error:#}", self.id));
        self.sees("a whole view", |view| view.point.is_some() && !view.partial).await;
    }

    /// A viewer that has a view from this node, by its HTTP address.
    pub async fn join(book: &Arc<Book>, node: &str, id: &str, encoding: Encoding) -> Self {
        let mut viewer = Self::new(book, id, encoding);
        viewer.come(node).await;
        viewer
    }

    /// What it sees now.
    pub fn view(&self) -> View {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connects where this node says that it belongs, unless it stays, and goes on from what it has.
    pub async fn connect(&mut self, node: &str) -> anyhow::Result<()> {
        if self.stays {
            let here = node.replacen("http://", "ws://", 1);
            return self.connect_to(&format!("{here}/v1/streams/{}/live", self.book.stream)).await;
        }
        let placed = web::get(&format!("{node}/v1/streams/{}/place?viewer={}", self.book.stream, self.id)).await?;
        let url = placed.json()["url"].as_str().map(str::to_owned);
        self.connect_to(&url.with_context(|| format!("place answered {}", placed.text()))?).await
    }

    /// Connects to a WebSocket address, and goes on from what it has.
    pub async fn connect_to(&mut self, url: &str) -> anyhow::Result<()> {
        self.leave();
        let resume = self.book.ledger().point(self.seat);
        let resume_field = resume.map(|point| format!("&resume={point}")).unwrap_or_default();
        let name_field = self.name.map(|name| format!("&name={name}")).unwrap_or_default();
        let mut request = format!("{url}?viewer={}{name_field}{resume_field}", self.id).into_client_request()?;
        let protocol = HeaderValue::from_static(self.encoding.subprotocol());
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        let authority = request.uri().authority().ok_or_else(|| anyhow!("{url} has no host"))?.to_string();
        let upgrade = async {
            let socket = TcpStream::connect(authority).await?;
            socket.set_nodelay(true)?;
            anyhow::Ok(client_async_with_config(request, socket, None).await?.0)
        };
        let socket = timeout(PATIENCE, upgrade).await.context("no handshake")??;
        self.book.ledger().connected(self.seat, resume.is_some());
        self.socket = Some(socket);
        Ok(())
    }

    /// Goes without a word, as a phone in a tunnel.
    pub fn leave(&mut self) {
        if self.socket.take().is_some() {
            self.book.ledger().connection_lost(self.seat);
        }
    }

    /// The next message. An error: the connection is over. Nothing is lost when the future is dropped.
    pub async fn hear(&mut self) -> anyhow::Result<Arc<Response>> {
        let heard = self.next().await;
        let message = heard.inspect_err(|_| self.leave())?;
        let message = self.book.shared(message);
        self.book.ledger().received(self.seat, &message, self.book.now_ms());
        self.view.lock().unwrap_or_else(PoisonError::into_inner).apply(&message);
        Ok(message)
    }

    async fn next(&mut self) -> anyhow::Result<Response> {
        let socket = self.socket.as_mut().context("not connected")?;
        loop {
            match socket.next().await.context("the connection ended")?? {
                Message::Text(text) if self.encoding == Encoding::Json => {
                    self.payload = text.into();
                    break;
                }
                Message::Binary(bytes) if self.encoding != Encoding::Json => {
                    self.payload = bytes;
                    break;
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("{} got {other:?}", self.id),
            }
        }
        self.form = match self.encoding {
            Encoding::Json => serde_json::from_slice(&self.payload)?,
            Encoding::MessagePack => packed::read_message(&self.payload),
            Encoding::Compact => self.ordinals.read_message(&self.payload),
            Encoding::CompactDeflate => self.ordinals.read_message(&compact::unmarked(&self.payload)),
        };
        Ok(Response::deserialize(&self.form)?)
    }

    /// The next message, within the patience of a test.
    pub async fn heard(&mut self) -> Arc<Response> {
        let heard = timeout(PATIENCE, self.hear()).await;
        heard.unwrap_or_else(|_| panic!("{} heard nothing", self.id)).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Listens until the view is as wanted.
    pub async fn sees(&mut self, what: &str, wanted: impl Fn(&View) -> bool) {
        let listening = async {
            while !wanted(&self.view()) {
                self.hear().await.unwrap_or_else(|error| panic!("{} waits for {what}: {error:#}", self.id));
            }
        };
        let in_time = timeout(PATIENCE, listening).await.is_ok();
        assert!(in_time, "{} does not see {what}, but {:#?}", self.id, self.view());
    }

    /// A ref that this viewer has not used.
    pub fn next_ref(&mut self) -> Ref {
        self.writes += 1;
        Ref::new(&format!("s{}-{}", self.seat_number(), self.writes)).expect("a short ref")
    }

    /// A like or an unlike with the next stamp.
    pub fn says(&mut self, id: CommentId, liked: bool) -> What {
        self.stamp = stamp_after(self.stamp);
        What::Like { id, register: Register { stamp: Stamp::new(self.stamp).expect("a stamp"), liked } }
    }

    /// Sends a write once.
    pub async fn send(&mut self, reference: &Ref, what: &What) -> anyhow::Result<()> {
        let message = self.framed(what.message(reference, self.encoding));
        let socket = self.socket.as_mut().context("not connected")?;
        self.book.ledger().sent(self.seat, reference, what.clone(), self.book.now_ms());
        Ok(socket.send(message).await?)
    }

    /// Sends taps, which have no answer.
    pub async fn tap(&mut self, kind: &str, count: u64) {
        let message = match self.encoding {
            Encoding::Json => json!({"type": "react", "kind": kind, "count": count}).to_string().into_bytes(),
            _ => Writer::array(3).number(3).text(kind).number(count).done(),
        };
        self.send_raw(message).await;
    }

    /// Sends a payload as it is: nothing that may be acknowledged, for the ledger does not hear of it.
    pub async fn send_raw(&mut self, payload: Vec<u8>) {
        let message = self.framed(payload);
        let socket = self.socket.as_mut().expect("a connected viewer");
        socket.send(message).await.unwrap_or_else(|error| panic!("{} cannot send: {error}", self.id));
    }

    fn framed(&self, payload: Vec<u8>) -> Message {
        match self.encoding {
            Encoding::Json => Message::text(String::from_utf8(payload).expect("JSON is text")),
            _ => Message::binary(payload),
        }
    }

    /// Sends a write, again whenever it is told to, until its last word.
    pub async fn write(&mut self, what: &What) -> Told {
        let reference = self.next_ref();
        self.write_as(&reference, what).await
    }

    /// The same under a ref of the caller's.
    pub async fn write_as(&mut self, reference: &Ref, what: &What) -> Told {
        let send = self.send(reference, what).await;
        send.unwrap_or_else(|error| panic!("{} cannot send {what:?}: {error:#}", self.id));
        loop {
            match &*self.heard().await {
                Response::Ack { reference: of, id, liked, stamp } if of == reference => {
                    return Told::Acknowledged { id: *id, register: liked.zip(*stamp) };
                }
                Response::Reject { reference: Some(of), code, retry_after_ms, .. } if of == reference => {
                    let Some(after_ms) = retry_after_ms else { return Told::Refused(*code) };
                    tokio::time::sleep(Duration::from_millis(*after_ms)).await;
                    self.send(reference, what).await.unwrap_or_else(|error| panic!("{}: {error:#}", self.id));
                }
                _ => {}
            }
        }
    }

    /// Writes a comment that must be taken.
    pub async fn comment(&mut self, body: &str) -> CommentId {
        match self.write(&What::Comment { body: body.into() }).await {
            Told::Acknowledged { id: Some(id), .. } => id,
            other => panic!("{} wrote {body:?} and was told {other:?}", self.id),
        }
    }

    /// Likes or unlikes; this must be taken.
    pub async fn like(&mut self, id: CommentId, liked: bool) {
        let what = self.says(id, liked);
        let told = self.write(&what).await;
        assert!(matches!(told, Told::Acknowledged { .. }), "{} was told {told:?} of {what:?}", self.id);
    }

    /// Distinguishes two devices of one viewer.
    fn seat_number(&self) -> String {
        format!("{:?}", self.seat).chars().filter(char::is_ascii_digit).collect()
    }
}

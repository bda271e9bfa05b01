//! The viewers' HTTP: where to go, history, likes, totals, the cluster, the page, and the way into a stream.
//!
//! Between net's server and the driver. Invariant: a bad value is 400 with words that name it and its limit; what an owner
//! does not answer is 503 with a time to retry, never a part of the truth.

mod query;

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use http_body_util::Full;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use watershed_broadcast::{Coming, Session, SessionConfig};
use watershed_net::{
    carousel::{Carousel, Joiner, Kept, SharedRoom},
    http::{Handler, Reply, Request, Upgraded, reply},
};
use watershed_placement::Map;
use watershed_protocol::{
    CommentId, DisplayName, Epoch, Invalid, NodeName, Seq, StreamId, ViewerId,
    client::{Encoding, Line, Response},
    limits,
};

use super::{
    Wish,
    entrance::{Entrance, Verdict},
    history::{Owners, Unanswered},
    placing::Placing,
    rooms::Rooms,
    slowest::Slowest,
    tree::Tree,
};
use crate::{
    admin::{Admin, NODE_PATH, error, json as json_reply, not_allowed, unstored},
    guard,
    presence::Presence,
};
use query::{Query, parse, resume_point, shown, whole};

/// Comments on a page of history when the request does not say.
const PAGE_DEFAULT: usize = 100;
/// After how long to ask again what an owner did not answer, in seconds.
const RETRY_AFTER_S: &str = "1";

/// Why a request is not answered, as the answer that says so.
type Refused = Box<Reply>;

/// Answers viewers' requests and lets them in.
pub(super) struct Api {
    pub(super) node: NodeName,
    pub(super) placing: Arc<Placing>,
    pub(super) entrance: Arc<Entrance>,
    pub(super) presence: Presence,
    pub(super) map: watch::Receiver<Arc<Map>>,
    pub(super) admin: Admin,
    pub(super) tree: Arc<Tree>,
    pub(super) slowest: Slowest,
    pub(super) session: Arc<SessionConfig>,
    pub(super) carousel: Arc<Carousel>,
    pub(super) rooms: Arc<Rooms>,
    pub(super) wishes: mpsc::Sender<Wish>,
}

/// What was decided about a viewer, between its handshake and the carousel.
pub(super) enum Ticket {
    /// It is let in.
    In(Box<Entry>),
    /// It is told where to go, if anywhere, and closed.
    Away { encoding: Encoding, url: Option<String>, after_ms: u64 },
}

/// A viewer that is let in.
pub(super) struct Entry {
    session: Session,
    room: Arc<SharedRoom>,
    resume: Option<(Epoch, Seq)>,
    placed: NodeName,
    kept: Kept,
}

impl Api {
    async fn route(&self, request: &Request) -> Result<Reply, Refused> {
        let path = request.uri().path();
        if let Some(answer) = guard::preflight(request.method(), path, request.headers()) {
            return Ok(answer);
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Err(Box::new(not_allowed(request.method())));
        }
        if let Some(asset) = watershed_web::answer(path, request.headers()) {
            return Ok(asset.map(Full::new));
        }
        if let Some(turned_away) = self.admin.turn_away(request) {
            return Ok(turned_away);
        }
        if path == NODE_PATH {
            return Ok(self.admin.node(self.slowest.json(&self.carousel).await));
        }
        if let Some(answer) = self.admin.answer(path) {
            return Ok(answer);
        }
        let query = Query::parse(request.uri().query().unwrap_or_default())?;
        let nothing = || refused(StatusCode::NOT_FOUND, &format!("there is nothing at {:?}", shown(path)));
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match parts[..] {
            ["v1", "cluster"] => self.cluster().await,
            ["v1", "streams", stream] => self.totals(&parse(stream)?).await,
            ["v1", "streams", stream, "place"] => self.place(&parse(stream)?, &query),
            ["v1", "streams", stream, "comments"] => self.comments(&parse(stream)?, &query).await,
            ["v1", "streams", stream, "likes"] => self.likes(&parse(stream)?, &query).await,
            ["v1", "streams", _, "live"] => {
                Err(refused(StatusCode::UPGRADE_REQUIRED, "a stream is watched over a WebSocket"))
            }
            _ => Err(nothing()),
        }
    }

    fn place(&self, stream: &StreamId, query: &Query) -> Result<Reply, Refused> {
        let viewer: ViewerId = parse(query.needed("viewer")?)?;
        let sight = self.placing.sight();
        let own = || Some((&self.node, format!("{}/v1/streams/{stream}/live", self.presence.ws_of(&self.node)?)));
        // A node that the others do not see alive may be found all the same; one that ends shall not be.
        let found = sight.place(stream, &viewer).or_else(|| own().filter(|_| !self.entrance.is_shut()));
        let (node, url) = found.ok_or_else(|| unavailable("no broadcast node is alive"))?;
        let others = sight.others(stream, &viewer, node);
        Ok(json_reply(StatusCode::OK, &json!({ "node": node, "url": url, "others": others })))
    }

    async fn comments(&self, stream: &StreamId, query: &Query) -> Result<Reply, Refused> {
        let limit = match query.get("limit") {
            None => PAGE_DEFAULT,
            Some(text) => {
                let max = limits::HISTORY_PAGE_MAX;
                let limit = whole(text).filter(|limit| (1..=max as u64).contains(limit));
                limit.ok_or_else(|| bad(&format!("limit is {:?}, 1 to {max} are allowed", shown(text))))? as usize
            }
        };
        let before: Option<CommentId> = query.get("before").map(parse).transpose()?;
        let map = self.map.borrow().clone();
        let owners = Owners { wishes: &self.wishes, map: &map };
        let comments = owners.history(stream, before, limit).await.map_err(unanswered)?;
        let lines: Vec<Line> = comments.iter().map(Line::from).collect();
        Ok(json_reply(StatusCode::OK, &json!({ "comments": lines })))
    }

    async fn likes(&self, stream: &StreamId, query: &Query) -> Result<Reply, Refused> {
        let viewer: ViewerId = parse(query.needed("viewer")?)?;
        let ids = query.needed("ids")?.split(',').filter(|id| !id.is_empty());
        let ids: Vec<CommentId> = ids.map(parse).collect::<Result<_, _>>()?;
        if ids.len() > limits::LIKES_QUERY_IDS_MAX {
            return Err(bad(&format!("{} ids, at most {} are allowed", ids.len(), limits::LIKES_QUERY_IDS_MAX)));
        }
        let map = self.map.borrow().clone();
        let owners = Owners { wishes: &self.wishes, map: &map };
        let liked = owners.likes(&self.session.key, stream, &viewer, &ids).await.map_err(unanswered)?;
        Ok(json_reply(StatusCode::OK, &json!({ "liked": liked })))
    }

    async fn totals(&self, stream: &StreamId) -> Result<Reply, Refused> {
        let map = self.map.borrow().clone();
        let totals = Owners { wishes: &self.wishes, map: &map }.totals(stream).await.map_err(unanswered)?;
        let room = self.rooms.find(stream);
        let viewers = room.and_then(|room| room.lock().view().map(|view| view.viewers())).unwrap_or_default();
        Ok(json_reply(
            StatusCode::OK,
            &json!({
                "stream": stream, "comments": totals.comments, "likes": totals.likes, "viewers": viewers,
                "reactions": totals.reactions,
            }),
        ))
    }

    /// The tree with every node's figures.
    async fn cluster(&self) -> Result<Reply, Refused> {
        let tree = self.tree.json().await.ok_or_else(|| unavailable("this node ends"))?;
        Ok(unstored(reply(StatusCode::OK, "application/json", tree)))
    }

    /// Lets a viewer in, if its request holds what it must and there is room.
    async fn ticket(&self, head: &Parts, encoding: Encoding) -> Result<Ticket, Refused> {
        let parts: Vec<&str> = head.uri.path().split('/').skip(1).collect();
        let ["v1", "streams", stream, "live"] = parts[..] else {
            let why = format!("there is no stream at {:?}", shown(head.uri.path()));
            return Err(refused(StatusCode::NOT_FOUND, &why));
        };
        let stream: StreamId = parse(stream)?;
        let query = Query::parse(head.uri.query().unwrap_or_default())?;
        let viewer: ViewerId = parse(query.needed("viewer")?)?;
        let name = match query.get("name") {
            Some(name) if name != viewer.as_str() => DisplayName::new(name).map_err(invalid)?,
            _ => DisplayName::from(&viewer),
        };
        let resume = query.get("resume").map(resume_point).transpose()?;
        let coming = if resume.is_some() { Coming::Resuming } else { Coming::New };
        let kept = match self.entrance.decide(&stream, &viewer, coming) {
            Verdict::In(kept) => kept,
            Verdict::Away { url, after_ms } => return Ok(Ticket::Away { encoding, url, after_ms }),
        };
        let placed = self.placing.sight().home(&stream, &viewer).clone();
        let full = || unavailable("this node has as many streams as it may");
        let (room, is_new) = self.rooms.enter(&stream).ok_or_else(full)?;
        if is_new && self.wishes.send(Wish::Want(stream.clone())).await.is_err() {
            return Err(unavailable("this node ends"));
        }
        let session = Session::new(self.session.clone(), viewer, name, room.stream().clone(), encoding);
        Ok(Ticket::In(Box::new(Entry { session, room, resume, placed, kept })))
    }
}

impl Handler for Api {
    type Ticket = Ticket;

    async fn handle(self: Arc<Self>, request: Request) -> Reply {
        let mut answer = self.route(&request).await.unwrap_or_else(|refused| *refused);
        // Pages of one node ask others where to go and what is liked.
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        answer
    }

    async fn admit(self: Arc<Self>, head: Parts, encoding: Encoding) -> Result<Ticket, Reply> {
        self.ticket(&head, encoding).await.map_err(|refused| *refused)
    }

    fn adopt(&self, ticket: Ticket, upgraded: Upgraded) {
        match ticket {
            Ticket::In(entry) => {
                let Entry { session, room, resume, placed, kept } = *entry;
                self.carousel.adopt(Joiner { upgraded, session, room, resume, placed });
                // Only now that the carousel counts the viewer itself.
                drop(kept);
            }
            Ticket::Away { encoding, url, after_ms } => {
                let whereto = url.map(|url| Response::Move { url, after_ms });
                self.carousel.turn_away(upgraded, encoding, whereto.as_ref(), after_ms);
            }
        }
    }
}

fn refused(status: StatusCode, why: &str) -> Refused {
    Box::new(error(status, why))
}

fn invalid(invalid: Invalid) -> Refused {
    bad(&invalid.to_string())
}

fn bad(why: &str) -> Refused {
    refused(StatusCode::BAD_REQUEST, why)
}

fn unanswered(why: Unanswered) -> Refused {
    match why {
        Unanswered::Unavailable => unavailable("an owner of comments cannot be reached now"),
        Unanswered::Unknown => refused(StatusCode::NOT_FOUND, "there is no such comment on this stream"),
    }
}

fn unavailable(why: &str) -> Refused {
    let mut reply = refused(StatusCode::SERVICE_UNAVAILABLE, why);
    reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    reply
}

//! What every node answers over HTTP, whatever its role: is it up, is it ready, what has it done.
//!
//! Processors and mergers serve only this; a broadcast node serves it beside its viewers.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, CACHE_CONTROL},
    request::Parts,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use watershed_net::http::{Handler, Reply, Request, ServerConfig, Upgraded, reply, serve, text};
use watershed_protocol::{NodeName, client::Encoding};

use crate::{
    figures::{self, Figure, Source},
    guard::Guard,
    process::Process,
    setup::Setup,
};

/// Where a node says how it is.
pub(crate) const NODE_PATH: &str = "/v1/node";
/// Most characters that are said back of a path that leads nowhere.
const PATH_CHARS_MAX: usize = 100;

/// Whether the node does its work now, and if not, why; and which work, where a role has several.
#[derive(Clone)]
pub(crate) struct Readiness {
    now: Arc<Mutex<Now>>,
}

#[derive(Clone)]
struct Now {
    missing: Option<&'static str>,
    state: Option<&'static str>,
    fed_by: Option<NodeName>,
    /// Why it is not ready any more, whatever else happens.
    leaving: Option<&'static str>,
}

impl Now {
    /// Why the node is not ready.
    fn missing(&self) -> Option<&'static str> {
        self.leaving.or(self.missing)
    }
}

impl Readiness {
    /// Not ready, for this reason.
    pub(crate) fn new(missing: &'static str) -> Self {
        Self { now: Arc::new(Mutex::new(Now { missing: Some(missing), state: None, fed_by: None, leaving: None })) }
    }

    /// Ready from now on.
    pub(crate) fn ready(&self) {
        self.set(None);
    }

    /// Ready, or not for this reason.
    pub(crate) fn set(&self, missing: Option<&'static str>) {
        self.lock().missing = missing;
    }

    /// Ready from now on, for this work.
    pub(crate) fn ready_as(&self, state: &'static str) {
        let mut now = self.lock();
        (now.missing, now.state) = (None, Some(state));
    }

    /// Never ready again, for this reason.
    pub(crate) fn leave(&self, why: &'static str) {
        self.lock().leaving = Some(why);
    }

    /// Frames come from this node now, or from none.
    pub(crate) fn fed_by(&self, node: Option<NodeName>) {
        self.lock().fed_by = node;
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answers that all roles share.
#[derive(Clone)]
pub(crate) struct Admin {
    node: String,
    role: String,
    readiness: Readiness,
    source: Source,
    guard: Guard,
    /// How often somebody has asked for the figures.
    asked: Arc<AtomicU64>,
}

impl Admin {
    /// For one node.
    pub(crate) fn new(setup: &Setup, readiness: Readiness, source: Source) -> Self {
        let (node, role) = (setup.node.name.to_string(), setup.node.role.to_string());
        let (asked, process) = (Arc::new(AtomicU64::new(0)), Process::started());
        let (counted, guard) = (asked.clone(), Guard::new(&setup.topology));
        let guarded = guard.clone();
        let source: Source = Arc::new(move || {
            let mut figures = source();
            figures.extend(process.figures());
            figures.extend(guarded.figures());
            let asked = counted.load(Ordering::Relaxed);
            figures.push(Figure::counter("figures_asked", "Times that /v1/node was asked for", asked));
            figures
        });
        Self { node, role, readiness, source, guard, asked }
    }

    /// The answer to whoever may not see what is at a path for operators.
    pub(crate) fn turn_away(&self, request: &Request) -> Option<Reply> {
        self.guard.turn_away(request.uri().path(), request.headers())
    }

    /// The answer to a path that all roles share.
    pub(crate) fn answer(&self, path: &str) -> Option<Reply> {
        Some(match path {
            "/healthz" => text(StatusCode::OK, "up"),
            "/readyz" => match self.readiness.lock().missing() {
                None => text(StatusCode::OK, "ready"),
                Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
            },
            "/metrics" => {
                let kind = "text/plain; version=0.0.4; charset=utf-8";
                reply(StatusCode::OK, kind, figures::prometheus(&self.source))
            }
            NODE_PATH => self.node(Value::Null),
            _ => return None,
        })
    }

    /// What the node says of itself, with its slowest viewers where it has some.
    pub(crate) fn node(&self, slowest: Value) -> Reply {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let now = self.readiness.lock().clone();
        let (missing, state, fed_by) = (now.missing(), now.state, now.fed_by);
        let figures = figures::json(&self.source);
        let told = json!({
            "node": self.node, "role": self.role, "ready": missing.is_none(), "missing": missing,
            "state": state, "fed_by": fed_by, "slowest": slowest, "figures": figures,
        });
        unstored(json(StatusCode::OK, &told))
    }

    /// Serves only these.
    pub(crate) fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> JoinHandle<()> {
        tokio::spawn(serve(listener, Arc::new(self), ServerConfig::default(), shutdown))
    }
}

impl Handler for Admin {
    type Ticket = ();

    async fn handle(self: Arc<Self>, request: Request) -> Reply {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return not_allowed(request.method());
        }
        if let Some(turned_away) = self.turn_away(&request) {
            return turned_away;
        }
        let path = request.uri().path();
        let nothing = || {
            let shown: String = path.chars().take(PATH_CHARS_MAX).collect();
            error(StatusCode::NOT_FOUND, &format!("there is nothing at {shown:?}"))
        };
        self.answer(path).unwrap_or_else(nothing)
    }

    async fn admit(self: Arc<Self>, _: Parts, _: Encoding) -> Result<(), Reply> {
        Err(error(StatusCode::NOT_FOUND, "viewers connect to broadcast nodes"))
    }

    fn adopt(&self, (): (), _: Upgraded) {}
}

/// The answer to a method that no path knows.
pub(crate) fn not_allowed(method: &Method) -> Reply {
    let shown: String = method.as_str().chars().take(PATH_CHARS_MAX).collect();
    let mut reply = error(StatusCode::METHOD_NOT_ALLOWED, &format!("{shown} is not GET or HEAD"));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    reply
}

/// The same answer, which nobody may keep: it is of this moment, and may name viewers.
pub(crate) fn unstored(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &Value) -> Reply {
    reply(status, "application/json", body.to_string())
}

/// An error in JSON: `{"error": why}`.
pub(crate) fn error(status: StatusCode, why: &str) -> Reply {
    json(status, &json!({ "error": why }))
}

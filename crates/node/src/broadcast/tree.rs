//! The cluster in one answer: every node that ever joined, how it is, and what it says of itself.
//!
//! Between the operators who ask a broadcast node and all nodes, each of which is asked in turn. Invariants: each node is
//! asked about twice a second at most, however many operators look; and a node that is slow or gone costs its own row, and
//! nobody more than [`ANSWER_WITHIN`].

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::future::join_all;
use http::HeaderValue;
use serde_json::{Value, json};
use tokio::sync::watch;
use watershed_membership::{Health, Member, Topology};
use watershed_net::http::get_as;
use watershed_placement::Map;
use watershed_protocol::{Role, Slot};

use super::placing::{Placing, Sight};
use crate::{cached::Cached, guard, presence::Presence};

/// How long another node may take to say its figures.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// How long one answer serves all who ask: pages ask once a second.
const SERVES: Duration = Duration::from_millis(500);

/// See the head of the file.
pub(super) struct Tree {
    cluster: String,
    /// What is shown to the nodes that are asked.
    credentials: Option<HeaderValue>,
    presence: Presence,
    map: watch::Receiver<Arc<Map>>,
    placing: Arc<Placing>,
    last: Cached<Bytes>,
}

impl Tree {
    pub(super) fn new(topology: &Topology, presence: &Presence, placing: &Arc<Placing>) -> Arc<Self> {
        Arc::new(Self {
            cluster: topology.name.clone(),
            credentials: guard::credentials(topology),
            map: presence.map(),
            presence: presence.clone(),
            placing: placing.clone(),
            last: Cached::new(SERVES),
        })
    }

    /// The cluster as JSON, at most as old as it serves. `None`: the node ends.
    pub(super) async fn json(self: &Arc<Self>) -> Option<Bytes> {
        let tree = self.clone();
        self.last.get(async move { tree.gather().await }).await
    }

    /// Asks all nodes at once.
    async fn gather(&self) -> Bytes {
        let (members, map, sight) = (self.presence.members(), self.map.borrow().clone(), self.placing.sight());
        let nodes = members.iter().map(|(member, health)| self.node(member, *health, &map, &sight));
        let nodes: Vec<Value> = join_all(nodes).await;
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let root = map.root().map(|root| json!({ "node": root.node, "epoch": root.epoch }));
        let tree = json!({
            "name": self.cluster, "at": at.as_millis() as u64, "map_epoch": map.epoch(), "slots": Slot::COUNT, "root": root,
            "nodes": nodes,
        });
        tree.to_string().into()
    }

    /// One node: what is known of it here, and what it says of itself.
    async fn node(&self, member: &Member, health: Health, map: &Map, sight: &Sight) -> Value {
        let (state, silent_ms) = match health {
            Health::Alive => ("alive", None),
            Health::Silent { age_ms } => ("silent", Some(age_ms)),
            Health::Dead => ("dead", None),
        };
        let mut told = match health {
            Health::Dead => Value::Null,
            _ => self.ask(member).await.unwrap_or_else(|why| json!({ "missing": why })),
        };
        let slots = (member.role == Role::Processor).then(|| map.slots_of(&member.name).len());
        let epochs = map.slot_epochs(&member.name).map(|held| json!({ "min": held.start(), "max": held.end() }));
        let ring_share = match member.role {
            Role::Broadcast => Some(sight.ring_share(&member.name)),
            Role::Processor => slots.map(|slots| slots as f64 / Slot::COUNT as f64),
            Role::Merger => None,
        };
        json!({
            "node": member.name, "role": member.role, "url": member.http, "state": state,
            "beat_ms": self.presence.beat_ms(&member.name), "silent_ms": silent_ms,
            "slots": slots, "slot_epochs": epochs, "ring_share": ring_share,
            "ready": told["ready"].take(), "missing": told["missing"].take(), "work": told["state"].take(),
            "fed_by": told["fed_by"].take(), "slowest": told["slowest"].take(), "figures": told["figures"].take(),
        })
    }

    /// What a node says of itself, or why it says nothing.
    async fn ask(&self, member: &Member) -> Result<Value, String> {
        let url = format!("{}/v1/node", member.http);
        let answer = get_as(&url, self.credentials.as_ref(), ANSWER_WITHIN).await;
        let (status, body) = answer.map_err(|error| error.to_string())?;
        let told: Option<Value> = serde_json::from_slice(&body).ok().filter(Value::is_object);
        told.filter(|_| status.is_success()).ok_or_else(|| format!("asked for its figures it answers {status}"))
    }
}

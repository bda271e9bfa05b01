//! The slowest viewers of this node, as operators see them.
//!
//! Between `/v1/node` and the carousel. Viewers' names are what they call themselves: whoever may not see the node's figures
//! does not get here. Invariant: the workers look through their viewers once a second at most, however many ask.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::timeout;
use watershed_net::carousel::{Carousel, Slow};

use crate::cached::Cached;

/// How long one look at all viewers serves.
const SERVES: Duration = Duration::from_secs(1);
/// How long the workers may take: who asks for the whole cluster waits little longer.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);

/// See the head of the file.
pub(super) struct Slowest {
    last: Cached<Value>,
}

impl Default for Slowest {
    fn default() -> Self {
        Self { last: Cached::new(SERVES) }
    }
}

impl Slowest {
    /// The slowest first; null while the workers have no time for it, or when the node ends.
    pub(super) async fn json(&self, carousel: &Arc<Carousel>) -> Value {
        // Not held on to while the workers look: at its end the node waits for everybody who has it.
        let carousel = Arc::downgrade(carousel);
        let look = async move {
            let Some(slowest) = carousel.upgrade().map(|carousel| carousel.slowest()) else { return Value::Null };
            match timeout(ANSWER_WITHIN, slowest).await {
                Ok(slowest) => slowest.iter().map(shown).collect(),
                Err(_) => Value::Null,
            }
        };
        self.last.get(look).await.unwrap_or_default()
    }
}

fn shown(slow: &Slow) -> Value {
    let Slow { viewer, stream, behind_frames, stalled_ms, grade } = slow;
    json!({
        "viewer": viewer, "stream": stream, "behind_frames": behind_frames, "stalled_ms": stalled_ms,
        "grade": grade.as_str(),
    })
}

//! Spread comments: what their parts are told before a comment is written, and after it was deleted.
//!
//! Between a viewer's write and the owners of all parts. The parts of a comment know its header before the comment can be
//! seen, so nobody likes what a part does not know; and a deletion is answered when no part takes likes any more.
//!
//! ```text
//!   comment   headers to the parts ──all durable──▶ the comment to its home ──▶ ack
//!   delete    the deletion to the home ──durable──▶ the deletion to the parts ──all durable──▶ ack
//! ```
//!
//! A node that dies in between leaves headers of a comment that was never written, or parts that take likes of one that is
//! gone; neither is seen by anybody, and the viewer, who has no answer, sends again and completes it.
//!
//! Invariant: a write whose parts are being told stands in no lane, and is answered when the last of them is durable, or
//! with the first that is refused.

use watershed_protocol::{
    Millis,
    client::{Code, Refusal},
};

use super::{Held, Op, Output, RETRY_AFTER_MS, Standing, Uplink};

impl Uplink {
    /// Tells all parts but the home what this write means for them.
    pub(super) fn tell_parts(&mut self, now: Millis, number: u64) {
        let Some(parent) = self.held.get_mut(&number) else { return };
        let spread = parent.part.spread();
        parent.standing = Standing::Spreading { left: spread.count() - 1 };
        let (Some(write), Some(id)) = (parent.write.for_part(), parent.write.id()) else { return };
        let mut numbers = Vec::new();
        for part in spread.parts().filter(|part| !part.is_home()) {
            let slot = part.slot(&id);
            let (write, parent, standing) = (write.clone(), Some(number), Standing::Waiting);
            let told = self.number();
            self.held.insert(told, Held { write, part, slot, arrived: now, standing, parent, unsure: false });
            numbers.push(told);
        }
        self.route(numbers);
    }

    /// A part knows. With the last of them the write goes on.
    pub(super) fn part_told(&mut self, number: u64, outbox: &mut Vec<Output>) {
        let Some(held) = self.held.get_mut(&number) else { return };
        let Standing::Spreading { left } = &mut held.standing else { return };
        *left -= 1;
        if *left > 0 {
            return;
        }
        if matches!(held.write.op, Op::Delete { .. }) {
            if let Some(held) = self.held.remove(&number) {
                self.acknowledge(held.write, outbox);
            }
        } else {
            held.standing = Standing::Waiting;
            self.route(vec![number]);
        }
    }

    /// A write is refused, or given up: so is the one that waits for it.
    pub(super) fn end(&mut self, held: Held, refusal: Refusal, outbox: &mut Vec<Output>) {
        let Some(parent) = held.parent else { return self.reject(held.write, refusal, outbox) };
        // A part that never had the header has nothing to forget.
        if refusal.code == Code::UnknownComment && matches!(held.write.op, Op::Delete { .. }) {
            return self.part_told(parent, outbox);
        }
        let Some(held) = self.held.remove(&parent) else { return };
        let refusal = match (&held.write.op, refusal.code) {
            // The comment is gone, but perhaps not in every part.
            (Op::Delete { .. }, _) => Refusal::retry(Code::Unknown, RETRY_AFTER_MS, refusal.message),
            // Whatever became of a header, the comment was not written.
            (_, Code::Unknown) => Refusal::retry(Code::Unavailable, RETRY_AFTER_MS, refusal.message),
            _ => refusal,
        };
        self.reject(held.write, refusal, outbox);
    }
}

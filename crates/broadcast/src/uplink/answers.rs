//! What owners answer: the part of the uplink that lets writes go.
//!
//! An answer counts only on the link on which its write was sent last, and only if it fits the write.
//! Invariant: whatever a processor says, and however often, a write is let go at most once.

use watershed_protocol::{
    Epoch, Millis, Register,
    client::{Code, Refusal, Response},
    peer::{PeerId, uplink::AnswerBatch},
};

use super::{Held, MOVED_RETRY_MS, Op, Output, RETRY_AFTER_MS, Standing, Uplink, Write};

impl Uplink {
    pub(super) fn answers(&mut self, now: Millis, peer: PeerId, answers: AnswerBatch, outbox: &mut Vec<Output>) {
        if !self.peers.contains_key(&peer) {
            self.counters.answers_ignored += answers.len() as u64;
            return;
        }
        self.want_map(answers.map_epoch, outbox);
        for (number, bits) in answers.likes {
            self.answer_like(peer, number, bits, outbox);
        }
        for number in answers.done {
            self.answer_done(now, peer, number, outbox);
        }
        for (number, refusal) in answers.refused {
            if self.taps.answered(now, number, false) {
                continue;
            }
            if let Some(held) = self.settle(peer, number, |_| true) {
                let refusal = if held.unsure && held.parent.is_none() { of_repeat(&refusal) } else { refusal };
                self.end(held, refusal, outbox);
            }
        }
        for number in answers.moved {
            self.answer_moved(now, peer, number, answers.map_epoch);
        }
    }

    fn answer_like(&mut self, peer: PeerId, number: u64, bits: u64, outbox: &mut Vec<Output>) {
        let register = Register::from_bits(bits).ok();
        let fits = |op: &Op| register.is_some() && matches!(op, Op::Like { .. });
        let (Some(Held { write, .. }), Some(register)) = (self.settle(peer, number, fits), register) else { return };
        self.counters.acknowledged += 1;
        if let (Some(reference), Some(id)) = (write.reference.clone(), write.id()) {
            outbox.push(Output::Answer { origin: write.origin, response: Response::ack_like(reference, id, register) });
        }
    }

    fn answer_done(&mut self, now: Millis, peer: PeerId, number: u64, outbox: &mut Vec<Output>) {
        if self.taps.answered(now, number, true) {
            return;
        }
        let Some(held) = self.settle(peer, number, |op| !matches!(op, Op::Like { .. })) else { return };
        if let Some(parent) = held.parent {
            self.part_told(parent, outbox);
        } else if matches!(held.write.op, Op::Delete { .. }) && !held.part.spread().is_whole() {
            self.held.insert(number, held);
            self.tell_parts(now, number);
        } else {
            self.acknowledge(held.write, outbox);
        }
    }

    pub(super) fn acknowledge(&mut self, write: Write, outbox: &mut Vec<Output>) {
        self.counters.acknowledged += 1;
        let id = write.id();
        if let Some(reference) = write.reference {
            outbox.push(Output::Answer { origin: write.origin, response: Response::ack(reference, id) });
        }
    }

    /// Not taken, and surely not: as good as never sent.
    fn answer_moved(&mut self, now: Millis, peer: PeerId, number: u64, map_epoch: Epoch) {
        if self.taps.answered(now, number, false) {
            return;
        }
        match self.held.get_mut(&number) {
            Some(held)
                if let Standing::Sent { lane, peer: to, flight } = held.standing
                    && to == peer =>
            {
                held.standing = Standing::Waiting;
                self.lanes[lane].arrive(flight);
            }
            _ => {
                self.counters.answers_ignored += 1;
                return;
            }
        }
        if self.moved.is_empty() {
            self.moved_at = now.plus(MOVED_RETRY_MS);
        }
        self.moved.insert(number);
        self.moved_for = self.moved_for.max(map_epoch);
        self.counters.moved += 1;
    }

    /// Lets a write go that `peer` answers, if it was sent there and the answer fits it.
    fn settle(&mut self, peer: PeerId, number: u64, fits: impl FnOnce(&Op) -> bool) -> Option<Held> {
        let flight = match self.held.get(&number) {
            Some(Held { standing: Standing::Sent { lane, peer: to, flight }, write, .. })
                if *to == peer && fits(&write.op) =>
            {
                (*lane, *flight)
            }
            _ => {
                self.counters.answers_ignored += 1;
                return None;
            }
        };
        self.lanes[flight.0].arrive(flight.1);
        self.held.remove(&number)
    }

    fn want_map(&mut self, epoch: Epoch, outbox: &mut Vec<Output>) {
        if epoch > self.map.epoch().max(self.wanted) {
            self.wanted = epoch;
            outbox.push(Output::WantMap { epoch });
        }
    }
}

/// The refusal of a repeat says nothing of the first sending, which may have been taken: by an owner whose clock was right,
/// or before the comment was deleted. Sent once more, it is refused for good, or finds its register.
fn of_repeat(refusal: &Refusal) -> Refusal {
    let why = format!("an earlier sending may have been taken, its repeat was not: {}", refusal.message);
    Refusal::retry(Code::Unknown, refusal.retry_after_ms.unwrap_or(RETRY_AFTER_MS), why)
}

//! Answers to sendings: each ends one attempt, and may settle the sending's fate.
//!
//! Between a seat's connection and what is known of comments and likes. Invariant: an answer belongs to exactly one
//! attempt on the same connection; any other is a violation.

use watershed_protocol::{
    CommentId, Ref, Register, Stamp,
    client::{Code, Response},
};

use super::{Ledger, Seat, cannot_happen, tally};
use crate::{
    Violation,
    sends::{Fate, What},
};

impl Ledger {
    /// An answer came. Other messages are ignored: they are [`Ledger::received`]'s.
    pub fn answered(&mut self, seat: Seat, response: &Response, now_ms: u64) {
        match response {
            Response::Ack { reference, id, liked, stamp } => {
                self.acknowledged(seat, reference, *id, liked.zip(*stamp), now_ms);
            }
            Response::Reject { reference, code, retry_after_ms, .. } => {
                self.count_refusal(*code);
                if code.is_retryable() != retry_after_ms.is_some() {
                    self.findings.note(Violation::WrongAnswer, now_ms, || {
                        format!("reject {} has retry_after_ms {retry_after_ms:?}", code.as_str())
                    });
                }
                if let Some(reference) = reference
                    && self.end_attempt(seat, reference, now_ms)
                {
                    self.check_reuse(seat, reference, *code, now_ms);
                    self.refused(seat, reference, *code);
                }
            }
            _ => {}
        }
    }

    /// Ends one attempt of the sending; false when there was none.
    fn end_attempt(&mut self, seat: Seat, reference: &Ref, now_ms: u64) -> bool {
        let device = &mut self.devices[seat.0];
        let viewer = &self.names[device.person as usize];
        let Some(op) = device.ops.get_mut(reference).filter(|op| op.waiting > 0) else {
            self.findings.note(Violation::AnswerWithoutSending, now_ms, || {
                format!("{viewer} got an answer to {reference:?}, which has no sending that waits")
            });
            return false;
        };
        op.waiting -= 1;
        let waited_ms = now_ms.saturating_sub(op.waiting_since_ms);
        if waited_ms > self.config.answer_within_ms {
            let max_ms = self.config.answer_within_ms;
            self.findings.note(Violation::AnsweredLate, now_ms, || {
                format!("{viewer} waited {waited_ms} ms for the answer to {reference:?}, at most {max_ms} are allowed")
            });
        }
        true
    }

    fn acknowledged(
        &mut self,
        seat: Seat,
        reference: &Ref,
        id: Option<CommentId>,
        register: Option<(bool, u64)>,
        now_ms: u64,
    ) {
        if !self.end_attempt(seat, reference, now_ms) {
            return;
        }
        let device = &mut self.devices[seat.0];
        let (person, viewer) = (device.person, &self.names[device.person as usize]);
        let Some(op) = device.ops.get_mut(reference) else { return };
        let first = op.fate != Fate::Acknowledged;
        if first {
            let tally = tally(&mut self.totals, op.kind());
            tally.acknowledged += 1;
            tally.refused -= u64::from(op.fate == Fate::Refused);
        }
        op.fate = Fate::Acknowledged;
        let mut wrong = |found: String| {
            self.findings.note(Violation::WrongAnswer, now_ms, || format!("{viewer}, ack of {reference:?}: {found}"));
        };
        match (&op.what, op.number, id) {
            (What::Comment { .. }, Some(number), Some(id)) => {
                self.comments.written[number].done.get_or_insert(self.turn);
                if let Err(why) = self.comments.acknowledge(number, id) {
                    self.findings.note(Violation::StoredTwice, now_ms, || format!("{viewer}, {reference:?}: {why}"));
                }
            }
            (What::Like { id: liked, register: sent }, _, Some(id)) if *liked == id => {
                match register.and_then(|(liked, stamp)| Some(Register { liked, stamp: Stamp::new(stamp).ok()? })) {
                    None => wrong("no register, or one out of range".into()),
                    Some(now) if now.yields_to(*sent) => wrong(format!("the register {now:?} is older than {sent:?}")),
                    Some(now) => {
                        let registers = &mut self.comments.dossier(id).registers;
                        if !registers.acked(person, sent.to_bits(), now.to_bits()) {
                            self.findings.note(Violation::RegisterNeverSent, now_ms, || {
                                format!("{viewer} sent {sent:?} on {id} and was told {now:?}, which it never sent")
                            });
                        }
                    }
                }
            }
            (What::Delete { id: deleted }, _, Some(id)) if *deleted == id => {
                self.comments.dossier(id).deleted = true;
            }
            (What::Pin { id: pinned }, _, id) if *pinned == id => {}
            (what, _, id) => wrong(format!("it names {id:?}, the sending was {what:?}")),
        }
        // A comment's ref stays, for "same ref and body: same id"; the others have told all that they had to tell.
        if op.number.is_none() && op.waiting == 0 {
            device.ops.remove(reference);
        }
    }

    /// A ref is reused only if its viewer has sent another body under it.
    fn check_reuse(&mut self, seat: Seat, reference: &Ref, code: Code, now_ms: u64) {
        let device = &self.devices[seat.0];
        let Some(op) = device.ops.get(reference).filter(|op| code == Code::RefReused && !op.reuses) else { return };
        let of_viewer = self.devices.iter().filter(|other| other.person == device.person);
        let mut others = of_viewer.filter_map(|other| other.ops.get(reference));
        if others.all(|other| other.what == op.what) {
            let viewer = &self.names[device.person as usize];
            self.findings.note(Violation::WrongAnswer, now_ms, || {
                format!("{viewer} is told that {reference:?} was used before, and it was not")
            });
        }
    }

    fn refused(&mut self, seat: Seat, reference: &Ref, code: Code) {
        let device = &mut self.devices[seat.0];
        let Some(op) = device.ops.get_mut(reference) else { return };
        op.tainted |= code == Code::Unknown;
        if op.fate == Fate::Acknowledged || op.waiting > 0 {
            return;
        }
        if op.tainted {
            op.fate = Fate::Unknown;
        } else if op.fate == Fate::Open {
            op.fate = Fate::Refused;
            tally(&mut self.totals, op.kind()).refused += 1;
            cannot_happen(&mut self.comments, device.person, &op.what);
        }
        if let Some(number) = op.number {
            self.comments.written[number].fate = op.fate;
        }
        if op.fate == Fate::Refused && !code.is_retryable() {
            device.ops.remove(reference);
        }
    }
}

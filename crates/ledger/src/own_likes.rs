//! A viewer's own likes, as the cluster tells them on request: they must be what was acknowledged to it.
//!
//! Beside the checks of the end; the caller asks the cluster and hands the answer in. Invariant: only comments whose last
//! word is known are demanded.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{CommentId, ViewerId};

use crate::{Ledger, Violation};

impl Ledger {
    /// For each viewer, the comments about whose like there is certainty: what is worth asking for.
    pub fn certain_likes(&self) -> BTreeMap<ViewerId, BTreeMap<CommentId, bool>> {
        let mut certain: BTreeMap<ViewerId, BTreeMap<CommentId, bool>> = BTreeMap::new();
        let there = self.comments.known.iter().filter(|(_, dossier)| !dossier.may_be_deleted());
        for (id, dossier) in there {
            for (person, liked) in dossier.registers.certain() {
                certain.entry(self.names[person as usize].clone()).or_default().insert(*id, liked);
            }
        }
        certain
    }

    /// Of these comments, which a viewer likes: `certain` is what [`Ledger::certain_likes`] said when it was asked.
    pub fn own_likes(
        &mut self,
        viewer: &ViewerId,
        certain: &BTreeMap<CommentId, bool>,
        told: &BTreeSet<CommentId>,
        now_ms: u64,
    ) {
        for (id, liked) in certain.iter().filter(|(id, liked)| told.contains(id) != **liked) {
            let (was, is) = if *liked { ("a like", "no like") } else { ("no like", "a like") };
            self.findings.note(Violation::OwnLikesWrong, now_ms, || {
                format!("{viewer} asked about {id} and was told of {is}; acknowledged was {was}")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watershed_protocol::{Ref, Register, Stamp, client::Response};

    use super::*;
    use crate::{Config, Seat, What};

    /// Ann's like or unlike of the one comment, acknowledged if she is told.
    fn says(ledger: &mut Ledger, seat: Seat, stamp: u64, liked: bool, is_told: bool) {
        let (id, reference) = (CommentId::from_bytes([7; 16]), Ref::new(&format!("r{stamp}")).unwrap());
        let register = Register { stamp: Stamp::new(stamp).unwrap(), liked };
        ledger.sent(seat, &reference, What::Like { id, register }, 0);
        if is_told {
            ledger.received(seat, &Arc::new(Response::ack_like(reference, id, register)), 0);
        }
    }

    #[test]
    fn an_acknowledged_like_that_its_viewer_is_not_told_of_is_a_violation() {
        let (mut ledger, ann) = (Ledger::new(Config::default()), ViewerId::new("ann").unwrap());
        let seat = ledger.seat(&ann);
        says(&mut ledger, seat, 1, true, true);
        let certain = ledger.certain_likes();
        ledger.own_likes(&ann, &certain[&ann], &certain[&ann].keys().copied().collect(), 0);
        assert!(ledger.violations().is_empty());
        ledger.own_likes(&ann, &certain[&ann], &BTreeSet::new(), 0);
        assert_eq!(ledger.violations()[0].violation.name(), "own_likes_wrong");
    }

    #[test]
    fn nothing_is_certain_while_a_later_word_is_open() {
        let (mut ledger, ann) = (Ledger::new(Config::default()), ViewerId::new("ann").unwrap());
        let seat = ledger.seat(&ann);
        says(&mut ledger, seat, 1, true, true);
        says(&mut ledger, seat, 2, false, false);
        ledger.connection_lost(seat);
        assert!(ledger.certain_likes().is_empty());
    }
}

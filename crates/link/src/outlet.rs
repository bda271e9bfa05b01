//! A link's sending end, as a driver uses it: what one step of a machine made is never lost to a full window.
//!
//! Between a machine's outputs and [`Link::offer`](crate::Link::offer). When the window is full, the rest of the step is
//! held here and the machine is told so; it makes nothing more for this peer until there is room.
//! Invariant: bodies leave in the order they came, and what is held came from one step.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::OfferError;

/// What became of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way (or the link is gone, which the machine is told by itself).
    Taken,
    /// It is held: the machine must be told that this peer is full.
    Filled,
    /// It is held behind others; the machine knows.
    Held,
    /// No link ever takes it: a bug of the machine's, which should bound its messages. The link must be ended.
    TooLarge,
}

/// What waits for one link's window.
#[derive(Debug, Default)]
pub struct Outlet {
    held: VecDeque<Bytes>,
}

impl Outlet {
    /// Offers a body to the link, or holds it.
    pub fn send(&mut self, body: Bytes, offer: impl FnOnce(Bytes) -> Result<(), OfferError>) -> Sent {
        if !self.held.is_empty() {
            self.held.push_back(body);
            return Sent::Held;
        }
        match offer(body.clone()) {
            Ok(()) | Err(OfferError::Down) => Sent::Taken,
            Err(OfferError::TooLarge { .. }) => Sent::TooLarge,
            Err(OfferError::Full { .. }) => {
                self.held.push_back(body);
                Sent::Filled
            }
        }
    }

    /// The link says that there is room: offers what is held. True when the machine may make more.
    pub fn room(&mut self, mut offer: impl FnMut(Bytes) -> Result<(), OfferError>) -> bool {
        while let Some(body) = self.held.front() {
            match offer(body.clone()) {
                Ok(()) | Err(OfferError::Down | OfferError::TooLarge { .. }) => drop(self.held.pop_front()),
                Err(OfferError::Full { .. }) => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window of this many bodies.
    fn window(room: &mut usize) -> impl FnMut(Bytes) -> Result<(), OfferError> {
        move |_| match room.checked_sub(1) {
            Some(left) => {
                *room = left;
                Ok(())
            }
            None => Err(OfferError::Full { window: 0 }),
        }
    }

    #[test]
    fn what_does_not_fit_is_held_in_order_until_all_of_it_has_left() {
        let (mut outlet, mut sent) = (Outlet::default(), Vec::new());
        let mut room = 1;
        let results: Vec<Sent> = (0..4).map(|n| outlet.send(vec![n].into(), window(&mut room))).collect();
        assert_eq!(results, [Sent::Taken, Sent::Filled, Sent::Held, Sent::Held]);
        let mut taken = 0;
        let mut two = |body: Bytes| {
            taken += 1;
            if taken > 2 {
                return Err(OfferError::Full { window: 0 });
            }
            sent.push(body[0]);
            Ok(())
        };
        assert!(!outlet.room(&mut two), "one is still held");
        assert!(outlet.room(|body| {
            sent.push(body[0]);
            Ok(())
        }));
        assert_eq!(sent, [1, 2, 3]);
        assert_eq!(outlet.send(Bytes::new(), |_| Ok(())), Sent::Taken);
    }

    #[test]
    fn a_link_that_is_gone_takes_everything_and_holds_nothing() {
        let mut outlet = Outlet::default();
        assert_eq!(outlet.send(Bytes::new(), |_| Err(OfferError::Full { window: 0 })), Sent::Filled);
        assert!(outlet.room(|_| Err(OfferError::Down)));
        assert_eq!(outlet.send(Bytes::new(), |_| Err(OfferError::Down)), Sent::Taken);
    }
}

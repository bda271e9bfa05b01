//! The messages that have been read lately: the viewers of one node receive the same bytes, which are read once.
//!
//! Between the frames and the viewers. Invariant: at most [`MEMO_MAX`] messages are kept, whatever comes.

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use xxhash_rust::xxh3::xxh3_64;

use crate::news::News;

/// Most messages that are kept: those between the first and the last viewer's place, with much room.
const MEMO_MAX: usize = 1_024;

/// Messages by the hash of their payload.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    newest: Option<(u64, Rc<News>)>,
    by_hash: HashMap<u64, Rc<News>>,
    oldest_first: VecDeque<u64>,
}

impl Memo {
    /// What a payload says: as read before, or by `read`. Says too whether it was new.
    pub(crate) fn look(&mut self, payload: &[u8], read: impl FnOnce() -> News) -> (Rc<News>, bool) {
        let hash = xxh3_64(payload);
        if let Some((_, news)) = self.newest.as_ref().filter(|(newest, _)| *newest == hash) {
            return (news.clone(), false);
        }
        let mut is_new = false;
        let news = self.by_hash.entry(hash).or_insert_with(|| {
            is_new = true;
            Rc::new(read())
        });
        let news = news.clone();
        self.newest = Some((hash, news.clone()));
        if is_new {
            self.oldest_first.push_back(hash);
            if self.oldest_first.len() > MEMO_MAX
                && let Some(oldest) = self.oldest_first.pop_front()
            {
                self.by_hash.remove(&oldest);
            }
        }
        (news, is_new)
    }
}

#[cfg(test)]
mod tests {
    use watershed_protocol::client::{Encoding, Response};

    use super::*;
    use crate::{arguments::Markers, marks::Marks};

    #[test]
    fn a_payload_is_read_once_and_the_oldest_are_forgotten() {
        let mut memo = Memo::default();
        let mut look = |seq: u64| {
            let payload = Response::Beat { epoch: 1, seq }.encode(Encoding::Json);
            let mut marks = Marks::new(&Markers::None);
            let (news, is_new) = memo.look(&payload, || News::read(Encoding::Json, &payload, &mut marks));
            assert_eq!(news.point.seq, seq);
            is_new
        };
        assert!((1..=MEMO_MAX as u64).all(&mut look));
        assert!(!(1..=MEMO_MAX as u64).any(&mut look));
        assert!(look(0), "one more, in the place of the oldest");
        assert!(look(1) && !look(0));
    }
}

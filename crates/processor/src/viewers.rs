//! Viewer keys as dense numbers, so that a register names its viewer in four bytes instead of sixteen.
//!
//! Numbers are this process's own: the log and the wire carry keys. Invariant: a key keeps its number for the life of the
//! process.

use watershed_protocol::ViewerKey;

use crate::{chunks::Chunks, numbers::Numbers, registers::ViewerNo};

/// All viewers that ever liked something here.
#[derive(Debug, Default)]
pub(crate) struct Viewers {
    numbers: Numbers,
    keys: Chunks<ViewerKey>,
}

impl Viewers {
    /// The number of `key`, given now if it has none.
    pub(crate) fn intern(&mut self, key: ViewerKey) -> ViewerNo {
        if let Some(number) = self.find(key) {
            return number;
        }
        let number = self.keys.push(key);
        let keys = &self.keys;
        self.numbers.find_or_insert(hash(&key), |_| false, |no| hash(&keys[no]), || number)
    }

    /// The number of `key`, if it has one.
    pub(crate) fn find(&self, key: ViewerKey) -> Option<ViewerNo> {
        self.numbers.find(hash(&key), |no| self.keys[no] == key)
    }

    /// The key of a number.
    pub(crate) fn key(&self, number: ViewerNo) -> ViewerKey {
        self.keys[number]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Keys are bits of a keyed hash already.
fn hash(key: &ViewerKey) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *key.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_number() {
        let mut viewers = Viewers::default();
        let keys: Vec<ViewerKey> = (0..1_000u128).map(|n| ViewerKey::from_bytes((n * 7).to_be_bytes())).collect();
        let numbers: Vec<ViewerNo> = keys.iter().map(|key| viewers.intern(*key)).collect();
        for (key, number) in keys.iter().zip(numbers) {
            assert_eq!((viewers.intern(*key), viewers.find(*key), viewers.key(number)), (number, Some(number), *key));
        }
        assert_eq!(viewers.find(ViewerKey::from_bytes([9; 16])), None);
        assert_eq!(viewers.len(), 1_000);
    }
}

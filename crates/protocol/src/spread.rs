//! Into how many parts a comment's viewers are split, and in which slot each part is counted.
//!
//! Nearly every comment is whole. One whose likes are more than a processor should take is spread: its viewers fall into
//! parts by a hash, each part has a slot and so an owner of its own, and the count is the sum. Between the map, which says
//! what is spread, and whoever routes or counts a like.
//!
//! Invariant: a viewer is in one part, and no two parts of a comment share a slot. So "one like per viewer" is decided in
//! one place, and (comment, slot) names one part.

use serde::{Deserialize, Serialize};

use crate::{CommentId, Invalid, Slot, ViewerKey, limits};

/// How a comment is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u16, u32)", into = "(u16, u32)")]
pub struct Spread {
    parts: u16,
    generation: u32,
}

/// Which part of a comment's viewers something is about. Nearly always [`Part::WHOLE`].
///
/// A count of a spread comment is shown only with all parts of one generation in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u16, u16, u32)", into = "(u16, u16, u32)")]
pub struct Part {
    index: u16,
    of: u16,
    generation: u32,
}

impl Spread {
    /// Not split.
    pub const WHOLE: Self = Self { parts: 1, generation: 0 };

    /// So many parts, 1 to [`limits::SPREAD_MAX`]; `generation` numbers the changes of a comment's spread.
    pub const fn new(parts: u16, generation: u32) -> Result<Self, Invalid> {
        if parts >= 1 && parts <= limits::SPREAD_MAX {
            Ok(Self { parts, generation })
        } else {
            Err(Invalid::Range { what: "spread", found: parts as u64, min: 1, max: limits::SPREAD_MAX as u64 })
        }
    }

    /// How many parts.
    pub const fn count(self) -> u16 {
        self.parts
    }

    /// Numbers each change of the spread.
    pub const fn generation(self) -> u32 {
        self.generation
    }

    /// Whether there is only one part.
    pub const fn is_whole(self) -> bool {
        self.parts == 1
    }

    /// The part that counts this viewer. Viewer keys are bits of a keyed hash already.
    pub fn part_of(self, viewer: &ViewerKey) -> Part {
        let [.., a, b, c, d] = *viewer.as_bytes();
        Part { index: (u32::from_be_bytes([a, b, c, d]) % u32::from(self.parts)) as u16, ..self.home() }
    }

    /// The part that lies in the comment's own slot, with the comment itself.
    pub const fn home(self) -> Part {
        Part { index: 0, of: self.parts, generation: self.generation }
    }

    /// All parts, the home first.
    pub fn parts(self) -> impl Iterator<Item = Part> {
        (0..self.parts).map(move |index| Part { index, ..self.home() })
    }
}

impl Part {
    /// The only part of a comment that is not spread.
    pub const WHOLE: Self = Spread::WHOLE.home();

    /// Part `index` of a spread, 0 to its count - 1.
    pub const fn new(index: u16, spread: Spread) -> Result<Self, Invalid> {
        if index < spread.parts {
            Ok(Self { index, ..spread.home() })
        } else {
            Err(Invalid::Range { what: "part", found: index as u64, min: 0, max: spread.parts as u64 - 1 })
        }
    }

    /// Its number among the parts.
    pub const fn index(self) -> u16 {
        self.index
    }

    /// The spread that it is a part of.
    pub const fn spread(self) -> Spread {
        Spread { parts: self.of, generation: self.generation }
    }

    /// Whether it lies with the comment itself.
    pub const fn is_home(self) -> bool {
        self.index == 0
    }

    /// The slot where this part of `comment` is counted.
    ///
    /// From the comment's own slot on by an odd step that its id gives: parts of one comment never meet, as there are fewer
    /// than slots, and those of different comments lie differently.
    pub const fn slot(self, comment: &CommentId) -> Slot {
        let [_, _, high, low, ..] = *comment.as_bytes();
        let step = u16::from_be_bytes([high, low]) | 1;
        comment.slot().plus(self.index.wrapping_mul(step))
    }
}

impl TryFrom<(u16, u32)> for Spread {
    type Error = Invalid;
    fn try_from((parts, generation): (u16, u32)) -> Result<Self, Invalid> {
        Self::new(parts, generation)
    }
}

impl From<Spread> for (u16, u32) {
    fn from(spread: Spread) -> Self {
        (spread.parts, spread.generation)
    }
}

impl TryFrom<(u16, u16, u32)> for Part {
    type Error = Invalid;
    fn try_from((index, of, generation): (u16, u16, u32)) -> Result<Self, Invalid> {
        Self::new(index, Spread::new(of, generation)?)
    }
}

impl From<Part> for (u16, u16, u32) {
    fn from(part: Part) -> Self {
        (part.index, part.of, part.generation)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn id(n: u128) -> CommentId {
        CommentId::from_bytes((n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes())
    }

    #[test]
    fn no_two_parts_of_a_comment_share_a_slot_and_the_first_is_at_home() {
        let spread = Spread::new(limits::SPREAD_MAX, 0).unwrap();
        for n in 0..200 {
            let slots: BTreeSet<Slot> = spread.parts().map(|part| part.slot(&id(n))).collect();
            assert_eq!(slots.len(), usize::from(limits::SPREAD_MAX));
            assert_eq!(spread.home().slot(&id(n)), id(n).slot());
        }
    }

    #[test]
    fn viewers_fall_into_parts_in_nearly_equal_shares() {
        let (spread, viewers) = (Spread::new(16, 0).unwrap(), 160_000);
        let mut held = [0u32; 16];
        for n in 0..viewers {
            held[usize::from(spread.part_of(&ViewerKey::from_bytes(*id(n).as_bytes())).index())] += 1;
        }
        let fullest = f64::from(held.into_iter().max().unwrap()) * 16.0 / viewers as f64;
        println!("16 parts: fullest / mean {fullest:.3}");
        assert!(fullest < 1.05);
    }

    #[test]
    fn parts_lie_where_they_lie_on_every_version() {
        // Golden: registers are durable in these slots.
        let spread = Spread::new(4, 0).unwrap();
        let id: CommentId = "6f1c00000000000000000000000000a7".parse().unwrap();
        let slots: Vec<u16> = spread.parts().map(|part| part.slot(&id).get()).collect();
        assert_eq!(slots, [0x6f1, 0x6f2, 0x6f3, 0x6f4]);
        let id: CommentId = "fff01234000000000000000000000000".parse().unwrap();
        let slots: Vec<u16> = spread.parts().map(|part| part.slot(&id).get()).collect();
        assert_eq!(slots, [0xfff, 0x234, 0x469, 0x69e]);
        let viewer: ViewerKey = "000000000000000000000000000000ff".parse().unwrap();
        assert_eq!(spread.part_of(&viewer).index(), 3);
    }

    #[test]
    fn a_part_beyond_its_spread_is_refused() {
        assert!(Spread::new(0, 0).is_err());
        assert!(Spread::new(limits::SPREAD_MAX + 1, 0).is_err());
        let refused = Part::new(4, Spread::new(4, 0).unwrap()).unwrap_err();
        assert_eq!(refused.to_string(), "part is 4, 0 to 3 are allowed");
    }
}

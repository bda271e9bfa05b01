//! Which comments are split over several processors, and into how many parts.
//!
//! A list of rules that the map holds: the first that fits a comment says its spread, and a comment that none fits is whole.
//! Asked for every like, comment and deletion on its way up. Rules are fixed when the cluster is founded
//! (`docs/decisions/0016-static-spread.md`): registers lie where they say, and nothing moves them.
//!
//! Invariant: one map gives one answer, so all nodes route a viewer's likes of one comment to one place.

use std::fmt;

use watershed_protocol::{CommentId, Invalid, Spread, StreamId, limits};

/// Most rules: each like of a stream that none fits is held against all of them.
pub const SPREADS_MAX: usize = 64;

/// What a rule speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All comments of the streams that fit.
    Streams(Pattern),
    /// One comment.
    Comment(CommentId),
}

/// A stream's name in which `*` stands for any text, also none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// Some comments are split into so many parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpreadRule {
    /// Which comments.
    pub subject: Subject,
    /// How.
    pub spread: Spread,
}

/// All rules of a cluster, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spreads(Vec<SpreadRule>);

impl Spreads {
    /// Takes at most [`SPREADS_MAX`] rules.
    pub fn new(rules: Vec<SpreadRule>) -> Result<Self, Invalid> {
        if rules.len() > SPREADS_MAX {
            let found = rules.len() as u64;
            return Err(Invalid::Range { what: "number of spreads", found, min: 0, max: SPREADS_MAX as u64 });
        }
        Ok(Self(rules))
    }

    /// Into how many parts a comment of this stream is split.
    pub fn of(&self, stream: &StreamId, comment: &CommentId) -> Spread {
        let fits = |rule: &&SpreadRule| match &rule.subject {
            Subject::Streams(pattern) => pattern.fits(stream),
            Subject::Comment(id) => id == comment,
        };
        self.0.iter().find(fits).map_or(Spread::WHOLE, |rule| rule.spread)
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[SpreadRule] {
        &self.0
    }
}

impl Pattern {
    /// Checks length and alphabet: those of a stream's name, and stars.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        // What is left of it must be able to stand in a name; a pattern of stars alone fits every stream.
        let plain = text.replace('*', "");
        if text.is_empty() || text.len() > limits::NAME_BYTES_MAX {
            let (bytes, max) = (text.len(), limits::NAME_BYTES_MAX);
            return Err(Invalid::Length { what: "stream pattern", bytes, min: 1, max });
        }
        if !plain.is_empty() {
            StreamId::new(&plain)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the stream's name is one of those that the pattern stands for.
    pub fn fits(&self, stream: &StreamId) -> bool {
        let mut pieces = self.0.split('*');
        let (first, last) = (pieces.next().unwrap_or_default(), pieces.next_back());
        let Some(mut rest) = stream.as_str().strip_prefix(first) else { return false };
        let Some(last) = last else { return rest.is_empty() };
        // Each piece at its first place leaves the most for those behind it.
        for piece in pieces {
            let Some((_, behind)) = rest.split_once(piece) else { return false };
            rest = behind;
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for SpreadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.spread.count();
        match &self.subject {
            Subject::Streams(pattern) => write!(f, "streams {} in {parts} parts", pattern.as_str()),
            Subject::Comment(id) => write!(f, "comment {id} in {parts} parts"),
        }
    }
}

impl fmt::Display for Spreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (number, rule) in self.0.iter().enumerate() {
            write!(f, "{}{rule}", if number == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, stream: &str) -> bool {
        Pattern::new(pattern).unwrap().fits(&stream.parse().unwrap())
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, stream) in [
            ("final", "final"),
            ("final-*", "final-2026"),
            ("final-*", "final-"),
            ("*", "anything"),
            ("*-live", "a-live-live"),
            ("a*b*c", "a-b-b-c"),
            ("a**c", "ac"),
            ("*b*", "abc"),
        ] {
            assert!(fits(pattern, stream), "{pattern} {stream}");
        }
        for (pattern, stream) in
            [("final", "finals"), ("final-*", "final"), ("*-live", "live"), ("a*b*c", "a-c-b"), ("ab*bc", "abc")]
        {
            assert!(!fits(pattern, stream), "{pattern} {stream}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_says_the_spread() {
        let id = CommentId::from_bytes([7; 16]);
        let rule = |subject, parts| SpreadRule { subject, spread: Spread::new(parts, 0).unwrap() };
        let streams = |pattern| Subject::Streams(Pattern::new(pattern).unwrap());
        let spreads =
            Spreads::new(vec![rule(Subject::Comment(id), 16), rule(streams("final-*"), 8), rule(streams("*"), 2)]);
        let (spreads, other) = (spreads.unwrap(), CommentId::from_bytes([8; 16]));
        let count = |stream: &str, id| spreads.of(&stream.parse().unwrap(), id).count();
        assert_eq!(count("final-1", &id), 16);
        assert_eq!(count("final-1", &other), 8);
        assert_eq!(count("small", &other), 2);
        assert_eq!(Spreads::default().of(&"small".parse().unwrap(), &id), Spread::WHOLE);
        assert_eq!(
            spreads.to_string(),
            format!("comment {id} in 16 parts, streams final-* in 8 parts, streams * in 2 parts")
        );
    }

    #[test]
    fn what_no_stream_can_be_called_is_no_pattern() {
        for text in ["", "a b", "a/*", &"a".repeat(65)] {
            assert!(Pattern::new(text).is_err(), "{text:?}");
        }
        let rule = SpreadRule { subject: Subject::Streams(Pattern::new("*").unwrap()), spread: Spread::WHOLE };
        let refused = Spreads::new(vec![rule; SPREADS_MAX + 1]).unwrap_err();
        assert_eq!(refused.to_string(), "number of spreads is 65, 0 to 64 are allowed");
    }
}

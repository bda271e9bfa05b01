//! What people write, as it may be shown to others: comment bodies, display names, kinds of reactions.
//!
//! Checked once, where a client's message comes in. Invariant: a value of these types holds something visible, no control
//! character but a body's newline, and no character that reorders its neighbours' text.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Invalid, ViewerId, limits};

/// Why a body was refused, by the code that the client is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Nothing visible is in it.
    #[error("comment holds nothing visible")]
    Empty,
    /// More bytes than allowed.
    #[error("comment is {bytes} bytes, at most {max} fit")]
    TooLong {
        /// Its length in bytes, after removing overrides.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A control character other than newline.
    #[error("comment has the control character U+{code:04X}")]
    Control {
        /// The character's number.
        code: u32,
    },
}

/// The text of a comment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CommentBody(Arc<str>);

impl CommentBody {
    /// Cleans and checks. `bytes_max` is the configured limit, at most [`limits::BODY_BYTES_MAX`].
    pub fn new(text: &str, bytes_max: usize) -> Result<Self, BodyError> {
        let clean = without_overrides(text);
        let max = bytes_max.min(limits::BODY_BYTES_MAX);
        if clean.len() > max {
            return Err(BodyError::TooLong { bytes: clean.len(), max });
        }
        if let Some(control) = clean.chars().find(|c| c.is_control() && *c != '\n') {
            return Err(BodyError::Control { code: control.into() });
        }
        if !clean.chars().any(is_visible) {
            return Err(BodyError::Empty);
        }
        Ok(Self(clean.as_ref().into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CommentBody {
    type Error = BodyError;
    fn try_from(text: String) -> Result<Self, BodyError> {
        Self::new(&text, limits::BODY_BYTES_MAX)
    }
}

impl fmt::Debug for CommentBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "body of {} bytes", self.0.len())
    }
}

/// How a viewer is called on others' screens. 1 to 128 bytes, one line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DisplayName(Arc<str>);

impl DisplayName {
    /// Cleans and checks.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let clean = without_overrides(text);
        let (what, max) = ("name", limits::DISPLAY_NAME_BYTES_MAX);
        if clean.is_empty() || clean.len() > max {
            return Err(Invalid::Length { what, bytes: clean.len(), min: 1, max });
        }
        if let Some(control) = clean.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(Invalid::Form { what, why: format!("control character U+{:04X}", u32::from(control)) });
        }
        if !clean.chars().any(is_visible) {
            return Err(Invalid::Form { what, why: "nothing visible".into() });
        }
        Ok(Self(clean.as_ref().into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DisplayName {
    /// The same in memory of its own.
    pub fn copied(&self) -> Self {
        Self(self.as_str().into())
    }
}

impl From<&ViewerId> for DisplayName {
    /// Whoever gives no name is shown under its id, which is one. They share the memory.
    fn from(viewer: &ViewerId) -> Self {
        Self(viewer.shared())
    }
}

impl TryFrom<String> for DisplayName {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(&text)
    }
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "name {:?}", &*self.0)
    }
}

/// A configured kind of tap on the stream, such as "heart". `[a-z0-9_-]{1,32}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ReactionKind(Arc<str>);

impl ReactionKind {
    /// Checks length and alphabet.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let (what, max) = ("reaction", limits::REACTION_KIND_BYTES_MAX);
        if text.is_empty() || text.len() > max {
            return Err(Invalid::Length { what, bytes: text.len(), min: 1, max });
        }
        match text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_' | '-')) {
            Some(c) => Err(Invalid::Form { what, why: format!("{c:?} is not one of a-z 0-9 _ -") }),
            None => Ok(Self(text.into())),
        }
    }

    /// The kind as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReactionKind {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(&text)
    }
}

impl fmt::Debug for ReactionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reaction {}", self.0)
    }
}

/// Removes the characters that embed or override the direction of text (Unicode Annex 9): they could make one
/// comment rearrange what stands beside it.
fn without_overrides(text: &str) -> std::borrow::Cow<'_, str> {
    let is_override = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.contains(is_override) { text.replace(is_override, "").into() } else { text.into() }
}

/// Whether a character puts something on a screen. Blank letters and joiners do not.
fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Result<CommentBody, BodyError> {
        CommentBody::new(text, 1_000)
    }

    #[test]
    fn a_body_of_blanks_and_joiners_is_empty() {
        for blank in ["", " ", "\n\n", "\u{200b}\u{200d}", "\u{3164}", "\u{202e}", "\u{2800} \u{feff}"] {
            assert_eq!(body(blank), Err(BodyError::Empty), "{blank:?}");
        }
        assert!(body("👋").is_ok());
    }

    #[test]
    fn the_limit_is_in_bytes_and_is_reached_exactly() {
        assert!(body(&"é".repeat(500)).is_ok());
        assert_eq!(body(&"é".repeat(501)), Err(BodyError::TooLong { bytes: 1_002, max: 1_000 }));
    }

    #[test]
    fn control_characters_are_refused_and_overrides_removed() {
        assert_eq!(body("a\u{7}b"), Err(BodyError::Control { code: 7 }));
        assert_eq!(body("a\rb"), Err(BodyError::Control { code: 13 }));
        assert_eq!(body("two\nlines").unwrap().as_str(), "two\nlines");
        assert_eq!(body("ev\u{202e}il").unwrap().as_str(), "evil");
    }
}

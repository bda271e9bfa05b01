//! The operators' token: what a person or program shows to see how the cluster is.
//!
//! Made from the cluster's secret by every node for itself, so that it is nowhere stored, and printed by `watershed token`.
//! Invariant: the secret cannot be found from it, so it may travel to browsers; and it is never shown but by
//! [`OperatorToken::reveal`].

use std::fmt;

/// What the token is made for: whoever makes another key of the same secret names another purpose, and gets another key.
const PURPOSE: &str = "watershed 2026-11 the operators' token of a cluster";

/// See the head of the file.
#[derive(Clone)]
pub struct OperatorToken(blake3::Hash);

impl OperatorToken {
    /// The token of a cluster with this secret.
    pub fn of(secret: &str) -> Self {
        Self(blake3::Hash::from_bytes(blake3::derive_key(PURPOSE, secret.as_bytes())))
    }

    /// The token as it is shown: 64 hex digits.
    pub fn reveal(&self) -> String {
        self.0.to_hex().to_string()
    }

    /// Whether this is what was shown. It takes the same time wherever the first difference is.
    pub fn is(&self, shown: &[u8]) -> bool {
        // Two hashes are compared in constant time; that a text is no hash says nothing of the token.
        blake3::Hash::from_hex(shown).is_ok_and(|shown| shown == self.0)
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("operators' token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_makes_the_same_token_of_a_secret() {
        // Golden: it stands in the files of other programs. If this changes, all of them are locked out.
        let token = OperatorToken::of("open sesame").reveal();
        assert_eq!(token, "b6d0052398830bf466cb7ae06f31bffb41b15038994564ce32bb8f53cf7f87f9");
        assert_ne!(token, OperatorToken::of("open sesamf").reveal());
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = OperatorToken::of("open sesame");
        let shown = token.reveal();
        assert!(token.is(shown.as_bytes()));
        let other = format!("{}{}", &shown[..63], if shown.ends_with('0') { '1' } else { '0' });
        for wrong in [&shown[..63], &format!("{shown}0"), &other, "", "open sesame", &"0".repeat(64), "\u{e9}"] {
            assert!(!token.is(wrong.as_bytes()), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_logged_of_it_is_not_the_token() {
        let token = OperatorToken::of("open sesame");
        assert!(!format!("{token:?}").contains(&token.reveal()[..8]));
    }
}

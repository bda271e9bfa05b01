//! The query of a request: parameters as text, and text as values.
//!
//! Between the request's line and its answer. Invariant: a parameter has one value, which is what the client has escaped;
//! what cannot be read so is refused, with a part of it for people to find it by.

use watershed_protocol::{Epoch, Invalid, Seq, limits};

use super::{Refused, bad, invalid};

/// Most characters that are said back of a value.
const SHOWN_CHARS_MAX: usize = 64;

/// The parameters of a request, decoded.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(bad(&format!("the parameter {:?} comes twice", shown(&name))));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn needed(&self, name: &str) -> Result<&str, Refused> {
        self.get(name).ok_or_else(|| bad(&format!("the parameter {name:?} is missing")))
    }
}

/// Percent-decoding, with + for a space.
fn decode(text: &str) -> Result<String, Refused> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let escaped = after.split_first_chunk().and_then(|(digits, behind)| Some((byte_of(digits)?, behind)));
                let (byte, behind) =
                    escaped.ok_or_else(|| bad(&format!("{:?}: % needs two hex digits behind it", shown(text))))?;
                bytes.push(byte);
                rest = behind;
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| bad(&format!("{:?} is not UTF-8", shown(text))))
}

fn byte_of(digits: &[u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    Some((digit(digits[0])? << 4 | digit(digits[1])?) as u8)
}

/// As much of a value as is worth saying back.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// A number in digits alone: no sign.
pub(super) fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

pub(super) fn parse<T: std::str::FromStr<Err = Invalid>>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(invalid)
}

/// `EPOCH:SEQ`.
pub(super) fn resume_point(text: &str) -> Result<(Epoch, Seq), Refused> {
    let numbers = text.split_once(':').and_then(|(epoch, seq)| Some((whole(epoch)?, whole(seq)?)));
    let point = numbers.and_then(|(epoch, seq)| Some((Epoch::try_from(epoch).ok()?, Seq::try_from(seq).ok()?)));
    point.ok_or_else(|| {
        let max = limits::NUMBER_MAX;
        bad(&format!("resume is {:?}, it has the form EPOCH:SEQ, each at most {max}", shown(text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_what_was_escaped() {
        let query = Query::parse("viewer=ann&name=Bob+the%20B%C3%BCilder%2b&&flag&empty=").ok().unwrap();
        assert_eq!(query.get("name"), Some("Bob the Büilder+"));
        assert_eq!((query.get("flag"), query.get("empty"), query.get("none")), (Some(""), Some(""), None));
    }

    #[test]
    fn numbers_are_digits_alone() {
        let table =
            [("7", Some(7)), ("007", Some(7)), ("+7", None), ("-7", None), ("", None), (" 7", None), ("1e3", None)];
        for (text, number) in table {
            assert_eq!(whole(text), number, "{text:?}");
        }
        assert_eq!(whole("18446744073709551616"), None);
    }
}

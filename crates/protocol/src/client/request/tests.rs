//! Every message of a client in both encodings, and every way in which one can be wrong.

use proptest::prelude::*;

use super::*;

const ID: &str = "6f1c0000000000000000000000000009";

fn id() -> CommentId {
    ID.parse().unwrap()
}

fn json(text: &str) -> Result<Request, RequestError> {
    Request::decode(Encoding::Json, text.as_bytes(), &RequestLimits::default())
}

fn packed(hex: &str) -> Result<Request, RequestError> {
    let bytes: Vec<u8> = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[i * 2..i * 2 + 2], 16).unwrap()).collect();
    Request::decode(Encoding::MessagePack, &bytes, &RequestLimits::default())
}

fn reference(text: &str) -> Option<Ref> {
    Some(Ref::new(text).unwrap())
}

#[test]
fn every_message_reads_the_same_in_both_encodings() {
    let stamp = Some(Stamp::new(7).unwrap());
    let table = [
        (
            r#"{"type":"comment","ref":"a","body":"hello"}"#.to_owned(),
            "9300a161a568656c6c6f".to_owned(),
            Request::Comment { reference: reference("a"), body: CommentBody::new("hello", 10).unwrap() },
        ),
        (
            format!(r#"{{"type":"like","ref":"a","id":"{ID}","stamp":7}}"#),
            format!("9401a161c410{ID}07"),
            Request::Like { reference: reference("a"), id: id(), liked: true, stamp },
        ),
        (
            format!(r#"{{"type":"unlike","id":"{ID}"}}"#),
            format!("9402c0c410{ID}c0"),
            Request::Like { reference: None, id: id(), liked: false, stamp: None },
        ),
        (
            r#"{"type":"react","kind":"heart","count":3}"#.to_owned(),
            "9303a5686561727403".to_owned(),
            Request::React { kind: ReactionKind::new("heart").unwrap(), count: 3 },
        ),
        (
            format!(r#"{{"type":"delete","ref":"a","id":"{ID}"}}"#),
            format!("9304a161c410{ID}"),
            Request::Delete { reference: reference("a"), id: id() },
        ),
        (
            r#"{"type":"pin","ref":"a","id":null}"#.to_owned(),
            "9305a161c0".to_owned(),
            Request::Pin { reference: reference("a"), id: None },
        ),
    ];
    for (text, hex, request) in table {
        assert_eq!(json(&text), Ok(request.clone()), "{text}");
        assert_eq!(packed(&hex), Ok(request), "{hex}");
    }
}

#[test]
fn unknown_fields_and_further_elements_are_ignored() {
    assert!(json(r#"{"type":"comment","body":"x","mood":{"deep":[1]}}"#).is_ok());
    assert!(packed("9400c0a17801").is_ok());
}

#[test]
fn a_wrong_message_is_refused_with_its_code_and_its_ref() {
    let long = format!(r#"{{"type":"comment","ref":"a","body":"{}"}}"#, "x".repeat(1_001));
    let table: &[(&str, Code, Option<&str>)] = &[
        ("", Code::BadJson, None),
        ("{", Code::BadJson, None),
        ("[1,2]x", Code::BadJson, None),
        ("7", Code::BadMessage, None),
        (r#" ["comment","a","hello"]"#, Code::BadMessage, None),
        (r#"{"ref":"a"}"#, Code::BadMessage, Some("a")),
        (r#"{"type":"shout","ref":"a"}"#, Code::BadMessage, Some("a")),
        (r#"{"type":"comment","ref":"a"}"#, Code::BadMessage, Some("a")),
        (r#"{"type":"comment","ref":"a","body":7}"#, Code::BadMessage, Some("a")),
        (r#"{"type":"comment","ref":"","body":"x"}"#, Code::BadMessage, None),
        (r#"{"type":"comment","ref":"a","body":" "}"#, Code::EmptyBody, Some("a")),
        (r#"{"type":"comment","ref":"a","body":"\u0007"}"#, Code::BadText, Some("a")),
        (&long, Code::BodyTooLong, Some("a")),
        (r#"{"type":"like","ref":"a","id":"6F","stamp":1}"#, Code::BadMessage, Some("a")),
        (r#"{"type":"like","ref":"a","id":null,"stamp":1}"#, Code::BadMessage, Some("a")),
        (r#"{"type":"like","ref":"a","id":"6f1c0000000000000000000000000009"}"#, Code::BadStamp, Some("a")),
        (r#"{"type":"like","ref":"a","id":"6f1c0000000000000000000000000009","stamp":0}"#, Code::BadStamp, Some("a")),
        (
            r#"{"type":"like","ref":"a","id":"6f1c0000000000000000000000000009","stamp":9007199254740992}"#,
            Code::BadStamp,
            Some("a"),
        ),
        (
            r#"{"type":"like","ref":"a","id":"6f1c0000000000000000000000000009","stamp":-1}"#,
            Code::BadMessage,
            Some("a"),
        ),
        (r#"{"type":"pin","ref":"a"}"#, Code::BadMessage, Some("a")),
        (r#"{"type":"react","kind":"HEART"}"#, Code::BadMessage, None),
        (r#"{"type":"react","kind":"heart","count":0}"#, Code::BadMessage, None),
    ];
    for (text, code, reference) in table {
        let error = json(text).unwrap_err();
        assert_eq!((error.refusal.code, error.reference.as_ref().map(Ref::as_str)), (*code, *reference), "{text}");
        assert_eq!(error.refusal.retry_after_ms, None);
    }
    let short =
        [("", Code::BadJson), ("80", Code::BadJson), ("9109", Code::BadMessage), ("9301a161c403", Code::BadJson)];
    for (hex, code) in short {
        assert_eq!(packed(hex).unwrap_err().refusal.code, code, "{hex}");
    }
}

proptest! {
    #[test]
    fn no_bytes_break_the_decoders(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for encoding in Encoding::ALL {
            let _ = Request::decode(encoding, &bytes, &RequestLimits::default());
        }
    }
}

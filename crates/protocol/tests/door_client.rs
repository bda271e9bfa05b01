//! The door of a client's frame: what is wrong in it, and the words and the code that come back.
//!
//! Each row is a message as it might be sent, and its refusal. What the frame itself does wrong (masks, lengths, UTF-8) is
//! in the tests of net's reader; the same over real sockets is in `tests/tests/doors.rs`.

use watershed_protocol::{
    DisplayName, ReactionKind, Ref, StreamId, ViewerId,
    client::{Code, Encoding, Request, RequestLimits},
    limits,
};

const ID: &str = "6f1c0000000000000000000000000009";

/// Code, ref and words of a refusal.
type Told<'t> = (Code, Option<&'t str>, &'t str);

#[track_caller]
fn refused(encoding: Encoding, message: &[u8], (code, reference, words): Told<'_>) {
    let sent = String::from_utf8_lossy(&message[..message.len().min(200)]).into_owned();
    let error = Request::decode(encoding, message, &RequestLimits::default()).expect_err(&sent);
    assert_eq!((error.refusal.code, error.reference.as_ref().map(Ref::as_str)), (code, reference), "{sent}: {error:?}");
    assert!(error.refusal.message.contains(words), "{sent} was told {:?}, not {words:?}", error.refusal.message);
    assert!(error.refusal.message.chars().count() <= limits::WORDS_CHARS_MAX, "{sent}");
    assert_eq!(error.refusal.retry_after_ms, None, "{sent}: what is wrong stays wrong");
}

#[test]
fn a_wrong_message_in_json_is_told_its_field_its_value_and_the_limit() {
    use Code::*;
    let a = Some("a");
    let like = |fields: &str| format!(r#"{{"type":"like","ref":"a","id":"{ID}",{fields}}}"#);
    let table: Vec<(String, Told<'_>)> = vec![
        // Not JSON, or not an object.
        ("".into(), (BadJson, None, "EOF")),
        ("\u{feff}{}".into(), (BadJson, None, "a message is a JSON object")),
        ("null".into(), (BadMessage, None, "a message is a JSON object")),
        ("[1]".into(), (BadMessage, None, "a message is a JSON object")),
        (r#"{"type":"comment","ref":"a","body":"x"}{}"#.into(), (BadJson, None, "trailing characters")),
        (r#"{"type":"comment","ref":"a","body":"x"#.into(), (BadJson, None, "EOF")),
        (r#"{"type":"comment","ref":"a","body":"\q"}"#.into(), (BadJson, None, "escape")),
        (r#"{'type':'comment'}"#.into(), (BadJson, None, "key must be a string")),
        // JSON, but no text of Unicode.
        (r#"{"type":"comment","ref":"a","body":"\ud800"}"#.into(), (BadMessage, a, r#"the field "body""#)),
        // Types.
        (r#"{"type":7,"ref":"a"}"#.into(), (BadMessage, a, r#"the field "type" is wrong: invalid type: integer `7`"#)),
        (r#"{"type":"comment","ref":7,"body":"x"}"#.into(), (BadMessage, None, r#"the field "ref""#)),
        (r#"{"type":"comment","ref":["a"],"body":"x"}"#.into(), (BadMessage, None, r#"the field "ref""#)),
        (
            r#"{"type":"comment","ref":"a","body":{"x":1}}"#.into(),
            (BadMessage, a, r#"the field "body" is wrong: invalid type: map"#),
        ),
        (r#"{"type":"comment","ref":"a","body":true}"#.into(), (BadMessage, a, "boolean `true`, expected a string")),
        (r#"{"type":"like","ref":"a","id":5,"stamp":1}"#.into(), (BadMessage, a, r#"the field "id""#)),
        // Numbers.
        (
            like(r#""stamp":-1"#),
            (BadMessage, a, r#"the field "stamp" is wrong: invalid type: integer `-1`, expected a whole number"#),
        ),
        (like(r#""stamp":1.5"#), (BadMessage, a, "floating point `1.5`")),
        (like(r#""stamp":1e3"#), (BadMessage, a, "floating point `1000.0`")),
        (like(r#""stamp":"1""#), (BadMessage, a, r#"string "1""#)),
        (like(r#""stamp":18446744073709551616"#), (BadMessage, a, "floating point")),
        (like(r#""stamp":1e999"#), (BadMessage, a, r#"the field "stamp""#)),
        (like(r#""stamp":0"#), (BadStamp, a, "stamp is 0, 1 to 9007199254740991 are allowed")),
        (like(r#""stamp":9007199254740992"#), (BadStamp, a, "stamp is 9007199254740992")),
        (like(r#""stamp":18446744073709551615"#), (BadStamp, a, "stamp is 18446744073709551615")),
        (like(r#""stamp":null"#), (BadStamp, a, r#"like with a ref needs the field "stamp""#)),
        (like(r#""stamp":01"#), (BadJson, None, "invalid number")),
        (like(r#""stamp":NaN"#), (BadJson, None, "expected")),
        (r#"{"type":"react","kind":"heart","count":0}"#.into(), (BadMessage, None, "count 0, at least 1")),
        (
            r#"{"type":"react","kind":"heart","count":-3}"#.into(),
            (BadMessage, None, r#"the field "count" is wrong: invalid type: integer `-3`"#),
        ),
        (r#"{"type":"react","kind":"heart","count":2.5}"#.into(), (BadMessage, None, "floating point `2.5`")),
        // Fields twice: nobody can say which was meant.
        (r#"{"type":"comment","ref":"a","body":"x","body":"y"}"#.into(), (BadMessage, a, "duplicate field `body`")),
        (r#"{"type":"comment","type":"pin","ref":"a","body":"x"}"#.into(), (BadMessage, a, "duplicate field `type`")),
        (r#"{"type":"comment","ref":"a","ref":"b","body":"x"}"#.into(), (BadMessage, None, "duplicate field `ref`")),
        // Fields missing, kinds unknown.
        (r#"{"ref":"a"}"#.into(), (BadMessage, a, r#"the field "type" is missing"#)),
        (r#"{"type":null,"ref":"a"}"#.into(), (BadMessage, a, r#"the field "type" is missing"#)),
        (r#"{"type":"comment","ref":"a"}"#.into(), (BadMessage, a, r#"comment needs the field "body""#)),
        (r#"{"type":"unlike","ref":"a","stamp":1}"#.into(), (BadMessage, a, r#"unlike needs the field "id""#)),
        (r#"{"type":"pin","ref":"a"}"#.into(), (BadMessage, a, r#"pin needs the field "id""#)),
        (r#"{"type":"react"}"#.into(), (BadMessage, None, r#"react needs the field "kind""#)),
        (r#"{"type":"COMMENT","ref":"a","body":"x"}"#.into(), (BadMessage, a, r#""COMMENT" is not a message"#)),
        (r#"{"type":"\u202ekcah","ref":"a"}"#.into(), (BadMessage, a, r"\u{202e}kcah")),
        (r#"{"type":"a\u0000b","ref":"a"}"#.into(), (BadMessage, a, r"a\0b")),
        // Refs, kinds and ids.
        (r#"{"type":"comment","ref":"","body":"x"}"#.into(), (BadMessage, None, "ref is 0 bytes, 1 to 64 fit")),
        (
            format!(r#"{{"type":"comment","ref":"{}","body":"x"}}"#, "r".repeat(65)),
            (BadMessage, None, "ref is 65 bytes, 1 to 64 fit"),
        ),
        (r#"{"type":"react","kind":"HEART"}"#.into(), (BadMessage, None, "'H' is not one of a-z 0-9 _ -")),
        (r#"{"type":"react","kind":""}"#.into(), (BadMessage, None, "reaction is 0 bytes, 1 to 32 fit")),
        (r#"{"type":"react","kind":"he%61rt"}"#.into(), (BadMessage, None, "'%' is not one of")),
        (
            format!(r#"{{"type":"react","kind":"{}"}}"#, "k".repeat(33)),
            (BadMessage, None, "reaction is 33 bytes, 1 to 32 fit"),
        ),
        (
            r#"{"type":"delete","ref":"a","id":"6F1C0000000000000000000000000009"}"#.into(),
            (BadMessage, a, "is not 32 lower-case hex digits"),
        ),
        (format!(r#"{{"type":"delete","ref":"a","id":"{ID}0"}}"#), (BadMessage, a, "is not 32 lower-case hex digits")),
        (r#"{"type":"delete","ref":"a","id":null}"#.into(), (BadMessage, a, r#"delete needs the field "id""#)),
        // Bodies.
        (r#"{"type":"comment","ref":"a","body":""}"#.into(), (EmptyBody, a, "nothing visible")),
        (r#"{"type":"comment","ref":"a","body":"\u200b\u202e\n"}"#.into(), (EmptyBody, a, "nothing visible")),
        (r#"{"type":"comment","ref":"a","body":"a\u0000"}"#.into(), (BadText, a, "U+0000")),
        (r#"{"type":"comment","ref":"a","body":"a\u009b"}"#.into(), (BadText, a, "U+009B")),
        (r#"{"type":"comment","ref":"a","body":"a\tb"}"#.into(), (BadText, a, "U+0009")),
        (
            format!(r#"{{"type":"comment","ref":"a","body":"{}"}}"#, "é".repeat(501)),
            (BodyTooLong, a, "comment is 1002 bytes, at most 1000 fit"),
        ),
    ];
    for (message, told) in table {
        refused(Encoding::Json, message.as_bytes(), told);
    }
}

#[test]
fn a_wrong_message_in_message_pack_is_told_the_element_and_the_limit() {
    use Code::*;
    let a = Some("a");
    let id = [&b"\xc4\x10"[..], &[9; 16]].concat();
    let with_id = |head: &[u8], tail: &[u8]| [head, &id, tail].concat();
    let text =
        |head: &[u8], length: usize| [head, &[0xda, (length >> 8) as u8, length as u8], &vec![b'x'; length]].concat();
    let table: Vec<(Vec<u8>, Told<'_>)> = vec![
        // Not an array, not all of one, or more than one.
        (b"".into(), (BadJson, None, "not a MessagePack array")),
        (b"{}".into(), (BadJson, None, "not a MessagePack array")),
        (b"\xc1".into(), (BadJson, None, "not a MessagePack array")),
        (b"\x81\xa4type\x00".into(), (BadJson, None, "not a MessagePack array")),
        (b"\x93\x00\xa1a".into(), (BadJson, None, "not a whole MessagePack array")),
        (b"\x93\x00\xa1a\xa1x\x93\x00\xa1b\xa1y".into(), (BadJson, None, "6 bytes are behind it")),
        (b"\x93\x00\xa1a\xa1x\xc1".into(), (BadJson, None, "1 bytes are behind it")),
        // Lengths that nothing could hold.
        (b"\xdd\xff\xff\xff\xff\x00\xa1a\xa1x".into(), (BadJson, None, "not a whole MessagePack array")),
        (b"\x93\x00\xa1a\xdb\xff\xff\xff\xff".into(), (BadJson, None, "not a whole MessagePack array")),
        (b"\x94\x01\xa1a\xc6\xff\xff\xff\xff".into(), (BadJson, None, "not a whole MessagePack array")),
        (b"\x94\x00\xa1a\xa1x\xdf\xff\xff\xff\xff".into(), (BadJson, None, "not a whole MessagePack array")),
        ([&b"\x94\x00\xa1a\xa1x"[..], &[0x91; 30_000]].concat(), (BadJson, None, "not a whole MessagePack array")),
        // Numbers of messages.
        (b"\x90".into(), (BadMessage, None, "the first element is the message's number")),
        (b"\x91\xa1x".into(), (BadMessage, None, "the first element is the message's number")),
        (b"\x92\xff\xa1a".into(), (BadMessage, None, "the first element is the message's number")),
        (b"\x92\x06\xa1a".into(), (BadMessage, a, "the message's number is 6, 0 to 5 are known")),
        (b"\x92\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1a".into(), (BadMessage, a, "number is 18446744073709551615")),
        // Elements of a wrong kind, or none.
        (b"\x91\x00".into(), (BadMessage, None, "the second element is the ref")),
        (b"\x93\x00\x07\xa1x".into(), (BadMessage, None, "the second element is the ref")),
        (b"\x93\x00\xa1\xff\xa1x".into(), (BadMessage, None, "the second element is the ref")),
        (b"\x92\x00\xa1a".into(), (BadMessage, a, "the third element of a comment is its body")),
        (b"\x93\x00\xa1a\xc0".into(), (BadMessage, a, "the third element of a comment is its body")),
        (b"\x93\x00\xa1a\xa2\xff\xfe".into(), (BadMessage, a, "the third element of a comment is its body")),
        (b"\x93\x00\xa1a\xc4\x01x".into(), (BadMessage, a, "the third element of a comment is its body")),
        (b"\x94\x01\xa1a\xc4\x01x\x01".into(), (BadMessage, a, "the id, 16 bytes")),
        ([&b"\x94\x01\xa1a\xd9\x20"[..], ID.as_bytes(), b"\x01"].concat(), (BadMessage, a, "the id, 16 bytes")),
        (with_id(b"\x94\x01\xa1a", b"\xff"), (BadMessage, a, "its stamp, a whole number or nil")),
        (with_id(b"\x94\x01\xa1a", b"\xcb\x3f\xf0\0\0\0\0\0\0"), (BadMessage, a, "its stamp, a whole number or nil")),
        (with_id(b"\x93\x01\xa1a", b""), (BadStamp, a, "needs the field \"stamp\"")),
        (with_id(b"\x94\x02\xa1a", b"\x00"), (BadStamp, a, "stamp is 0, 1 to 9007199254740991 are allowed")),
        (
            with_id(b"\x94\x02\xa1a", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
            (BadStamp, a, "stamp is 18446744073709551615"),
        ),
        (b"\x94\x01\xa1a\xc0\x01".into(), (BadMessage, a, "like needs the field \"id\"")),
        (b"\x92\x03\xa5heart".into(), (BadMessage, None, "the third element of react is its count")),
        (b"\x93\x03\xa5heart\xff".into(), (BadMessage, None, "the third element of react is its count")),
        (b"\x93\x03\xa5heart\x00".into(), (BadMessage, None, "count 0, at least 1")),
        (b"\x93\x03\xa3a b\x01".into(), (BadMessage, None, "' ' is not one of a-z 0-9 _ -")),
        (b"\x92\x05\xa1a".into(), (BadMessage, a, "the third element is the id, 16 bytes or nil")),
        (b"\x93\x04\xa1a\xc0".into(), (BadMessage, a, "delete needs the field \"id\"")),
        // Texts.
        (b"\x93\x00\xa0\xa1x".into(), (BadMessage, None, "ref is 0 bytes, 1 to 64 fit")),
        ([&text(b"\x93\x00", 65)[..], b"\xa1x"].concat(), (BadMessage, None, "ref is 65 bytes, 1 to 64 fit")),
        (text(b"\x93\x00\xa1a", 1_001), (BodyTooLong, a, "comment is 1001 bytes, at most 1000 fit")),
        (b"\x93\x00\xa1a\xa1 ".into(), (EmptyBody, a, "nothing visible")),
        (b"\x93\x00\xa1a\xa2x\x1b".into(), (BadText, a, "U+001B")),
    ];
    for (message, told) in table {
        refused(Encoding::MessagePack, &message, told);
    }
}

#[test]
fn what_is_said_back_is_short_however_long_it_was() {
    let long = "\u{202e}x".repeat(5_000);
    for message in [
        format!(r#"{{"type":"{long}","ref":"a"}}"#),
        format!(r#"{{"type":"react","kind":"heart","count":"{long}"}}"#),
        format!(r#"{{"type":"delete","ref":"a","id":"{long}"}}"#),
        format!(r#"{{"type":"react","kind":"{long}"}}"#),
        format!(r#"{{"type":"comment","ref":"{long}","body":"x"}}"#),
    ] {
        let error = Request::decode(Encoding::Json, message.as_bytes(), &RequestLimits::default()).unwrap_err();
        let words = &error.refusal.message;
        assert!(words.chars().count() <= limits::WORDS_CHARS_MAX, "{} characters", words.chars().count());
    }
}

#[test]
fn nesting_and_unknown_fields_are_passed_over_at_any_depth() {
    let deep = format!("{}{}", "[".repeat(15_000), "]".repeat(15_000));
    let comment = |field: &str| format!(r#"{{"type":"comment","ref":"a",{field},"body":"x"}}"#);
    let decode = |text: String| Request::decode(Encoding::Json, text.as_bytes(), &RequestLimits::default());
    assert!(decode(comment(&format!(r#""mood":{deep}"#))).is_ok());
    assert!(decode(comment(&format!(r#""mood":{}1{}"#, r#"{"a":"#.repeat(5_000), "}".repeat(5_000)))).is_ok());
    assert!(decode(comment(&format!(r#""stamp":{deep}"#))).is_err());
    let packed = [&b"\x94\x00\xa1a\xa1x"[..], &[0x91; 30_000], b"\xc0"].concat();
    assert!(Request::decode(Encoding::MessagePack, &packed, &RequestLimits::default()).is_ok());
}

#[test]
fn what_is_too_much_of_taps_is_cut_and_what_overrides_direction_is_taken_out() {
    let decode = |text: &str| Request::decode(Encoding::Json, text.as_bytes(), &RequestLimits::default()).unwrap();
    let Request::React { count, .. } = decode(r#"{"type":"react","kind":"heart","count":18446744073709551615}"#) else {
        panic!("not taps");
    };
    assert_eq!(count, limits::TAPS_PER_MESSAGE_MAX);
    let Request::Comment { body, .. } = decode(r#"{"type":"comment","body":"ev\u202e\u2066il"}"#) else {
        panic!("not a comment");
    };
    assert_eq!(body.as_str(), "evil");
}

#[test]
fn names_are_taken_or_refused_with_the_character_or_the_length() {
    let told = |name: &str| DisplayName::new(name).map(|name| name.as_str().to_owned()).map_err(|e| e.to_string());
    let table = [
        ("Ann", Ok("Ann")),
        ("\u{202e}nnA\u{202c}", Ok("nnA")),
        ("\u{2067}Ann\u{2069} Müller ❤", Ok("Ann Müller ❤")),
        ("", Err("name is 0 bytes, 1 to 128 fit")),
        ("\u{202e}", Err("name is 0 bytes, 1 to 128 fit")),
        (" \u{200b}", Err("name: nothing visible")),
        ("a\nb", Err("name: control character U+000A")),
        ("a\u{7f}b", Err("name: control character U+007F")),
        ("a\u{85}b", Err("name: control character U+0085")),
        ("a\u{2028}b", Err("name: control character U+2028")),
        ("a\u{2029}b", Err("name: control character U+2029")),
    ];
    for (name, wanted) in table {
        assert_eq!(told(name), wanted.map(str::to_owned).map_err(str::to_owned), "{name:?}");
    }
    assert_eq!(told(&"n".repeat(129)).unwrap_err(), "name is 129 bytes, 1 to 128 fit");
    assert!(told(&"n".repeat(128)).is_ok());
    for (wrong, words) in [
        ("", "stream is 0 bytes, 1 to 64 fit"),
        ("a b", "stream has ' ' at byte 1"),
        ("a%20b", "stream has '%' at byte 1"),
        ("a\u{202e}", r"stream has '\u{202e}' at byte 1"),
        ("ü", "stream has 'ü' at byte 0"),
        ("a/../b", "stream has '/' at byte 1"),
    ] {
        assert!(StreamId::new(wrong).unwrap_err().to_string().starts_with(words), "{wrong:?}");
        assert!(ViewerId::new(wrong).is_err());
    }
    assert!(ReactionKind::new("heart\u{202e}").is_err());
}

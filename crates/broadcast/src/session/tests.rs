//! Each rule of a viewer's session, in JSON as a browser would send it.

use super::*;

const NOW: Millis = Millis::new(1_764_000_000_000);
const ORIGIN: Origin = Origin(7);
const ID: &str = "abc0000000000000000000000000000f";

fn session(change: impl FnOnce(&mut SessionConfig)) -> Session {
    let mut config = SessionConfig::new(ClusterKey::from_bytes([7; 32]), 99);
    config.moderators.insert("mod".parse().unwrap());
    change(&mut config);
    viewer(&Arc::new(config), "ann")
}

fn viewer(config: &Arc<SessionConfig>, name: &str) -> Session {
    let named = DisplayName::new(name).unwrap();
    Session::new(config.clone(), name.parse().unwrap(), named, "demo".parse().unwrap(), Encoding::Json)
}

fn ask(session: &mut Session, now: Millis, message: &str) -> Verdict {
    session.request(now, ORIGIN, message.as_bytes())
}

fn comment(reference: &str) -> String {
    format!(r#"{{"type":"comment","ref":"{reference}","body":"hello"}}"#)
}

fn op(verdict: Verdict) -> Op {
    match verdict {
        Verdict::Write(write) => write.op,
        other => panic!("not a write: {other:?}"),
    }
}

/// The ref, code and time to retry of a refusal.
fn refused(verdict: Verdict) -> (Option<String>, Code, Option<u64>) {
    match verdict {
        Verdict::Answer(Response::Reject { reference, code, retry_after_ms, .. }) => {
            (reference.map(|r| r.as_str().to_owned()), code, retry_after_ms)
        }
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn the_same_reference_names_the_same_comment_on_every_connection() {
    let (mut first, mut second) = (session(|_| ()), session(|config| config.incarnation = 5));
    let first = op(ask(&mut first, NOW, &comment("k-1")));
    assert_eq!(first, op(second.request(NOW.plus(9_000), Origin(8), comment("k-1").as_bytes())));
}

#[test]
fn two_comments_without_a_reference_are_two_comments() {
    let message = r#"{"type":"comment","body":"hello"}"#;
    let mut ann = session(|_| ());
    let first = op(ask(&mut ann, NOW, message));
    assert_ne!(first, op(ask(&mut ann, NOW, message)));
    // The same place in the slab, held by the same viewer's next connection.
    let mut again = session(|_| ());
    assert_ne!(first, op(ask(&mut again, NOW.plus(1), message)));
    let mut restarted = session(|config| config.incarnation = 100);
    assert_ne!(first, op(ask(&mut restarted, NOW, message)));
}

#[test]
fn a_comment_too_many_is_told_when_to_come_back() {
    let mut ann = session(|_| ());
    for n in 0..60 {
        op(ask(&mut ann, NOW, &comment(&n.to_string())));
        ann.answered();
    }
    match ask(&mut ann, NOW.plus(100), &comment("x")) {
        Verdict::Answer(Response::Reject { reference, code, message, retry_after_ms }) => {
            assert_eq!(reference, Some(Ref::new("x").unwrap()));
            assert_eq!((code, retry_after_ms), (Code::RateLimited, Some(900)));
            assert_eq!(message, "60 comments a minute are allowed");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ask(&mut ann, NOW.plus(100), r#"{"type":"comment","body":"hello"}"#), Verdict::Nothing);
    op(ask(&mut ann, NOW.plus(1_000), &comment("x")));
}

#[test]
fn likes_have_a_limit_of_their_own() {
    let mut ann = session(|config| config.likes_per_minute = 2);
    let like = format!(r#"{{"type":"like","ref":"a","id":"{ID}","stamp":5}}"#);
    op(ask(&mut ann, NOW, &like));
    op(ask(&mut ann, NOW, &like));
    assert_eq!(refused(ask(&mut ann, NOW, &like)), (Some("a".into()), Code::RateLimited, Some(30_000)));
    op(ask(&mut ann, NOW, &comment("b")));
}

#[test]
fn a_like_without_a_stamp_is_stamped_at_arrival() {
    let mut ann = session(|_| ());
    let unlike = op(ask(&mut ann, NOW, &format!(r#"{{"type":"unlike","id":"{ID}"}}"#)));
    let register = Register { stamp: Stamp::new(NOW.get()).unwrap(), liked: false };
    let viewer = ClusterKey::from_bytes([7; 32]).viewer(&"ann".parse().unwrap());
    assert_eq!(unlike, Op::Like { id: ID.parse().unwrap(), viewer, register });
}

#[test]
fn a_viewer_with_32_unanswered_writes_is_not_read() {
    let mut ann = session(|_| ());
    for n in 0..32 {
        assert!(ann.may_read());
        op(ask(&mut ann, NOW, &comment(&n.to_string())));
    }
    assert!(!ann.may_read());
    assert_eq!(refused(ask(&mut ann, NOW, &comment("x"))), (Some("x".into()), Code::Overloaded, Some(1_000)));
    ann.answered();
    assert!(ann.may_read());
}

#[test]
fn writes_without_a_reference_are_never_unanswered() {
    let mut ann = session(|_| ());
    (0..40).for_each(|_| drop(op(ask(&mut ann, NOW, &format!(r#"{{"type":"like","id":"{ID}"}}"#)))));
    assert!(ann.may_read());
}

#[test]
fn only_moderators_pin() {
    let mut ann = session(|_| ());
    let pin = format!(r#"{{"type":"pin","ref":"p","id":"{ID}"}}"#);
    assert_eq!(refused(ask(&mut ann, NOW, &pin)), (Some("p".into()), Code::Forbidden, None));
    let mut moderator = viewer(&ann.config, "mod");
    assert_eq!(op(ask(&mut moderator, NOW, &pin)), Op::Pin { id: Some(ID.parse().unwrap()) });
    assert_eq!(op(ask(&mut moderator, NOW, r#"{"type":"pin","ref":"q","id":null}"#)), Op::Pin { id: None });
}

#[test]
fn a_deletion_says_whether_a_moderator_asks() {
    let mut ann = session(|config| config.likes_per_minute = 1);
    let delete = format!(r#"{{"type":"delete","ref":"d","id":"{ID}"}}"#);
    assert!(matches!(op(ask(&mut ann, NOW, &delete)), Op::Delete { moderator: false, .. }));
    assert_eq!(refused(ask(&mut ann, NOW, &delete)).1, Code::RateLimited);
    let mut moderator = viewer(&ann.config, "mod");
    for _ in 0..5 {
        assert!(matches!(op(ask(&mut moderator, NOW, &delete)), Op::Delete { moderator: true, .. }));
    }
}

#[test]
fn taps_faster_than_allowed_are_dropped_and_nobody_is_told() {
    let mut ann = session(|_| ());
    let react = r#"{"type":"react","kind":"heart","count":3}"#;
    let mut counted = 0;
    for ms in (0..10_000).step_by(10) {
        match ask(&mut ann, NOW.plus(ms), react) {
            Verdict::Taps { count, .. } => counted += count,
            other => assert_eq!(other, Verdict::Nothing),
        }
    }
    assert_eq!(counted, (40 + 1) * 3, "one each 250 ms, and one early");
    assert_eq!(ask(&mut ann, NOW.plus(60_000), r#"{"type":"react","kind":"frown","count":1}"#), Verdict::Nothing);
}

#[test]
fn a_message_that_is_not_understood_is_answered_even_without_a_reference() {
    let mut ann = session(|_| ());
    assert_eq!(refused(ask(&mut ann, NOW, "{")), (None, Code::BadJson, None));
    assert_eq!(refused(ask(&mut ann, NOW, r#"{"type":"shout"}"#)), (None, Code::BadMessage, None));
    let body = r#"{"type":"comment","ref":"r","body":" "}"#;
    assert_eq!(refused(ask(&mut ann, NOW, body)), (Some("r".into()), Code::EmptyBody, None));
    assert_eq!(ask(&mut ann, NOW, r#"{"type":"comment","body":" "}"#), Verdict::Nothing);
    assert!(ann.may_read());
}

#[test]
fn the_welcome_names_the_viewer_and_the_limits() {
    let ann = session(|_| ());
    let frame = ann.welcome("b1", "b2");
    let text = std::str::from_utf8(&frame[4..]).unwrap();
    assert!(
        text.starts_with(r#"{"type":"welcome","viewer":"ann","node":"b1","stream":"demo","placed":"b2","limits":"#)
    );
    assert!(text.contains(r#""comments_per_minute":60,"tap_interval_ms":250,"beat_ms":20000"#));
}

#[test]
fn an_idle_session_is_small() {
    assert!(size_of::<Session>() <= 88, "{} bytes", size_of::<Session>());
}

//! What the map's text promises: the same bytes for ever, and a plain answer to any others.

use proptest::prelude::*;

use super::*;

fn map() -> Map {
    let nodes: Vec<NodeName> = ["p1", "p2", "p3"].map(|name| name.parse().unwrap()).into();
    let mut map = Map::found(ClusterKey::from_bytes([0xa5; 32]), &nodes).unwrap();
    map.claim(&nodes[1]);
    let root = map.claim_root(&"m1".parse().unwrap(), Epoch::ZERO).unwrap();
    map.reserve_stream_epochs(root, 1_000);
    map
}

/// The refusal of the map's text with one word in it changed, and the checksum made right again.
fn refusal(from: &str, to: &str) -> String {
    let text = map().encode();
    assert!(text.contains(from), "the map's text has no {from}");
    let mut text: Text = serde_json::from_str(&text.replacen(from, to, 1)).unwrap();
    text.checksum = None;
    text.checksum = Some(text.checksum());
    Map::decode(text.json().as_bytes()).unwrap_err().to_string()
}

#[test]
fn the_text_is_the_same_on_every_version() {
    // Golden: the file outlives the process that wrote it.
    let text = map().encode();
    let (head, tail) = (text.get(..HEAD.len()).unwrap(), text.get(text.len() - TAIL.len()..).unwrap());
    assert_eq!((head, tail), (HEAD, TAIL));
}
const HEAD: &str = r#"{"format":1,"epoch":4,"key":"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5","nodes":["p1","p2","p3"],"owners":[1,2,0,0,0,0,2,2,"#;
/// The checksum stands for all that lies between.
const TAIL: &str = r#"],"root":{"node":"m1","epoch":1},"stream_epochs_reserved":1000,"checksum":"0ac53fa9a0fca0d1"}"#;

#[test]
fn what_was_written_is_read_again() {
    assert_eq!(Map::decode(map().encode().as_bytes()), Ok(map()));
    let spaced = map().encode().replace(',', ",\n  ");
    assert_eq!(Map::decode(spaced.as_bytes()), Ok(map()));
}

#[test]
fn a_text_cut_short_anywhere_is_refused() {
    let text = map().encode();
    (0..text.len()).step_by(97).for_each(|end| assert!(Map::decode(&text.as_bytes()[..end]).is_err(), "cut at {end}"));
}

#[test]
fn a_changed_digit_is_told_by_the_checksum() {
    let text = map().encode().replacen("\"epoch\":4", "\"epoch\":5", 1);
    assert!(matches!(Map::decode(text.as_bytes()), Err(MapError::Checksum { .. })));
    let bare = map().encode().split(",\"checksum\"").next().unwrap().to_owned() + "}";
    assert!(matches!(Map::decode(bare.as_bytes()), Err(MapError::Checksum { .. })));
}

#[test]
fn another_format_is_told_from_damage() {
    let refused = Map::decode(br#"{"format":2,"shape":"new"}"#).unwrap_err();
    assert_eq!(refused.to_string(), "map has format 2, this version reads format 1");
}

#[test]
fn a_refusal_names_the_field_the_value_and_the_limit() {
    assert_eq!(refusal("\"epoch\":4", "\"epoch\":0"), "map field epoch is 0, 1 to 9007199254740991 are allowed");
    assert_eq!(
        refusal("\"owners\":[", "\"owners\":[7,"),
        "map field owners is 4097 entries long, 4096 to 4096 are needed"
    );
    assert_eq!(
        refusal("\"epochs\":[2,", "\"epochs\":["),
        "map field epochs is 4095 entries long, 4096 to 4096 are needed"
    );
    assert_eq!(refusal("[\"p1\",\"p2\",", "["), "map field owners[0] is 1, there are 1 nodes");
    assert_eq!(refusal("\"a5a5", "\"A5a5"), "map field key is not shown, 64 lower-case hex digits are needed");
    assert_eq!(
        refusal("reserved\":1000", "reserved\":9007199254740992"),
        "map field stream_epochs_reserved is 9007199254740992, 0 to 9007199254740991 are allowed"
    );
}

#[test]
fn an_unknown_field_or_a_bad_name_is_named() {
    let unknown = map().encode().replacen("\"root\"", "\"boot\":1,\"root\"", 1);
    assert!(Map::decode(unknown.as_bytes()).unwrap_err().to_string().contains("unknown field `boot`"));
    let name = map().encode().replacen("\"p1\"", "\"p/1\"", 1);
    assert!(Map::decode(name.as_bytes()).unwrap_err().to_string().contains("node has '/' at byte 1"));
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Map::decode(&bytes).is_err());
    }

    #[test]
    fn a_flipped_byte_is_refused_or_means_the_same(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut text = map().encode().into_bytes();
        let at = at.index(text.len());
        text[at] = to;
        prop_assert!(Map::decode(&text).map_or(true, |read| read == map()));
    }
}

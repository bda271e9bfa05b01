//! What a topology promises: the file that we ship is taken, defaults are filled in, and a refusal says what to change.

use watershed_protocol::ClusterKey;

use super::*;

const LEAST: &str = r#"
[cluster]
name = "local"
dir = ".cluster"
secret = "local-secret"
[broadcast]
nodes = 2
port = 8080
[processor]
nodes = 3
port = 8180
peer_port = 8280
[merger]
port = 8380
peer_port = 8480
"#;

/// The least topology with one text in it replaced.
fn with(from: &str, to: &str) -> Result<Topology, TopologyError> {
    assert!(LEAST.contains(from), "the least topology has no {from}");
    Topology::parse(&LEAST.replacen(from, to, 1))
}

/// The least topology with a further section.
fn and(section: &str) -> Result<Topology, TopologyError> {
    Topology::parse(&format!("{LEAST}{section}"))
}

#[track_caller]
fn refused(taken: Result<Topology, TopologyError>, line: &str) {
    let found = taken.unwrap_err().to_string();
    assert_eq!(found, line);
    assert!(!found.contains('\n'));
}

#[test]
fn what_is_not_said_has_its_default() {
    let topology = Topology::parse(LEAST).unwrap();
    assert_eq!(topology.broadcast.host.to_string(), "127.0.0.1");
    assert_eq!((topology.broadcast.workers, topology.broadcast.viewer_spread, topology.merger.nodes), (1, 1, 1));
    assert_eq!((topology.limits.body_bytes, topology.limits.beat_ms), (1_000, 20_000));
    assert_eq!((topology.windows.reports_per_s, topology.windows.frame_burst), (20, 5));
    assert_eq!((topology.segment_bytes, topology.checkpoint_bytes), (64 << 20, 256 << 20));
    let analytics = topology.analytics.unwrap();
    assert_eq!((analytics.dir, analytics.rotate_s), (None, 60));
    assert_eq!((analytics.file_bytes, analytics.total_bytes), (4 << 20, 1 << 30));
    assert_eq!((topology.processor.viewers_max, topology.processor.registers_bytes_max), (50_000_000, 1 << 30));
    assert_eq!(
        topology.reactions.iter().map(ReactionKind::as_str).collect::<Vec<_>>(),
        ["heart", "clap", "laugh", "wow"]
    );
}

#[test]
fn the_file_that_we_ship_is_the_default_in_full() {
    let shipped = Topology::parse(include_str!("../../../../cluster/local.toml")).unwrap();
    let least = Topology::parse(LEAST).unwrap();
    assert_eq!((shipped.broadcast.nodes, shipped.processor.nodes, shipped.merger.nodes), (4, 3, 2));
    assert_eq!(shipped.limits, least.limits);
    assert_eq!(shipped.windows, least.windows);
    assert_eq!((shipped.segment_bytes, &shipped.reactions), (least.segment_bytes, &least.reactions));
    assert_eq!(shipped.checkpoint_bytes, least.checkpoint_bytes);
    assert_eq!(shipped.analytics, least.analytics);
    assert_eq!(shipped.processor.viewers_max, least.processor.viewers_max);
    assert_eq!(shipped.processor.registers_bytes_max, least.processor.registers_bytes_max);
    assert_eq!(shipped.broadcast.moderators, [ViewerId::new("mod").unwrap()]);
}

#[test]
fn comments_are_spread_by_rules_in_their_order() {
    let id = "6f1c00000000000000000000000000a7";
    let text = format!("[[spread]]\ncomment = \"{id}\"\nparts = 16\n[[spread]]\nstreams = \"final-*\"\nparts = 8\n");
    let topology = and(&text).unwrap();
    assert_eq!(topology.spreads.to_string(), format!("comment {id} in 16 parts, streams final-* in 8 parts"));
    let founded = Map::found(ClusterKey::from_bytes([7; 32]), &topology.names(Role::Processor)).unwrap();
    let spreading = founded.clone().spreading(topology.spreads.clone());
    assert_eq!(topology.agrees_with(&spreading), Ok(()));
    let refused = topology.agrees_with(&founded).unwrap_err().to_string();
    assert!(refused.ends_with("but the cluster was founded with nothing, which cannot be changed"), "{refused}");
}

#[test]
fn a_spread_that_cannot_be_is_refused() {
    let rule = |keys: &str| and(&format!("[[spread]]\n{keys}"));
    refused(
        rule("streams = \"a/b\"\nparts = 2"),
        "[[spread]] streams is \"a/b\", stream has '/' at byte 1, only A-Z a-z 0-9 . _ - are allowed",
    );
    refused(rule("streams = \"a\"\nparts = 0"), "[[spread]] parts is 0, 1 to 256 are allowed");
    refused(rule("streams = \"a\"\nparts = 257"), "[[spread]] parts is 257, 1 to 256 are allowed");
    refused(rule("parts = 2"), "[[spread]] is of nothing, streams or a comment are needed");
    refused(
        rule("comment = \"6F\"\nparts = 2"),
        "[[spread]] comment is \"6F\", comment: \"6F\" is not 32 lower-case hex digits",
    );
    refused(and(&"[[spread]]\nstreams = \"a\"\nparts = 2\n".repeat(65)), "[[spread]] is 65 tables, at most 64 fit");
}

#[test]
fn nodes_are_named_by_role_and_number_and_ports_count_up() {
    let topology = Topology::parse(LEAST).unwrap();
    let shown: Vec<String> = topology
        .nodes()
        .iter()
        .map(|node| format!("{} {} {:?}", node.name, node.http.port(), node.peer.map(|peer| peer.port())))
        .collect();
    assert_eq!(
        shown,
        [
            "m1 8380 Some(8480)",
            "p1 8180 Some(8280)",
            "p2 8181 Some(8281)",
            "p3 8182 Some(8282)",
            "b1 8080 None",
            "b2 8081 None",
        ]
    );
    let b2 = topology.node(&"b2".parse().unwrap()).unwrap();
    assert_eq!((b2.role, b2.http_url(8081)), (Role::Broadcast, "http://127.0.0.1:8081".into()));
    assert_eq!(b2.ws_url(8081).as_deref(), Some("ws://127.0.0.1:8081"));
    assert_eq!(topology.node(&"b3".parse().unwrap()), None);
    assert_eq!(topology.names(Role::Processor).len(), 3);
    assert_eq!(topology.nodes()[0].ws_url(8380), None);
}

#[test]
fn port_0_is_for_all_nodes_of_the_role() {
    let topology = with("port = 8080", "port = 0").unwrap();
    assert_eq!(topology.nodes().iter().filter(|node| node.http.port() == 0).count(), 2);
}

#[test]
fn an_advertised_host_stands_in_the_urls_and_an_ipv6_address_in_brackets() {
    let named = with("port = 8080", "port = 8080\nadvertise = \"live.example.org\"").unwrap();
    assert_eq!(named.node(&"b1".parse().unwrap()).unwrap().http_url(1), "http://live.example.org:1");
    let six = with("port = 8080", "port = 8080\nhost = \"::1\"").unwrap();
    assert_eq!(six.node(&"b1".parse().unwrap()).unwrap().http_url(1), "http://[::1]:1");
    let every = with("port = 8080", "port = 8080\nhost = \"0.0.0.0\"").unwrap();
    assert_eq!(every.node(&"b1".parse().unwrap()).unwrap().http_url(1), "http://127.0.0.1:1");
    refused(
        with("port = 8080", "port = 8080\nadvertise = \"a/b\""),
        "[broadcast] advertise is \"a/b\", a host name of 1 to 253 letters, digits, dots and dashes is needed",
    );
}

#[test]
fn a_number_out_of_range_is_refused_with_its_key_and_limit() {
    refused(with("port = 8080", "port = 70000"), "[broadcast] port is 70000, 0 to 65535 are allowed");
    refused(with("nodes = 3", "nodes = 0"), "[processor] nodes is 0, 1 to 256 are allowed");
    refused(with("nodes = 3", "nodes = -1"), "[processor] nodes is -1, 1 to 256 are allowed");
    refused(and("[limits]\nbody_bytes = 4001"), "[limits] body_bytes is 4001, 1 to 4000 are allowed");
    refused(and("[windows]\nframes_per_s = 0"), "[windows] frames_per_s is 0, 1 to 1000 are allowed");
    refused(and("[log]\nsegment_bytes = 7"), "[log] segment_bytes is 7, 1048576 to 268435456 are allowed");
    refused(
        with("port = 8080", "port = 65535"),
        "[broadcast] port is 65535, node 2 would listen on 65536, at most 65535 is allowed",
    );
}

#[test]
fn two_listeners_on_one_address_are_refused_by_both_names() {
    refused(
        with("port = 8180", "port = 8081"),
        "p1 and b2 would both listen on 127.0.0.1:8081: change [broadcast] port",
    );
    refused(
        with("peer_port = 8280", "peer_port = 8182"),
        "p1 and p3 would both listen on 127.0.0.1:8182: change [processor] port",
    );
    refused(
        with("peer_port = 8480", "peer_port = 8380"),
        "m1 and m1 would both listen on 127.0.0.1:8380: change [merger] peer_port",
    );
    refused(
        with("port = 8080", "port = 8380\nhost = \"0.0.0.0\""),
        "m1 and b1 would both listen on 0.0.0.0:8380: change [broadcast] port",
    );
    assert!(with("port = 8080", "port = 8380\nhost = \"127.0.0.2\"").is_ok());
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let found = and("[limits]\nbody_byte = 7").unwrap_err().to_string();
    assert!(
        found.starts_with("line 17 (body_byte = 7): unknown field `body_byte`, expected one of `body_bytes`"),
        "{found}"
    );
    let found = and("[limit]").unwrap_err().to_string();
    assert!(found.contains("unknown field `limit`"), "{found}");
}

#[test]
fn a_missing_key_and_a_wrong_type_are_refused_by_line() {
    let found = with("port = 8080\n", "").unwrap_err().to_string();
    assert!(found.ends_with("missing field `port`"), "{found}");
    refused(
        with("nodes = 2", "nodes = \"two\""),
        "line 7 (nodes = \"two\"): invalid type: string \"two\", expected i64",
    );
    let found = with("nodes = 2", "nodes = ").unwrap_err().to_string();
    assert!(found.starts_with("line 7 (nodes =): ") && !found.contains('\n'), "{found}");
    assert!(Topology::parse("").unwrap_err().to_string().contains("missing field `cluster`"));
}

#[test]
fn names_and_texts_are_checked_and_a_secret_is_never_shown() {
    refused(with("\"local-secret\"", "\"short\""), "[cluster] secret is 5 bytes long, 8 to 256 are allowed");
    let found = with("\"local-secret\"", "\"local-secret").unwrap_err().to_string();
    assert!(!found.contains("local-secret"), "{found}");
    refused(
        with("port = 8080", "port = 8080\nhost = \"localhost\""),
        "[broadcast] host is \"localhost\", an IP address is needed, such as 127.0.0.1",
    );
    let found = with("port = 8080", "port = 8080\nmoderators = [\"a b\"]").unwrap_err().to_string();
    assert!(found.starts_with("[broadcast] moderators is \"a b\", viewer has ' ' at byte 1"), "{found}");
    refused(
        and("[reactions]\nkinds = [\"wow\", \"wow\"]"),
        "[reactions] kinds is \"wow\" twice, each kind stands once",
    );
    let many = format!("[reactions]\nkinds = {:?}", (0..17).map(|i| format!("k{i}")).collect::<Vec<_>>());
    refused(and(&many), "[reactions] kinds is 17 kinds, at most 16 fit");
}

#[test]
fn analytics_lie_in_each_nodes_data_or_where_the_file_says_or_nowhere() {
    let told = |topology: &Topology| {
        let shown = |path: Option<PathBuf>| path.map(|path| path.display().to_string());
        (shown(topology.analytics_dir(&"p1".parse().unwrap())), shown(topology.analytics_files()))
    };
    let some = |dir: &str, files: &str| (Some(dir.into()), Some(files.into()));
    let topology = Topology::parse(LEAST).unwrap();
    assert_eq!(told(&topology), some(".cluster/data/p1/analytics", ".cluster/data/*/analytics/*.parquet"));
    let topology = and("[analytics]\ndir = \"/srv/a\"").unwrap();
    assert_eq!(told(&topology), some("/srv/a/p1", "/srv/a/*/*.parquet"));
    assert_eq!(told(&and("[analytics]\non = false").unwrap()), (None, None));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let refused = Topology::load(Path::new("no/such.toml")).unwrap_err().to_string();
    assert!(refused.starts_with("cannot read no/such.toml: "), "{refused}");
}

/// A topology with six broadcast nodes and this section.
fn levels(section: &str) -> Result<Topology, TopologyError> {
    let text = LEAST.replacen("nodes = 2\nport = 8080", "nodes = 6\nport = 8080\npeer_port = 8580", 1);
    Topology::parse(&format!("{text}[broadcast.upstream]\n{section}"))
}

#[test]
fn a_broadcast_node_may_feed_from_others_and_only_those_accept_links() {
    let topology = levels("b2 = [\"b1\"]\nb3 = [\"b2\", \"b1\"]").unwrap();
    let name = |text: &str| NodeName::new(text).unwrap();
    assert_eq!(topology.broadcast.levels.above(&name("b3")), [name("b2"), name("b1")]);
    assert!(topology.broadcast.levels.above(&name("b1")).is_empty());
    let peers: Vec<Option<u16>> =
        ["b1", "b2", "b3", "b4"].map(|node| topology.node(&name(node)).unwrap().peer.map(|peer| peer.port())).to_vec();
    assert_eq!(peers, [Some(8580), Some(8581), None, None]);
}

#[test]
fn levels_that_cannot_be_are_refused_with_what_to_change() {
    let section = "[broadcast.upstream]";
    for (text, line) in [
        ("b2 = [\"b9\"]", " b2 is \"b9\", the broadcast nodes are b1 to b6"),
        ("p1 = [\"b1\"]", " is \"p1\", the broadcast nodes are b1 to b6"),
        ("b2 = [\"b2\"]", " b2 is \"b2\", no node feeds from itself"),
        ("b2 = [\"b1\", \"b1\"]", " b2 is \"b1\" twice, each node stands once"),
        (
            "b1 = [\"b3\"]\nb2 = [\"b1\"]\nb3 = [\"b5\", \"b2\"]",
            " is b1 from b3 from b2 from b1, a circle that no frame of the root would enter",
        ),
    ] {
        refused(levels(text), &format!("{section}{line}"));
    }
    let many = (0..9).map(|_| "\"b1\"").collect::<Vec<_>>().join(", ");
    refused(levels(&format!("b2 = [{many}]")), &format!("{section} b2 is 9 names, at most 8 fit"));
    refused(
        and("[broadcast.upstream]\nb2 = [\"b1\"]"),
        "[broadcast] peer_port is missing, but b1 feeds others, whose links it accepts there",
    );
}

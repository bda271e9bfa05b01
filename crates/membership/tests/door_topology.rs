//! The door of the configuration: a topology that cannot be run, and the one line that says what to change.
//!
//! Each row is a change of a file that is right, and the words that come back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::Path};

use watershed_membership::Topology;

const RIGHT: &str = r#"
[cluster]
name = "local"
dir = ".cluster"
secret = "hunter22"
[broadcast]
nodes = 2
port = 8080
[processor]
nodes = 3
port = 8180
peer_port = 8280
[merger]
nodes = 2
port = 8380
peer_port = 8480
"#;

#[track_caller]
fn refused(text: &str, words: &str) -> String {
    let told = Topology::parse(text).unwrap_err().to_string();
    assert!(told.contains(words), "{told:?} says nothing of {words:?}");
    assert!(!told.contains('\n') && told.chars().count() < 600, "{told:?} is not one line");
    told
}

#[test]
fn a_wrong_value_is_refused_with_its_key_and_the_limit() {
    Topology::parse(RIGHT).unwrap();
    let table = [
        // Numbers of nodes.
        ("nodes = 2\nport = 8080", "nodes = 0\nport = 8080", "[broadcast] nodes is 0, 1 to 256 are allowed"),
        ("nodes = 3", "nodes = -3", "[processor] nodes is -3, 1 to 256 are allowed"),
        ("nodes = 3", "nodes = 257", "[processor] nodes is 257, 1 to 256 are allowed"),
        ("nodes = 2\nport = 8380", "nodes = 9\nport = 8380", "[merger] nodes is 9, 1 to 8 are allowed"),
        ("nodes = 3", "nodes = 3.5", "line 10 (nodes = 3.5): invalid type: floating point `3.5`"),
        ("nodes = 3", "nodes = \"3\"", "line 10 (nodes = \"3\"): invalid type: string"),
        ("nodes = 3", "nodes = 99999999999999999999", "line 10 (nodes = 99999999999999999999): "),
        ("nodes = 3", "nodes = [3]", "line 10 (nodes = [3]): invalid type: sequence"),
        ("nodes = 3", "nodes = 3\nnodes = 4", "line 11 (nodes = 4): duplicate key"),
        ("nodes = 3\n", "", "missing field `nodes`"),
        (
            "peer_port = 8280",
            "peer_port = 8280\nregisters_bytes_max = 65535",
            "[processor] registers_bytes_max is 65535, 65536 to 1099511627776 are allowed",
        ),
        (
            "peer_port = 8280",
            "peer_port = 8280\nregisters_bytes_max = -1",
            "[processor] registers_bytes_max is -1, 65536 to 1099511627776 are allowed",
        ),
        (
            "peer_port = 8280",
            "peer_port = 8280\nviewers_max = 999",
            "[processor] viewers_max is 999, 1000 to 1000000000 are allowed",
        ),
        (
            "peer_port = 8280",
            "peer_port = 8280\nviewers_max = 1000000001",
            "[processor] viewers_max is 1000000001, 1000 to 1000000000 are allowed",
        ),
        // Ports and hosts.
        ("port = 8080", "port = 65536", "[broadcast] port is 65536, 0 to 65535 are allowed"),
        (
            "port = 8080",
            "port = 65535",
            "[broadcast] port is 65535, node 2 would listen on 65536, at most 65535 is allowed",
        ),
        ("port = 8080", "port = 8180", "p1 and b1 would both listen on 127.0.0.1:8180: change [broadcast] port"),
        ("port = 8080", "port = 8281", "p2 and b1 would both listen on 127.0.0.1:8281: change [broadcast] port"),
        (
            "peer_port = 8280",
            "peer_port = 8180",
            "p1 and p1 would both listen on 127.0.0.1:8180: change [processor] peer_port",
        ),
        ("port = 8380", "port = 8480", "m1 and m1 would both listen on 127.0.0.1:8480: change [merger] peer_port"),
        (
            "port = 8080",
            "port = 8080\nhost = \"localhost\"",
            "[broadcast] host is \"localhost\", an IP address is needed",
        ),
        (
            "port = 8080",
            "port = 8080\nhost = \"127.0.0.1:80\"",
            "[broadcast] host is \"127.0.0.1:80\", an IP address is needed",
        ),
        ("port = 8080", "port = 8080\nadvertise = \"a/b\"", "[broadcast] advertise is \"a/b\", a host name"),
        ("port = 8080", "port = 8080\nadvertise = \"\"", "[broadcast] advertise is \"\", a host name"),
        // Names, directories, secrets.
        ("\"local\"", "\"\"", "[cluster] name is 0 bytes long, 1 to 64 are allowed"),
        ("\"local\"", "\"a\\nb\"", r#"[cluster] name is "a\nb", control characters are not allowed"#),
        ("\".cluster\"", "\"\"", "[cluster] dir is 0 bytes long, 1 to 4096 are allowed"),
        ("\".cluster\"", "\"a\\u0000b\"", r#"[cluster] dir is "a\0b", control characters are not allowed"#),
        ("\"hunter22\"", "\"hunter2\"", "[cluster] secret is 7 bytes long, 8 to 256 are allowed"),
        // Sections and keys.
        ("[merger]", "[mergers]", "unknown field `mergers`"),
        ("port = 8080", "prot = 8080", "unknown field `prot`"),
        ("[cluster]", "[cluster", "line 2 "),
        ("[cluster]\n", "", "unknown field"),
    ];
    for (from, to, words) in table {
        assert!(RIGHT.contains(from), "{from:?}");
        refused(&RIGHT.replacen(from, to, 1), words);
    }
    let table = [
        ("[limits]\nbody_bytes = 4001", "[limits] body_bytes is 4001, 1 to 4000 are allowed"),
        ("[limits]\nbeat_ms = 999", "[limits] beat_ms is 999, 1000 to 3600000 are allowed"),
        ("[limits]\nbeats = 1", "unknown field `beats`"),
        ("[windows]\nframes_per_s = 0", "[windows] frames_per_s is 0, 1 to 1000 are allowed"),
        ("[log]\nsegment_bytes = 1", "[log] segment_bytes is 1, 1048576 to 268435456 are allowed"),
        ("[analytics]\nrotate_s = 0", "[analytics] rotate_s is 0, 1 to 86400 are allowed"),
        ("[analytics]\nrotate_s = 86401", "[analytics] rotate_s is 86401, 1 to 86400 are allowed"),
        ("[analytics]\nfile_bytes = 65535", "[analytics] file_bytes is 65535, 65536 to 16777216 are allowed"),
        ("[analytics]\ntotal_bytes = -1", "[analytics] total_bytes is -1, 1048576 to 1099511627776 are allowed"),
        ("[analytics]\non = false\nrotate_s = 0", "[analytics] rotate_s is 0, 1 to 86400 are allowed"),
        ("[analytics]\ndir = \"\"", "[analytics] dir is 0 bytes long, 1 to 4096 are allowed"),
        ("[analytics]\ndir = \"a\\nb\"", r#"[analytics] dir is "a\nb", control characters are not allowed"#),
        ("[analytics]\non = \"no\"", "invalid type: string"),
        ("[analytics]\nrotation = 1", "unknown field `rotation`"),
        ("[reactions]\nkinds = [\"HEART\"]", "[reactions] kinds is \"HEART\", reaction: 'H' is not one of a-z 0-9 _ -"),
        ("[reactions]\nkinds = [\"a\", \"a\"]", "[reactions] kinds is \"a\" twice"),
        ("[reactions]\nkinds = [1]", "invalid type: integer `1`"),
        ("[cluster]\nname = \"again\"", "duplicate key"),
        ("\u{0}\u{1b}[31m", "line 17 (\u{fffd}\u{fffd}[31m): "),
    ];
    for (section, words) in table {
        refused(&format!("{RIGHT}{section}"), words);
    }
    refused("", "missing field `cluster`");
    refused("{}", "line 1 ");
    refused(&"[".repeat(100_000), "line 1 ");
    refused(&format!("x = {}", "[".repeat(100_000)), "line 1 ");
}

#[test]
fn a_secret_is_never_shown_however_its_line_is_wrong() {
    for (from, to) in [
        ("secret = \"hunter22\"", "secret = \"hunter22"),
        ("secret = \"hunter22\"", "secret = hunter22"),
        ("secret = \"hunter22\"", "secret \"hunter22\""),
        ("secret = \"hunter22\"", "\"secret\" = \"hunter22\" x"),
        ("secret = \"hunter22\"", "secert = \"hunter22\""),
        ("secret = \"hunter22\"", "secret = [\"hunter22\"]"),
        ("secret = \"hunter22\"", "secret = \"hunter22\"\nsecret = \"hunter22\""),
        (
            "[cluster]\nname = \"local\"\ndir = \".cluster\"\nsecret = \"hunter22\"",
            "cluster = {name = \"a\", secret = \"hunter22\", x = 1}",
        ),
    ] {
        let told = refused(&RIGHT.replacen(from, to, 1), "");
        assert!(!told.contains("hunter22"), "{told}");
    }
    let told = refused(&RIGHT.replacen("\"hunter22\"", "12345678", 1), "");
    assert!(!told.contains("12345678"), "{told}");
}

#[test]
fn a_cluster_that_others_reach_needs_a_secret_and_one_of_this_machine_does_not() {
    let open = RIGHT.replacen("secret = \"hunter22\"\n", "", 1);
    let told = Topology::parse(&open).unwrap();
    assert!(told.secret.is_none() && told.operator_token().is_none());
    let table = [
        ("[broadcast]", "host = \"0.0.0.0\"", "[broadcast] host 0.0.0.0"),
        ("[processor]", "host = \"10.0.0.7\"", "[processor] host 10.0.0.7"),
        ("[merger]", "host = \"::\"", "[merger] host ::"),
        ("[broadcast]", "advertise = \"live.example.org\"", "[broadcast] advertise live.example.org"),
        ("[processor]", "advertise = \"192.168.1.2\"", "[processor] advertise 192.168.1.2"),
    ];
    for (section, line, reached) in table {
        let words = format!(
            "[cluster] secret is missing, but other machines reach {reached}: add secret = \"…\" of 8 to 256 bytes below [cluster]"
        );
        refused(&open.replacen(section, &format!("{section}\n{line}"), 1), &words);
        Topology::parse(&RIGHT.replacen(section, &format!("{section}\n{line}"), 1)).unwrap();
    }
    for line in ["host = \"127.0.0.9\"", "host = \"::1\"", "advertise = \"localhost\"", "advertise = \"127.0.0.1\""] {
        Topology::parse(&open.replacen("[broadcast]", &format!("[broadcast]\n{line}"), 1)).unwrap();
    }
}

#[test]
fn what_a_cluster_without_a_secret_shows_is_no_secret_of_another() {
    let open = RIGHT.replacen("secret = \"hunter22\"\n", "", 1);
    let shown = Topology::parse(&open).unwrap().link_secret();
    assert!(String::from_utf8(shown.clone()).is_err(), "no text is like it, and every secret is text");
    let other = Topology::parse(&open.replacen("\"local\"", "\"other\"", 1)).unwrap().link_secret();
    assert_ne!(shown, other, "two clusters of one machine do not meet");
    assert_eq!(Topology::parse(RIGHT).unwrap().link_secret(), b"hunter22");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cluster.toml");
    let told = |path: &Path| Topology::load(path).unwrap_err().to_string();
    assert!(told(&path).starts_with(&format!("cannot read {}: ", path.display())));
    assert!(told(dir.path()).starts_with(&format!("cannot read {}: ", dir.path().display())));
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(told(&path).contains("UTF-8"), "{}", told(&path));
    fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    assert!(told(&path).ends_with("it is longer than 1048576 bytes, which no topology is"), "{}", told(&path));
    assert!(told(Path::new("/dev/zero")).contains("/dev/zero"));
    fs::write(&path, RIGHT).unwrap();
    assert_eq!(Topology::load(&path).unwrap().nodes().len(), 7);
}

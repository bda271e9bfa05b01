//! The door of the command line, and what a node finds on its disk before it runs: one line, an exit status, nothing started.
//!
//! 64 is for what the caller has to correct (arguments, environment, topology), 1 for what the machine does not give.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;
use watershed_log::{Base, LogConfig, Section};
use watershed_protocol::{Epoch, Position, Slot};

/// A topology in a directory of its own; `{port}` is where b1 listens.
fn cluster(port: u16, dir: &str) -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    let text = format!(
        "[cluster]\nname = \"test\"\ndir = \"{dir}\"\nsecret = \"test-secret\"\n[broadcast]\nnodes = 1\nport = {port}\n\
         [processor]\nnodes = 1\nport = 0\npeer_port = 0\n[merger]\nport = 0\npeer_port = 0\n"
    );
    fs::write(temp.path().join("c.toml"), text).unwrap();
    temp
}

fn watershed(dir: &Path, line: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watershed"));
    command.args(line.split_ascii_whitespace()).current_dir(dir).env_remove("WATERSHED_LOG");
    command.envs(environment.iter().copied()).output().unwrap()
}

#[track_caller]
fn refused(output: &Output, status: i32, words: &str) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{err}");
    // A node that has begun to run may have logged before it ended.
    let last = err.lines().last().unwrap_or_default();
    assert!(last.starts_with("watershed") && last.contains(words), "{err:?} says nothing of {words:?}");
    assert!(status == 1 || err.lines().count() == 1, "more than a line: {err}");
    assert_eq!(out, "");
}

#[test]
fn a_wrong_command_line_is_one_line_and_exit_64() {
    let temp = cluster(0, "state");
    let table = [
        ("", "a command is needed: broadcast, processor, merger, top, verify, token or echo; see --help"),
        ("broadcas", "unrecognized subcommand 'broadcas'"),
        ("broadcast", "the following required arguments were not provided: --topology <TOPOLOGY> --name <NAME>"),
        ("broadcast --topology c.toml", "were not provided: --name <NAME>"),
        ("broadcast --topology", "a value is required for '--topology <TOPOLOGY>'"),
        ("broadcast --topology c.toml --nam b1", "unexpected argument '--nam' found"),
        ("broadcast --topology c.toml --name b1 extra", "unexpected argument 'extra' found"),
        (
            "broadcast --topology c.toml --name b1 --name b2",
            "the argument '--name <NAME>' cannot be used multiple times",
        ),
        (
            "broadcast --topology c.toml --name b1 --log xml",
            "invalid value 'xml' for '--log <LOG>' [possible values: text, json]",
        ),
        ("token", "were not provided: --topology <TOPOLOGY>"),
        ("token --topology none.toml", "cannot read none.toml: "),
        ("broadcast --topology none.toml --name b1", "cannot read none.toml: "),
        ("broadcast --topology . --name b1", "cannot read .: "),
        (
            "broadcast --topology c.toml --name b/1",
            "--name: node has '/' at byte 1, only A-Z a-z 0-9 . _ - are allowed",
        ),
        ("broadcast --topology c.toml --name b2", "--name: b2 is not a broadcast of c.toml, these are: b1"),
        ("broadcast --topology c.toml --name p1", "--name: p1 is not a broadcast of c.toml, these are: b1"),
        ("processor --topology c.toml --name B1", "--name: B1 is not a processor of c.toml, these are: p1"),
        (
            "processor --topology c.toml --name p1 --trace-tallies no/such/file",
            "--trace-tallies: cannot write no/such/file: ",
        ),
        ("top --url b1:8080", "--url: \"b1:8080\" is not an http:// URL with a host"),
        ("top --url https://b1", "--url: \"https://b1\" is not an http:// URL with a host"),
        ("top --config none.toml", "cannot read none.toml: "),
        ("top --once --json", "the argument '--once' cannot be used with '--json'"),
        ("echo", "were not provided: --listen <ADDRESS>"),
        ("echo --listen 7700", "invalid value '7700' for '--listen <ADDRESS>': invalid socket address syntax"),
        (
            "echo --listen 127.0.0.1:0 --message-bytes-max 0",
            "invalid value '0' for '--message-bytes-max <BYTES>': 0 is not in 1..=67108864",
        ),
    ];
    for (line, words) in table {
        refused(&watershed(temp.path(), line, &[]), 64, words);
    }
    let long = format!("broadcast --topology c.toml --name {}", "b".repeat(65));
    refused(&watershed(temp.path(), &long, &[]), 64, "--name: node is 65 bytes, 1 to 64 fit");
    let filter = [("WATERSHED_LOG", "info,node=loud")];
    refused(&watershed(temp.path(), "merger --topology c.toml --name m1", &filter), 64, "WATERSHED_LOG: ");
    assert!(!temp.path().join("state").exists(), "nothing was made");
    for line in ["--help", "--version", "broadcast --help"] {
        assert_eq!(watershed(temp.path(), line, &[]).status.code(), Some(0), "{line}");
    }
}

#[test]
fn a_topology_that_cannot_be_run_is_exit_64() {
    let temp = cluster(0, "state");
    for (text, words) in [
        ("", "c.toml: line 1 (): missing field `cluster`"),
        ("[cluster]\nname = 7", "c.toml: line 2 "),
        ("\u{feff}x", "c.toml: line 1 "),
    ] {
        fs::write(temp.path().join("c.toml"), text).unwrap();
        refused(&watershed(temp.path(), "merger --topology c.toml --name m1", &[]), 64, words);
    }
}

#[test]
fn what_the_machine_does_not_give_is_exit_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let temp = cluster(port, "state");
    let words = format!("cannot listen on 127.0.0.1:{port} (HTTP of b1)");
    refused(&watershed(temp.path(), "broadcast --topology c.toml --name b1", &[]), 1, &words);

    refused(
        &watershed(temp.path(), &format!("echo --listen 127.0.0.1:{port}"), &[]),
        1,
        &format!("cannot listen on 127.0.0.1:{port}"),
    );

    let temp = cluster(0, "file/below");
    fs::write(temp.path().join("file"), "").unwrap();
    refused(&watershed(temp.path(), "broadcast --topology c.toml --name b1", &[]), 1, "cannot make file/below/state: ");
}

#[test]
fn a_state_that_does_not_read_is_exit_1_and_left_as_it_is() {
    let temp = cluster(0, "state");
    let map = temp.path().join("state/state/map.json");
    fs::create_dir_all(map.parent().unwrap()).unwrap();
    fs::write(&map, "{\"format\":1}").unwrap();
    for role in ["broadcast", "processor", "merger"] {
        let line = format!("{role} --topology c.toml --name {}1", &role[..1]);
        refused(&watershed(temp.path(), &line, &[]), 1, "map.json: map cannot be read: missing field `epoch`");
    }
    assert_eq!(fs::read_to_string(&map).unwrap(), "{\"format\":1}");
}

#[test]
fn a_log_that_does_not_read_is_exit_1_and_left_as_it_is() {
    let section = |number: u64, body: &[u8]| Section {
        slot: Slot::new(7).unwrap(),
        epoch: Epoch::new(1),
        from: Position::new(number - 1),
        to: Position::new(number),
        body: body.to_vec(),
    };
    // A body without rows, one of another format, and whole records of which one is damaged afterwards.
    let table: [(&[u8], Option<usize>, &str); 3] = [
        (b"", None, "rows of slot 7 after position 0 have format None, only 1 is read"),
        (b"\x09rows", None, "rows of slot 7 after position 0 have format Some(9), only 1 is read"),
        (
            b"\x01row",
            Some(46),
            "segment 0000000000000001 is damaged at byte 0: record 1 (slots 7) was durable and does not read",
        ),
    ];
    for (body, damaged_at, words) in table {
        let temp = cluster(0, "state");
        let directory = temp.path().join("state/data/p1/log");
        let config = LogConfig { segment_bytes: 1 << 20 };
        let opened = watershed_store::open(&directory, config, Base::default(), |_| Ok::<(), String>(()));
        let (mut writer, _) = opened.unwrap();
        for number in 1..=3 {
            writer.append(&[section(number, body)]).unwrap();
        }
        writer.sync().unwrap();
        drop(writer);
        let path = directory.join("0000000000000001.log");
        let mut bytes = fs::read(&path).unwrap();
        if let Some(at) = damaged_at {
            bytes[at] ^= 0x40;
            fs::write(&path, &bytes).unwrap();
        }
        refused(&watershed(temp.path(), "processor --topology c.toml --name p1", &[]), 1, words);
        assert_eq!(fs::read(&path).unwrap(), bytes, "what is refused is left as it is");
    }
}

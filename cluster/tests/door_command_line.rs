//! The door of the launcher's command line: one line that names what is wrong, exit 64, and nothing is started or made.

use std::{fs, process::Command};

const TOPOLOGY: &str = "[cluster]\nname = \"test\"\ndir = \"state\"\nsecret = \"test-secret\"\n[broadcast]\nnodes = 1\n\
    port = 0\n[processor]\nnodes = 1\nport = 0\npeer_port = 0\n[merger]\nport = 0\npeer_port = 0\n";

#[test]
fn a_wrong_command_line_is_one_line_and_exit_64() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("c.toml"), TOPOLOGY).unwrap();
    fs::write(temp.path().join("off.toml"), format!("{TOPOLOGY}[analytics]\non = false\n")).unwrap();
    fs::write(temp.path().join("bad.toml"), TOPOLOGY.replace("nodes = 1", "nodes = 0")).unwrap();
    let table = [
        ("", "a command is needed: up, demo, start, status, urls, token, analytics, stop, kill or logs; see --help"),
        ("analytics --config off.toml", "off.toml keeps no analytics: [analytics] on is false"),
        ("upp", "unrecognized subcommand 'upp'"),
        ("start --config c.toml", "the following required arguments were not provided: <NODE>"),
        ("start b2 --config c.toml", "there is no node \"b2\" in c.toml: m1, p1, b1"),
        ("start ../b1 --config c.toml", "there is no node \"../b1\" in c.toml: m1, p1, b1"),
        ("kill --config c.toml", "were not provided: <NODE>"),
        (
            "kill p1 --signal 9 --config c.toml",
            "invalid value '9' for '--signal <SIGNAL>' [possible values: kill, term, int, stop, cont]",
        ),
        ("kill p9 --config c.toml", "there is no node \"p9\" in c.toml"),
        ("logs -n many --config c.toml", "invalid value 'many' for '--lines <LINES>'"),
        ("logs -n -1 --config c.toml", "unexpected argument '-1' found"),
        ("logs b9 --config c.toml", "there is no node \"b9\" in c.toml"),
        ("status --jsn --config c.toml", "unexpected argument '--jsn' found"),
        ("--respawn stop --config c.toml", "--respawn stands alone or after `up`"),
        ("up --config none.toml", "cannot read none.toml: "),
        ("up --config bad.toml", "bad.toml: [broadcast] nodes is 0, 1 to 256 are allowed"),
        ("up --config", "a value is required for '--config <FILE>'"),
    ];
    for (line, words) in table {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cluster"));
        // Without a topology of ours it would look for one where it is.
        let line = if line.is_empty() { "--config c.toml" } else { line };
        let output = command.args(line.split_ascii_whitespace()).current_dir(temp.path()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{line:?}: {told}");
        assert!(told.starts_with("cluster: ") && told.contains(words), "{line:?}: {told:?} says nothing of {words:?}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(output.stdout.is_empty());
    }
    assert!(!temp.path().join("state").exists(), "nothing was made");
}

//! The door of the load generator's command line: one line that names what is wrong, exit 64, and nobody is connected to.

use std::process::Command;

#[test]
fn a_wrong_command_line_is_one_line_and_exit_64() {
    let a = "--http http://127.0.0.1:9";
    let table = [
        (String::new(), "the following required arguments were not provided: --http <URL>..."),
        ("--http".into(), "a value is required for '--http <URL>...'"),
        ("--http ftp://x".into(), "--http is \"ftp://x\", http://HOST:PORT is needed"),
        ("--http http://".into(), "--http is \"http://\", http://HOST:PORT is needed"),
        ("--http http://ann@b1".into(), "--http is \"http://ann@b1\", http://HOST:PORT is needed"),
        ("--http http://b1:99999".into(), "http://HOST:PORT is needed"),
        ("--http http://b1/v1".into(), "--http is \"http://b1/v1\", http://HOST:PORT is needed"),
        (format!("{a} --viewers 0"), "--viewers is 0, 1 to 19000 is allowed in one process"),
        (format!("{a} --viewers -1"), "unexpected argument '-1' found"),
        (format!("{a} --viewers many"), "invalid value 'many' for '--viewers <VIEWERS>'"),
        (format!("{a} --viewers 1e3"), "invalid value '1e3' for '--viewers <VIEWERS>'"),
        (format!("{a} --likes-per-s inf"), "--likes-per-s is inf, 0 to 100000 is allowed"),
        (format!("{a} --likes-per-s NaN"), "--likes-per-s is NaN, 0 to 100000 is allowed"),
        (format!("{a} --duration=-1"), "--duration is -1, 0 to 86400 is allowed"),
        (format!("{a} --stream a/b"), "--stream: stream has '/' at byte 1"),
        (
            format!("{a} --encoding xml"),
            "--encoding is \"xml\", json, msgpack, compact, compact-deflate, both or all is allowed",
        ),
        (format!("{a} --threads 65"), "--threads is 65, 1 to 64 is allowed in one process"),
        (format!("{a} --viewer 3"), "unexpected argument '--viewer' found"),
        (format!("{a} --json /no/such/directory/report.json"), "--json: cannot write /no/such/directory/report.json: "),
    ];
    for (line, words) in table {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        let output = command.args(line.split_ascii_whitespace()).output().expect("loadgen starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{line:?}: {told}");
        assert!(told.starts_with("loadgen: ") && told.contains(words), "{line:?}: {told:?} says nothing of {words:?}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

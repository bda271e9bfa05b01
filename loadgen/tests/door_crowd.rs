//! The door of the crowd's command line and of its commands: what is wrong is named in one line.

use std::{
    io::Write,
    process::{Command, Stdio},
};

#[test]
fn a_wrong_command_line_is_one_line_and_exit_64() {
    let table = [
        ("", "the following required arguments were not provided:"),
        ("127.0.0.1", "the server is \"127.0.0.1\", HOST:PORT is needed"),
        ("127.0.0.1:9 --encoding xml", "--encoding is \"xml\", json or msgpack is allowed"),
        ("127.0.0.1:9 --handshakes-max 0", "--handshakes-max is 0, 1 to 19000 is allowed"),
        ("127.0.0.1:9 --joins-per-s 0", "--joins-per-s is 0, more than 0 is needed"),
        ("127.0.0.1:9 --asleep 1.5", "--asleep is 1.5, 0 to 1 is allowed"),
        ("127.0.0.1:9 --stream a/b", "--stream: stream has '/' at byte 1"),
        ("127.0.0.1:9 --sources 127.1.0.0", "an IPv4 network such as 127.1.0.0/16 is needed"),
        ("127.0.0.1:9 --markers x", "--markers: "),
    ];
    for (line, words) in table {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crowd"));
        let output = command.args(line.split_ascii_whitespace()).output().expect("crowd starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{line:?}: {told}");
        assert!(told.starts_with("crowd: ") && told.contains(words), "{line:?}: {told:?} says nothing of {words:?}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn what_is_no_command_is_answered_and_the_end_of_the_input_ends_the_crowd() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crowd"));
    let command = command.arg("127.0.0.1:9").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut crowd = command.spawn().expect("crowd starts");
    let mut input = crowd.stdin.take().expect("its input is a pipe");
    input.write_all(b"{\"do\":\"dance\"}\n{\"do\":\"join\",\"viewers\":0}\n").expect("crowd reads");
    drop(input);
    let output = crowd.wait_with_output().expect("crowd ends");
    let said = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<_> = said.lines().collect();
    assert!(output.status.success() && lines.len() >= 2, "{said}");
    assert!(lines[0].contains("\"did\":\"error\"") && lines[0].contains("dance"), "{said}");
    assert_eq!(lines.last(), Some(&"{\"did\":\"end\",\"viewers\":0}"));
}

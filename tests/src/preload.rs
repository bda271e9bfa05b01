//! A disk that fails or lies when it is asked to keep something: `preload/sync.c`, built for the tests that need it.
//!
//! Under tests of the disk, as lines of shell before a node starts. Invariant: only nodes whose prelude has these lines are
//! touched.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The source, beside this crate's.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/preload/sync.c");

/// Builds the library into a directory.
fn build(dir: &Path) -> PathBuf {
    let library = dir.join("sync.so");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", SOURCE, "-ldl", "-o"]).arg(&library);
    let output = command.output().expect("a C compiler: apt-get install -y gcc libc6-dev");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    library
}

/// Prelude of a cluster in which nothing is kept that nodes of this role ask their disks to keep.
pub fn forgets(dir: &Path, role: &str) -> String {
    let library = build(dir);
    format!("if [ \"$1\" = {role} ]; then export SYNC_FORGETS=1 LD_PRELOAD='{}'; fi", library.display())
}

/// Prelude of a cluster in which the syncs of node NAME fail for as long as there is a file `dir/NAME`.
pub fn fails(dir: &Path) -> String {
    let library = build(dir);
    format!("export SYNC_FAILS='{}'/\"$5\" LD_PRELOAD='{}'", dir.display(), library.display())
}

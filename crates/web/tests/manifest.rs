//! The committed built files are those of the committed sources: `MANIFEST` lists both, byte for byte.
//!
//! Beside `make web-check`, which builds again and compares: this needs no npm, and so runs everywhere. Invariant: a source
//! that was changed without `make web` does not pass.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy sees only in `#[test]` functions")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// What is listed, as `scripts/manifest.mjs` has it: files, and folders with all that is in them.
const LISTED: [&str; 11] = [
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "client/package.json",
    "client/tsconfig.json",
    "client/src",
    "pages",
    "scripts",
    "built",
    "client/dist",
    "vendor",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Path and SHA-256 of everything that is listed.
fn listed() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("MANIFEST")).unwrap();
    let line = |line: &str| line.split_once("  ").map(|(digest, path)| (path.to_owned(), digest.to_owned())).unwrap();
    text.lines().map(line).collect()
}

/// Path and SHA-256 of everything that is there.
fn there() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut left: Vec<PathBuf> = LISTED.iter().map(|path| root().join(path)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            found.insert(name, digest(&fs::read(&path).unwrap()));
        }
    }
    found
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is different between the list and the folders.
fn differences(listed: &BTreeMap<String, String>, there: &BTreeMap<String, String>) -> Vec<String> {
    let unlisted = there.keys().filter(|path| !listed.contains_key(*path)).map(|path| format!("{path} is not listed"));
    let other = listed.iter().filter_map(|(path, digest)| match there.get(path) {
        None => Some(format!("{path} is missing")),
        Some(found) if found != digest => Some(format!("{path} has changed")),
        Some(_) => None,
    });
    unlisted.chain(other).collect()
}

#[test]
fn sources_and_built_files_are_those_of_the_list() {
    let differences = differences(&listed(), &there());
    assert!(differences.is_empty(), "sources and built files differ: run make web\n{}", differences.join("\n"));
}

#[test]
fn a_changed_a_missing_and_a_new_file_are_found() {
    let (listed, mut there) = (listed(), there());
    there.insert("pages/index.html".to_owned(), digest(b"another page"));
    there.remove("built/operator.html");
    there.insert("client/src/new.ts".to_owned(), digest(b""));
    let mut found = differences(&listed, &there);
    // What else differs is the other test's business.
    found.retain(|line| {
        ["pages/index.html", "built/operator.html", "client/src/new.ts"].iter().any(|at| line.starts_with(at))
    });
    found.sort();
    assert_eq!(
        found,
        ["built/operator.html is missing", "client/src/new.ts is not listed", "pages/index.html has changed"]
    );
}

/// The lines of a lock file that name another place than the public registry to load a package from.
fn strangers(lock: &str) -> Vec<&str> {
    let lines = lock.lines().map(str::trim).filter(|line| line.contains("://"));
    // Where a package asks for money is no place that it comes from.
    let places = lines.filter(|line| !line.starts_with("\"url\": ") && !line.starts_with("\"funding\": "));
    places.filter(|line| !line.starts_with("\"resolved\": \"https://registry.npmjs.org/")).collect()
}

#[test]
fn packages_come_from_the_public_registry_only() {
    let lock = fs::read_to_string(root().join("package-lock.json")).unwrap();
    assert_eq!(strangers(&lock), Vec::<&str>::new());
    let other = "\"resolved\": \"https://registry.npmjs.org.example.com/vite.tgz\",";
    assert_eq!(strangers(&format!("{lock}      {other}\n")), [other]);
}

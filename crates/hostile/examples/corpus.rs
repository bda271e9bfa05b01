//! Writes every door's true messages where cargo-fuzz looks for them: `corpus DIRECTORY`.

use std::{env, fs, io, path::PathBuf};

use watershed_hostile::DOORS;

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.ok_or_else(|| io::Error::other("a directory is needed"))?;
    for door in DOORS {
        let directory = directory.join(door.name);
        fs::create_dir_all(&directory)?;
        for (number, bytes) in (0..).zip((door.corpus)()) {
            fs::write(directory.join(format!("sample-{number}")), bytes)?;
        }
    }
    Ok(())
}

//! A small ext4 file system in a file, and what a power cut leaves of it.
//!
//! Under tests that cut the power or fill the disk. A processor's writes to the mounted file system stay in the page cache
//! until something asks for them to be durable; only then do they go through the loop device into the file below. So a
//! copy of that *file*, made without unmounting or syncing first, is what a disk holds when the power fails: what was
//! synced is there, what was not is gone, and the copy's journal is replayed when it is mounted. (A copy of the loop
//! *device* would be no cut: reads of it see the file system's unwritten metadata.) Three things keep it honest:
//!
//! * The file system has its journal committed only on demand (`commit=600`), and does not guess that a rename wants its
//!   data written (`noauto_da_alloc`), so that a forgotten sync is not forgiven.
//! * The kernel may write back by itself while the copy is made. The device counts its writes, and a copy during which
//!   it wrote is thrown away: what is kept is the state of one moment.
//! * What the device was given without a flush is in the copy, too: a real disk may lose that as well. This cut is
//!   therefore milder than the worst one; the simulator's disk loses any part of it.
//!
//! Invariant: when the value is dropped, nothing is mounted and no loop device is taken.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};

/// How the file system is mounted, see the head of the file.
const OPTIONS: &str = "noatime,noauto_da_alloc,commit=600";

/// Copies that may be spoiled by the kernel's own writing before that is an error.
const COPIES_MAX: usize = 50;

/// A mounted image.
#[derive(Debug)]
pub struct Image {
    file: PathBuf,
    at: PathBuf,
    /// The name of its loop device, such as loop0.
    device: String,
}

impl Image {
    /// Why this machine cannot mount images; nothing if it can.
    pub fn impossible() -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return Some("only root may mount an image".into());
        }
        if let Err(error) = File::options().read(true).write(true).open("/dev/loop-control") {
            return Some(format!("there are no loop devices: /dev/loop-control: {error}"));
        }
        match run(Command::new("losetup").arg("--find")).and_then(|_| run(Command::new("mkfs.ext4").arg("-V"))) {
            Ok(_) => None,
            Err(error) => Some(format!("{error:#}")),
        }
    }

    /// Makes a file system of so many bytes in a new file, and mounts it at a new directory; both in `home`.
    pub fn create(home: &Path, bytes: u64) -> anyhow::Result<Self> {
        let (file, at) = (home.join("image-0"), home.join("disk"));
        fs::create_dir(&at).with_context(|| format!("cannot make {}", at.display()))?;
        let made = File::create_new(&file).and_then(|made| made.set_len(bytes));
        made.with_context(|| format!("cannot make {}", file.display()))?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&file))?;
        Self::mount(file, at)
    }

    fn mount(file: PathBuf, at: PathBuf) -> anyhow::Result<Self> {
        let path = run(Command::new("losetup").args(["--find", "--show"]).arg(&file))?;
        let device = path.trim().trim_start_matches("/dev/").to_owned();
        let mounted = run(Command::new("mount").args(["-t", "ext4", "-o", OPTIONS, path.trim()]).arg(&at));
        // The device goes when the mount does, or now if there is none.
        run(Command::new("losetup").arg("--detach").arg(path.trim()))?;
        mounted?;
        Ok(Self { file, at, device })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Cuts the power: what is mounted from now on, at the same place, is what the disk held at this moment. Nothing may
    /// have files open there any more. Gives the bytes that the copy takes.
    pub fn cut(&mut self) -> anyhow::Result<u64> {
        let number: u64 = self.file.to_string_lossy().rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let copy = self.file.with_file_name(format!("image-{}", number + 1));
        self.copy_of_a_moment(&copy)?;
        // Only now: this writes everything out, to a file that nobody reads again.
        run(Command::new("umount").arg(&self.at))?;
        fs::remove_file(&self.file).with_context(|| format!("cannot remove {}", self.file.display()))?;
        let mounted = Self::mount(copy, self.at.clone())?;
        // The old value has nothing left to unmount.
        std::mem::forget(std::mem::replace(self, mounted));
        let metadata = fs::metadata(&self.file).context("the copy is gone")?;
        Ok(std::os::unix::fs::MetadataExt::blocks(&metadata) * 512)
    }

    fn copy_of_a_moment(&self, copy: &Path) -> anyhow::Result<()> {
        for _ in 0..COPIES_MAX {
            let before = self.written()?;
            run(Command::new("cp").arg("--sparse=always").arg(&self.file).arg(copy))?;
            if before == self.written()? && before.in_flight == 0 {
                return Ok(());
            }
        }
        bail!("{} was written to during each of {COPIES_MAX} copies", self.device)
    }

    fn written(&self) -> anyhow::Result<Written> {
        let path = format!("/sys/block/{}/stat", self.device);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let fields: Vec<u64> = text.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
        ensure!(fields.len() > 8, "{path} is {text:?}");
        Ok(Written { writes: fields[4], sectors: fields[6], in_flight: fields[8] })
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // Lazily, for a panic may come here while a node still runs.
        if let Err(error) = run(Command::new("umount").arg("--lazy").arg(&self.at)) {
            eprintln!("{error:#}");
        }
    }
}

/// What a block device has been given, from the kernel's own counters.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Written {
    writes: u64,
    sectors: u64,
    in_flight: u64,
}

/// Runs a command to its end; gives what it said.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let named = format!("{command:?}");
    let output = command.output().with_context(|| format!("{named} cannot run"))?;
    ensure!(output.status.success(), "{named}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

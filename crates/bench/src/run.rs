//! The conductor: starts a server and a crowd, gives both their orders, and prints tables.
//!
//! Above the servers, in processes of its own. Invariant: servers that are compared are measured in alternation, and what
//! is said of them is the median of the pairs, with the least and the greatest.

mod machine;
mod pairs;
mod process;
mod scenes;
mod spread;
mod stage;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::run::stage::Setting;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only this one, instead of all.
    #[arg(long)]
    scene: Option<Scene>,
    /// Sittings of each server that is compared.
    #[arg(long, default_value_t = 7)]
    pairs: usize,
    /// Seconds of one window.
    #[arg(long, default_value_t = 2.5)]
    window_s: f64,
    /// Sizes of the crowd.
    #[arg(long, value_delimiter = ',', default_value = "1000,5000,15000")]
    viewers: Vec<u32>,
    /// Frames a second; 0 for twice what one core can send one by one.
    #[arg(long, value_delimiter = ',', default_value = "1,5,10,0")]
    rates: Vec<f64>,
    /// Short and rough: three pairs, one size, two rates, short scenes.
    #[arg(long)]
    quick: bool,
    /// The client rests so long between looks at its sockets.
    #[arg(long, default_value_t = 0)]
    nap_us: u64,
    /// The crowd's program; beside this one when absent.
    #[arg(long)]
    crowd: Option<PathBuf>,
}

/// One table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scene {
    /// What a frame costs, and joins, and memory: the three servers in alternation.
    Frames,
    /// What viewers cost who are sent nothing but beats.
    Idle,
    /// A tenth of the viewers reads nothing for a minute.
    Asleep,
    /// Offered ten times what can be sent one by one.
    Overload,
    /// 15,000 viewers come back at once.
    Reconnect,
    /// One stream and two workers.
    Hot,
}

/// Runs the scenes.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let fanout = std::env::current_exe().context("this program has no path")?;
    let crowd = options.crowd.clone().unwrap_or_else(|| fanout.with_file_name("crowd"));
    let setting = Setting { fanout, crowd, nap_us: options.nap_us };
    println!("cores: {}", std::thread::available_parallelism().map_or(1, usize::from));
    let scenes = options.scene.map_or_else(|| Scene::value_variants().to_vec(), |scene| vec![scene]);
    for scene in scenes {
        match scene {
            Scene::Frames => pairs::frames(&setting, &pairs_of(options))?,
            Scene::Idle => scenes::idle(&setting, options.quick)?,
            Scene::Asleep => scenes::asleep(&setting, options.quick)?,
            Scene::Overload => scenes::overload(&setting, options.quick)?,
            Scene::Reconnect => scenes::reconnect(&setting)?,
            Scene::Hot => scenes::hot(&setting, options.quick)?,
        }
    }
    Ok(())
}

fn pairs_of(options: &Options) -> pairs::Pairs {
    let Options { pairs, window_s, ref viewers, ref rates, quick, .. } = *options;
    if quick {
        return pairs::Pairs { pairs: pairs.min(3), window_s: 1.5, viewers: vec![10_000], rates: vec![5.0] };
    }
    pairs::Pairs { pairs, window_s, viewers: viewers.clone(), rates: rates.clone() }
}

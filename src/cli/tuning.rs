//! The kernels of a run: forced by the environment, stored by an earlier run, or found by a short search.

use std::env;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sukashi::kernels::{Choices, MatmulShape};
use sukashi::tuning::{Tuning, tune, tune_fusion, tune_gemm};
use sukashi::{Device, Model, Result, shown};

use super::cache::cache_folder;
use super::output::note;
use super::progress::Progress;
use super::terminal::Terminal;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Model")]
pub struct TuningArgs {
    /// Use the default kernels: neither search for faster ones nor use those that an earlier search found
    #[arg(long, hide_short_help = true)]
    no_tune: bool,
}

/// The time that a run other than `tune` may spend on the search.
const BUDGET: Duration = Duration::from_secs(1);

/// The shares of that time for the shapes of products, and for the kernels of a prompt.
const SHARE_OF_SHAPES: f64 = 0.5;
const SHARE_OF_PREFILL: f64 = 0.25;

/// The time that `tune` may spend.
const UNLIMITED: Duration = Duration::from_secs(3600);

/// A smaller model finishes before the search would.
const WORTHWHILE_BYTES: usize = 50 << 20;

/// `model` with the variant in `SUKASHI_VARIANT`, else with the stored choices, else, for a large model, with the result of a search of
/// one second. An error in the stored file does not stop the run.
pub fn prepare(model: Model, args: &TuningArgs, terminal: &Terminal) -> Result<Model> {
    let device = model.device();
    if let Some(choices) = forced(device)? {
        return model.with_choices(choices);
    }
    let products = model.matmul_shapes();
    if args.no_tune || matches!(device, Device::Cpu | Device::Twins) {
        return Ok(model);
    }
    let stored = Stored::of(device);
    let known = stored.read();
    // A software adapter needs more than the whole time to compile one more candidate.
    let tunes_passes = !matches!(device, Device::Gpu(gpu) if gpu.is_software());
    let knows_passes = known.covers_gemm(&products) && known.fusion(&products).is_some();
    if known.covers(&products) && (!tunes_passes || knows_passes) {
        return model.with_choices(known.choices(device, &products));
    }
    let bytes: usize = products.iter().map(|product| product.weight_bytes).sum();
    if bytes < WORTHWHILE_BYTES {
        return Ok(model);
    }
    let mut progress = Progress::new(terminal.words("調整中", "tuning"));
    let deadline = Instant::now() + BUDGET;
    let budget = BUDGET.mul_f64(SHARE_OF_SHAPES);
    let mut found =
        pollster::block_on(tune(device, &products, budget, &mut |done, total| progress.set(done, total)))?;
    if tunes_passes {
        let shaped = model.with_choices(found.choices(device, &products))?;
        // A search that ran out of time continues in the next run.
        let unknown: Vec<MatmulShape> =
            products.iter().copied().filter(|product| known.gemm_kernel(product).is_none()).collect();
        let budget = BUDGET.mul_f64(SHARE_OF_PREFILL);
        found.extend(pollster::block_on(tune_gemm(device, &unknown, budget, &mut |_, _| {}))?);
        found.set_fusion(&products, pollster::block_on(tune_fusion(&shaped, deadline))?);
    }
    drop(progress);
    model.with_choices(stored.keep(known, found).choices(device, &products))
}

/// The variant in `SUKASHI_VARIANT`, if that is set.
pub fn forced(device: &Device) -> Result<Option<Choices>> {
    let Some(variant) = env::var("SUKASHI_VARIANT").ok().filter(|variant| !variant.is_empty()) else {
        return Ok(None);
    };
    Choices::forced(device, &variant).map(Some).map_err(|error| error.hint("SUKASHI_VARIANT says so"))
}

/// The result of a search without a time limit.
pub struct Found {
    pub tuning: Tuning,
    /// The file that stores it.
    pub path: Option<PathBuf>,
}

/// Searches without a time limit, and stores and returns the result.
pub fn run_fully(model: &Model, terminal: &Terminal) -> Result<Found> {
    let (device, products) = (model.device(), model.matmul_shapes());
    let stored = Stored::of(device);
    let mut progress = Progress::new(terminal.words("調整中", "tuning"));
    let mut set_progress = |done, total| progress.set(done, total);
    let mut found = pollster::block_on(tune(device, &products, UNLIMITED, &mut set_progress))?;
    found.extend(pollster::block_on(tune_gemm(device, &products, UNLIMITED, &mut set_progress))?);
    let shaped = model.with_choices(found.choices(device, &products))?;
    found.set_fusion(&products, pollster::block_on(tune_fusion(&shaped, Instant::now() + UNLIMITED))?);
    drop(progress);
    let tuning = stored.keep(stored.read(), found);
    Ok(Found { tuning, path: stored.path })
}

/// The file that stores a device's tuning.
struct Stored {
    key: String,
    /// `None` if the user has no folder for caches.
    path: Option<PathBuf>,
}

impl Stored {
    fn of(device: &Device) -> Self {
        let key = Tuning::key(device);
        let path = cache_folder().map(|folder| folder.join("tuning").join(format!("{}.json", &key[..16])));
        Self { key, path }
    }

    /// Reads the stored tuning. Prints a note and returns none if the file is unusable.
    fn read(&self) -> Tuning {
        let Some(path) = &self.path else { return Tuning::default() };
        match Tuning::read(path, &self.key) {
            Ok(tuning) => tuning.unwrap_or_default(),
            Err(error) => {
                let path = path.display().to_string();
                note(&format!("note: {}: {error}; it is not used", shown::line(&path)));
                Tuning::default()
            }
        }
    }

    /// Stores `found` together with `known`, and returns both.
    fn keep(&self, mut known: Tuning, found: Tuning) -> Tuning {
        known.extend(found);
        if let Some(path) = &self.path
            && let Err(error) = known.write(path, &self.key)
        {
            note(&format!("note: {error}"));
        }
        known
    }
}

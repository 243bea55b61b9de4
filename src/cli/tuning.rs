//! The device's tuning: forced, stored from an earlier run, or found now.

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

/// What tuning may take of a run that was not started for it.
const BUDGET: Duration = Duration::from_secs(1);

/// Of that, for the shapes of products, and for the kernels of a prompt's.
const SHARE_OF_SHAPES: f64 = 0.5;
const SHARE_OF_PREFILL: f64 = 0.25;

/// For who asked for tuning.
const UNLIMITED: Duration = Duration::from_secs(3600);

/// A model whose token reads less is over before tuning would be.
const WORTHWHILE_BYTES: usize = 50 << 20;

/// `model` with the variant in `SUKASHI_VARIANT`, or else with what is stored for it, or else, if it is large, with what a second of trying
/// finds. Nothing that goes wrong with what is stored stops a run.
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
    // A software adapter takes longer than there is to compile what one more candidate needs.
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
        // What there was no time for goes on where it ended.
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

/// What is found where there is no limit of time.
pub struct Found {
    pub tuning: Tuning,
    /// Where it is kept.
    pub path: Option<PathBuf>,
}

/// Tunes `model`'s device for it without a limit of time, keeps what comes out, and gives it.
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

/// Where a device's tuning is kept.
struct Stored {
    key: String,
    /// `None` where the user has no folder for caches.
    path: Option<PathBuf>,
}

impl Stored {
    fn of(device: &Device) -> Self {
        let key = Tuning::key(device);
        let path = cache_folder().map(|folder| folder.join("tuning").join(format!("{}.json", &key[..16])));
        Self { key, path }
    }

    /// What is stored; nothing where it cannot be used, which is said.
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

    /// Stores `found` beside what was `known`, and gives both.
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

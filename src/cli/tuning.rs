//! The device's tuning: forced, stored from an earlier run, or found now.

use std::env;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sukashi::kernels::{Int8Shapes, Product};
use sukashi::tuning::{Quality, Tuning, tune, tune_fusion, tune_int8, tune_prefill};
use sukashi::{Device, Model, Result, Session, shown};

use super::cache::cache_folder;
use super::output::note;
use super::progress::Progress;
use super::terminal::Terminal;

/// What tuning may take of a run that was not started for it.
const BUDGET: Duration = Duration::from_secs(1);

/// Of that, for the shapes of products, and for the kernels of a prompt's.
const SHARE_OF_SHAPES: f64 = 0.5;
const SHARE_OF_PREFILL: f64 = 0.25;

/// For who asked for tuning.
const UNLIMITED: Duration = Duration::from_secs(3600);

/// A model whose token reads less is over before tuning would be.
const WORTHWHILE_BYTES: usize = 50 << 20;

/// Gives `device` the variant in `SUKASHI_VARIANT`, or else what is stored for `model`, or else, if it is large, what a second of trying
/// finds. Nothing that goes wrong with what is stored stops a run.
pub fn prepare(model: &Model, no_tune: bool, terminal: &Terminal) -> Result<()> {
    let device = model.device();
    if force(device)? {
        return Ok(());
    }
    let products = model.products();
    if no_tune || matches!(device, Device::Cpu | Device::Twins) {
        return Ok(());
    }
    let stored = Stored::of(device);
    let known = stored.read();
    // A software adapter takes longer than there is to compile what one more candidate needs.
    let tunes_passes = !matches!(device, Device::Gpu(gpu) if gpu.is_software());
    let knows_passes = known.covers_prefill(&products) && known.fusion(&products).is_some();
    if known.covers(&products) && (!tunes_passes || knows_passes) {
        device.set_tuning(known);
        return Ok(());
    }
    let bytes: usize = products.iter().map(|product| product.weight_bytes).sum();
    if bytes < WORTHWHILE_BYTES {
        return Ok(());
    }
    let mut progress = Progress::new(terminal.words("調整中", "tuning"));
    let deadline = Instant::now() + BUDGET;
    let budget = BUDGET.mul_f64(SHARE_OF_SHAPES);
    let mut found =
        pollster::block_on(tune(device, &products, budget, &mut |done, total| progress.set(done, total)))?;
    device.set_tuning(found.clone());
    if tunes_passes {
        // What there was no time for goes on where it ended.
        let unknown: Vec<Product> =
            products.iter().copied().filter(|product| known.prefill(product).is_none()).collect();
        let budget = BUDGET.mul_f64(SHARE_OF_PREFILL);
        found.extend(pollster::block_on(tune_prefill(device, &unknown, budget, &mut |_, _| {}))?);
        found.set_fusion(&products, pollster::block_on(tune_fusion(model, deadline))?);
    }
    drop(progress);
    device.set_tuning(stored.keep(known, found));
    Ok(())
}

/// Gives `device` the variant in `SUKASHI_VARIANT`, if that is set.
pub fn force(device: &Device) -> Result<bool> {
    let Some(variant) = env::var("SUKASHI_VARIANT").ok().filter(|variant| !variant.is_empty()) else {
        return Ok(false);
    };
    let forced = Tuning::forced(&variant).and_then(|tuning| tuning.check(device).map(|()| tuning));
    device.set_tuning(forced.map_err(|error| error.hint("SUKASHI_VARIANT says so"))?);
    Ok(true)
}

/// What is found where there is no limit of time.
pub struct Found {
    pub tuning: Tuning,
    /// What came of rounding, if it was asked for.
    pub int8: Option<Int8>,
    /// Where it is kept.
    pub path: Option<PathBuf>,
}

/// What came of rounding activations to eight bits.
pub struct Int8 {
    /// The products that are faster so.
    pub shapes: Int8Shapes,
    /// What that changes; nothing to see where there is no such product.
    pub quality: Option<Quality>,
}

impl Int8 {
    /// Whether later runs round.
    pub fn is_kept(&self) -> bool {
        self.quality.is_some_and(|quality| quality.passes() && quality.is_faster())
    }
}

/// Tunes `model`'s device for it without a limit of time, keeps what comes out, and gives it. Activations are rounded by later runs if
/// that is asked for here, faster, and changes little; otherwise no longer.
pub fn run_fully(model: &Model, rounds: bool, terminal: &Terminal) -> Result<Found> {
    let (device, products) = (model.device(), model.products());
    let text = if rounds { Quality::ids(model)? } else { Vec::new() };
    let stored = Stored::of(device);
    let mut progress = Progress::new(terminal.words("調整中", "tuning"));
    let mut set_progress = |done, total| progress.set(done, total);
    let mut found = pollster::block_on(tune(device, &products, UNLIMITED, &mut set_progress))?;
    found.extend(pollster::block_on(tune_prefill(device, &products, UNLIMITED, &mut set_progress))?);
    device.set_tuning(found.clone());
    found.set_fusion(&products, pollster::block_on(tune_fusion(model, Instant::now() + UNLIMITED))?);
    device.set_tuning(found.clone());
    drop(progress);
    let int8 = if rounds { Some(round(model, &text, terminal)?) } else { None };
    let mut known = stored.read();
    let shapes = int8.as_ref().filter(|int8| int8.is_kept()).map(|int8| int8.shapes.clone());
    if shapes.is_some() || known.int8(model)?.is_some() {
        known.set_int8(model, shapes.unwrap_or_default())?;
    }
    let tuning = stored.keep(known, found);
    Ok(Found { tuning, int8, path: stored.path })
}

/// Finds the products that are faster with rounded activations, and what these change in the predictions of `text`.
fn round(model: &Model, text: &[u32], terminal: &Terminal) -> Result<Int8> {
    let mut progress = Progress::new(terminal.words("調整中（int8）", "tuning int8"));
    let see = &mut |done, total| progress.set(done, total);
    let shapes = pollster::block_on(tune_int8(model.device(), &model.products(), see))?;
    drop(progress);
    if shapes.is_empty() {
        return Ok(Int8 { shapes, quality: None });
    }
    let mut reference = Session::with_max_seq_len(model, text.len())?;
    let mut tested = Session::with_max_seq_len(&model.with_int8(shapes.clone()), text.len())?;
    let mut progress = Progress::new(terminal.words("比較中", "comparing"));
    let see = &mut |done, total| progress.set(done, total);
    let quality = pollster::block_on(Quality::compare(&mut reference, &mut tested, text, see))?;
    Ok(Int8 { shapes, quality: Some(quality) })
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

//! Compares a device with the CPU twins: every kernel over a sweep of shapes, and the embedded model.
//!
//! Some drivers miscompile shaders. A user who sees strange text runs this, and learns which kernel is wrong on which
//! adapter.
//!
//! ```
//! # pollster::block_on(async {
//! use sukashi::{Device, kernels, verify};
//!
//! let case = verify::Case::Rows { num_tokens: 2, columns: 65, values: verify::Values::Ordinary };
//! let worst = verify::check(&Device::Cpu, kernels::REGISTRY[0], &case).await?;
//! assert_eq!(worst.error, 0.0);
//! # Ok::<(), sukashi::Error>(()) }).unwrap();
//! ```

mod compare;
mod expectations;
mod model;

pub use crate::kernels::{AttentionCase, Before, Case, Values};
pub use compare::{Worst, compare};
pub use expectations::{EXPECTATIONS, Expectation};

use crate::device::{Device, Readback};
use crate::error::Result;
use crate::kernels::{Choices, KernelSweep, REGISTRY, Setup};
use crate::model::Model;

/// The result of a verification.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// A row for each kernel, by name, then the rows of the model.
    pub rows: Vec<Row>,
}

impl Report {
    /// Returns whether every row is within its tolerance, or is expected to fail.
    pub fn passed(&self) -> bool {
        self.rows.iter().all(|row| row.passed || row.expected.is_some())
    }
}

/// The result for a kernel, or for a part of the model's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The kernel's name, or the model's name and the compared numbers.
    pub kernel: String,
    /// The number of computed cases.
    pub cases: usize,
    /// The largest error, in percent of the tolerance. It is infinite if a value is not a number, or if only one of
    /// kernel and twin wrote it.
    pub worst_percent: f64,
    /// The case of that error, the element, and its values.
    pub worst_case: String,
    /// Whether every case is within its tolerance.
    pub passed: bool,
    /// Why the kernel is expected to fail on this adapter. `None` if it is not expected to fail.
    pub expected: Option<&'static Expectation>,
}

impl Row {
    fn new(kernel: impl Into<String>) -> Self {
        Self {
            kernel: kernel.into(),
            cases: 0,
            worst_percent: 0.0,
            worst_case: String::new(),
            passed: true,
            expected: None,
        }
    }

    /// Adds a case with its error as a fraction of the tolerance. `describe` names the case if it is the worst so far.
    fn add(&mut self, error: f64, describe: impl FnOnce() -> String) {
        self.cases += 1;
        // In this form, NaN fails.
        self.passed &= error <= 1.0;
        let percent = if error.is_nan() { f64::INFINITY } else { 100.0 * error };
        if self.worst_case.is_empty() || percent > self.worst_percent {
            self.worst_percent = percent;
            self.worst_case = describe();
        }
    }
}

/// Computes the cases of all kernels of [`REGISTRY`] that `device` can run, and the embedded model, on `device` with
/// these `choices` and with the twins. `progress` gets the number of finished rows, the number of all rows, and the
/// name of the next row.
///
/// # Errors
/// If the device fails. The report has wrong results, and marks known failures ([`EXPECTATIONS`]).
pub async fn run(
    device: &Device,
    choices: &Choices,
    progress: &mut dyn FnMut(usize, usize, &str),
) -> Result<Report> {
    let sweeps = || REGISTRY.into_iter().filter(|sweep| device.runs(sweep.kernel));
    let total = sweeps().count() + model::NUM_ROWS;
    let mut rows = Vec::with_capacity(total);
    for sweep in sweeps() {
        progress(rows.len(), total, sweep.kernel.name);
        rows.push(run_sweep(device, choices, sweep, 1).await?);
    }
    progress(rows.len(), total, model::NAME);
    rows.extend(model::check_embedded(device, choices).await?);
    progress(total, total, "");
    Ok(Report { rows })
}

/// Computes a model on its device and with the twins along the same tokens: hidden states layer by layer, attention,
/// logits, and decoding. A failed row names the first layer that diverges.
///
/// `twin` is the same model on [`Device::Twins`].
///
/// # Errors
/// If the device fails.
///
/// # Panics
/// If the two are different models.
pub async fn run_model(tested: &Model, twin: &Model) -> Result<Report> {
    assert_eq!(tested.spec(), twin.spec(), "one model on two devices");
    let name = twin.name();
    let pair = model::Pair { name, tested, twin, tolerances: model::Tolerances::ANY };
    Ok(Report { rows: model::check(pair).await? })
}

/// Computes a kernel over its cases.
///
/// # Errors
/// If the device fails.
pub async fn sweep_kernel(device: &Device, sweep: &KernelSweep) -> Result<Row> {
    sample_kernel(device, sweep, 1).await
}

/// Computes every `stride`-th case of a kernel, beginning with the first. All cases take minutes on some devices.
///
/// # Errors
/// If the device fails.
///
/// # Panics
/// If `stride` is 0.
pub async fn sample_kernel(device: &Device, sweep: &KernelSweep, stride: usize) -> Result<Row> {
    run_sweep(device, &Choices::of(device), sweep, stride).await
}

/// The same with `choices` for all that a case does not set.
async fn run_sweep(device: &Device, choices: &Choices, sweep: &KernelSweep, stride: usize) -> Result<Row> {
    let mut row = Row::new(sweep.kernel.name);
    row.expected = expectations::find(EXPECTATIONS, sweep.kernel.name, &device.info());
    for case in (sweep.cases)().into_iter().step_by(stride) {
        let worst = check_chosen(device, choices, sweep, &case).await?;
        row.add(worst.error, || format!("{case}: {}", worst.place));
    }
    if row.cases == 0 {
        row.passed = false;
        row.worst_case = "the sweep has no case for it".into();
    }
    Ok(row)
}

/// Computes one case of a kernel on `device` and with the twins, and compares them.
///
/// Inputs are pseudo-random, and the same every time. Before the run, every element of the outputs has a pattern, even
/// in the padding. The kernel must write exactly the elements that the twin writes.
///
/// # Errors
/// If the device fails.
///
/// # Panics
/// If the case is for another kind of kernel.
pub async fn check(device: &Device, sweep: &KernelSweep, case: &Case) -> Result<Worst> {
    check_chosen(device, &Choices::of(device), sweep, case).await
}

/// Computes one case of a kernel on `device`. Returns the words of each output.
///
/// # Errors
/// If the device fails.
///
/// # Panics
/// If the case is for another kind of kernel.
pub async fn outputs(device: &Device, sweep: &KernelSweep, case: &Case) -> Result<Vec<Vec<u32>>> {
    let computed = compute(sweep.set_up(device, &Choices::of(device), case)?).await?;
    Ok(computed.into_iter().map(|output| output.words).collect())
}

async fn check_chosen(device: &Device, choices: &Choices, sweep: &KernelSweep, case: &Case) -> Result<Worst> {
    let wanted = sweep.set_up(&Device::Twins, &Choices::of(&Device::Twins), case)?;
    let tested = sweep.set_up(device, choices, case)?;
    let (wanted, tested) = (compute(wanted).await?, compute(tested).await?);
    let tolerance = sweep.tolerance(case);
    let mut worst = Worst::default();
    for (want, got) in wanted.iter().zip(&tested) {
        let found = compare(tolerance, &want.initial, &got.words, &want.words);
        if worst.place.is_empty() || found.error > worst.error {
            worst = Worst { place: format!("{} {}", want.label, found.place), ..found };
        }
    }
    Ok(worst)
}

/// An output after the run.
struct Computed {
    label: &'static str,
    initial: Vec<u32>,
    words: Vec<u32>,
}

async fn compute(Setup { plan, batch, outputs }: Setup) -> Result<Vec<Computed>> {
    let device = plan.device().clone();
    let program = device.compile(&plan.lower()?.recording)?;
    let mut recorder = device.record();
    program.run(batch, &mut recorder);
    device.submit(recorder)?;
    let words = outputs.iter().map(|output| output.initial.len()).max().unwrap_or(0);
    let mut readback = Readback::new(&device, words)?;
    let mut computed = Vec::with_capacity(outputs.len());
    for output in outputs {
        let buffer = output.tensor.buffer();
        let words = readback.submit_and_read(device.record(), buffer, output.initial.len()).await?.to_vec();
        computed.push(Computed { label: output.label, initial: output.initial, words });
    }
    Ok(computed)
}

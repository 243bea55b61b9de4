//! Holding a device against the CPU twins: every kernel over a sweep of shapes, and the embedded model.
//!
//! Drivers miscompile. A user who sees strange text runs this and learns which kernel is wrong on which adapter.
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

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// One row for each kernel, by name, then the model's.
    pub rows: Vec<Row>,
}

impl Report {
    /// Whether everything is within its tolerance, or expected not to be.
    pub fn passed(&self) -> bool {
        self.rows.iter().all(|row| row.passed || row.expected.is_some())
    }
}

/// What was found of one kernel, or of one aspect of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The kernel's name, or the model's and what of it.
    pub kernel: String,
    /// How many cases were computed.
    pub cases: usize,
    /// The largest error, in percent of the tolerance; infinite where a value is not a number, or was written or left
    /// unwritten against the twin.
    pub worst_percent: f64,
    /// The case of that error, the element, and its values.
    pub worst_case: String,
    /// Whether every case is within its tolerance.
    pub passed: bool,
    /// Why the kernel is expected to fail on this adapter; `None` where it is not.
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

    /// Adds a case with its error as a fraction of the tolerance; `describe` names it if it is the worst so far.
    fn add(&mut self, error: f64, describe: impl FnOnce() -> String) {
        self.cases += 1;
        // Written so that NaN fails.
        self.passed &= error <= 1.0;
        let percent = if error.is_nan() { f64::INFINITY } else { 100.0 * error };
        if self.worst_case.is_empty() || percent > self.worst_percent {
            self.worst_percent = percent;
            self.worst_case = describe();
        }
    }
}

/// Computes all of [`REGISTRY`] that `device` can run over their cases, and the embedded model, on `device`, as `choices` say, and with the
/// twins; `progress` is told the number of rows done, of how many, and what comes next.
///
/// # Errors
/// If the device fails; what it computes wrongly is in the report, with what is known of it ([`EXPECTATIONS`]).
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
        rows.push(run_sweep(device, choices, sweep).await?);
    }
    progress(rows.len(), total, model::NAME);
    rows.extend(model::check_embedded(device, choices).await?);
    progress(total, total, "");
    Ok(Report { rows })
}

/// Computes a model on its device and, forced along the same tokens, with the twins: hidden states layer by layer,
/// attention, logits, and decoding. A row that fails names the first layer that diverges.
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
    run_sweep(device, &Choices::of(device), sweep).await
}

/// The same, as `choices` say where a case does not.
async fn run_sweep(device: &Device, choices: &Choices, sweep: &KernelSweep) -> Result<Row> {
    let mut row = Row::new(sweep.kernel.name);
    row.expected = expectations::find(EXPECTATIONS, sweep.kernel.name, &device.info());
    for case in (sweep.cases)() {
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
/// Inputs are pseudo-random and the same every time. Every element of the outputs holds a pattern beforehand, padding
/// too: what the twin leaves alone has to be left alone, and what it writes has to be written.
///
/// # Errors
/// If the device fails.
///
/// # Panics
/// If the case is of another kind of kernel.
pub async fn check(device: &Device, sweep: &KernelSweep, case: &Case) -> Result<Worst> {
    check_chosen(device, &Choices::of(device), sweep, case).await
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

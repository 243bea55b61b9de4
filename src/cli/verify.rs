//! `sukashi verify`: compares a device with the CPU twins, the f64 reference implementation of every kernel.

use std::path::PathBuf;

use sukashi::kernels::Choices;
use sukashi::verify::{self, Report};
use sukashi::{Device, Error, ErrorKind, Model, shown};

use super::device::DeviceArgs;
use super::failure::Outcome;
use super::model::open_model;
use super::output::print;
use super::progress::Progress;
use super::terminal::Terminal;
use super::tuning;

/// Run every kernel on the device and compare it with the CPU twins, the reference implementation
///
/// The command runs every kernel over a sweep of shapes, and the embedded model end to end. It prints each kernel's worst error
/// as a percentage of its tolerance. With --model, it runs that model instead and names the first layer that diverges. The
/// exit code is 1 if an error is outside its tolerance.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    device: DeviceArgs,
    /// Compare this model end to end instead: a .gguf file, a folder, or a model to download
    #[arg(long, value_name = "PATH", help_heading = "Model")]
    model: Option<PathBuf>,
    /// Only warn of tensors that no part of the model uses
    #[arg(long, requires = "model", help_heading = "Model")]
    allow_unused_tensors: bool,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let device = args.device.open(terminal)?;
    let choices = tuning::forced(&device)?.unwrap_or_else(|| Choices::of(&device));
    let report = match &args.model {
        Some(path) => {
            let load = |device: &Device| {
                let mut progress = Progress::new(terminal.words("読み込み中", "loading"));
                let mut files = open_model(Some(path), terminal)?;
                files.allow_unused_tensors = args.allow_unused_tensors;
                Model::from_files(device, files, &mut |done, total| progress.set(done, total))
            };
            let (tested, twin) = (load(&device)?.with_choices(choices)?, load(&Device::Twins)?);
            pollster::block_on(verify::run_model(&tested, &twin))?
        }
        None => {
            let mut progress = Progress::new(terminal.words("検証中", "verifying"));
            let mut set_progress = |done, total, _: &str| progress.set(done, total);
            pollster::block_on(verify::run(&device, &choices, &mut set_progress))?
        }
    };
    let info = device.info();
    let device = [&info.name, &info.backend, &info.driver].map(|part| shown::line(part)).join(" · ");
    print(&format!("{device}\n\n{}", table(&report)))?;
    for (row, known) in report.rows.iter().filter_map(|row| Some((row, row.expected?))) {
        let verdict =
            if row.passed { "was expected to fail here, and did not" } else { "is known to fail here" };
        print(&format!("\n{} {verdict}: {} (seen {})\n", row.kernel, known.reason, known.seen))?;
    }
    match report.rows.iter().filter(|row| !row.passed && row.expected.is_none()).count() {
        0 if !report.rows.iter().all(|row| row.passed) => {
            print("\nall that disagrees with the CPU twins is known; errors are in % of the tolerance\n")
        }
        0 => print("\neverything agrees with the CPU twins; errors are in % of the tolerance\n"),
        failed => {
            let message = format!("{failed} of {} rows disagree with the CPU twins", report.rows.len());
            Err(Error::new(ErrorKind::Computation, message).into())
        }
    }
}

/// Lays out a line for each row: kernel, cases, worst error as a percentage of the tolerance, and its case.
fn table(report: &Report) -> String {
    let width = report.rows.iter().map(|row| row.kernel.len()).max().unwrap_or(0);
    let mut table = format!("{:5}  {:width$}  {:>5}  {:>6}  worst case\n", "", "kernel", "cases", "error");
    for row in &report.rows {
        let verdict = match (row.passed, row.expected) {
            (true, _) => "ok",
            (false, None) => "FAIL",
            (false, Some(_)) => "known",
        };
        // The error is `inf` if an element is NaN, or if the kernel wrote an element that the twin does not, or the reverse.
        let percent = format!("{:.0}%", row.worst_percent);
        let (kernel, cases, case) = (&row.kernel, row.cases, &row.worst_case);
        let case = shown::line(case);
        table += &format!("{verdict:5}  {kernel:width$}  {cases:>5}  {percent:>6}  {case}\n");
    }
    table
}

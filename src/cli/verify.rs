//! `sukashi verify`: holds a device against the CPU twins.

use std::io::{self, Write};

use sukashi::verify::{self, Report};
use sukashi::{Device, Error, ErrorKind, Result};

/// Computes every kernel and the embedded model on `device` and with the CPU twins, prints a table to `out`, and says
/// whether everything is within its tolerance. `progress` is told the number of rows done, of how many, and what comes
/// next.
pub async fn run(
    device: &Device,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(usize, usize, &str),
) -> Result<bool> {
    let report = verify::run(device, progress).await?;
    print(&report, out)
        .map_err(|cause| Error::new(ErrorKind::Io, "cannot print the table").caused_by(cause))?;
    Ok(report.passed())
}

/// A line for each row: kernel, cases, worst error as a percentage of the tolerance, and its case.
fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let width = report.rows.iter().map(|row| row.kernel.len()).max().unwrap_or(0);
    writeln!(out, "{:4}  {:width$}  {:>5}  {:>6}  worst case", "", "kernel", "cases", "error")?;
    for row in &report.rows {
        let verdict = if row.passed { "ok" } else { "FAIL" };
        // `inf` for what is not a number, or was written or left unwritten against the twin.
        let percent = format!("{:.0}%", row.worst_percent);
        let (kernel, cases, case) = (&row.kernel, row.cases, &row.worst_case);
        writeln!(out, "{verdict:4}  {kernel:width$}  {cases:>5}  {percent:>6}  {case}")?;
    }
    match report.rows.iter().filter(|row| !row.passed).count() {
        0 => writeln!(out, "everything agrees with the CPU twins; errors are in % of the tolerance"),
        failed => writeln!(out, "{failed} of {} disagree with the CPU twins", report.rows.len()),
    }
}

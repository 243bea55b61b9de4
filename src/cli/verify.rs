//! `sukashi verify`: holds the device against the CPU twins.

use std::io::{self, Write};

use sukashi::verify::{self, Report};
use sukashi::{Device, Result};

/// Computes every kernel and the embedded model on `device` and with the CPU twins; `progress` is told the number of
/// rows done, of how many, and what comes next.
pub async fn run(device: &Device, progress: &mut dyn FnMut(usize, usize, &str)) -> Result<Report> {
    verify::run(device, progress).await
}

/// Prints `report` as a table: kernel, cases, worst error as a percentage of the tolerance, and its case.
pub fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let width = report.rows.iter().map(|row| row.kernel.len()).max().unwrap_or(0).max("kernel".len());
    writeln!(out, "{:4}  {:width$}  {:>5}  {:>6}  worst case", "", "kernel", "cases", "error")?;
    for row in &report.rows {
        let verdict = if row.passed { "ok" } else { "FAIL" };
        let percent = if row.worst_percent.is_finite() {
            format!("{:.0}%", row.worst_percent)
        } else {
            "inf".to_owned()
        };
        let (kernel, cases, case) = (&row.kernel, row.cases, &row.worst_case);
        writeln!(out, "{verdict:4}  {kernel:width$}  {cases:>5}  {percent:>6}  {case}")?;
    }
    let failed = report.rows.iter().filter(|row| !row.passed).count();
    if failed == 0 {
        writeln!(out, "all {} agree with the CPU twins; errors are in % of the tolerance", report.rows.len())
    } else {
        writeln!(out, "{failed} of {} disagree with the CPU twins", report.rows.len())
    }
}

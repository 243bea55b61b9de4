//! The report of `bench --share`: what a benchmark and a verification found, as Markdown.

use sukashi::bench::{self, KernelTime, Spread};
use sukashi::verify;
use sukashi::{Model, Result, shown};

use super::bench::{choices, short};
use super::progress::Progress;
use super::terminal::Terminal;

/// Verifies the device of `model`, and writes the report. It is in English, because people of all countries read it.
pub fn markdown(model: &Model, report: &bench::Report, terminal: &Terminal) -> Result<String> {
    let mut progress = Progress::new(terminal.words("検証中", "verifying"));
    let mut set_progress = |done, total, _: &str| progress.set(done, total);
    let verified = pollster::block_on(verify::run(model.device(), model.choices(), &mut set_progress))?;
    drop(progress);
    Ok(text(report, &verified))
}

fn text(report: &bench::Report, verified: &verify::Report) -> String {
    let (info, cost, rates, roofline) = (&report.adapter, report.cost, report.rates, report.roofline);
    let spread = |Spread { median, min, max }: Spread| match report.runs {
        1 => format!("{} (1 run)", short(median)),
        runs => format!("{} ({} to {}, {runs} runs)", short(median), short(min), short(max)),
    };
    let giga = |value: f64| short(1e-9 * value);
    let failed = verified.rows.iter().filter(|row| !row.passed).count();
    let agrees = match failed {
        0 => format!("all {}", verified.rows.len()),
        failed => format!("{} of {}, {failed} FAILED", verified.rows.len() - failed, verified.rows.len()),
    };
    let rows = [
        ("sukashi", report.version.to_owned()),
        ("system", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        ("device", format!("{} · {} · {}", info.name, info.backend, info.kind)),
        ("driver", info.driver.clone()),
        ("model", format!("{} · {}", report.model, report.precision)),
        ("choices", choices(report, "none: the CPU has one way to compute")),
        ("shaders", format!("{} ms", short(report.compile_ms))),
        ("first token", format!("{} ms", spread(report.first_token_ms))),
        (
            "prefill",
            format!(
                "{} tokens/s, prompt of {}",
                spread(report.prefill_tokens_per_second),
                report.prompt_tokens
            ),
        ),
        ("decode", format!("{} tokens/s", spread(report.decode_tokens_per_second))),
        (
            "per token",
            format!(
                "{} MB of weights · {} M multiply-adds · {} dispatches",
                short(1e-6 * cost.weight_bytes as f64),
                short(1e-6 * cost.multiply_adds as f64),
                cost.dispatches
            ),
        ),
        (
            "probes",
            format!(
                "reads {} GB/s · f32 {} G multiply-adds/s",
                giga(rates.read_bytes),
                giga(rates.f32_multiply_adds)
            ),
        ),
        (
            "roofline",
            format!(
                "{} tokens/s by {} · {:.0}% reached",
                short(roofline.tokens_per_second),
                roofline.bound_by,
                100.0 * roofline.fraction
            ),
        ),
        ("agrees with the CPU twins", agrees),
    ];
    let mut text = "| | |\n|---|---|\n".to_owned();
    for (name, value) in rows {
        text += &row(&[name, &value]);
    }
    if let Some(profile) = &report.profile {
        text += "\n| Kernel | Weights | Times | ms | Share | GB/s |\n|---|---|---|---|---|---|\n";
        profile.iter().for_each(|kernel| text += &kernel_row(kernel));
    }
    text += "\n| Compared with the twins | Cases | Error in % of the tolerance | Worst case |\n|---|---|---|---|\n";
    for compared in &verified.rows {
        let percent =
            format!("{:.0}{}", compared.worst_percent, if compared.passed { "" } else { " FAILED" });
        text += &row(&[&compared.kernel, &compared.cases.to_string(), &percent, &compared.worst_case]);
    }
    text
}

fn kernel_row(kernel: &KernelTime) -> String {
    row(&[
        kernel.kernel,
        kernel.shape.as_deref().unwrap_or_default(),
        &kernel.dispatches.to_string(),
        &format!("{:.3}", kernel.ms),
        &format!("{:.1}%", 100.0 * kernel.share),
        &kernel.read_bytes.map_or_else(|| "–".to_owned(), |bytes| format!("{:.2}", 1e-9 * bytes)),
    ])
}

/// A line of a table. Names of drivers and models come from outside: a `|` in them would begin a cell, and `<` a tag.
fn row(cells: &[&str]) -> String {
    let escaped = |cell: &&str| shown::line(cell).replace('|', "\\|").replace('<', "&lt;");
    format!("| {} |\n", Vec::from_iter(cells.iter().map(escaped)).join(" | "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_from_outside_stays_in_its_cell() {
        assert_eq!(super::row(&["a|b", "<img>\u{1b}[2J"]).matches('|').count(), 4);
        assert!(!super::row(&["<img>\u{1b}[2J"]).contains(['<', '\u{1b}']));
    }
}

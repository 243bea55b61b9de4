//! `sukashi adapters`: lists the adapters of the machine.

use clap::ValueEnum;
use sukashi::gpu::AdapterSummary;
use sukashi::{Error, ErrorKind, shown};

use super::failure::Outcome;
use super::output::{note, print, print_data};
use super::terminal::{Paint, Terminal};

/// List the adapters that a model can run on
///
/// --device takes an index, a backend or part of a name from this list. Every machine has --device cpu.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print this form
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// A list of objects
    Json,
}

/// An adapter as JSON: its index, then its properties.
#[derive(serde::Serialize)]
struct Numbered<'a> {
    index: usize,
    #[serde(flatten)]
    summary: &'a AdapterSummary,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let adapters = pollster::block_on(sukashi::gpu::adapters());
    let numbered = adapters.iter().enumerate().map(|(index, summary)| Numbered { index, summary });
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&Vec::from_iter(numbered)).map_err(|cause| {
                Error::new(ErrorKind::Io, "cannot write the adapters as JSON").caused_by(cause)
            })?;
            print_data(&(json + "\n"))
        }
        Format::Text if adapters.is_empty() => {
            note(terminal.words(
                "アダプターはありません。--device cpu で動かせます",
                "there is no adapter; --device cpu runs everywhere",
            ));
            Ok(())
        }
        Format::Text => print(&Vec::from_iter(numbered.map(|adapter| adapter.text(terminal))).join("\n")),
    }
}

impl Numbered<'_> {
    fn text(&self, terminal: &Terminal) -> String {
        let AdapterSummary { info, features, subgroup_size: (least, most), .. } = self.summary;
        let subgroups = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let features = if features.is_empty() { "–".to_owned() } else { features.join(", ") };
        let mut lines = vec![
            (terminal.words("種類", "kind"), format!("{}, {}", info.kind, info.backend)),
            (terminal.words("ドライバー", "driver"), info.driver.clone()),
            (terminal.words("バインディング上限", "largest binding"), bytes(self.summary.max_binding_bytes)),
            (terminal.words("バッファ上限", "largest buffer"), bytes(self.summary.max_buffer_bytes)),
            (
                terminal.words("ワークグループ", "workgroup"),
                format!(
                    "{} threads, {}",
                    self.summary.max_workgroup_size,
                    bytes(self.summary.max_workgroup_storage_bytes.into())
                ),
            ),
            (terminal.words("サブグループ", "subgroup"), subgroups),
            (terminal.words("追加機能", "features"), features),
        ];
        if let Some(compiler) = self.summary.shader_compiler {
            lines.push((terminal.words("コンパイラー", "compiler"), compiler_line(compiler, terminal)));
        }
        let mut out =
            format!("{:>2}  {}\n", self.index, terminal.paint(Paint::Title, &shown::line(&info.name)));
        for (name, value) in lines {
            let name = super::terminal::pad(name, 18);
            out += &format!("    {}  {}\n", terminal.paint(Paint::Quiet, &name), shown::line(&value));
        }
        out
    }
}

/// Names the compiler, and tells how to get the better one.
fn compiler_line(compiler: &str, terminal: &Terminal) -> String {
    match compiler {
        "FXC" => terminal
            .words(
                "FXC（遅い。dxcompiler.dll をこのプログラムのフォルダーに置くと、DXC を使います）",
                "FXC, which takes seconds for a kernel; to use DXC, put dxcompiler.dll beside the program",
            )
            .to_owned(),
        other => other.to_owned(),
    }
}

/// Formats a size in the largest unit that leaves a number of 1 or more.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (count.max(1).ilog2() / 10).min(4) as usize;
    let amount = count as f64 / f64::from(1 << 10).powi(unit as i32);
    let amount = format!("{amount:.1}");
    format!("{} {}", amount.strip_suffix(".0").unwrap_or(&amount), UNITS[unit])
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_are_short() {
        let shown = [0, 512, 49_152, 128 << 20, (2 << 30) - 1, u64::MAX].map(super::bytes);
        assert_eq!(shown, ["0 B", "512 B", "48 KiB", "128 MiB", "2 GiB", "16777216 TiB"]);
    }
}

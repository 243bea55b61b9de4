//! Where a figure goes: the files of `-o`, a file of the figure's name, or the terminal.

use std::path::{Path, PathBuf};

use sukashi::figure::{Figure, Snippet};
use sukashi::{Error, Result, output};

use crate::cli::args::names;
use crate::cli::failure::Outcome;
use crate::cli::output::{note, print_bytes, print_data};
use crate::cli::pictures::Protocol;
use crate::cli::terminal::Terminal;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct TargetArgs {
    /// Write to this file: .svg, .png, .csv or .json; may be repeated [default: NAME-OF-THE-FIGURE.svg, or the terminal if it can
    /// show pictures]
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
    /// Print lines that put the picture into a text, with its alternative text
    #[arg(
        long,
        value_name = "KIND",
        value_parser = names::<Snippet>(Snippet::NAMES),
        hide_short_help = true
    )]
    snippet: Option<Snippet>,
}

/// Checked targets.
pub enum Targets {
    Files { paths: Vec<PathBuf>, force: bool, snippet: Option<Snippet>, is_default: bool },
    Terminal { protocol: Protocol, columns: usize },
}

/// The content of a file, which its extension tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Svg,
    Png,
    Csv,
    Json,
}

impl Form {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "svg" => Ok(Self::Svg),
            "png" => Ok(Self::Png),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(Error::input(format!("cannot write {}: what to write is not clear", path.display()))
                .detail("expected a name that ends in .svg, .png, .csv or .json")),
        }
    }

    fn bytes(self, figure: &Figure, scale: f32) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Svg => figure.svg().into_bytes(),
            Self::Png => figure.png(scale)?,
            Self::Csv => figure.data_csv().into_bytes(),
            Self::Json => figure.data_json().into_bytes(),
        })
    }
}

impl TargetArgs {
    /// Finds out where the figure called `name` goes, and checks that it can go there.
    pub fn check(&self, name: &str, terminal: &Terminal) -> Result<Targets> {
        let is_default = self.output.is_empty();
        // A snippet is about a file.
        if is_default
            && self.snippet.is_none()
            && terminal.is_interactive
            && let Some(protocol) = Protocol::of_environment()
        {
            return Ok(Targets::Terminal { protocol, columns: terminal.width });
        }
        let paths = if is_default { vec![PathBuf::from(format!("{name}.svg"))] } else { self.output.clone() };
        for (index, path) in paths.iter().enumerate() {
            Form::of(path)?;
            output::check_target(path, self.force)?;
            if paths[..index].contains(path) {
                return Err(Error::input(format!("cannot write {} twice", path.display())));
            }
        }
        if self.snippet.is_some() {
            picture(&paths)?;
        }
        Ok(Targets::Files { paths, force: self.force, snippet: self.snippet, is_default })
    }
}

impl Targets {
    /// Puts the figure there; a PNG has `scale` pixels for each pixel of the figure.
    pub fn put(&self, figure: &Figure, scale: f32) -> Outcome {
        match self {
            Self::Terminal { protocol, columns } => {
                print_bytes(&protocol.show(&figure.png(scale)?, *columns))
            }
            Self::Files { paths, force, snippet, is_default } => {
                let contents = paths.iter().map(|path| Form::of(path)?.bytes(figure, scale));
                let contents = contents.collect::<Result<Vec<_>>>()?;
                for (path, bytes) in paths.iter().zip(contents) {
                    output::write_atomically(path, &bytes, *force)?;
                    if *is_default {
                        note(&format!("note: wrote {} (-o FILE chooses another)", path.display()));
                    }
                }
                match snippet {
                    Some(kind) => print_data(&figure.snippet(*kind, &picture(paths)?.to_string_lossy())),
                    None => Ok(()),
                }
            }
        }
    }
}

/// The picture that a snippet shows: a PNG if there is one, since more readers take it.
fn picture(paths: &[PathBuf]) -> Result<&Path> {
    let of = |form| paths.iter().find(|path| Form::of(path).is_ok_and(|own| own == form));
    of(Form::Png).or_else(|| of(Form::Svg)).map(PathBuf::as_path).ok_or_else(|| {
        Error::input("cannot print a snippet: no picture is written").hint("add -o NAME.png or -o NAME.svg")
    })
}

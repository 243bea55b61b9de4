//! `sukashi tokenize`: shows how tokenizers cut a text, and trains a tokenizer.

mod sources;
mod table;
mod train;

use std::path::PathBuf;

use clap::ValueEnum;
use sukashi::trace::{Segmentation, TextCost, csv_text};
use sukashi::{Error, ErrorKind, Result, output};

use super::failure::Outcome;
use super::output::{for_people, print, print_data};
use super::prompt::read_text;
use super::terminal::Terminal;

pub use sources::SourceArgs;
pub use train::TrainArgs;

/// Show how tokenizers cut a text, or train one
///
/// The command prints pieces, ids and bytes, and the text's cost: tokens, bits per token, and bits in all beside those of UTF-8.
/// --train trains a new tokenizer and compares it with single bytes and single characters, on TEXT or on the training text.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The text to cut; `-` reads it from the standard input and drops one line end at its end
    #[arg(required_unless_present = "train")]
    text: Option<String>,
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    train: TrainArgs,
    /// Write this form [default: by the extension of --output without --train, else text]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    format: Option<Format>,
    /// Write to this file: the trained tokenizer.json with --train, else the table
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, help_heading = "Output")]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One document
    Json,
    /// A row per token
    Csv,
}

/// A text and its tokens in several tokenizers.
pub struct Tokenized {
    pub text: String,
    /// The name of the text; `None` if the text itself was given.
    pub name: Option<String>,
    pub cuts: Vec<Segmentation>,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    if let Some(path) = &args.output {
        output::check_target(path, args.force)?;
    }
    let given = args.text.as_deref().map(read_text).transpose()?;
    let trained = args.train.run(terminal)?;
    let mut tokenizers = args.sources.open(trained.is_none(), terminal)?;
    let mut trained_json = None;
    let (text, name) = match (given, trained) {
        (given, Some(trained)) => {
            trained_json = Some(trained.json()?);
            let (texts, name) = (trained.text, trained.name);
            tokenizers.splice(0..0, trained.tokenizers);
            given.map_or((texts, Some(name)), |text| (text, None))
        }
        (Some(text), None) => (text, None),
        (None, None) => return Err(Error::input("there is no text").into()),
    };
    let cuts = tokenizers.iter().map(|(name, tokenizer)| tokenizer.cut(name, &text, args.sources.special));
    let cuts = cuts.collect::<Result<Vec<_>>>()?;
    let tokenized = Tokenized { text, name, cuts };

    let table_file = args.output.as_ref().filter(|_| trained_json.is_none());
    let contents = match args.format(table_file) {
        Format::Text => {
            let terminal = if table_file.is_some() { Terminal::plain(terminal.lang) } else { *terminal };
            table::text(&tokenized, &terminal)
        }
        Format::Json => tokenized.json()?,
        Format::Csv => tokenized.csv()?,
    };
    if let (Some(path), Some(json)) = (&args.output, trained_json) {
        output::write_atomically(path, json.as_bytes(), args.force)?;
    }
    let is_for_people = args.format(table_file) == Format::Text;
    match table_file {
        Some(path) => {
            let contents = if is_for_people { for_people(&contents) } else { contents.into() };
            Ok(output::write_atomically(path, contents.as_bytes(), args.force)?)
        }
        None if is_for_people => print(&contents),
        None => print_data(&contents),
    }
}

impl Args {
    fn format(&self, table_file: Option<&PathBuf>) -> Format {
        let extension = table_file.and_then(|path| path.extension()?.to_str());
        let by_extension = extension.and_then(|extension| Format::from_str(extension, true).ok());
        self.format.or(by_extension).unwrap_or(Format::Text)
    }
}

impl Tokenized {
    pub fn costs(&self) -> impl Iterator<Item = (&Segmentation, TextCost)> {
        self.cuts.iter().map(|cut| (cut, cut.cost(&self.text)))
    }

    fn json(&self) -> Result<String> {
        #[derive(serde::Serialize)]
        struct Document<'a> {
            text: &'a str,
            tokenizers: Vec<Entry<'a>>,
        }
        #[derive(serde::Serialize)]
        struct Entry<'a> {
            #[serde(flatten)]
            cut: &'a Segmentation,
            cost: TextCost,
        }
        let tokenizers = self.costs().map(|(cut, cost)| Entry { cut, cost }).collect();
        let document = Document { text: &self.text, tokenizers };
        let json = serde_json::to_string_pretty(&document);
        json.map(|json| json + "\n").map_err(|cause| unwritable("JSON").caused_by(cause))
    }

    fn csv(&self) -> Result<String> {
        let failed = |cause: csv::Error| unwritable("CSV").caused_by(cause);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let columns = ["tokenizer", "index", "id", "text", "bytes", "replaces"];
        writer.write_record(columns).map_err(failed)?;
        for cut in &self.cuts {
            for (index, piece) in cut.pieces.iter().enumerate() {
                let (index, id) = ((index + 1).to_string(), piece.token.id.to_string());
                let bytes = piece.token.bytes.as_deref().map(hex).unwrap_or_default();
                let texts = [Some(&cut.tokenizer), piece.token.text.as_ref(), piece.replaces.as_ref()];
                let [tokenizer, text, replaces] =
                    texts.map(|text| csv_text::to_cell(text.map_or("", String::as_str)));
                writer.write_record([&*tokenizer, &index, &id, &text, &bytes, &replaces]).map_err(failed)?;
            }
        }
        let bytes = writer.into_inner().map_err(|cause| unwritable("CSV").caused_by(cause.into_error()))?;
        String::from_utf8(bytes).map_err(|cause| unwritable("CSV").caused_by(cause))
    }
}

fn unwritable(form: &str) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write the tokens as {form}"))
}

/// Formats bytes as `E7 8C AB`.
fn hex(bytes: &[u8]) -> String {
    Vec::from_iter(bytes.iter().map(|byte| format!("{byte:02X}"))).join(" ")
}

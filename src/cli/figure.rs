//! `sukashi figure`: a figure of a new run or of a record.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use sukashi::figure::{
    self, Figure, Fonts, NextToken, Stage, Steps as Panels, Style, Temperatures, TextMode, Theme, Width,
};
use sukashi::sampling::Settings;
use sukashi::trace::StepRecorder;
use sukashi::{Error, Result, Trace, output};

use super::args::{ChoiceArgs, RunArgs, StageArgs, at_least_one, names};
use super::failure::{Outcome, note};
use super::progress::Progress;
use super::record::{Steps, record, recorder};
use super::run::Input;
use super::system_fonts;
use super::terminal::Terminal;

/// Draw a figure: of a new run, or with --from of a record
///
/// The file's extension decides what is written: .svg or .png for the picture, .csv or .json for its numbers.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    NextToken(NextTokenArgs),
    Temperature(TemperatureArgs),
    Trace(TraceArgs),
}

/// The most probable next tokens as bars
#[derive(Debug, clap::Args)]
struct NextTokenArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = ["RunArgs", "StageArgs"])]
    from: Option<PathBuf>,
    /// How many tokens to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Which probability: model, scaled (after temperature and penalties) or final (after truncation)
    #[arg(
        long,
        value_name = "STAGE",
        default_value = "model",
        value_parser = names::<Stage>(&["model", "scaled", "final"]),
        hide_possible_values = true
    )]
    stage: Stage,
    /// Which step of the record, counted from 1
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    /// Print ids after the tokens
    #[arg(long)]
    show_ids: bool,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    style: StyleArgs,
}

/// The same candidates at several temperatures
#[derive(Debug, clap::Args)]
struct TemperatureArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = ["RunArgs"])]
    from: Option<PathBuf>,
    /// How many tokens to show
    #[arg(long, value_name = "N", default_value_t = 8)]
    top: usize,
    /// Which temperatures [default: 0.5,1,5,100, or those of the record]
    #[arg(long, value_name = "T,…", value_delimiter = ',', allow_hyphen_values = true)]
    temperatures: Vec<f64>,
    /// Draw the probabilities on a logarithmic axis
    #[arg(long)]
    log: bool,
    /// Which step of the record, counted from 1
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    #[command(flatten)]
    style: StyleArgs,
}

/// Every step of a generation, one panel each
#[derive(Debug, clap::Args)]
struct TraceArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = ["RunArgs", "StageArgs", "ChoiceArgs"])]
    from: Option<PathBuf>,
    /// How many tokens to add at most, or how many steps of the record to draw
    #[arg(short = 'n', long, value_name = "N", default_value_t = 6)]
    max_new_tokens: usize,
    /// How many candidates to show at each step
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    /// Which probability: model, scaled (after temperature and penalties) or final (after truncation)
    #[arg(
        long,
        value_name = "STAGE",
        default_value = "model",
        value_parser = names::<Stage>(&["model", "scaled", "final"]),
        hide_possible_values = true
    )]
    stage: Stage,
    /// The first step of the record to draw, counted from 1
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    choice: ChoiceArgs,
    #[command(flatten)]
    style: StyleArgs,
}

/// How the figure looks, and where it goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Figure")]
struct StyleArgs {
    /// The file: .svg, .png, .csv or .json; may be repeated
    #[arg(short, long, value_name = "FILE", required = true)]
    output: Vec<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// Colours
    #[arg(
        long,
        value_name = "THEME",
        default_value = "light",
        value_parser = names::<Theme>(&["light", "dark", "print"])
    )]
    theme: Theme,
    /// Width, in px or mm
    #[arg(long, value_name = "WIDTH", default_value = "720px", value_parser = str::parse::<Width>,
        allow_hyphen_values = true)]
    width: Width,
    /// Pixels of a PNG for each pixel of the width
    #[arg(long, value_name = "SCALE", default_value_t = 2.0, allow_hyphen_values = true)]
    scale: f32,
    /// Text of an SVG: as outlines, with an embedded font, or as plain text in the reader's fonts
    #[arg(
        long,
        value_name = "MODE",
        default_value = "paths",
        value_parser = names::<TextMode>(&["paths", "embed", "text"])
    )]
    text_mode: TextMode,
    /// Prefer this font; may be repeated
    #[arg(long, value_name = "FILE")]
    font: Vec<PathBuf>,
    /// Look for missing characters in the installed fonts
    #[arg(long)]
    system_fonts: bool,
    /// Print below the figure where its numbers come from
    #[arg(long)]
    caption: bool,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    match &args.kind {
        Kind::NextToken(args) => next_token(args, terminal),
        Kind::Temperature(args) => temperature(args, terminal),
        Kind::Trace(args) => trace(args, terminal),
    }
}

fn next_token(args: &NextTokenArgs, terminal: &Terminal) -> Outcome {
    let style = args.style.check(terminal)?;
    let recorder = recorder(args.top)?;
    let options = NextToken {
        count: args.top,
        step: index(args.step, args.from.as_ref())?,
        stage: args.stage,
        ids: args.show_ids,
    };
    let new = NewRun { run: &args.run, settings: args.stages.settings(None)?, steps: Steps::Look };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(style, |style| figure::next_token(&trace, &options, style))
}

fn temperature(args: &TemperatureArgs, terminal: &Terminal) -> Outcome {
    let style = args.style.check(terminal)?;
    let mut recorder = recorder(args.top)?;
    if !args.temperatures.is_empty() {
        recorder = recorder.with_temperatures(args.temperatures.clone())?;
    }
    let options = Temperatures {
        temperatures: args.temperatures.clone(),
        count: args.top,
        step: index(args.step, args.from.as_ref())?,
        log: args.log,
    };
    let new = NewRun { run: &args.run, settings: Settings::default(), steps: Steps::Look };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(style, |style| figure::temperature(&trace, &options, style))
}

fn trace(args: &TraceArgs, terminal: &Terminal) -> Outcome {
    let style = args.style.check(terminal)?;
    at_least_one("--max-new-tokens", args.max_new_tokens)?;
    let recorder = recorder(args.top)?;
    let options = Panels {
        count: args.top,
        first: index(args.step, args.from.as_ref())?,
        steps: args.max_new_tokens,
        stage: args.stage,
    };
    let settings = args.stages.settings(Some(&args.choice))?;
    let new = NewRun { run: &args.run, settings, steps: Steps::Choose(args.max_new_tokens) };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(style, |style| figure::trace(&trace, &options, style))
}

/// A step's number on the command line as an index.
fn index(step: Option<usize>, from: Option<&PathBuf>) -> Result<usize> {
    if step.is_some() && from.is_none() {
        return Err(Error::input("cannot use --step: it is about a record").hint("give one with --from"));
    }
    let refused = || Error::input("cannot draw step 0").detail("expected --step 1 or more");
    step.unwrap_or(1).checked_sub(1).ok_or_else(refused)
}

/// The run that a figure is drawn of where no record is given.
struct NewRun<'a> {
    run: &'a RunArgs,
    settings: Settings,
    steps: Steps,
}

impl NewRun<'_> {
    /// The record in the file, or that of the run where there is none.
    fn trace(self, from: Option<&Path>, recorder: &StepRecorder, terminal: &Terminal) -> Outcome<Trace> {
        if let Some(path) = from {
            return Ok(read_record(path)?);
        }
        let input = Input::read(self.run, terminal)?;
        let sampler = input.sampler(self.settings)?;
        let run = input.load(terminal)?;
        let total = if let Steps::Choose(count) = self.steps { count } else { 1 };
        let mut progress = Progress::new(terminal.words("生成中", "generating"));
        let mut done = 0;
        record(&run, sampler, recorder, (self.steps, terminal), |_, _| {
            done += 1;
            progress.set(done, total);
            Ok(())
        })
    }
}

fn read_record(path: &Path) -> Result<Trace> {
    let bytes = std::fs::read(path).map_err(|cause| Error::file("read", path, cause))?;
    let unusable = || Error::input(format!("cannot draw {}", path.display()));
    let text = String::from_utf8(bytes).map_err(|cause| unusable().caused_by(cause))?;
    let trace = match path.extension().is_some_and(|extension| extension == "jsonl") {
        true => Trace::from_jsonl(&text),
        false => Trace::from_json(&text),
    };
    trace.map_err(|cause| unusable().caused_by(cause))
}

/// What is written, by a file's extension.
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
}

impl StyleArgs {
    /// The style, after everything that can be wrong with it and the files was looked at.
    fn check(&self, terminal: &Terminal) -> Result<Style> {
        for (index, path) in self.output.iter().enumerate() {
            Form::of(path)?;
            output::check_target(path, self.force)?;
            if self.output[..index].contains(path) {
                return Err(Error::input(format!("cannot write {} twice", path.display())));
            }
        }
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return Err(Error::input(format!("cannot draw at scale {}", self.scale))
                .detail("expected a number above 0, such as 2"));
        }
        // Each is preferred to those before it, so the first one given comes last.
        let fonts =
            self.font.iter().rev().try_fold(Fonts::embedded(), |fonts, path| fonts.with_file(path))?;
        let Self { theme, width, text_mode, caption, .. } = *self;
        Ok(Style { theme, lang: terminal.lang, width, fonts, text_mode, caption })
    }

    /// Draws the figure and writes it to all files.
    fn write(&self, mut style: Style, draw: impl Fn(&Style) -> Result<Figure>) -> Outcome {
        let mut figure = draw(&style)?;
        if self.system_fonts {
            let text: String = figure.labels().into_iter().map(|(label, _)| label).collect();
            if !style.fonts.missing(&text).is_empty() {
                style.fonts = system_fonts::add_missing(style.fonts, &text);
                figure = draw(&style)?;
            }
        }
        let mut contents = Vec::new();
        for path in &self.output {
            let bytes = match Form::of(path)? {
                Form::Svg => figure.svg().into_bytes(),
                Form::Png => figure.png(self.scale)?,
                Form::Csv => figure.data_csv().into_bytes(),
                Form::Json => figure.data_json().into_bytes(),
            };
            contents.push((path, bytes));
        }
        for (path, bytes) in contents {
            output::write_atomically(path, &bytes, self.force)?;
        }
        for warning in figure.warnings() {
            note(&format!("warning: {warning}"));
        }
        Ok(())
    }
}

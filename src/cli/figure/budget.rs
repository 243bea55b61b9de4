//! `sukashi figure budget`.

use std::path::PathBuf;

use clap::{ArgMatches, Command, FromArgMatches};
use sukashi::figure::{self, Budget};
use sukashi::model::spec;
use sukashi::text::EncodeOptions;
use sukashi::{Error, Result};

use super::style::StyleArgs;
use crate::cli::failure::Outcome;
use crate::cli::model::open_model;
use crate::cli::terminal::Terminal;
use crate::cli::text_file;

/// The parts of a context window as a stacked bar
///
/// The bar shows the parts in the order of the flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    parts: Parts,
    /// Draw a context of so many tokens [default: the model's, if its tokenizer counts the parts]
    #[arg(long, value_name = "TOKENS", help_heading = "Figure")]
    context: Option<usize>,
    /// Count the tokens of files with the tokenizer of this model [default: the model in the program]
    #[arg(long, value_name = "PATH", help_heading = "Model")]
    model: Option<PathBuf>,
    /// Count characters that the vocabulary lacks as its unknown token
    #[arg(long, help_heading = "Model", hide_short_help = true)]
    allow_unknown: bool,
    #[command(flatten)]
    style: StyleArgs,
}

/// The values of `--part` and `--part-file` in the order of the command line, which two separate lists would lose.
#[derive(Debug, Default)]
struct Parts(Vec<(String, Tokens)>);

#[derive(Debug, Clone)]
enum Tokens {
    Count(usize),
    File(PathBuf),
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("budget", terminal)?;
    let counts_files = args.parts.0.iter().any(|(_, tokens)| matches!(tokens, Tokens::File(_)));
    let files = match &args.model {
        Some(_) => Some(open_model(args.model.as_deref(), terminal)?),
        None if counts_files => Some(open_model(None, terminal)?),
        None => None,
    };
    let context = match (args.context, &files) {
        (Some(context), _) => context,
        (None, Some(files)) => spec::from_files(files)?.max_seq_len,
        (None, None) => {
            return Err(Error::input("there is no context to fill")
                .hint("give its size with --context, or a model with --model")
                .into());
        }
    };
    let count = |tokens: &Tokens| -> Result<usize> {
        match (tokens, &files) {
            (Tokens::Count(count), _) => Ok(*count),
            (Tokens::File(path), Some(files)) => count_file(path, files, args.allow_unknown),
            (Tokens::File(_), None) => Ok(0),
        }
    };
    let parts = args.parts.0.iter().map(|(name, tokens)| Ok((name.clone(), count(tokens)?)));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let tokenizer = files.filter(|_| counts_files).map(|files| files.name);
    let record = Budget { context, parts, tokenizer };
    args.style.write(sheet, |style| figure::budget(&record, style))
}

fn count_file(
    path: &std::path::Path,
    files: &sukashi::weights::ModelFiles,
    allow_unknown: bool,
) -> Result<usize> {
    let tokenizer = files.tokenizer.as_ref().ok_or_else(|| {
        Error::input(format!("{} has no tokenizer.json, so it cannot count tokens", files.name))
    })?;
    let text = text_file::read(path)?;
    let options = EncodeOptions { allow_unknown, ..EncodeOptions::default() };
    let ids = tokenizer.encode(&text, options).map_err(|cause| {
        Error::input(format!("cannot count the tokens of {}", path.display())).caused_by(cause)
    })?;
    Ok(ids.len())
}

fn named(text: &str) -> std::result::Result<(String, &str), String> {
    match text.split_once('=') {
        Some((name, rest)) if !name.is_empty() && !rest.is_empty() => Ok((name.to_owned(), rest)),
        _ => Err("expected NAME=…, such as system=300".to_owned()),
    }
}

fn counted(text: &str) -> std::result::Result<(String, Tokens), String> {
    let (name, count) = named(text)?;
    let count = count.parse().map_err(|_| format!("{count} is no number of tokens"))?;
    Ok((name, Tokens::Count(count)))
}

fn of_file(text: &str) -> std::result::Result<(String, Tokens), String> {
    let (name, path) = named(text)?;
    Ok((name, Tokens::File(path.into())))
}

impl clap::Args for Parts {
    fn augment_args(command: Command) -> Command {
        let part = clap::Arg::new("part")
            .long("part")
            .value_name("NAME=TOKENS")
            .help("A part of so many tokens, such as system=300; may be repeated")
            .action(clap::ArgAction::Append)
            .value_parser(counted);
        let file = clap::Arg::new("part_file")
            .long("part-file")
            .value_name("NAME=FILE")
            .help("A part of as many tokens as the text in this file has; may be repeated")
            .action(clap::ArgAction::Append)
            .value_parser(of_file);
        let group = clap::ArgGroup::new("parts").args(["part", "part_file"]).multiple(true).required(true);
        command.arg(part).arg(file).group(group)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Parts {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let mut parts = Self::default();
        parts.update_from_arg_matches(matches)?;
        Ok(parts)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        let mut found: Vec<(usize, (String, Tokens))> = Vec::new();
        for name in ["part", "part_file"] {
            let values = matches.get_many::<(String, Tokens)>(name).into_iter().flatten().cloned();
            found.extend(matches.indices_of(name).into_iter().flatten().zip(values));
        }
        found.sort_by_key(|(index, _)| *index);
        self.0 = found.into_iter().map(|(_, part)| part).collect();
        Ok(())
    }
}

//! The figures that need nothing but a trace. Each declares its command beside its drawing.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args as _, Command, FromArgMatches, Subcommand, value_parser};
use sukashi::figure::KINDS;
use sukashi::figure::kind::{self, Recording};

use super::options::{self, GivenFlags};
use super::record::NewRun;
use super::style::StyleArgs;
use crate::cli::failure::Outcome;
use crate::cli::record::{Steps, recorder};
use crate::cli::run::{RUN_GROUPS, RunArgs};
use crate::cli::sampler::{ChoiceArgs, StageArgs};
use crate::cli::terminal::Terminal;

/// The arguments of one of the figures.
#[derive(Debug)]
pub struct Args {
    name: &'static str,
    command: &'static kind::Command,
    run: RunArgs,
    from: Option<PathBuf>,
    given: GivenFlags,
    stages: StageArgs,
    choice: Option<ChoiceArgs>,
    style: StyleArgs,
}

/// The names and the commands of the figures.
fn commands() -> impl Iterator<Item = (&'static str, &'static kind::Command)> {
    KINDS.iter().filter_map(|kind| Some((kind.name, kind.command.as_ref()?)))
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check(args.name, terminal)?;
    let settings = args.stages.settings(args.choice.as_ref())?;
    let Recording { times, stages, choice } = args.command.recording;
    let mut recorder = recorder(args.given.top(), times)?;
    if stages {
        recorder = recorder.with_stages();
    }
    let given = args.given.checked(args.from.is_some())?;
    let steps = if choice { Steps::Choose(1) } else { Steps::Look };
    let new = NewRun { run: &args.run, settings, steps };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(sheet, |style| (args.command.draw)(&trace, &given, style))
}

/// The subcommand of a figure.
fn subcommand(name: &'static str, command: &kind::Command) -> Command {
    let Recording { stages, choice, .. } = command.recording;
    let with = if stages { " with --record-stages" } else { "" };
    let help = format!(
        "Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`{with}) instead of running a model"
    );
    let from = Arg::new("from").long("from").value_name("FILE").help(help).help_heading("Figure");
    let from = from.value_parser(value_parser!(PathBuf)).conflicts_with_all(RUN_GROUPS);
    let from = from.conflicts_with("StageArgs");
    let from = if choice { from.conflicts_with("ChoiceArgs") } else { from };
    let all = RunArgs::augment_args(Command::new(name)).arg(from);
    let all = StageArgs::augment_args(options::add(&(command.flags)(), all));
    let all = if choice { ChoiceArgs::augment_args(all) } else { all };
    // Last: the text of a flattened struct would replace it.
    StyleArgs::augment_args(all).about(command.about)
}

impl Subcommand for Args {
    fn augment_subcommands(parent: Command) -> Command {
        parent.subcommands(commands().map(|(name, command)| subcommand(name, command)))
    }

    fn augment_subcommands_for_update(parent: Command) -> Command {
        Self::augment_subcommands(parent)
    }

    fn has_subcommand(name: &str) -> bool {
        commands().any(|(own, _)| own == name)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let found = matches.subcommand().and_then(|(name, matches)| {
            let (name, command) = commands().find(|(own, _)| *own == name)?;
            Some((name, command, matches))
        });
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (name, command, matches) = found.ok_or_else(missing)?;
        let choice = command.recording.choice.then(|| ChoiceArgs::from_arg_matches(matches));
        Ok(Self {
            name,
            command,
            run: RunArgs::from_arg_matches(matches)?,
            from: matches.get_one("from").cloned(),
            given: GivenFlags::of_matches((command.flags)(), matches),
            stages: StageArgs::from_arg_matches(matches)?,
            choice: choice.transpose()?,
            style: StyleArgs::from_arg_matches(matches)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

//! The flags that a figure declares for its options.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, value_parser};
use sukashi::figure::flag::{self, Description, Given, Options, Takes};
use sukashi::{Error, Result};

use crate::cli::sampler::temperature;

/// The flags of the options `T`.
pub struct OptionArgs<T> {
    given: GivenFlags,
    options: PhantomData<T>,
}

/// What the command line gives for each flag of a figure.
#[derive(Debug, Clone)]
pub struct GivenFlags {
    flags: Vec<Description>,
    given: Vec<Option<Given>>,
}

/// Adds the flags to a command.
pub fn add(flags: &[Description], command: Command) -> Command {
    command.args(flags.iter().map(arg))
}

fn arg(flag: &Description) -> Arg {
    let arg = Arg::new(flag.name).long(flag.name).help(flag.help).help_heading("Figure");
    let arg = arg.hide_short_help(flag.is_rare);
    match flag.takes {
        Takes::Nothing => arg.action(ArgAction::SetTrue),
        Takes::Count { placeholder, default } => {
            let arg = arg.value_name(placeholder).value_parser(value_parser!(usize));
            arg.default_values(default.map(|count| count.to_string()))
        }
        Takes::Step => arg.value_name("N").value_parser(value_parser!(usize)),
        Takes::Temperatures => arg
            .value_name("T,…")
            .value_delimiter(',')
            .value_parser(temperature)
            .allow_hyphen_values(true)
            .action(ArgAction::Append),
        Takes::Name { placeholder, names, default } => arg
            .value_name(placeholder)
            .value_parser(PossibleValuesParser::new(names))
            .default_value(default)
            .hide_possible_values(true),
    }
}

impl GivenFlags {
    pub fn of_matches(flags: Vec<Description>, matches: &ArgMatches) -> Self {
        let given = |flag: &Description| match flag.takes {
            Takes::Nothing => matches.get_flag(flag.name).then_some(Given::Switch),
            Takes::Count { .. } | Takes::Step => matches.get_one(flag.name).copied().map(Given::Count),
            Takes::Temperatures => {
                let all = matches.get_many(flag.name).map(|all| all.copied().collect());
                all.map(Given::Temperatures)
            }
            Takes::Name { .. } => matches.get_one(flag.name).cloned().map(Given::Name),
        };
        Self { given: flags.iter().map(given).collect(), flags }
    }

    /// What is given for each flag, with the step counted from 0. `has_record` says whether there is a record that has steps.
    pub fn checked(&self, has_record: bool) -> Result<Vec<Option<Given>>> {
        let checked = |(flag, given): (&Description, &Option<Given>)| match given {
            Some(Given::Count(step)) if flag.takes == Takes::Step => {
                index(*step, has_record).map(|index| Some(Given::Count(index)))
            }
            given => Ok(given.clone()),
        };
        self.flags.iter().zip(&self.given).map(checked).collect()
    }

    /// The number of candidates that `--top` gives.
    pub fn top(&self) -> usize {
        let top = self.flags.iter().position(|flag| flag.name == "top");
        match top.and_then(|index| self.given.get(index)) {
            Some(Some(Given::Count(count))) => *count,
            _ => 0,
        }
    }
}

impl<T: Options> OptionArgs<T> {
    /// The options. `from` is the record of `--from`, which `--step` needs.
    pub fn options(&self, from: Option<&Path>) -> Result<T> {
        flag::options(&self.given.checked(from.is_some())?)
    }
}

/// The index of a step that the command line counts from 1.
fn index(step: usize, has_record: bool) -> Result<usize> {
    if !has_record {
        return Err(Error::input("cannot use --step: it is about a record").hint("give one with --from"));
    }
    let refused = || Error::input("cannot draw step 0").detail("expected --step 1 or more");
    step.checked_sub(1).ok_or_else(refused)
}

impl<T> fmt::Debug for OptionArgs<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.given.fmt(formatter)
    }
}

impl<T: Options> clap::Args for OptionArgs<T> {
    fn augment_args(command: Command) -> Command {
        add(&flag::describe::<T>(), command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Options> FromArgMatches for OptionArgs<T> {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let given = GivenFlags::of_matches(flag::describe::<T>(), matches);
        Ok(Self { given, options: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

//! The flags of `sukashi figure`: the names that a figure's options have on a command line.
//!
//! A figure declares its flags beside its options, and the program makes a command line of them. This crate has no parser
//! of command lines.

use crate::Result;

/// Options of a figure that flags can set.
pub trait Options: Default + 'static {
    /// The flags in the order in which the help lists them.
    const FLAGS: &'static [Flag<Self>];
}

/// A flag that sets one of the options `T`. The default of the option is the default of the flag.
#[derive(Debug)]
pub struct Flag<T> {
    name: &'static str,
    help: &'static str,
    is_rare: bool,
    option: Kept<T>,
}

/// The option that a flag sets, by its type.
#[derive(Debug)]
pub(super) enum Kept<T> {
    /// A switch: the flag alone makes the option true.
    Switch(fn(&mut T) -> &mut bool),
    /// A number, and its placeholder in the help.
    Count(&'static str, fn(&mut T) -> &mut usize),
    /// A number that may be absent, and its placeholder.
    Index(&'static str, fn(&mut T) -> &mut Option<usize>),
    /// A step of a record. The flag counts from 1, the option from 0.
    Step(fn(&mut T) -> &mut usize),
    /// Temperatures above 0.
    Temperatures(fn(&mut T) -> &mut Vec<f64>),
    /// A value of an enumeration with names.
    Name(Name<T>),
}

/// A value of an enumeration with names; [`named`] makes it.
#[derive(Debug)]
pub(super) struct Name<T> {
    pub(super) placeholder: &'static str,
    pub(super) names: &'static [&'static str],
    pub(super) get: fn(&T) -> &'static str,
    pub(super) set: fn(&mut T, &str) -> Result<()>,
}

/// Makes the [`Kept::Name`] of a field of the given type. The field of the options themselves is `self`.
macro_rules! named {
    ($placeholder:literal, $type:ty, $options:ident => $field:expr) => {
        $crate::figure::flag::Kept::Name($crate::figure::flag::Name {
            placeholder: $placeholder,
            names: <$type>::NAMES,
            get: |$options| $field.name(),
            set: |$options, name| {
                $field = name.parse()?;
                Ok(())
            },
        })
    };
}
pub(super) use named;

impl<T> Flag<T> {
    /// A flag that every help lists.
    pub(super) const fn new(name: &'static str, help: &'static str, option: Kept<T>) -> Self {
        Self { name, help, is_rare: false, option }
    }

    /// A flag that only the long help lists.
    pub(super) const fn rare(name: &'static str, help: &'static str, option: Kept<T>) -> Self {
        Self { name, help, is_rare: true, option }
    }

    /// `--top`: how many candidates the figure shows.
    pub(super) const fn top(help: &'static str, count: fn(&mut T) -> &mut usize) -> Self {
        Self::new("top", help, Kept::Count("N", count))
    }

    /// `--step`: which step of a record the figure draws.
    pub(super) const fn step(step: fn(&mut T) -> &mut usize) -> Self {
        Self::rare("step", "Draw this step of the record, counted from 1", Kept::Step(step))
    }

    /// `--stage`: which probability the figure shows.
    pub(super) const fn stage(option: Kept<T>) -> Self {
        let help = "Show this probability: model, scaled (after temperature and penalties) or final (after truncation)";
        Self::new("stage", help, option)
    }

    fn description(&self, options: &mut T) -> Description {
        let takes = match &self.option {
            Kept::Switch(_) => Takes::Nothing,
            Kept::Count(placeholder, count) => Takes::Count { placeholder, default: Some(*count(options)) },
            Kept::Index(placeholder, index) => Takes::Count { placeholder, default: *index(options) },
            Kept::Step(_) => Takes::Step,
            Kept::Temperatures(_) => Takes::Temperatures,
            Kept::Name(Name { placeholder, names, get, .. }) => {
                Takes::Name { placeholder, names, default: get(options) }
            }
        };
        Description { name: self.name, help: self.help, is_rare: self.is_rare, takes }
    }

    fn set(&self, options: &mut T, given: &Given) -> Result<()> {
        match (&self.option, given) {
            (Kept::Switch(switch), Given::Switch) => *switch(options) = true,
            (Kept::Count(_, count) | Kept::Step(count), Given::Count(given)) => *count(options) = *given,
            (Kept::Index(_, index), Given::Count(given)) => *index(options) = Some(*given),
            (Kept::Temperatures(all), Given::Temperatures(given)) => all(options).clone_from(given),
            (Kept::Name(name), Given::Name(given)) => (name.set)(options, given)?,
            _ => {}
        }
        Ok(())
    }
}

/// A flag as a command line needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The name behind `--`.
    pub name: &'static str,
    /// What the help says about the flag.
    pub help: &'static str,
    /// Whether only the long help lists the flag.
    pub is_rare: bool,
    /// What follows the flag.
    pub takes: Takes,
}

/// What follows a flag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A number.
    Count {
        /// The number's name in the help.
        placeholder: &'static str,
        /// The number without the flag.
        default: Option<usize>,
    },
    /// The number of a step of a record, counted from 1.
    Step,
    /// Numbers above 0, separated by commas.
    Temperatures,
    /// One of some names.
    Name {
        /// The value's name in the help.
        placeholder: &'static str,
        /// All names.
        names: &'static [&'static str],
        /// The name without the flag.
        default: &'static str,
    },
}

/// What a command line gives for a flag.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// The flag alone.
    Switch,
    /// A number. Of a step, it counts from 0.
    Count(usize),
    /// Temperatures.
    Temperatures(Vec<f64>),
    /// A name.
    Name(String),
}

/// Describes the flags of the options `T`.
pub fn describe<T: Options>() -> Vec<Description> {
    let mut options = T::default();
    T::FLAGS.iter().map(|flag| flag.description(&mut options)).collect()
}

/// Makes options of what a command line gives: an entry for each flag, in the order of the flags. An option keeps its default
/// where the entry is `None`.
///
/// # Errors
///
/// If a name is unknown.
pub fn options<T: Options>(given: &[Option<Given>]) -> Result<T> {
    let mut options = T::default();
    for (flag, given) in T::FLAGS.iter().zip(given) {
        given.as_ref().map_or(Ok(()), |given| flag.set(&mut options, given))?;
    }
    Ok(options)
}

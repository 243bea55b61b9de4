//! The sampler's flags: the stages that change the distribution, and the choice of a token from it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use sukashi::Result;
use sukashi::sampling::{Choice, Settings};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sampler")]
pub struct StageArgs {
    /// Divide the logits by T; 0 leaves only the most probable token [default: 1]
    #[arg(long, value_name = "T", allow_hyphen_values = true, value_parser = checked(|all, t| all.temperature = t))]
    temperature: Option<f64>,
    /// Keep the K most probable tokens
    #[arg(long, value_name = "K", value_parser = checked(|all, k| all.top_k = Some(k)))]
    top_k: Option<usize>,
    /// Keep the most probable tokens until their probabilities sum to P
    #[arg(long, value_name = "P", allow_hyphen_values = true, value_parser = checked(|all, p| all.top_p = Some(p)))]
    top_p: Option<f64>,
    /// Drop the tokens that are less than P times as probable as the most probable one
    #[arg(
        long,
        value_name = "P",
        allow_hyphen_values = true,
        value_parser = checked(|all, p| all.min_p = Some(p)),
        hide_short_help = true
    )]
    min_p: Option<f64>,
    /// Keep the tokens whose information is closest to the entropy until their probabilities sum to P
    #[arg(
        long,
        value_name = "P",
        allow_hyphen_values = true,
        value_parser = checked(|all, p| all.typical_p = Some(p)),
        hide_short_help = true
    )]
    typical_p: Option<f64>,
    /// Divide the logits of tokens that the text already has by X [default: 1]
    #[arg(
        long,
        value_name = "X",
        allow_hyphen_values = true,
        value_parser = checked(|all, x| all.repetition_penalty = x),
        hide_short_help = true
    )]
    repetition_penalty: Option<f64>,
    /// Subtract X from a token's logit once for each time that the text has the token [default: 0]
    #[arg(
        long,
        value_name = "X",
        allow_hyphen_values = true,
        value_parser = checked(|all, x| all.frequency_penalty = x),
        hide_short_help = true
    )]
    frequency_penalty: Option<f64>,
    /// Subtract X from the logits of tokens that the text already has [default: 0]
    #[arg(
        long,
        value_name = "X",
        allow_hyphen_values = true,
        value_parser = checked(|all, x| all.presence_penalty = x),
        hide_short_help = true
    )]
    presence_penalty: Option<f64>,
    /// Add VALUE to the logit of token ID; may be repeated
    #[arg(
        long,
        value_name = "ID=VALUE",
        value_parser = logit_bias,
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    logit_bias: Vec<(u32, f64)>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sampler")]
pub struct ChoiceArgs {
    /// Always take the most probable token
    #[arg(long, conflicts_with = "pick")]
    greedy: bool,
    /// Always take the N-th most probable token
    #[arg(long, value_name = "N", value_parser = checked(|all, n| all.choice = Choice::Pick(n)), hide_short_help = true)]
    pick: Option<usize>,
    /// Seed of the random choice: the same seed gives the same text
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
}

impl StageArgs {
    /// The settings that the flags give together; a flag that is absent leaves its default.
    pub fn settings(&self, choice: Option<&ChoiceArgs>) -> Result<Settings> {
        let default = Settings::default();
        let settings = Settings {
            choice: choice.map_or(default.choice, ChoiceArgs::choice),
            temperature: self.temperature.unwrap_or(default.temperature),
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            typical_p: self.typical_p,
            repetition_penalty: self.repetition_penalty.unwrap_or(default.repetition_penalty),
            frequency_penalty: self.frequency_penalty.unwrap_or(default.frequency_penalty),
            presence_penalty: self.presence_penalty.unwrap_or(default.presence_penalty),
            logit_bias: BTreeMap::from_iter(self.logit_bias.iter().copied()),
            seed: choice.map_or(default.seed, |choice| choice.seed),
            ..default
        };
        settings.validate()?;
        Ok(settings)
    }
}

impl ChoiceArgs {
    fn choice(&self) -> Choice {
        match self.pick {
            _ if self.greedy => Choice::Greedy,
            Some(rank) => Choice::Pick(rank),
            None => Choice::Sample,
        }
    }
}

/// Parses a number and checks it as the setting that it becomes, so that the message names the flag.
fn checked<T>(set: fn(&mut Settings, T)) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr<Err: Display> + Copy,
{
    move |text| {
        let value = text.parse().map_err(|cause: T::Err| cause.to_string())?;
        let mut settings = Settings::default();
        set(&mut settings, value);
        settings.validate().map(|()| value).map_err(|error| one_line(&error.to_string()))
    }
}

fn one_line(message: &str) -> String {
    Vec::from_iter(message.lines().map(str::trim)).join(", ")
}

/// Parses a temperature of a figure that shows a whole distribution, which 0 does not have.
pub fn temperature(text: &str) -> Result<f64, String> {
    let value: f64 = text.trim().parse().map_err(|_| format!("{text:?} is not a number"))?;
    let is_usable = value.is_finite() && value > 0.0;
    is_usable.then_some(value).ok_or_else(|| format!("temperature {value} is not a finite number above 0"))
}

fn logit_bias(text: &str) -> Result<(u32, f64), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(id, value)| Some((id.trim().parse().ok()?, value.trim().parse().ok()?)));
    let (id, value) = parsed.ok_or_else(|| "expected ID=VALUE, such as 42=-1.5".to_owned())?;
    let settings = Settings { logit_bias: BTreeMap::from([(id, value)]), ..Settings::default() };
    settings.validate().map(|()| (id, value)).map_err(|error| one_line(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        stages: StageArgs,
        #[command(flatten)]
        choice: ChoiceArgs,
    }

    fn settings(args: &str) -> Settings {
        let flags = Flags::try_parse_from(format!("sukashi {args}").split_whitespace()).unwrap();
        flags.stages.settings(Some(&flags.choice)).unwrap()
    }

    #[test]
    fn flags_become_settings() {
        assert_eq!(settings(""), Settings::default());
        let given =
            settings("--temperature 0.5 --top-k 3 --top-p 0.9 --logit-bias 5=-1 --logit-bias 7=2 --seed 4");
        assert_eq!((given.temperature, given.top_k, given.top_p), (0.5, Some(3), Some(0.9)));
        assert_eq!(given.logit_bias, BTreeMap::from([(5, -1.0), (7, 2.0)]));
        assert_eq!((given.choice, given.seed), (Choice::Sample, 4));
        assert_eq!(settings("--greedy").choice, Choice::Greedy);
        assert_eq!(settings("--pick 3").choice, Choice::Pick(3));
    }

    #[test]
    fn a_message_names_the_flag_and_the_limit() {
        for (args, parts) in [
            (["--top-p", "1.5"], ["'1.5' for '--top-p <P>'", "0 < top_p <= 1"]),
            (["--top-k", "0"], ["'0' for '--top-k <K>'", "top_k >= 1"]),
            (["--temperature", "-1"], ["'-1' for '--temperature <T>'", "a finite temperature >= 0"]),
            (["--temperature", "NaN"], ["'NaN' for '--temperature <T>'", "a finite temperature >= 0"]),
            (["--logit-bias", "5=NaN"], ["'5=NaN' for '--logit-bias <ID=VALUE>'", "a finite bias"]),
            (["--pick", "0"], ["'0' for '--pick <N>'", "pick >= 1"]),
        ] {
            let message = Flags::try_parse_from([&["sukashi"], &args[..]].concat()).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{args:?}: no {part:?} in {message}");
            }
        }
    }
}

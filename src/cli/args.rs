//! Parsers that flags of several commands share.

use std::fmt::Display;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use sukashi::{Error, Result};

/// Parses one of `names` into a `T`.
pub fn names<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = Error> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

/// Names the flag and its value in an error of the library, which knows nothing of flags.
pub fn of_flag<T>(flag: &str, value: impl Display, result: Result<T>) -> Result<T> {
    result.map_err(|error| Error::new(error.kind(), format!("cannot use {flag} {value}")).caused_by(error))
}

/// Refuses a count of 0.
pub fn at_least_one(flag: &str, count: usize) -> Result<()> {
    match count {
        0 => Err(Error::input(format!("cannot work with {flag} 0")).detail("expected 1 or more")),
        _ => Ok(()),
    }
}

/// Reads `0,5-9`.
pub fn positions(text: &str) -> Result<Vec<usize>> {
    // Longer than any context: a range up to 10^18 must not be counted out before it is refused.
    const MOST: usize = 1 << 24;
    let refused = |part: &str| {
        Error::input("cannot read --positions")
            .detail(format!("found {part:?}, expected positions from 0 to {MOST} such as 0,5-9"))
    };
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let position = |number: &str| number.trim().parse::<usize>().ok().filter(|number| *number <= MOST);
        match (position(first), position(last)) {
            (Some(first), Some(last)) if first <= last => all.extend(first..=last),
            _ => return Err(refused(part)),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::positions;

    #[test]
    fn positions_are_numbers_and_ranges() {
        assert_eq!(positions("0, 5-7,2").unwrap(), [0, 5, 6, 7, 2]);
        for bad in ["", "a", "3-1", "-1", "1-", "0-99999999999"] {
            assert!(positions(bad).unwrap_err().to_string().contains("--positions"), "{bad}");
        }
    }
}

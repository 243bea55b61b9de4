//! Texts that end a generation, also where several tokens make them up.

use sukashi::{Error, Result};

/// Whether a generation can end before these texts.
pub fn check_stops(stops: &[String], has_tokenizer: bool) -> Result<()> {
    if stops.iter().any(String::is_empty) {
        return Err(Error::input("cannot stop at an empty text").hint("leave it out"));
    }
    if !stops.is_empty() && !has_tokenizer {
        return Err(Error::input("cannot stop at a text: the model has no tokenizer.json"));
    }
    Ok(())
}

/// Holds back what may be the start of a stop text, and says when one is complete.
pub struct StopTexts {
    stops: Vec<String>,
    held: String,
}

impl StopTexts {
    pub fn new(stops: &[String]) -> Self {
        Self { stops: stops.to_vec(), held: String::new() }
    }

    /// Takes the next part of the text; gives what may be shown, and whether a stop text came after it.
    pub fn push(&mut self, part: &str) -> (String, bool) {
        self.held += part;
        let found = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        let end = found.unwrap_or_else(|| self.undecided());
        let shown = self.held.drain(..end).collect();
        (shown, found.is_some())
    }

    /// The end of the text: what was held back is no stop text.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the longest end of the text begins that a stop text begins with.
    fn undecided(&self) -> usize {
        let could_stop =
            |&(start, _): &(usize, char)| self.stops.iter().any(|stop| stop.starts_with(&self.held[start..]));
        self.held.char_indices().find(could_stop).map_or(self.held.len(), |(start, _)| start)
    }
}

#[cfg(test)]
mod tests {
    use super::StopTexts;

    /// What is shown of these parts, and whether it stopped.
    fn run(stops: &[&str], parts: &[&str]) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| stop.to_string()).collect();
        let mut texts = StopTexts::new(&stops);
        let mut shown = String::new();
        for part in parts {
            let (text, stopped) = texts.push(part);
            shown += &text;
            if stopped {
                return (shown, true);
            }
        }
        (shown + &texts.finish(), false)
    }

    #[test]
    fn a_stop_text_may_span_parts() {
        assert_eq!(run(&["である。"], &["猫", "で", "あ", "る", "。", "名"]), ("猫".into(), true));
        assert_eq!(run(&["である。"], &["猫で", "あるのだ。"]), ("猫であるのだ。".into(), false));
        assert_eq!(run(&["aab"], &["a", "a", "a", "b"]), ("a".into(), true));
        assert_eq!(run(&["x", "bc"], &["abcx"]), ("a".into(), true));
        assert_eq!(run(&["abc"], &["ab"]), ("ab".into(), false));
        assert_eq!(run(&[], &["a", "b"]), ("ab".into(), false));
    }

    #[test]
    fn nothing_is_held_back_longer_than_needed() {
        let mut texts = StopTexts::new(&["\n\n".into()]);
        assert_eq!(texts.push("a\n"), ("a".into(), false));
        assert_eq!(texts.push("b"), ("\nb".into(), false));
    }
}

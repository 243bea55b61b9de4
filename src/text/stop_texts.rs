//! Texts that end a generation. Several tokens may form one together.

use std::ops::Range;

/// Holds back text that may be the start of a stop text, and finds complete stop texts.
///
/// The search runs over the text with its special tokens spelled out. A match never cuts a special token. The shown text
/// leaves special tokens out.
///
/// ```
/// use sukashi::text::StopTexts;
///
/// let mut stop = StopTexts::new(&["である。".to_owned()]);
/// assert_eq!(stop.push("猫で"), ("猫".to_owned(), false));
/// assert_eq!(stop.push("ある。名前"), (String::new(), true));
/// ```
#[derive(Debug)]
pub struct StopTexts {
    stops: Vec<String>,
    held: String,
    /// The ranges of special tokens in `held`.
    special: Vec<Range<usize>>,
}

impl StopTexts {
    /// Makes a search for these texts, none of which is empty.
    pub fn new(stops: &[String]) -> Self {
        Self { stops: stops.to_vec(), held: String::new(), special: Vec::new() }
    }

    /// Takes the next part of the text. Returns the text that may be shown, and whether a stop text follows it.
    pub fn push(&mut self, part: &str) -> (String, bool) {
        self.held += part;
        let found = self.stops.iter().filter_map(|stop| self.find(stop)).min();
        let end = found.unwrap_or_else(|| self.undecided());
        (self.take(end), found.is_some())
    }

    /// As [`Self::push`], for a special token, which is no part of the text but may be part of a stop text.
    pub fn push_special(&mut self, spelling: &str) -> (String, bool) {
        if self.stops.is_empty() {
            return (String::new(), false);
        }
        self.special.push(self.held.len()..self.held.len() + spelling.len());
        self.push(spelling)
    }

    /// Ends the text. Returns the text that was held back, which is no stop text.
    pub fn finish(&mut self) -> String {
        self.take(self.held.len())
    }

    /// The start of the first match of `stop` that cuts no special token.
    fn find(&self, stop: &str) -> Option<usize> {
        let is_whole = |start: &usize| !self.cuts(*start) && !self.cuts(start + stop.len());
        let mut starts = self.held.char_indices().map(|(start, _)| start);
        starts.find(|start| self.held[*start..].starts_with(stop) && is_whole(start))
    }

    /// The start of the longest end of the text that may become a stop text.
    fn undecided(&self) -> usize {
        let could_stop = |&(start, _): &(usize, char)| {
            !self.cuts(start) && self.stops.iter().any(|stop| stop.starts_with(&self.held[start..]))
        };
        self.held.char_indices().find(could_stop).map_or(self.held.len(), |(start, _)| start)
    }

    /// Whether a place is inside a special token.
    fn cuts(&self, place: usize) -> bool {
        self.special.iter().any(|token| token.start < place && place < token.end)
    }

    /// Takes the held text up to `end`, without special tokens.
    fn take(&mut self, end: usize) -> String {
        let mut shown: String = self.held.drain(..end).collect();
        for token in self.special.iter().rev().filter(|token| token.end <= end) {
            shown.replace_range(token.clone(), "");
        }
        self.special.retain(|token| token.end > end);
        for token in &mut self.special {
            *token = token.start - end..token.end - end;
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::StopTexts;

    /// The shown text of these parts, and whether a stop text ended it.
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

    /// As [`run`]; a part in angle brackets is a special token.
    fn run_special(stops: &[&str], parts: &[&str]) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| stop.to_string()).collect();
        let mut texts = StopTexts::new(&stops);
        let mut shown = String::new();
        for part in parts {
            let (text, stopped) =
                if part.starts_with('<') { texts.push_special(part) } else { texts.push(part) };
            shown += &text;
            if stopped {
                return (shown, true);
            }
        }
        (shown + &texts.finish(), false)
    }

    #[test]
    fn a_stop_text_may_spell_special_tokens() {
        let parts = ["a", "b", "c", "<end>", "<start>", "d", "e"];
        assert_eq!(run_special(&["<end>"], &parts), ("abc".into(), true));
        assert_eq!(run_special(&["c<end>"], &parts), ("ab".into(), true));
        assert_eq!(run_special(&["<start>d"], &parts), ("abc".into(), true));
        assert_eq!(run_special(&["c<end><start>"], &parts), ("ab".into(), true));
        // Not a part of one.
        assert_eq!(run_special(&["end"], &parts), ("abcde".into(), false));
        assert_eq!(run_special(&["d>"], &parts), ("abcde".into(), false));
        assert_eq!(run_special(&["c<"], &parts), ("abcde".into(), false));
        assert_eq!(run_special(&["e"], &parts), ("abcd".into(), true));
        // No special token is shown or held back.
        assert_eq!(run_special(&["c<end>x"], &parts), ("abcde".into(), false));
        assert_eq!(run_special(&["c<end>x"], &["c"]), ("c".into(), false));
        assert_eq!(run_special(&["c<end>x"], &["c", "<end>"]), ("c".into(), false));
        assert_eq!(run_special(&[], &parts), ("abcde".into(), false));
    }

    #[test]
    fn nothing_is_held_back_longer_than_needed() {
        let mut texts = StopTexts::new(&["\n\n".into()]);
        assert_eq!(texts.push("a\n"), ("a".into(), false));
        assert_eq!(texts.push("b"), ("\nb".into(), false));
    }
}

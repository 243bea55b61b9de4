//! Words that several figures share, and the form of numbers in figures.

use super::{Lang, phrases};
use crate::sampling::{Choice, Label, Settings};
use crate::trace::ModelInfo;

/// Writes a probability as a percentage with one decimal, or two below 1 %. A probability is never rounded to 0 or to
/// 100 %.
///
/// ```
/// use sukashi_figure::figure::percent;
///
/// let shown: Vec<String> = [0.512, 0.0123, 0.0042, 0.00002, 0.0, 0.99999, 1.0].map(percent).into();
/// assert_eq!(shown, ["51.2%", "1.2%", "0.42%", "<0.01%", "0%", ">99.9%", "100%"]);
/// ```
pub fn percent(probability: f64) -> String {
    let hundredths = probability * 100.0;
    if probability <= 0.0 {
        "0%".to_owned()
    } else if probability >= 1.0 {
        "100%".to_owned()
    } else if hundredths < 0.01 {
        "<0.01%".to_owned()
    } else if hundredths < 0.995 {
        format!("{hundredths:.2}%")
    } else if hundredths < 99.95 {
        format!("{hundredths:.1}%")
    } else {
        ">99.9%".to_owned()
    }
}

/// Writes 12345 as 12,345.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The sampling settings that change the model's own distribution, and always the temperature.
pub(super) fn settings(settings: &Settings, lang: Lang) -> Vec<String> {
    let mut parts: Vec<String> = settings.words().map(|words| label(&words, lang).to_owned()).collect();
    parts.extend(settings.custom_stages.iter().cloned());
    match settings.choice {
        Choice::Sample => {}
        Choice::Greedy => parts.push(phrases::greedy(lang).to_owned()),
        Choice::Pick(n) => parts.push(phrases::pick(lang, n)),
    }
    parts
}

/// The words of a label in the figure's language.
pub(super) fn label(label: &Label, lang: Lang) -> &str {
    match lang {
        Lang::Ja => &label.ja,
        Lang::En => &label.en,
    }
}

/// A passage in quotation marks.
pub(super) fn quoted(text: &str, lang: Lang) -> String {
    phrases::quoted(lang, text)
}

/// The title of a figure on the token after `context`.
pub(super) fn next_token_title(context: &str, lang: Lang) -> String {
    if context.is_empty() {
        phrases::next_token_of_nothing(lang).to_owned()
    } else {
        phrases::next_token(lang, context)
    }
}

/// The label of all tokens that the figure does not show.
pub(super) fn other(count: usize, lang: Lang) -> String {
    phrases::other(lang, grouped(count))
}

/// The short form of that label, for narrow places.
pub(super) fn other_short(lang: Lang) -> &'static str {
    phrases::other_short(lang)
}

/// The mark beside the number of the chosen token.
pub(super) fn chosen(lang: Lang) -> &'static str {
    phrases::chosen(lang)
}

/// The word in place of the number of a token that was cut.
pub(super) fn cut(lang: Lang) -> &'static str {
    phrases::cut(lang)
}

/// The note of a figure with a logarithmic scale.
pub(super) fn log_scale(lang: Lang) -> &'static str {
    phrases::log_scale(lang)
}

/// A temperature as a setting.
pub(super) fn temperature(temperature: f64) -> String {
    format!("T = {temperature}")
}

/// The name of a row or an axis of entropies.
pub(super) fn entropy(lang: Lang) -> &'static str {
    phrases::entropy(lang)
}

/// The model, and the parts that were left out of it.
pub(super) fn model(model: &ModelInfo, lang: Lang) -> Vec<String> {
    let mut parts = vec![model.name.clone()];
    if !model.left_out.is_empty() {
        let mut left_out = list(&model.left_out, lang);
        if lang == Lang::Ja {
            left_out = left_out.replace("head", "ヘッド").replace("mlp", "MLP");
        }
        parts.push(phrases::without(lang, left_out));
    }
    parts
}

/// A list of items in a sentence.
pub(super) fn list(items: &[String], lang: Lang) -> String {
    items.join(phrases::list_comma(lang))
}

impl Lang {
    /// The language's code, such as `ja`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }
}

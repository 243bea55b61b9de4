//! What figures say, in both languages, and how they write numbers.

use super::Lang;
use crate::sampling::{Choice, Label, Settings};
use crate::trace::ModelInfo;

/// A probability as a percentage: one decimal, two below 1 %; never rounded to 0 or to certainty.
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

/// 12345 as 12,345.
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

/// The sampling settings that differ from taking the model's own distribution as it is; temperature always.
pub(super) fn settings(settings: &Settings, lang: Lang) -> Vec<String> {
    let ja = lang == Lang::Ja;
    let mut parts: Vec<String> = settings.words().map(|words| label(&words, lang).to_owned()).collect();
    parts.extend(settings.custom_stages.iter().cloned());
    match settings.choice {
        Choice::Sample => {}
        Choice::Greedy => parts.push(if ja { "最大を選択" } else { "greedy" }.to_owned()),
        Choice::Pick(n) => parts.push(if ja { format!("{n} 番目を選択") } else { format!("pick {n}") }),
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
    match lang {
        Lang::Ja => format!("「{text}」"),
        Lang::En => format!("“{text}”"),
    }
}

/// The title of a figure on what follows `context`.
pub(super) fn next_token_title(context: &str, lang: Lang) -> String {
    match (lang, context.is_empty()) {
        (Lang::Ja, true) => "文頭に来るトークン".to_owned(),
        (Lang::Ja, false) => format!("「{context}」の次に来るトークン"),
        (Lang::En, true) => "The first token".to_owned(),
        (Lang::En, false) => format!("“{context}”: the next token"),
    }
}

/// The label of everything not shown.
pub(super) fn other(count: usize, lang: Lang) -> String {
    match lang {
        Lang::Ja => format!("その他 {} 個", grouped(count)),
        Lang::En => format!("{} others", grouped(count)),
    }
}

/// The same where there is little room.
pub(super) fn other_short(lang: Lang) -> &'static str {
    match lang {
        Lang::Ja => "その他",
        Lang::En => "others",
    }
}

/// What stands beside the chosen token's number.
pub(super) fn chosen(lang: Lang) -> &'static str {
    match lang {
        Lang::Ja => "選択",
        Lang::En => "chosen",
    }
}

/// What stands instead of the number of a token that was cut.
pub(super) fn cut(lang: Lang) -> &'static str {
    match lang {
        Lang::Ja => "切り捨て",
        Lang::En => "cut",
    }
}

/// What a figure says of its logarithmic scale.
pub(super) fn log_scale(lang: Lang) -> &'static str {
    match lang {
        Lang::Ja => "対数目盛",
        Lang::En => "logarithmic scale",
    }
}

/// A temperature as a setting.
pub(super) fn temperature(temperature: f64) -> String {
    format!("T = {temperature}")
}

/// The name of a row or an axis of entropies.
pub(super) fn entropy(lang: Lang) -> &'static str {
    match lang {
        Lang::Ja => "エントロピー（ビット）",
        Lang::En => "entropy (bits)",
    }
}

/// The model, and what was left out of it.
pub(super) fn model(model: &ModelInfo, lang: Lang) -> Vec<String> {
    let mut parts = vec![model.name.clone()];
    if !model.left_out.is_empty() {
        parts.push(match lang {
            Lang::Ja => {
                let list = list(&model.left_out, lang).replace("head", "ヘッド").replace("mlp", "MLP");
                format!("{list} を除外")
            }
            Lang::En => format!("without {}", list(&model.left_out, lang)),
        });
    }
    parts
}

/// Items in a row of a sentence.
pub(super) fn list(items: &[String], lang: Lang) -> String {
    items.join(match lang {
        Lang::Ja => "、",
        Lang::En => ", ",
    })
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

//! Characters that look alike, and those of them that are shown with their code point.
//!
//! The first character of a group is shown plain. The others have their code point behind them: `A`, but `Α<U+0391>`
//! and `А<U+0410>`. Letters of a token's own script are plain, too. `Привет` needs no marks, because it has letters
//! that only Cyrillic has. In such a token, a Latin `e` would have a mark.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A script whose letters have look-alikes in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hiragana,
    Katakana,
    Han,
}

/// Each group begins with the most frequent character of its shape. If a script has several letters of a group, the
/// first of them is the plain one in that script.
const ALIKE: &[&str] = &[
    // Letters of Latin, Greek and Cyrillic, Roman numerals, and signs that were letters once.
    "AΑА",
    "BΒВ",
    "CСⅭ",
    "DⅮ",
    "EΕЕ",
    "HΗН",
    "IΙІⅠ",
    "JЈ",
    "KΚК\u{212A}",
    "LⅬ",
    "MΜМⅯ",
    "NΝ",
    "OΟО",
    "PΡР",
    "SЅ",
    "TΤТ",
    "VⅤ",
    "XΧХⅩ",
    "YΥ",
    "ZΖ",
    "aа",
    "cсⅽ",
    "dⅾ",
    "eе",
    "iіⅰ",
    "jј",
    "lⅼ",
    "mⅿ",
    "oοо",
    "pр",
    "sѕ",
    "vνⅴ",
    "xхⅹ",
    "yу",
    "ËЁ",
    "ÏΪЇ",
    "ëё",
    "ïϊї",
    "Å\u{212B}",
    "ÐĐ",
    "Ω\u{2126}",
    "μµ",
    "ΓГ",
    "ΠП∏",
    "ΦФ",
    "Σ∑",
    "Δ∆",
    // Kana and kanji.
    "へヘ",
    "べベ",
    "ぺペ",
    "口ロ囗",
    "二ニ",
    "力カ",
    "工エ",
    "一ー",
    "夕タ",
    "ト卜",
    "八ハ",
    "ノ丿",
    "ヽ丶",
    "冑胄",
    "〇○◯",
    // Punctuation and signs.
    "―—─",
    "-‐‑",
    "|│∣丨",
    "・·‧∙⋅\u{387}",
    "\"”",
    "'’",
    ",‚",
    "~¯‾",
    "▽∇",
    "◇◊♢",
    ";\u{37E}",
    "`\u{1FEF}",
    "´\u{1FFD}",
    "〈\u{2329}",
    "〉\u{232A}",
    // The signs of this crate, which a text may also hold.
    "\0␣",
    "\0⎵",
    "\0↵",
    "\0⇥",
];

/// The script of a token: the script of its first letter without a look-alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Home(Option<Script>);

impl Home {
    pub(super) fn of(characters: impl Iterator<Item = char>) -> Self {
        Self(characters.filter(|character| group(*character).is_none()).find_map(script))
    }

    /// Whether a token of this script has `character` among its letters.
    fn has(self, character: char) -> bool {
        match self.0 {
            None => false,
            // The sign of a long vowel.
            Some(Script::Hiragana | Script::Katakana) if character == 'ー' => true,
            home => script(character) == home,
        }
    }
}

/// Whether `character`, with which `rest` begins, is shown with its code point.
pub(super) fn is_marked(character: char, rest: &str, home: Home) -> bool {
    match character {
        // Text that would read as bytes, a code point or an id.
        '<' => reads_as_escape(rest),
        '#' => rest[1..].starts_with(|next: char| next.is_ascii_digit()),
        // Compatibility ideographs. Fonts draw most of them as the ideograph that they stand for.
        '\u{F900}'..='\u{FAFF}' => true,
        _ => group(character).is_some_and(|group| {
            let own = group.chars().find(|member| home.has(*member));
            own.or(group.chars().next()) != Some(character)
        }),
    }
}

/// Whether `character` is drawn onto the character before it, so that both look like another character.
pub(super) fn is_combining(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{3099}' | '\u{309A}' | '\u{FE20}'..='\u{FE2F}'
        // Parts of Hangul syllables.
        | '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{D7B0}'..='\u{D7FF}')
}

fn group(character: char) -> Option<&'static str> {
    static GROUPS: LazyLock<HashMap<char, &str>> = LazyLock::new(|| {
        ALIKE.iter().flat_map(|group| group.chars().map(move |member| (member, *group))).collect()
    });
    GROUPS.get(&character).copied()
}

/// The script of a letter. `None` for signs, even if they were letters once.
fn script(character: char) -> Option<Script> {
    match character {
        'A'..='Z' | 'a'..='z' | 'À'..='ɏ' if character.is_alphabetic() => Some(Script::Latin),
        'Ͱ'..='Ͽ' if character.is_alphabetic() => Some(Script::Greek),
        'Ѐ'..='ԯ' if character.is_alphabetic() => Some(Script::Cyrillic),
        'ぁ'..='ゖ' => Some(Script::Hiragana),
        'ァ'..='ヺ' => Some(Script::Katakana),
        '㐀'..='鿿' | '々' => Some(Script::Han),
        _ => None,
    }
}

/// Whether `rest` begins like `<E6 9D>` or `<U+200B>`.
fn reads_as_escape(rest: &str) -> bool {
    let Some((inner, _)) = rest[1..].split_once('>') else { return false };
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    match inner.strip_prefix("U+") {
        Some(code) => (4..=6).contains(&code.len()) && is_hexadecimal(code),
        None => inner.split(' ').all(|byte| byte.len() == 2 && is_hexadecimal(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::token;
    use super::*;

    fn shown(text: &str) -> String {
        token(0, Some(text), None)
    }

    #[test]
    fn groups_share_no_character() {
        let mut seen = Vec::new();
        for character in ALIKE.iter().flat_map(|group| group.chars()).filter(|character| *character != '\0') {
            assert!(!seen.contains(&character), "{character} is there twice");
            seen.push(character);
        }
    }

    #[test]
    fn a_token_in_one_script_needs_no_marks() {
        for plain in [
            "Привет",
            "Αθήνα",
            "The",
            "ヘルメット",
            "へや",
            "ケーキ",
            "らーめん",
            "一人",
            "一",
            "カメラ",
            "夕方",
            "―",
            "first-class",
        ] {
            assert_eq!(shown(plain), plain);
        }
        assert_eq!(shown("А"), "А<U+0410>");
        assert_eq!(shown("сор"), "с<U+0441>о<U+043E>р<U+0440>");
        assert_eq!(shown("Пpивет"), "Пp<U+0070>ивет");
        assert_eq!(shown("ヘ"), "ヘ<U+30D8>");
        assert_eq!(shown("ー"), "ー<U+30FC>");
        assert_eq!(shown("第ー"), "第ー<U+30FC>");
        assert_eq!(shown("か\u{3099}"), "か<U+3099>");
    }

    #[test]
    fn what_the_table_of_signs_shows_is_told_from_the_signs() {
        for (one, other) in [
            (" ", "␣"),
            ("\u{3000}", "⎵"),
            ("\n", "↵"),
            ("\t", "⇥"),
            ("\u{7}", "<07>"),
            ("\u{200B}", "<U+200B>"),
            ("\n", "\r\n"),
            ("é", "e\u{301}"),
            ("が", "か\u{3099}"),
            ("塚", "\u{FA10}"),
        ] {
            assert_ne!(shown(one), shown(other), "{one:?} and {other:?}");
        }
        assert_ne!(token(123, None, None), shown("#123"));
        assert_ne!(token(0, None, Some(&[0xE6, 0x9D])), shown("<E6 9D>"));
        assert_eq!(shown("<s>#a<"), "<s>#a<");
    }

    /// Two different tokens of up to three of these letters never look the same.
    #[test]
    fn no_two_tokens_of_look_alikes_look_the_same() {
        let letters: Vec<char> = "AΑАaаBВбαヘへルら口ロ囗木一ー".chars().collect();
        // The visible form: the letter that has the shape of the group, and all text that is written out.
        let eye = |text: &str| -> String {
            let drawn =
                |character| group(character).and_then(|group| group.chars().next()).unwrap_or(character);
            shown(text).chars().map(drawn).collect()
        };
        let mut seen = std::collections::HashMap::new();
        for first in &letters {
            for second in &letters {
                for third in &letters {
                    let text = String::from_iter([first, second, third]);
                    if let Some(other) = seen.insert(eye(&text), text.clone()) {
                        panic!("{text} and {other} look the same");
                    }
                }
            }
        }
    }
}

//! The figure `tokens`: a text as a strip of tokens, coloured by a number that the model gives each token.

use super::example;
use super::flag::{Flag, Kept, Options, named};
use super::heat;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::phrases;
use super::provenance::Provenance;
use super::strip::{self, Tile, name};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, grouped, percent};
use super::{Contents, Figure};
use crate::names;
use crate::trace::{Prediction, Record, Score, visible};
use crate::{Error, Result, shown};

/// Options of [`tokens`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tokens {
    /// The number that colours a token and stands below it.
    pub by: ColorBy,
    /// Also prints the ids.
    pub ids: bool,
}

impl Options for Tokens {
    const FLAGS: &'static [Flag<Self>] = &[
        Flag::new(
            "by",
            "Colour by this number: prob, rank or entropy (of the distribution before the token)",
            named!("WHAT", ColorBy, options => options.by),
        ),
        Flag::rare("show-ids", "Also print the tokens' ids", Kept::Switch(|options| &mut options.ids)),
    ];
}

/// A number that a token can be coloured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ColorBy {
    /// The token's probability.
    #[default]
    Prob,
    /// The token's rank among all tokens.
    Rank,
    /// The entropy of the distribution before the token.
    Entropy,
}

names!(ColorBy, "number to colour tokens by", "prob" => Prob, "rank" => Rank, "entropy" => Entropy);

/// A picture of more tokens is too large for any viewer.
const MAX_TOKENS: usize = 4096;

/// Draws the text of a [`Score`] token by token.
///
/// ```
/// use sukashi_figure::figure::{ColorBy, Style, Tokens, tokens};
///
/// # let score = sukashi_figure::figure::example::score();
/// let figure = tokens(&score, &Tokens { by: ColorBy::Rank, ..Tokens::default() }, &Style::default())?;
/// assert!(figure.alt_text().contains("順位"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the score contradicts itself, or has more than 4096 tokens.
pub fn tokens(score: &Score, options: &Tokens, style: &Style) -> Result<Figure> {
    score.validate()?;
    if score.tokens.len() > MAX_TOKENS {
        return Err(Error::input("cannot draw this many tokens")
            .detail(format!("found {}, expected at most {MAX_TOKENS}", score.tokens.len())));
    }
    let (lang, by) = (style.lang, options.by);
    let most = by.most(score);
    let tiles: Vec<Tile> = score
        .tokens
        .iter()
        .map(|scored| {
            let mut tile = Tile::new(&scored.token);
            tile.heat = scored.prediction.as_ref().map(|prediction| by.heat(prediction, most));
            tile.notes.push(scored.prediction.as_ref().map_or_else(|| "–".to_owned(), |p| by.shown(p)));
            if options.ids && tile.label != format!("#{}", scored.token.id) {
                tile.notes.push(format!("#{}", scored.token.id));
            }
            tile.tooltip = tooltip(&tile.label, scored.token.id, scored.prediction.as_ref(), lang);
            tile
        })
        .collect();

    let text = score.text.as_deref().map(visible::line).unwrap_or_default();
    let mut page = Page::new(style)?;
    page.title(&text, |text| title(text, by, lang));
    page.subtitle(&subtitle(score, lang));
    heat::legend(&mut page, by.words(lang), &by.ticks(most));
    page.y += 6.0;
    strip::draw(&mut page, &tiles);

    let contents = Contents {
        kind: "tokens",
        title: title(&shortened(&text), by, lang),
        alt_text: alt_text(score, by, lang),
        table: table(score),
    };
    let provenance = Provenance::of_record(&score.version, &score.model, &score.adapter);
    Ok(Figure::of(provenance, style, page, contents, Vec::new()))
}

/// The most characters of a text that a title quotes.
const LONGEST_TITLE: usize = 200;

/// The start of a long text.
pub(super) fn shortened(text: &str) -> String {
    shown::start(text, LONGEST_TITLE).into_owned()
}

impl ColorBy {
    fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Prob => phrases::scale_of_probs(lang),
            Self::Rank => phrases::scale_of_ranks(lang),
            Self::Entropy => phrases::scale_of_entropies(lang),
        }
    }

    /// The end of the scale.
    fn most(self, score: &Score) -> f64 {
        let predictions = score.tokens.iter().filter_map(|token| token.prediction.as_ref());
        match self {
            Self::Prob => 1.0,
            Self::Rank => predictions.map(|prediction| prediction.rank).max().unwrap_or(1).max(10) as f64,
            // The scale ends at a whole number of bits.
            Self::Entropy => predictions.map(|prediction| prediction.entropy_bits).fold(1.0, f64::max).ceil(),
        }
    }

    /// A lighter token has a high probability, a low rank, or a high entropy.
    fn heat(self, prediction: &Prediction, most: f64) -> f64 {
        match self {
            Self::Prob => prediction.prob,
            Self::Rank => 1.0 - libm::log(prediction.rank as f64) / libm::log(most),
            Self::Entropy => prediction.entropy_bits / most,
        }
    }

    fn shown(self, prediction: &Prediction) -> String {
        match self {
            Self::Prob => percent(prediction.prob),
            Self::Rank => grouped(prediction.rank),
            Self::Entropy => format!("{:.2}", prediction.entropy_bits),
        }
    }

    fn ticks(self, most: f64) -> Vec<(f64, String)> {
        match self {
            Self::Prob => {
                [0, 25, 50, 75, 100].map(|tick| (f64::from(tick) / 100.0, format!("{tick}%"))).to_vec()
            }
            Self::Rank => {
                let decades = (libm::log10(most) + 1e-9) as u32;
                let place = |rank: f64| 1.0 - libm::log(rank) / libm::log(most);
                let ranks = (0..=decades).rev().map(|decade| 10_usize.pow(decade));
                ranks.map(|rank| (place(rank as f64), grouped(rank))).collect()
            }
            Self::Entropy => [0.0, 0.5, 1.0].map(|part| (part, format!("{}", part * most))).to_vec(),
        }
    }
}

fn title(text: &str, by: ColorBy, lang: Lang) -> String {
    let what = match by {
        ColorBy::Prob => phrases::token_probs(lang),
        ColorBy::Rank => phrases::token_ranks(lang),
        ColorBy::Entropy => phrases::token_entropies(lang),
    };
    if text.is_empty() { what.to_owned() } else { phrases::what_of_text(lang, text, what) }
}

fn subtitle(score: &Score, lang: Lang) -> Vec<String> {
    let mut parts = words::model(&score.model, lang);
    let totals = &score.totals;
    parts.push(phrases::tokens(lang, grouped(score.tokens.len())));
    parts.extend(totals.perplexity.map(|perplexity| phrases::perplexity(lang, perplexity)));
    parts.extend(totals.bits_per_character.map(|bits| phrases::bits_per_character(lang, bits)));
    parts
}

fn tooltip(label: &str, id: u32, prediction: Option<&Prediction>, lang: Lang) -> String {
    let mut parts = vec![label.to_owned(), format!("id {id}")];
    if let Some(prediction) = prediction {
        let (prob, rank, bits) =
            (percent(prediction.prob), grouped(prediction.rank), prediction.entropy_bits);
        parts.extend([
            phrases::prob(lang, prob),
            phrases::at_rank(lang, rank),
            phrases::entropy_of(lang, bits),
        ]);
    }
    parts.join(" · ")
}

fn alt_text(score: &Score, by: ColorBy, lang: Lang) -> String {
    /// How many tokens an alternative text names.
    const TOLD: usize = 30;
    let items: Vec<String> = score
        .tokens
        .iter()
        .take(TOLD)
        .map(|scored| {
            let value = scored.prediction.as_ref().map_or_else(|| "–".to_owned(), |p| by.shown(p));
            format!("{} {value}", words::quoted(&name(&scored.token), lang))
        })
        .collect();
    let list = words::list(&items, lang);
    let more = score.tokens.len().saturating_sub(TOLD);
    let more = if more > 0 { phrases::and_more_tokens(lang, more) } else { String::new() };
    // Both languages begin a sentence with these words, and only English has capitals.
    phrases::tokens_told(lang, capital(by.words(lang)), list, more)
}

/// The text with a capital at the start.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn table(score: &Score) -> Table {
    let mut table =
        Table::new(&["position", "id", "token", "text", "prob", "log_prob", "rank", "entropy_bits"]);
    for (position, scored) in score.tokens.iter().enumerate() {
        let number = |of: fn(&Prediction) -> f64| {
            scored.prediction.as_ref().map_or(Cell::Empty, |p| Cell::Number(of(p)))
        };
        table.rows.push(vec![
            Cell::Count(position as u64),
            Cell::Count(scored.token.id.into()),
            Cell::Text(name(&scored.token)),
            Cell::text(scored.token.text.as_deref()),
            number(|prediction| prediction.prob),
            number(|prediction| prediction.log_prob),
            scored.prediction.map_or(Cell::Empty, |prediction| Cell::Count(prediction.rank as u64)),
            number(|prediction| prediction.entropy_bits),
        ]);
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "tokens",
    &[
        Example {
            name: "tokens",
            draw: |of, style| {
                tokens(&example::score_of(of.words()), &Tokens { by: ColorBy::Prob, ids: false }, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "tokens-rank",
            draw: |of, style| {
                tokens(&example::score_of(of.words()), &Tokens { by: ColorBy::Rank, ids: true }, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "tokens-entropy",
            draw: |of, style| {
                tokens(&example::score_of(of.words()), &Tokens { by: ColorBy::Entropy, ids: false }, style)
            },
            golden: Golden::Captioned,
        },
    ],
    &[
        Picture::new(
            "tokens",
            ["文章の各トークン", "The tokens of a text"],
            "tokens 吾輩は猫である。名前はまだ無い。",
        ),
        Picture::new(
            "tokens-rank",
            ["各トークンの順位", "The ranks of tokens"],
            "tokens 吾輩は猫である。名前はまだ無い。 --by rank --show-ids",
        ),
        Picture::new(
            "tokens-entropy",
            ["各トークンの手前でのエントロピー", "The entropy before each token"],
            "tokens 吾輩は猫である。名前はまだ無い。 --by entropy",
        ),
        Picture::new(
            "gemma-tokens",
            ["Gemma 3 270M: 各トークンの確率", "Gemma 3 270M: the tokens of a text"],
            "tokens 東京は日本の首都です。パリはフランスの首都です。 --model gemma-3-270m.gguf",
        ),
    ],
);

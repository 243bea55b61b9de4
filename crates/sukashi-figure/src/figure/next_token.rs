//! The figure `next-token`: the most probable next tokens as bars.

use super::bars::{self, Layout};
use super::distribution::{self, Distribution, ProbKind, context, label};
use super::example;
use super::flag::{Flag, Kept, Options, named};
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::phrases;
use super::scene::LABEL;
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::sampling::Settings;
use crate::trace::Step;
use crate::{Result, Trace};

/// Options of [`next_token`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextToken {
    /// The number of candidates. All other tokens become one bar.
    pub count: usize,
    /// The step, counted from 0.
    pub step: usize,
    /// The kind of probability.
    pub stage: ProbKind,
    /// Prints the ids after the tokens.
    pub ids: bool,
    /// Draws a logarithmic scale, on which rare tokens are visible.
    pub log: bool,
}

impl Default for NextToken {
    fn default() -> Self {
        Self { count: 10, step: 0, stage: ProbKind::Model, ids: false, log: false }
    }
}

impl Options for NextToken {
    const FLAGS: &'static [Flag<Self>] = &[
        Flag::top("Show N tokens", |options| &mut options.count),
        Flag::stage(named!("STAGE", ProbKind, options => options.stage)),
        Flag::step(|options| &mut options.step),
        Flag::rare("show-ids", "Print ids after the tokens", Kept::Switch(|options| &mut options.ids)),
        Flag::new(
            "log",
            "Draw the probabilities on a logarithmic scale",
            Kept::Switch(|options| &mut options.log),
        ),
    ];
}

/// Draws the most probable next tokens as bars, largest first, and all others together as one hatched bar.
///
/// ```
/// use sukashi_figure::figure::{NextToken, Style, next_token};
///
/// # let trace = sukashi_figure::figure::example::japanese();
/// let figure = next_token(&trace, &NextToken::default(), &Style::default())?;
/// assert!(figure.svg().contains("<title>「吾輩は」の次に来るトークン</title>"));
/// std::fs::write(std::env::temp_dir().join("next-token.png"), figure.png(2.0)?).expect("a writable folder");
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the trace has no such step, if the step holds no distribution, or if `count` is 0.
pub fn next_token(trace: &Trace, options: &NextToken, style: &Style) -> Result<Figure> {
    let distribution = Distribution::new(trace, options.step, options.count, options.stage)?;
    let step = distribution::step(trace, options.step)?;
    let context = context(trace, options.step);
    let lang = style.lang;

    let mut page = Page::new(style)?;
    page.title(&context, |context| words::next_token_title(context, lang));
    let mut parts = subtitle(trace, step, options.stage, lang);
    parts.extend(options.log.then(|| words::log_scale(lang).to_owned()));
    page.subtitle(&parts);

    let bars = bars::of(&distribution, options.ids, lang);
    // Many bars stand closer together, so that the figure fits on a screen.
    let pitch = if bars.len() > 16 { 22.0 } else { 28.0 };
    let layout = if options.log { Layout::logarithmic } else { Layout::new };
    let layout = layout(&page, bars.iter(), page.inner(), LABEL, pitch);
    let (x, y) = (page.margin, page.y);
    page.y = bars::draw(&mut page, &bars, x, y, &layout);

    let title = words::next_token_title(&context, lang);
    let contents = Contents {
        kind: "next-token",
        alt_text: alt_text(&distribution, lang),
        title,
        table: table(&[(options.step, &distribution)]),
    };
    Ok(Figure::new(trace, style, page, contents, Vec::new()))
}

/// The model, the tokens over which the probabilities are, and how the token was chosen.
pub(super) fn subtitle(trace: &Trace, step: &Step, stage: ProbKind, lang: Lang) -> Vec<String> {
    let mut parts = words::model(&trace.model, lang);
    let settings = words::settings(&trace.sampling, lang).join(", ");
    match stage {
        ProbKind::Model => {
            parts.push(format!("{} (T = 1)", stage.words(lang)));
            let plain = Settings { seed: trace.sampling.seed, ..Settings::default() };
            if step.chosen.is_some() && trace.sampling != plain {
                parts.push(phrases::chosen_with(lang, &settings));
            }
        }
        ProbKind::Scaled | ProbKind::Final => {
            parts.extend(words::settings(&trace.sampling, lang));
            parts.push(stage.words(lang).to_owned());
        }
    }
    parts
}

/// How many candidates an alternative text names.
const TOLD: usize = 10;

/// The distribution in a sentence.
pub(super) fn alt_text(distribution: &Distribution<'_>, lang: Lang) -> String {
    let mut items: Vec<String> = distribution
        .shown
        .iter()
        .take(TOLD)
        .map(|candidate| {
            let value = percent(distribution.stage.of(candidate));
            format!("{} {value}", words::quoted(&label(candidate), lang))
        })
        .collect();
    let told: f64 =
        distribution.shown.iter().take(TOLD).map(|candidate| distribution.stage.of(candidate)).sum();
    let untold = distribution.other_count + distribution.shown.len().saturating_sub(TOLD);
    if untold > 0 {
        let rest = if distribution.shown.len() > TOLD { (1.0 - told).max(0.0) } else { distribution.other };
        items.push(format!("{} {}", words::other(untold, lang), percent(rest)));
    }
    let list = words::list(&items, lang);
    let stage = distribution.stage.words(lang);
    let chosen = distribution.shown.iter().find(|candidate| distribution.is_chosen(candidate));
    let chosen = chosen.map(|candidate| words::quoted(&label(candidate), lang));
    let chosen = chosen.map(|token| phrases::was_chosen(lang, token)).unwrap_or_default();
    phrases::next_token_told(lang, stage, list, chosen)
}

/// A table of every number that bars show, and of the numbers from which these follow.
pub(super) fn table(steps: &[(usize, &Distribution<'_>)]) -> Table {
    let mut table = Table::new(&[
        "step",
        "rank",
        "id",
        "token",
        "text",
        "logit",
        "prob",
        "prob_scaled",
        "prob_final",
        "chosen",
        "shown",
    ]);
    for (index, distribution) in steps {
        let step = Cell::Count(*index as u64 + 1);
        for candidate in &distribution.shown {
            table.rows.push(vec![
                step.clone(),
                Cell::Count(candidate.rank as u64),
                Cell::Count(candidate.id.into()),
                Cell::Text(label(candidate)),
                Cell::text(candidate.text.as_deref()),
                Cell::Single(candidate.logit),
                Cell::Number(candidate.prob),
                Cell::Number(candidate.prob_scaled),
                Cell::Number(candidate.prob_final),
                Cell::Flag(distribution.is_chosen(candidate)),
                Cell::Number(distribution.stage.of(candidate)),
            ]);
        }
        if distribution.other_count > 0 {
            let mut row = vec![Cell::Empty; table.columns.len()];
            row[0] = step;
            row[3] = Cell::Text(words::other(distribution.other_count, Lang::En));
            row[10] = Cell::Number(distribution.other);
            table.rows.push(row);
        }
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "next-token",
    &[
        Example {
            name: "next-token",
            draw: |of, style| {
                let trace = of.record(example::saying, || example::of(style.lang));
                next_token(&trace, &NextToken { count: of.count(10), ..NextToken::default() }, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "next-token-log",
            draw: |of, style| {
                let options = NextToken { count: of.count(10), log: true, ..NextToken::default() };
                next_token(&of.record(example::saying, example::japanese), &options, style)
            },
            golden: Golden::Plain,
        },
        Example {
            name: "next-token-ids",
            draw: |of, style| {
                let options = NextToken { count: of.count(10), ids: true, ..NextToken::default() };
                next_token(&of.record(example::saying, example::japanese), &options, style)
            },
            golden: Golden::None,
        },
    ],
    &[
        Picture::new("next-token", ["次に来るトークン", "The next token"], "next-token 吾輩は"),
        Picture::new(
            "next-token-log",
            ["対数目盛", "On a logarithmic scale"],
            "next-token 吾輩は --log --top 15",
        ),
        Picture::new("dark", ["暗い背景", "On a dark page"], "next-token 吾輩は --theme dark --top 6"),
        Picture::new(
            "gemma-next-token",
            ["Gemma 3 270M: 次に来るトークン", "Gemma 3 270M: the next token"],
            "next-token 東京は日本の --model gemma-3-270m.gguf",
        ),
    ],
);

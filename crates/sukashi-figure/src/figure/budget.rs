//! The figure `budget`: what fills the context window, as a stacked bar.

use super::example;
use super::fonts::Weight;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::phrases;
use super::provenance::Provenance;
use super::scene::{ASCENT, Anchor, Bounds, Item, LABEL, NOTE, Text};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, grouped, percent};
use super::{Contents, Figure};
use crate::trace::visible;
use crate::{Error, Result};

/// The parts of a context window, which [`budget`] draws.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    /// How many tokens the context holds.
    pub context: usize,
    /// Names of the parts and their tokens, in the order in which they stand in the context.
    pub parts: Vec<(String, usize)>,
    /// The model whose tokenizer counted the tokens. `None` if the caller gave the counts.
    pub tokenizer: Option<String>,
}

/// A reader cannot tell more parts apart.
const MAX_PARTS: usize = 30;

/// Draws the context window as a stacked bar. Each part has a segment. The bar also shows how much is free, or how much
/// is too much.
///
/// ```
/// use sukashi_figure::figure::{Budget, Style, budget};
///
/// let parts = vec![("system".to_owned(), 300), ("history".to_owned(), 4_000)];
/// let figure = budget(&Budget { context: 4_096, parts, tokenizer: None }, &Style::default())?;
/// assert!(figure.alt_text().contains("204 トークン超過"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the context is 0, if there are no parts or more than 30, or if their sum overflows.
pub fn budget(budget: &Budget, style: &Style) -> Result<Figure> {
    let lang = style.lang;
    if budget.context == 0 {
        return Err(Error::input("cannot draw a context of 0 tokens").detail("expected 1 or more"));
    }
    if budget.parts.is_empty() || budget.parts.len() > MAX_PARTS {
        return Err(Error::input(format!("cannot draw a context of {} parts", budget.parts.len()))
            .detail(format!("expected 1 to {MAX_PARTS}")));
    }
    let used = budget.parts.iter().try_fold(0_usize, |sum, (_, tokens)| sum.checked_add(*tokens));
    let used = used.ok_or_else(|| {
        Error::input("cannot draw the context: its parts are too large")
            .detail(format!("found a sum of more than {} tokens", usize::MAX))
    })?;

    let mut page = Page::new(style)?;
    page.title("", |_| title(lang).to_owned());
    let mut parts = Vec::from_iter(budget.tokenizer.clone());
    parts.push(state(used, budget.context, lang));
    page.subtitle(&parts);
    draw(&mut page, budget, used);

    let contents = Contents {
        kind: "budget",
        title: title(lang).to_owned(),
        alt_text: alt_text(budget, used, lang),
        table: table(budget, used),
    };
    let provenance =
        Provenance::of_numbers(env!("CARGO_PKG_VERSION")).counted_by(budget.tokenizer.as_deref());
    Ok(Figure::of(provenance, style, page, contents, Vec::new()))
}

fn title(lang: Lang) -> &'static str {
    phrases::budget(lang)
}

/// The number of tokens that are used, and of those that are free or too many.
fn state(used: usize, context: usize, lang: Lang) -> String {
    let (used_words, context_words) = (grouped(used), grouped(context));
    let difference = grouped(used.abs_diff(context));
    if used > context {
        phrases::budget_exceeded(lang, used_words, context_words, difference)
    } else {
        phrases::budget_kept(lang, used_words, context_words, difference)
    }
}

fn share(tokens: usize, context: usize) -> f64 {
    tokens as f64 / context as f64
}

/// A share of the context. It may be more than 100%.
fn share_text(tokens: usize, context: usize) -> String {
    let share = share(tokens, context);
    if share > 1.0 { format!("{:.1}%", share * 100.0) } else { percent(share) }
}

/// Draws the bar, the limit, and a line for each part.
fn draw(page: &mut Page<'_>, budget: &Budget, used: usize) {
    const THICKNESS: f64 = 44.0;
    const SWATCH: f64 = 11.0;
    const GAP: f64 = 8.0;
    const ROW: f64 = 24.0;
    let (palette, lang) = (page.palette, page.style.lang);
    let whole = used.max(budget.context) as f64;
    let over = used > budget.context;
    let (left, right) = (page.margin, page.width - page.margin);
    let at = |tokens: usize| left + (right - left) * (tokens as f64 / whole);

    let limit_words = phrases::limit(lang, grouped(budget.context));
    let note = page.setting(NOTE, Weight::Regular);
    let half = note.measure(&limit_words) / 2.0;
    let limit = at(budget.context);
    let x = limit.clamp(left + half, right - half);
    let color = if over { palette.accent_text } else { palette.muted };
    let weight = Weight::Regular;
    page.text(limit_words, x, page.y + NOTE * ASCENT, Anchor::Middle, NOTE, weight, color);
    page.y += 20.0;

    let top = page.y;
    let mut start = 0;
    let fills: Vec<&'static str> =
        (0..budget.parts.len()).map(|index| palette.series[index % palette.series.len()]).collect();
    for ((name, tokens), fill) in budget.parts.iter().zip(&fills) {
        let end = start + tokens;
        let tooltip = format!("{} · {}", visible::line(name), grouped(*tokens));
        let mut items = Vec::new();
        let inside = end.min(budget.context);
        if inside > start {
            let width = at(inside) - at(start);
            // A thin gap separates neighbours without colour, too.
            let width = if width > 3.0 { width - 1.0 } else { width };
            let bounds = Bounds { x: at(start), y: top, width, height: THICKNESS };
            items.push(Item::Rect { bounds, fill });
        }
        if end > budget.context {
            let from = start.max(budget.context);
            let bounds = Bounds { x: at(from), y: top, width: at(end) - at(from), height: THICKNESS };
            items.push(Item::Hatched { bounds, fill: palette.other, hatch: fill });
        }
        page.items.push(Item::Mark { tooltip, items });
        start = end;
    }
    if !over && used < budget.context {
        let bounds = Bounds { x: at(used), y: top, width: right - at(used), height: THICKNESS };
        page.items.push(Item::Hatched { bounds, fill: palette.other, hatch: palette.hatch });
    }
    let points = vec![(limit, top - 5.0), (limit, top + THICKNESS + 5.0)];
    page.items.push(Item::Line { points, stroke: color, width: if over { 2.0 } else { 1.0 }, dash: None });
    page.y = top + THICKNESS + 16.0;

    let mut rows: Vec<(String, usize, Option<&'static str>)> = budget
        .parts
        .iter()
        .zip(&fills)
        .map(|((name, tokens), fill)| (visible::line(name), *tokens, Some(*fill)))
        .collect();
    if over {
        let name = phrases::too_many(lang);
        rows.push((name.to_owned(), used - budget.context, None));
    } else {
        let name = phrases::free(lang);
        rows.push((name.to_owned(), budget.context - used, None));
    }
    let regular = page.setting(LABEL, Weight::Regular);
    let counts = rows.iter().map(|row| regular.measure(&grouped(row.1))).fold(0.0, f64::max);
    let shares =
        rows.iter().map(|row| regular.measure(&share_text(row.1, budget.context))).fold(0.0, f64::max);
    let names = rows.iter().map(|row| regular.measure(&row.0)).fold(0.0, f64::max);
    let room = page.inner() - SWATCH - counts - shares - 2.0 * GAP - 2.0 * 24.0;
    let names = names.min(room);
    let name_x = left + SWATCH + GAP;
    for (name, tokens, fill) in rows {
        let middle = page.y + ROW / 2.0;
        let bounds = Bounds { x: left, y: middle - SWATCH / 2.0, width: SWATCH, height: SWATCH };
        let hatch = if over { palette.accent } else { palette.hatch };
        page.items.push(match fill {
            Some(fill) => Item::Rect { bounds, fill },
            None => Item::Hatched { bounds, fill: palette.other, hatch },
        });
        let color = match fill {
            Some(_) => palette.text,
            None if over => palette.accent_text,
            None => palette.muted,
        };
        let y = Text::centred(middle, LABEL);
        let shown = regular.fit_start(&name, names + 0.01);
        page.text(shown, name_x, y, Anchor::Start, LABEL, weight, color);
        let x = name_x + names + 24.0 + counts;
        page.text(grouped(tokens), x, y, Anchor::End, LABEL, weight, color);
        let share = share_text(tokens, budget.context);
        page.text(share, x + 24.0 + shares, y, Anchor::End, LABEL, weight, palette.muted);
        page.y += ROW;
    }
}

fn alt_text(budget: &Budget, used: usize, lang: Lang) -> String {
    let items: Vec<String> = budget
        .parts
        .iter()
        .map(|(name, tokens)| {
            format!("{} {} ({})", visible::line(name), grouped(*tokens), share_text(*tokens, budget.context))
        })
        .collect();
    let (list, state) = (words::list(&items, lang), state(used, budget.context, lang));
    phrases::budget_told(lang, &state, &list)
}

fn table(budget: &Budget, used: usize) -> Table {
    let mut table = Table::new(&["part", "tokens", "share_of_context"]);
    let mut push = |name: &str, tokens: usize| {
        let share = Cell::Number(share(tokens, budget.context));
        table.rows.push(vec![Cell::Text(name.to_owned()), Cell::Count(tokens as u64), share]);
    };
    for (name, tokens) in &budget.parts {
        push(name, *tokens);
    }
    match used > budget.context {
        true => push("too many", used - budget.context),
        false => push("free", budget.context - used),
    }
    push("context", budget.context);
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_numbers(
    "budget",
    &[
        Example {
            name: "budget",
            draw: |of, style| {
                let named = |(index, name): (usize, &&str)| ((*name).to_owned(), 40 * index);
                let of_words = |words: &[&str]| Budget {
                    context: 12 * words.len() * words.len(),
                    parts: words.iter().enumerate().map(named).collect(),
                    tokenizer: Some(words[0].to_owned()),
                };
                budget(&of.record(of_words, || example::budget(4_096)), style)
            },
            golden: Golden::Plain,
        },
        Example {
            name: "budget-over",
            draw: |of, style| {
                let of_words = |words: &[&str]| Budget {
                    context: 30 * words.len(),
                    parts: words.iter().map(|name| ((*name).to_owned(), 40)).collect(),
                    tokenizer: None,
                };
                budget(&of.record(of_words, || example::budget(3_000)), style)
            },
            golden: Golden::Plain,
        },
    ],
    &[
        Picture::new(
            "budget",
            ["コンテキストウィンドウ", "The context window"],
            "budget --part system=300 --part history=1200 --part evidence=900 --part question=80 --part answer=800 \
             --context 4096",
        ),
        Picture::new(
            "budget-over",
            ["溢れたコンテキスト", "A context that is too full"],
            "budget --part system=300 --part history=1900 --part evidence=1400 --part question=80 --part answer=800 \
             --context 4096",
        ),
    ],
);

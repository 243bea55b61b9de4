//! The figure `attention`: which tokens the heads of a layer look at.

use super::example;
use super::flag::{Flag, Kept, Options};
use super::fonts::Weight;
use super::heat;
use super::heat_map::{self, Labels, Map};
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::phrases;
use super::provenance::Provenance;
use super::scene::{ASCENT, Anchor, LABEL, NOTE};
use super::strip::{self, Tile, name};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::tokens::shortened;
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::trace::{Attention, HeadWeights, Record, visible};
use crate::{Error, Result};

/// Options of [`attention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttentionOptions {
    /// The layer, counted from 0.
    pub layer: usize,
    /// The head, counted from 0. `None` stands for all heads.
    pub head: Option<usize>,
    /// The position of the query token, counted from 0. `None` stands for all tokens.
    pub query: Option<usize>,
}

impl Options for AttentionOptions {
    const FLAGS: &'static [Flag<Self>] = &[
        Flag::new("layer", "Draw this layer, counted from 0", Kept::Count("L", |options| &mut options.layer)),
        Flag::new(
            "head",
            "Draw this head, counted from 0 [default: all]",
            Kept::Index("H", |options| &mut options.head),
        ),
        Flag::new(
            "query",
            "Draw only the attention of the token at this position, counted from 0",
            Kept::Index("N", |options| &mut options.query),
        ),
    ];
}

/// A picture of more tokens is too large for any viewer.
const MAX_TOKENS: usize = 384;

/// Draws the attention weights of a layer. One head becomes a heat map, and several heads become a grid of heat maps.
/// One query token becomes the text with the weight of each token before the query.
///
/// ```
/// use sukashi_figure::figure::{AttentionOptions, Style, attention};
///
/// # let record = sukashi_figure::figure::example::attention();
/// let figure = attention(&record, &AttentionOptions { layer: 2, head: Some(1), query: None }, &Style::default())?;
/// assert!(figure.alt_text().contains("レイヤー 2"));
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the record contradicts itself, if it has no such layer, head or token, or if the text has more than 384 tokens.
pub fn attention(record: &Attention, options: &AttentionOptions, style: &Style) -> Result<Figure> {
    record.validate()?;
    let heads = select(record, options)?;
    let lang = style.lang;
    let mut page = Page::new(style)?;
    let text = record.prompt.text.as_deref().map(visible::line).unwrap_or_default();
    page.title(&text, |text| title(text, record, options, lang));
    let mut parts = words::model(&record.model, lang);
    parts.push(place(options.layer, options.head, lang));
    if options.query.is_none() {
        parts.push(phrases::attention_axes(lang).to_owned());
    }
    page.subtitle(&parts);
    let ticks = [0, 25, 50, 75, 100].map(|tick| (f64::from(tick) / 100.0, format!("{tick}%")));
    heat::legend(&mut page, phrases::attention_weight(lang), &ticks);
    page.y += 6.0;
    match options.query {
        Some(query) => strips(&mut page, record, &heads, query),
        None => maps(&mut page, record, &heads),
    }

    let contents = Contents {
        kind: "attention",
        title: title(&shortened(&text), record, options, lang),
        alt_text: alt_text(record, &heads, options, lang),
        table: table(record, &heads, options.query),
    };
    let provenance = Provenance::of_record(&record.version, &record.model, &record.adapter);
    Ok(Figure::of(provenance, style, page, contents, Vec::new()))
}

fn select<'a>(record: &'a Attention, options: &AttentionOptions) -> Result<Vec<&'a HeadWeights>> {
    let num_tokens = record.prompt.tokens.len();
    if num_tokens == 0 || num_tokens > MAX_TOKENS {
        return Err(Error::input("cannot draw attention over this many tokens")
            .detail(format!("found {num_tokens}, expected 1 to {MAX_TOKENS}")));
    }
    if let Some(query) = options.query.filter(|query| *query >= num_tokens) {
        return Err(Error::input(format!(
            "cannot draw what token {query} looks at: the text ends before it"
        ))
        .detail(format!("found {num_tokens} tokens, expected 0 to {}", num_tokens - 1)));
    }
    let is_wanted =
        |head: &&HeadWeights| head.layer == options.layer && options.head.is_none_or(|own| own == head.head);
    let heads: Vec<&HeadWeights> = record.heads.iter().filter(is_wanted).collect();
    if heads.is_empty() {
        let there: Vec<String> =
            record.heads.iter().map(|head| format!("{}.{}", head.layer, head.head)).collect();
        return Err(Error::input(format!("cannot draw {}", place(options.layer, options.head, Lang::En)))
            .detail(format!("found heads {}, each as layer.head", there.join(", "))));
    }
    Ok(heads)
}

/// A layer, or a head of it.
fn place(layer: usize, head: Option<usize>, lang: Lang) -> String {
    match head {
        None => phrases::layer(lang, layer),
        Some(head) => phrases::layer_and_head(lang, layer, head),
    }
}

fn head_name(head: usize, lang: Lang) -> String {
    phrases::head(lang, head)
}

fn title(text: &str, record: &Attention, options: &AttentionOptions, lang: Lang) -> String {
    if let Some(token) = options.query.and_then(|query| record.prompt.tokens.get(query)) {
        let token = words::quoted(&name(token), lang);
        return if text.is_empty() {
            phrases::seen_by_of_nothing(lang, &token)
        } else {
            phrases::seen_by(lang, text, &token)
        };
    }
    if text.is_empty() {
        phrases::attention_of_nothing(lang).to_owned()
    } else {
        phrases::attention(lang, text)
    }
}

/// Draws one map over the whole width, or a grid of maps.
fn maps(page: &mut Page<'_>, record: &Attention, heads: &[&HeadWeights]) {
    const GAP: f64 = 20.0;
    const NARROWEST: f64 = 180.0;
    let lang = page.style.lang;
    let labels: Vec<String> = record.prompt.tokens.iter().map(name).collect();
    let fitting = ((page.inner() + GAP) / (NARROWEST + GAP)).floor().max(1.0) as usize;
    // The rows of a grid have about the same number of maps.
    let rows = heads.len().div_ceil(fitting);
    let columns = heads.len().div_ceil(rows.max(1)).max(1);
    let width = (page.inner() - GAP * (columns - 1) as f64) / columns as f64;
    for (row, chunk) in heads.chunks(columns).enumerate() {
        if row > 0 {
            page.y += GAP;
        }
        let top = page.y;
        for (column, head) in chunk.iter().enumerate() {
            let x = page.margin + column as f64 * (width + GAP);
            let mut y = top;
            if heads.len() > 1 {
                let (muted, text) = (page.palette.muted, page.palette.text);
                let baseline = y + LABEL * ASCENT;
                let own = head_name(head.head, lang);
                let after = x + page.measure(&own, LABEL, Weight::Bold) + 8.0;
                page.text(own, x, baseline, Anchor::Start, LABEL, Weight::Bold, text);
                let strongest = strongest(record, head, lang).unwrap_or_default();
                let strongest = page.setting(NOTE, Weight::Regular).fit_start(&strongest, x + width - after);
                page.text(strongest, after, baseline, Anchor::Start, NOTE, Weight::Regular, muted);
                y += 22.0;
            }
            let labels = if heads.len() == 1 { Labels::Thinned(&labels) } else { Labels::IfAllFit(&labels) };
            let map = Map { weights: &head.weights, labels };
            page.y = page.y.max(heat_map::draw(page, &map, (x, y), width));
        }
    }
}

/// The greatest weight that a token gives to another one.
fn strongest(record: &Attention, head: &HeadWeights, lang: Lang) -> Option<String> {
    let pairs = head.weights.iter().enumerate().flat_map(|(query, row)| {
        row[..query].iter().enumerate().map(move |(key, weight)| (query, key, *weight))
    });
    let (query, key, weight) = pairs.max_by(|a, b| a.2.total_cmp(&b.2))?;
    let token = |at: usize| record.prompt.tokens.get(at).map(name).unwrap_or_default();
    let (query, key) = (token(query), token(key));
    Some(phrases::most_attention(lang, query, key, percent(f64::from(weight))))
}

/// Draws the text once for each head, with the weight that the query gives to each token.
fn strips(page: &mut Page<'_>, record: &Attention, heads: &[&HeadWeights], query: usize) {
    let lang = page.style.lang;
    for (index, head) in heads.iter().enumerate() {
        if index > 0 {
            page.y += 18.0;
        }
        if heads.len() > 1 {
            let (x, y) = (page.margin, page.y + LABEL * ASCENT);
            let text = page.palette.text;
            page.text(head_name(head.head, lang), x, y, Anchor::Start, LABEL, Weight::Bold, text);
            page.y += 22.0;
        }
        let tiles: Vec<Tile> = record
            .prompt
            .tokens
            .iter()
            .enumerate()
            .map(|(key, token)| {
                let mut tile = Tile::new(token);
                let weight = head.weights.get(query).and_then(|row| row.get(key)).copied();
                tile.heat = weight.map(f64::from);
                tile.notes.push(weight.map_or_else(|| "–".to_owned(), |weight| percent(f64::from(weight))));
                tile.is_marked = key == query;
                tile.tooltip = format!("{key} · {} · {}", tile.label, tile.notes[0]);
                tile
            })
            .collect();
        strip::draw(page, &tiles);
    }
}

fn alt_text(record: &Attention, heads: &[&HeadWeights], options: &AttentionOptions, lang: Lang) -> String {
    /// How many tokens or heads an alternative text names.
    const TOLD: usize = 16;
    let token = |at: usize| record.prompt.tokens.get(at).map(name).unwrap_or_default();
    let place = place(options.layer, options.head, lang);
    let items: Vec<String> = match options.query {
        Some(query) => heads
            .iter()
            .take(TOLD)
            .map(|head| {
                let row = head.weights.get(query).map_or(&[][..], Vec::as_slice);
                let mut order: Vec<usize> = (0..row.len()).collect();
                order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
                let most: Vec<String> = order
                    .into_iter()
                    .take(5)
                    .map(|key| {
                        format!("{} {}", words::quoted(&token(key), lang), percent(f64::from(row[key])))
                    })
                    .collect();
                let most = words::list(&most, lang);
                if heads.len() == 1 { most } else { format!("{}: {most}", head_name(head.head, lang)) }
            })
            .collect(),
        None => heads
            .iter()
            .take(TOLD)
            .filter_map(|head| {
                let strongest = strongest(record, head, lang)?;
                let own = head_name(head.head, lang);
                Some(if heads.len() == 1 { strongest } else { format!("{own}: {strongest}") })
            })
            .collect(),
    };
    let separator = phrases::sentence_end(lang);
    let list = items.join(separator);
    match options.query {
        Some(query) => phrases::attention_from_told(lang, place, words::quoted(&token(query), lang), list),
        None => phrases::attention_told(lang, place, record.prompt.tokens.len(), list),
    }
}

fn table(record: &Attention, heads: &[&HeadWeights], query: Option<usize>) -> Table {
    let mut table = Table::new(&["layer", "head", "query", "query_token", "key", "key_token", "weight"]);
    let token = |at: usize| Cell::Text(record.prompt.tokens.get(at).map(name).unwrap_or_default());
    for head in heads {
        let rows = head.weights.iter().enumerate();
        for (own, row) in rows.filter(|(own, _)| query.is_none_or(|query| query == *own)) {
            for (key, weight) in row.iter().enumerate() {
                table.rows.push(vec![
                    Cell::Count(head.layer as u64),
                    Cell::Count(head.head as u64),
                    Cell::Count(own as u64),
                    token(own),
                    Cell::Count(key as u64),
                    token(key),
                    Cell::Single(*weight),
                ]);
            }
        }
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "attention",
    &[
        Example {
            name: "attention",
            draw: |of, style| {
                let options = AttentionOptions { layer: 2, ..AttentionOptions::default() };
                attention(&example::attention_of(of.words()), &options, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "attention-head",
            draw: |of, style| {
                let options = AttentionOptions { layer: 2, head: Some(2), query: None };
                attention(&example::attention_of(of.words()), &options, style)
            },
            golden: Golden::Captioned,
        },
        Example {
            name: "attention-query",
            draw: |of, style| {
                let query = Some(of.words().len() / 2);
                let options = AttentionOptions { layer: 2, head: Some(1), query };
                attention(&example::attention_of(of.words()), &options, style)
            },
            golden: Golden::Captioned,
        },
    ],
    &[
        Picture::new(
            "attention",
            ["アテンション（一つの層）", "Attention, the heads of a layer"],
            "attention 吾輩は猫である。 --layer 2",
        ),
        Picture::new(
            "attention-head",
            ["アテンション（一つのヘッド）", "Attention, one head"],
            "attention 吾輩は猫である。 --layer 2 --head 1",
        ),
        Picture::new(
            "attention-query",
            ["一つのトークンが見ているもの", "What one token looks at"],
            "attention 吾輩は猫である。 --layer 3 --head 4 --query 6",
        ),
        Picture::new(
            "gemma-attention",
            ["Gemma 3 270M: アテンション（一つの層）", "Gemma 3 270M: attention, the heads of a layer"],
            "attention 東京は日本の首都です。パリは --layer 11 --model gemma-3-270m.gguf",
        ),
        Picture::new(
            "gemma-attention-query",
            ["Gemma 3 270M: 一つのトークンが見ているもの", "Gemma 3 270M: what one token looks at"],
            "attention 東京は日本の首都です。パリはフランスの --layer 11 --head 1 --query 10 --model gemma-3-270m.gguf",
        ),
    ],
);

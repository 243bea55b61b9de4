//! The figure `tokenizers`: one text in the tokens of several tokenizers, with its cost in each.

use super::boxes::{self, Token};
use super::example;
use super::fonts::Weight;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::phrases;
use super::provenance::Provenance;
use super::scene::{ASCENT, Anchor, Bounds, Item, LABEL, NOTE};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, grouped, quoted};
use super::{Contents, Figure};
use crate::trace::{Segmentation, TextCost, visible};
use crate::{Error, Result};

/// A picture of more tokenizers is too large for any viewer.
const MAX_TOKENIZERS: usize = 30;
/// The most lines that the tokens of one tokenizer take.
const MAX_LINES: usize = 12;
/// Twelve lines have room for no more tokens.
const MAX_TOKENS: usize = 8_000;

/// Draws `text` in the tokens of each tokenizer, with the numbers of tokens and bits, and how many times shorter than
/// UTF-8 they are.
///
/// ```
/// use sukashi_figure::figure::{Style, tokenizers};
/// use sukashi_figure::trace::{Piece, Segmentation, Token};
///
/// let piece = |id: u32| Piece { token: Token { id, text: None, bytes: Some(vec![id as u8]) }, replaces: None };
/// let bytes = Segmentation {
///     tokenizer: "bytes".to_owned(),
///     vocab_size: 256,
///     pieces: [0xE7, 0x8C, 0xAB].map(piece).to_vec(),
///     dropped: Vec::new(),
/// };
/// let figure = tokenizers("猫", &[bytes], &Style::default())?;
/// assert_eq!(figure.title(), "「猫」のトークン分割");
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If there are no tokenizers or more than 30, or if the text is empty.
pub fn tokenizers(text: &str, cuts: &[Segmentation], style: &Style) -> Result<Figure> {
    if cuts.is_empty() || cuts.len() > MAX_TOKENIZERS {
        return Err(Error::input(format!("cannot draw {} tokenizers", cuts.len()))
            .detail(format!("expected 1 to {MAX_TOKENIZERS}")));
    }
    if text.is_empty() {
        return Err(Error::input("cannot draw the tokens of a text: it is empty"));
    }
    let lang = style.lang;
    let costs: Vec<TextCost> = cuts.iter().map(|cut| cut.cost(text)).collect();
    let most_bits = costs.iter().map(|cost| cost.bits.max(cost.utf8_bits)).max().unwrap_or(1);

    let shown = visible::line(text);
    let mut page = Page::new(style)?;
    page.title(&shown, |text| title(text, lang));
    page.subtitle(&subtitle(text, lang));
    for (index, (cut, cost)) in cuts.iter().zip(&costs).enumerate() {
        if index > 0 {
            page.y += 18.0;
        }
        heading(&mut page, cut, cost, most_bits);
        tokens(&mut page, cut);
        lost(&mut page, cut);
    }

    let contents = Contents {
        kind: "tokenizers",
        title: title(&shown, lang),
        alt_text: alt_text(&shown, cuts, &costs, lang),
        table: table(cuts, &costs),
    };
    let names = Vec::from_iter(cuts.iter().map(|cut| cut.tokenizer.clone())).join(", ");
    let provenance = Provenance::of_numbers(env!("CARGO_PKG_VERSION")).counted_by(Some(&names));
    Ok(Figure::of(provenance, style, page, contents, Vec::new()))
}

fn title(text: &str, lang: Lang) -> String {
    phrases::tokenizers(lang, quoted(text, lang))
}

fn subtitle(text: &str, lang: Lang) -> Vec<String> {
    let (chars, bits) = (grouped(text.chars().count()), grouped(8 * text.len()));
    vec![phrases::characters(lang, chars), phrases::utf8_bits(lang, bits), phrases::ratio_is(lang).to_owned()]
}

fn facts(cut: &Segmentation, cost: &TextCost, lang: Lang) -> Vec<String> {
    let (vocab_size, tokens) = (grouped(cut.vocab_size), grouped(cut.pieces.len()));
    let TextCost { bits_per_token, ratio, .. } = *cost;
    let bits = grouped(cost.bits as usize);
    vec![
        phrases::vocabulary(lang, vocab_size),
        phrases::tokens_in_bits(lang, tokens, bits_per_token, bits),
        phrases::ratio(lang, ratio),
    ]
}

/// Draws the name, the numbers, and a bar for the bits. The track of the bar is as long as the text in UTF-8.
fn heading(page: &mut Page<'_>, cut: &Segmentation, cost: &TextCost, most_bits: u64) {
    const THICKNESS: f64 = 6.0;
    let palette = page.palette;
    let name = page.setting(LABEL, Weight::Bold).fit_start(&visible::line(&cut.tokenizer), page.inner());
    page.text(name, page.margin, page.y + LABEL * ASCENT, Anchor::Start, LABEL, Weight::Bold, palette.text);
    page.y += 20.0;
    let facts = facts(cut, cost, page.style.lang);
    page.note(&facts);
    page.y += 3.0;
    let length = |bits: u64| page.inner() * (bits as f64 / most_bits as f64);
    let bar = |bits, fill| {
        let bounds = Bounds { x: page.margin, y: page.y, width: length(bits), height: THICKNESS };
        Item::Rect { bounds, fill }
    };
    let items = vec![bar(cost.utf8_bits, palette.guide), bar(cost.bits, palette.bar)];
    let tooltip = [visible::line(&cut.tokenizer)].into_iter().chain(facts);
    page.items.push(Item::Mark { tooltip: Vec::from_iter(tooltip).join(" · "), items });
    page.y += THICKNESS + 8.0;
}

fn tokens(page: &mut Page<'_>, cut: &Segmentation) {
    let tokens: Vec<Token> = cut.pieces.iter().take(MAX_TOKENS).map(Token::new).collect();
    let drawn = boxes::draw(page, &tokens, MAX_LINES);
    let left = cut.pieces.len() - drawn;
    if left > 0 {
        let left = grouped(left);
        page.note(&[phrases::more_tokens(page.style.lang, &left)]);
    }
}

/// A sentence on what the tokens lose of the text. `None` if they lose nothing.
fn lost_words(cut: &Segmentation, lang: Lang) -> Option<String> {
    /// How many lost characters the sentence names.
    const TOLD: usize = 12;
    let all: Vec<&str> = cut.lost().collect();
    let mut named: Vec<String> = Vec::new();
    for text in &all {
        let text = visible::on_shelves(&visible::token(0, Some(text), None));
        if named.len() < TOLD && !named.contains(&text) {
            named.push(text);
        }
    }
    let count = grouped(all.len());
    let list = named.join(" ");
    (!all.is_empty()).then(|| phrases::lost(lang, &count, &list))
}

fn lost(page: &mut Page<'_>, cut: &Segmentation) {
    let Some(words) = lost_words(cut, page.style.lang) else { return };
    let color = page.palette.accent_text;
    for line in page.setting(NOTE, Weight::Regular).wrap(&words, page.inner()) {
        let y = page.y + NOTE * ASCENT;
        page.text(line, page.margin, y, Anchor::Start, NOTE, Weight::Regular, color);
        page.y += 17.0;
    }
}

fn alt_text(text: &str, cuts: &[Segmentation], costs: &[TextCost], lang: Lang) -> String {
    /// How many tokens of each tokenizer an alternative text names.
    const TOLD: usize = 20;
    let sentence = |(cut, cost): (&Segmentation, &TextCost)| {
        let told: Vec<String> = cut.pieces.iter().take(TOLD).map(|piece| Token::new(piece).label).collect();
        let more = if cut.pieces.len() > TOLD { " …" } else { "" };
        let (name, facts) = (visible::line(&cut.tokenizer), words::list(&facts(cut, cost, lang), lang));
        let lost = lost_words(cut, lang).map(|words| format!("; {words}")).unwrap_or_default();
        format!("{name}: {} ({facts}{lost}){more}", told.join(" | "))
    };
    let all = Vec::from_iter(cuts.iter().zip(costs).map(sentence));
    let quoted = quoted(text, lang);
    phrases::tokenizers_told(lang, quoted, all.join(phrases::sentence_end(lang)))
}

fn table(cuts: &[Segmentation], costs: &[TextCost]) -> Table {
    let mut table = Table::new(&[
        "tokenizer",
        "vocab_size",
        "tokens",
        "bits_per_token",
        "bits",
        "utf8_bits",
        "ratio",
        "index",
        "id",
        "token",
        "text",
        "replaces",
    ]);
    for (cut, cost) in cuts.iter().zip(costs) {
        let own = [
            Cell::Text(cut.tokenizer.clone()),
            Cell::Count(cut.vocab_size as u64),
            Cell::Count(cost.num_tokens),
            Cell::Count(cost.bits_per_token.into()),
            Cell::Count(cost.bits),
            Cell::Count(cost.utf8_bits),
            Cell::Number(cost.ratio),
        ];
        for (index, piece) in cut.pieces.iter().enumerate() {
            let token = [
                Cell::Count(index as u64 + 1),
                Cell::Count(piece.token.id.into()),
                Cell::Text(Token::new(piece).label),
                Cell::text(piece.token.text.as_deref()),
                Cell::text(piece.replaces.as_deref()),
            ];
            table.rows.push([&own[..], &token].concat());
        }
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_numbers(
    "tokenizers",
    &[Example {
        name: "tokenizers",
        draw: |of, style| {
            let text = example::text_of(of.words(), 500);
            tokenizers(&text, &example::cuts(of.words()[0], &text), style)
        },
        golden: Golden::Elsewhere,
    }],
    &[
        Picture::new(
            "tokenizers",
            ["トークナイザーの比較", "Tokenizers"],
            "tokenizers 吾輩は猫である --bytes --model ../../assets/soseki-mini",
        ),
        Picture::new(
            "tokenizers-trained",
            ["学習した BPE との比較", "Beside a trained BPE"],
            "tokenizers 吾輩はここで始めて人間というものを見た。 --train wagahai.txt --kind byte-bpe --vocab-size 400",
        ),
        Picture::new(
            "tokenizers-lost",
            ["語彙にない文字", "Characters that a vocabulary lacks"],
            "tokenizers 吾輩はネコ🐈である --model ../../assets/soseki-mini",
        ),
        Picture::new(
            "gemma-tokenizers",
            ["トークナイザーの比較", "Tokenizers compared"],
            "tokenizers 東京は日本の首都です。 --bytes --model gemma-3-270m.gguf",
        ),
    ],
);

//! Lays out a text's tokens and costs for people.

use sukashi::figure::{Lang, grouped};
use sukashi::trace::{Piece, Segmentation, visible};

use super::{Tokenized, hex};
use crate::cli::terminal::{Paint, Terminal, fit_end, fit_start, pad, pad_start, width};

const GAP: &str = "  ";
/// The most lost passages that are listed.
const TOLD: usize = 12;

pub fn text(tokenized: &Tokenized, terminal: &Terminal) -> String {
    let mut out = title(tokenized, terminal);
    // A whole book gets only its costs.
    if tokenized.name.is_none() {
        for cut in &tokenized.cuts {
            out += &format!("\n{}\n", terminal.paint(Paint::Title, &visible::line(&cut.tokenizer)));
            out += &if tokenized.cuts.len() == 1 { rows(cut, terminal) } else { strip(cut, terminal) };
        }
    }
    out += &format!("\n{}", costs(tokenized, terminal));
    for cut in &tokenized.cuts {
        out += &lost(cut, terminal);
    }
    out
}

fn title(tokenized: &Tokenized, terminal: &Terminal) -> String {
    let text = &tokenized.text;
    let (chars, bytes) = (grouped(text.chars().count()), grouped(text.len()));
    let bits = grouped(8 * text.len());
    let facts = match terminal.lang {
        Lang::Ja => format!("{chars} 文字 · UTF-8 で {bytes} バイト = {bits} ビット"),
        Lang::En => format!("{chars} characters · {bytes} bytes of UTF-8 = {bits} bits"),
    };
    let name = match &tokenized.name {
        Some(name) => fit_start(&visible::line(name), terminal.width),
        None => {
            let (before, after) = (terminal.words("「", "“"), terminal.words("」", "”"));
            let room = terminal.width.saturating_sub(width(before) + width(after));
            format!("{before}{}{after}", fit_end(&visible::line(text), room))
        }
    };
    format!("{}\n{}\n", terminal.paint(Paint::Title, &name), terminal.paint(Paint::Quiet, &facts))
}

/// A token's label. The unknown token's label also shows the text that it replaces.
fn label(piece: &Piece) -> String {
    let token = visible::token(piece.token.id, piece.token.text.as_deref(), piece.token.bytes.as_deref());
    match &piece.replaces {
        Some(text) => format!("{}→{token}", visible::token(0, Some(text), None)),
        None => token,
    }
}

/// A line for each token.
fn rows(cut: &Segmentation, terminal: &Terminal) -> String {
    let names = ["#", "id", terminal.words("トークン", "token"), terminal.words("バイト", "bytes")];
    let cells: Vec<[String; 4]> = cut
        .pieces
        .iter()
        .enumerate()
        .map(|(index, piece)| {
            let own = piece.replaces.as_deref().map(str::as_bytes).or(piece.token.bytes.as_deref());
            let bytes = own.map(hex).unwrap_or_default();
            [(index + 1).to_string(), piece.token.id.to_string(), label(piece), bytes]
        })
        .collect();
    let widest =
        |column: usize| cells.iter().map(|row| width(&row[column])).fold(width(names[column]), usize::max);
    let (number, id) = (widest(0).max(3), widest(1));
    let token = widest(2).min(terminal.width / 3);
    let bytes = terminal.width.saturating_sub(number + id + token + 3 * GAP.len());
    let line = |[a, b, c, d]: [&str; 4]| {
        let token_cell = pad(&fit_start(c, token), token);
        let bytes_cell = fit_start(d, bytes);
        format!("{}{GAP}{}{GAP}{token_cell}{GAP}{bytes_cell}", pad_start(a, number), pad_start(b, id))
    };
    let mut out = format!("{}\n", terminal.paint(Paint::Quiet, &line(names)));
    for (row, piece) in cells.iter().zip(&cut.pieces) {
        let paint = if piece.replaces.is_some() { Paint::Chosen } else { Paint::Plain };
        out += &format!("{}\n", terminal.paint(paint, line(row.each_ref().map(String::as_str)).trim_end()));
    }
    out
}

/// All tokens one after the other, in lines.
fn strip(cut: &Segmentation, terminal: &Terminal) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for piece in &cut.pieces {
        let shown = fit_start(&label(piece), terminal.width / 2);
        let needed = width(&shown) + 1;
        if column + needed > terminal.width && column > 0 {
            out.push('\n');
            column = 0;
        }
        let paint = if piece.replaces.is_some() { Paint::Chosen } else { Paint::Plain };
        out += &format!("{}{}", terminal.paint(paint, &shown), terminal.paint(Paint::Quiet, "|"));
        column += needed;
    }
    out + "\n"
}

/// The text's cost in each vocabulary.
fn costs(tokenized: &Tokenized, terminal: &Terminal) -> String {
    let names = match terminal.lang {
        Lang::Ja => ["", "語彙", "トークン", "ビット/トークン", "ビット", "圧縮比"],
        Lang::En => ["", "vocabulary", "tokens", "bits/token", "bits", "ratio"],
    };
    let mut rows = vec![names.map(str::to_owned)];
    for (cut, cost) in tokenized.costs() {
        // Lost text costs nothing, so the ratio looks better than it is.
        let mark = if cut.lost().next().is_some() { "*" } else { "" };
        rows.push([
            fit_start(&visible::line(&cut.tokenizer), terminal.width / 3),
            grouped(cut.vocab_size),
            grouped(cut.pieces.len()),
            cost.bits_per_token.to_string(),
            grouped(cost.bits as usize),
            format!("{:.2}{mark}", cost.ratio),
        ]);
    }
    let widths: Vec<usize> = (0..names.len())
        .map(|column| rows.iter().map(|row| width(&row[column])).fold(0, usize::max))
        .collect();
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut line = pad(&row[0], widths[0]);
        for (cell, &columns) in row.iter().zip(&widths).skip(1) {
            line += &format!("{GAP}{}", pad_start(cell, columns));
        }
        let paint = if index == 0 { Paint::Quiet } else { Paint::Plain };
        out += &format!("{}\n", terminal.paint(paint, line.trim_end()));
    }
    out
}

/// A note on the text that the tokens lose, if they lose any.
fn lost(cut: &Segmentation, terminal: &Terminal) -> String {
    let all: Vec<&str> = cut.lost().collect();
    let mut different = all.clone();
    different.sort_unstable();
    different.dedup();
    if different.is_empty() {
        return String::new();
    }
    let shown =
        Vec::from_iter(different.iter().take(TOLD).map(|text| visible::token(0, Some(text), None))).join(" ");
    let more = if different.len() > TOLD { " …" } else { "" };
    let name = visible::line(&cut.tokenizer);
    let (count, kinds) = (grouped(all.len()), grouped(different.len()));
    let words = match terminal.lang {
        Lang::Ja => {
            format!("* 「{name}」の語彙にない文字は失われます（{count} か所、{kinds} 種類）: {shown}{more}")
        }
        Lang::En => {
            format!(
                "* lost, as “{name}” has no token for it ({count} in all, {kinds} different): {shown}{more}"
            )
        }
    };
    format!("{}\n", terminal.paint(Paint::Chosen, &words))
}

//! The figure `bpe`: the merges that build a text, as trees.

use super::example;
use super::fonts::Weight;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::page::Page;
use super::phrases;
use super::provenance::Provenance;
use super::scene::{Anchor, Item, LABEL, NOTE, Text};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, grouped, quoted};
use super::{Contents, Figure};
use crate::trace::{MergeTree, visible};
use crate::{Error, Result};

/// The distance from one level of a tree to the next.
const LEVEL: f64 = 54.0;
/// The space between two trees in a row, and between two rows.
const TREE_GAP: f64 = 10.0;
const ROW_GAP: f64 = 26.0;
/// The height of a leaf's label, with the space below it.
const LEAF_HEIGHT: f64 = 22.0;

/// Draws the merges that build a text. The characters stand at the bottom, each merge above its two parts, and the
/// tokens at the top.
///
/// ```
/// use sukashi_figure::figure::{Style, bpe};
/// use sukashi_figure::trace::{Merge, MergeTree, Node, Token};
///
/// let node = |text: &str, merge| {
///     let bytes = Some(text.as_bytes().to_vec());
///     Node { token: Token { id: 0, text: Some(text.to_owned()), bytes }, merge }
/// };
/// let merge = |left, right, rank| Some(Merge { left, right, rank });
/// let tree = MergeTree {
///     tokenizer: "tiny".to_owned(),
///     vocab_size: 20,
///     num_merges: 2,
///     text: "low".to_owned(),
///     nodes: vec![
///         node("l", None), node("o", None), node("w", None), node("lo", merge(0, 1, 1)), node("low", merge(3, 2, 2)),
///     ],
///     roots: vec![4],
/// };
/// let figure = bpe(&tree, &Style::default())?;
/// assert_eq!(figure.title(), "「low」を組み立てるマージ");
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// If the record contradicts itself, or a tree is too wide for the figure.
pub fn bpe(tree: &MergeTree, style: &Style) -> Result<Figure> {
    if !tree.is_sound() {
        return Err(Error::input("cannot draw the merges: their record contradicts itself")
            .detail("expected trees whose merges come after their parts"));
    }
    let lang = style.lang;
    let shown = visible::line(&tree.text);
    let mut page = Page::new(style)?;
    page.title(&shown, |text| title(text, lang));
    page.subtitle(&subtitle(tree, lang));
    let layout = Layout::new(&page, tree)?;
    let unprinted = layout.draw(&mut page, tree);

    let mut warnings = Vec::new();
    if unprinted > 0 {
        warnings.push(format!("{unprinted} ranks have no room at this width; the data has them"));
    }
    let contents = Contents {
        kind: "bpe",
        title: title(&shown, lang),
        alt_text: alt_text(tree, &shown, lang),
        table: table(tree, &layout.levels),
    };
    let provenance = Provenance::of_numbers(env!("CARGO_PKG_VERSION")).counted_by(Some(&tree.tokenizer));
    Ok(Figure::of(provenance, style, page, contents, warnings))
}

fn title(text: &str, lang: Lang) -> String {
    phrases::merges(lang, quoted(text, lang))
}

fn subtitle(tree: &MergeTree, lang: Lang) -> Vec<String> {
    let leaves = tree.nodes.iter().filter(|node| node.merge.is_none()).count();
    let (leaves, tokens) = (grouped(leaves), grouped(tree.roots.len()));
    let (vocab_size, merges) = (grouped(tree.vocab_size), grouped(tree.num_merges));
    let name = tree.tokenizer.clone();
    vec![
        name,
        phrases::vocabulary_and_merges(lang, vocab_size, merges),
        phrases::parts_to_tokens(lang, leaves, tokens),
        phrases::merge_ranks(lang).to_owned(),
    ]
}

fn label(tree: &MergeTree, node: usize) -> String {
    let token = &tree.nodes[node].token;
    visible::on_shelves(&visible::token(token.id, token.text.as_deref(), token.bytes.as_deref()))
}

/// The places of all nodes, each within its row.
struct Layout {
    /// The size of labels.
    size: f64,
    labels: Vec<String>,
    /// How far above the leaves each node is, in levels.
    levels: Vec<usize>,
    /// The left and right end of each node's leaves.
    spans: Vec<(f64, f64)>,
    /// The row of each node.
    rows: Vec<usize>,
}

impl Layout {
    /// The widest layout in which every tree fits into the page.
    fn new(page: &Page<'_>, tree: &MergeTree) -> Result<Self> {
        /// For each layout: the size of labels, the space around a leaf's label, and the least width of a leaf.
        const SETTINGS: [(f64, f64, f64); 4] =
            [(LABEL, 14.0, 32.0), (LABEL, 8.0, 20.0), (LABEL, 4.0, 10.0), (NOTE, 3.0, 8.0)];
        let labels: Vec<String> = (0..tree.nodes.len()).map(|node| label(tree, node)).collect();
        let mut needed = 0.0;
        for (size, around, least) in SETTINGS {
            let widths = tree.nodes.iter().zip(&labels).map(|(node, label)| match node.merge {
                Some(_) => 0.0,
                None => (page.measure(label, size, Weight::Bold) + around).max(least),
            });
            let widths: Vec<f64> = widths.collect();
            let total = |root: usize| leaves(tree, root).iter().map(|&leaf| widths[leaf]).sum::<f64>();
            needed = tree.roots.iter().map(|&root| total(root)).fold(0.0, f64::max);
            if needed <= page.inner() {
                return Ok(Self::of(page, tree, labels, size, &widths));
            }
        }
        let width = Page::width_around(needed);
        Err(Error::input("cannot draw the merges: a tree is wider than the figure")
            .detail(format!("found a figure of {} px, expected at least {width} px", page.width))
            .hint("a greater width, or a shorter word"))
    }

    fn of(page: &Page<'_>, tree: &MergeTree, labels: Vec<String>, size: f64, widths: &[f64]) -> Self {
        let mut spans = vec![(0.0, 0.0); tree.nodes.len()];
        let mut rows = vec![0; tree.nodes.len()];
        let (mut x, mut row) = (0.0, 0);
        for &root in &tree.roots {
            let leaves = leaves(tree, root);
            let width: f64 = leaves.iter().map(|&leaf| widths[leaf]).sum();
            if x > 0.0 && x + width > page.inner() {
                (x, row) = (0.0, row + 1);
            }
            for leaf in leaves {
                spans[leaf] = (x, x + widths[leaf]);
                rows[leaf] = row;
                x += widths[leaf];
            }
            x += TREE_GAP;
        }
        let mut levels = vec![0; tree.nodes.len()];
        for (index, node) in tree.nodes.iter().enumerate() {
            if let Some(merge) = node.merge {
                spans[index] = (spans[merge.left].0, spans[merge.right].1);
                rows[index] = rows[merge.left];
                levels[index] = 1 + levels[merge.left].max(levels[merge.right]);
            }
        }
        Self { size, labels, levels, spans, rows }
    }

    /// Draws all rows. Returns how many ranks had no room.
    fn draw(&self, page: &mut Page<'_>, tree: &MergeTree) -> usize {
        let mut unprinted = 0;
        let num_rows = self.rows.iter().max().map_or(0, |&row| row + 1);
        for row in 0..num_rows {
            if row > 0 {
                page.y += ROW_GAP;
            }
            let nodes = || (0..tree.nodes.len()).filter(|&node| self.rows[node] == row);
            let height = nodes().map(|node| self.levels[node]).max().unwrap_or(0);
            let bottom = page.y + height as f64 * LEVEL + LEAF_HEIGHT / 2.0;
            // The lines come first, so that no line covers a label.
            for node in nodes() {
                self.draw_lines(page, tree, node, bottom);
            }
            for node in nodes() {
                unprinted += usize::from(!self.draw_node(page, tree, node, bottom));
            }
            page.y = bottom + LEAF_HEIGHT / 2.0;
        }
        unprinted
    }

    fn x(&self, page: &Page<'_>, node: usize) -> f64 {
        let (start, end) = self.spans[node];
        page.margin + start.midpoint(end)
    }

    fn y(&self, node: usize, bottom: f64) -> f64 {
        bottom - self.levels[node] as f64 * LEVEL
    }

    /// Draws the lines from a merge down to its two parts in right angles. Slanted lines would cross other nodes.
    fn draw_lines(&self, page: &mut Page<'_>, tree: &MergeTree, node: usize, bottom: f64) {
        const UNDER_NODE: f64 = 25.0;
        const BEND: f64 = 32.0;
        const OVER_PART: f64 = 11.0;
        let Some(merge) = tree.nodes[node].merge else { return };
        let y = self.y(node, bottom);
        let stroke = page.palette.muted;
        let line = |points| Item::Line { points, stroke, width: 1.0, dash: None };
        let (x, bend) = (self.x(page, node), y + BEND);
        let [left, right] =
            [merge.left, merge.right].map(|part| (self.x(page, part), self.y(part, bottom) - OVER_PART));
        page.items.push(line(vec![left, (left.0, bend), (right.0, bend), right]));
        page.items.push(line(vec![(x, y + UNDER_NODE), (x, bend)]));
    }

    /// Draws the label, and the rank below it. Returns whether the rank had room.
    fn draw_node(&self, page: &mut Page<'_>, tree: &MergeTree, node: usize, bottom: f64) -> bool {
        const RANK_BELOW: f64 = 17.0;
        let palette = page.palette;
        let is_token = tree.roots.contains(&node);
        let (x, y) = (self.x(page, node), self.y(node, bottom));
        let text = |content: String, middle: f64, size: f64, weight, color| {
            let y = Text::centred(middle, size);
            Item::Text(Text { content, x, y, anchor: Anchor::Middle, size, weight, color, upwards: false })
        };
        let (weight, color) = match is_token {
            true => (Weight::Bold, palette.accent_text),
            false => (Weight::Regular, palette.text),
        };
        let mut items = vec![text(self.labels[node].clone(), y, self.size, weight, color)];
        let mut tooltip = format!("{} · {}", self.labels[node], tree.nodes[node].token.id);
        let mut has_room = true;
        if let Some(merge) = tree.nodes[node].merge {
            let rank = grouped(merge.rank);
            tooltip += &format!(" · {rank}");
            let (start, end) = self.spans[node];
            has_room = page.measure(&rank, NOTE, Weight::Regular) + 4.0 <= end - start;
            if has_room {
                items.push(text(rank, y + RANK_BELOW, NOTE, Weight::Regular, palette.muted));
            }
        }
        page.items.push(Item::Mark { tooltip, items });
        has_room
    }
}

/// The leaves below a node, in the text's order.
fn leaves(tree: &MergeTree, root: usize) -> Vec<usize> {
    let (mut leaves, mut left) = (Vec::new(), vec![root]);
    while let Some(node) = left.pop() {
        match tree.nodes[node].merge {
            Some(merge) => left.extend([merge.right, merge.left]),
            None => leaves.push(node),
        }
    }
    leaves
}

fn alt_text(tree: &MergeTree, text: &str, lang: Lang) -> String {
    /// How many merges an alternative text names.
    const TOLD: usize = 20;
    let merges = tree.nodes.iter().enumerate().filter_map(|(node, own)| Some((node, own.merge?)));
    let all: Vec<String> = merges
        .map(|(node, merge)| {
            let [left, right, whole] = [merge.left, merge.right, node].map(|node| label(tree, node));
            format!("{left} + {right} → {whole} ({})", grouped(merge.rank))
        })
        .collect();
    let more = if all.len() > TOLD { " …" } else { "" };
    let told = words::list(&all[..all.len().min(TOLD)], lang);
    let tokens = Vec::from_iter(tree.roots.iter().map(|&root| label(tree, root))).join(" | ");
    let (quoted, name) = (quoted(text, lang), visible::line(&tree.tokenizer));
    phrases::bpe_told(lang, &quoted, &name, &told, more, &tokens)
}

fn table(tree: &MergeTree, levels: &[usize]) -> Table {
    let mut table = Table::new(&["node", "token", "id", "left", "right", "rank", "level", "is_token"]);
    for (node, own) in tree.nodes.iter().enumerate() {
        let of_merge = |of: fn(crate::trace::Merge) -> usize| {
            own.merge.map_or(Cell::Empty, |merge| Cell::Count(of(merge) as u64))
        };
        table.rows.push(vec![
            Cell::Count(node as u64 + 1),
            Cell::Text(label(tree, node)),
            Cell::Count(own.token.id.into()),
            of_merge(|merge| merge.left + 1),
            of_merge(|merge| merge.right + 1),
            of_merge(|merge| merge.rank),
            Cell::Count(levels[node] as u64),
            Cell::Flag(tree.roots.contains(&node)),
        ]);
    }
    table
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_numbers(
    "bpe",
    &[Example {
        name: "bpe",
        draw: |of, style| bpe(&example::merges(of.words()[0], &example::text_of(of.words(), 12)), style),
        golden: Golden::Elsewhere,
    }],
    &[
        Picture::new(
            "bpe",
            ["マージの木", "Merges as a tree"],
            "bpe 吾輩は人間を見た --train wagahai.txt --kind byte-bpe --vocab-size 400",
        ),
        Picture::new(
            "gemma-bpe",
            ["Gemma 3 270M: マージの木", "Gemma 3 270M: merges as a tree"],
            "bpe 日本の首都 --model gemma-3-270m.gguf",
        ),
    ],
);

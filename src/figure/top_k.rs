//! The figure `top-k`: the candidates before and after truncation, side by side on one scale.

use super::distribution::{self, Distribution, Stage, context, label};
use super::fonts::Weight;
use super::page::Page;
use super::scene::{ASCENT, Anchor, Bounds, Item, LABEL, NOTE, Text};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::sampling::Settings;
use crate::trace::Candidate;
use crate::{Error, Result, Trace};

/// What [`top_k`] shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopK {
    /// How many candidates; everything else becomes one bar.
    pub count: usize,
    /// Which step, 0 being the first.
    pub step: usize,
}

impl Default for TopK {
    fn default() -> Self {
        Self { count: 12, step: 0 }
    }
}

/// Draws the candidates before truncation (by top-k, top-p, min-p or typical-p) and after it, side by side on one
/// scale: what was cut is grey, what is left is renormalised.
///
/// ```
/// use sukashi::figure::{Style, TopK, top_k};
///
/// # let trace = sukashi::figure::example::japanese();
/// let figure = top_k(&trace, &TopK::default(), &Style::default())?;
/// assert!(figure.alt_text().contains("6 個"));
/// # Ok::<_, sukashi::Error>(())
/// ```
///
/// # Errors
///
/// If the trace has no such step, if the step holds no distribution, if `count` is 0, or if nothing truncated.
pub fn top_k(trace: &Trace, options: &TopK, style: &Style) -> Result<Figure> {
    let settings = &trace.sampling;
    check_truncation(settings)?;
    let distribution = Distribution::new(trace, options.step, options.count, Stage::Scaled)?;
    let step = distribution::step(trace, options.step)?;
    let mut rows = distribution.shown.clone();
    // Penalties may have changed the order that truncation goes by.
    rows.sort_by(|a, b| b.prob_scaled.total_cmp(&a.prob_scaled).then(a.rank.cmp(&b.rank)));
    let kept = Kept::new(&step.candidates);
    let lang = style.lang;

    let mut page = Page::new(style);
    let context = context(trace, options.step);
    page.title(&context, |context| title(context, lang));
    let mut parts = vec![trace.model.name.clone()];
    parts.extend(words::settings(settings, lang));
    parts.push(kept.words(lang));
    page.subtitle(&parts);
    Columns::new(&page, &distribution, &rows).draw(&mut page, &distribution, &rows, settings);

    let contents = Contents {
        kind: "top-k",
        title: title(&context, lang),
        alt_text: alt_text(&rows, &distribution, &kept, lang),
        table: table(&distribution, &rows),
    };
    Ok(Figure::new(trace, style, page, contents, Vec::new()))
}

/// Says before a long run whether [`top_k`] would find nothing that truncates.
///
/// # Errors
///
/// If the settings truncate nothing.
pub fn check_truncation(settings: &Settings) -> Result<()> {
    let Settings { temperature, top_k, top_p, min_p, typical_p, .. } = settings;
    if top_k.is_some() || top_p.is_some() || min_p.is_some() || typical_p.is_some() || *temperature == 0.0 {
        return Ok(());
    }
    Err(Error::input("cannot draw a truncation: the settings have none")
        .detail("found neither top_k, top_p, min_p nor typical_p")
        .hint("use one of them, such as --top-k 5"))
}

/// What truncation left.
struct Kept {
    /// How many tokens; `None` where more are left than the trace lists.
    count: Option<usize>,
    /// Their mass before it.
    mass: f64,
}

impl Kept {
    fn new(candidates: &[Candidate]) -> Self {
        let kept = || candidates.iter().filter(|candidate| candidate.prob_final > 0.0);
        let final_mass: f64 = kept().map(|candidate| candidate.prob_final).sum();
        let listed: f64 = kept().map(|candidate| candidate.prob_scaled).sum();
        let is_all = final_mass > 1.0 - 1e-6;
        // Renormalisation divides by the mass, so that each of them tells it.
        let mass = if is_all { listed } else { listed / final_mass.max(f64::MIN_POSITIVE) };
        Self { count: is_all.then(|| kept().count()), mass: mass.clamp(0.0, 1.0) }
    }

    fn words(&self, lang: Lang) -> String {
        let mass = percent(self.mass);
        match (lang, self.count) {
            (Lang::Ja, Some(count)) => format!("残った {count} 個（合計 {mass}）を 100% に再正規化"),
            (Lang::Ja, None) => format!("残った候補（合計 {mass}）を 100% に再正規化"),
            (Lang::En, Some(1)) => format!("1 token left ({mass}), renormalised to 100%"),
            (Lang::En, Some(count)) => format!("{count} tokens left ({mass}), renormalised to 100%"),
            (Lang::En, None) => format!("the tokens left ({mass}) renormalised to 100%"),
        }
    }
}

fn title(context: &str, lang: Lang) -> String {
    match (lang, context.is_empty()) {
        (Lang::Ja, true) => "切り捨てる前と後の文頭のトークン".to_owned(),
        (Lang::Ja, false) => format!("「{context}」の次の候補、切り捨てる前と後"),
        (Lang::En, true) => "The first token before and after truncation".to_owned(),
        (Lang::En, false) => format!("“{context}”: the next token before and after truncation"),
    }
}

const GAP: f64 = 8.0;
/// The longest bar is no shorter than this.
const SHORTEST_ROOM: f64 = 12.0;

/// Where the two columns of bars stand.
struct Columns {
    /// Of labels and numbers.
    size: f64,
    labels: f64,
    /// Where the bars of either side begin.
    zeros: [f64; 2],
    /// Of a side, with its numbers.
    width: f64,
    /// Pixels per probability.
    scale: f64,
    pitch: f64,
}

impl Columns {
    fn new(page: &Page<'_>, distribution: &Distribution<'_>, rows: &[&Candidate]) -> Self {
        let lang = page.style.lang;
        // On a narrow page smaller type leaves room for bars.
        let size = if page.inner() < 340.0 { NOTE } else { LABEL };
        let bold = page.setting(size, Weight::Bold);
        let values = rows.iter().flat_map(|candidate| [candidate.prob_scaled, candidate.prob_final]);
        let values: Vec<f64> = values.chain([distribution.other, other_final(rows)]).collect();
        let numbers = values.iter().map(|value| bold.measure(&percent(*value)));
        let numbers = numbers.fold(bold.measure(words::cut(lang)), f64::max);
        let most = (page.inner() * 0.3).min(page.inner() - 4.0 * GAP - 2.0 * (numbers + GAP + SHORTEST_ROOM));
        let other = words::other_short(lang).to_owned();
        let names = rows.iter().map(|candidate| label(candidate)).chain([other]);
        let labels = names.map(|name| bold.measure(&name)).fold(0.0, f64::max).min(most);
        let width = (page.inner() - labels - 4.0 * GAP) / 2.0;
        let first = page.margin + labels + GAP;
        let greatest = values.iter().copied().fold(0.0, f64::max);
        let scale = if greatest > 0.0 { (width - numbers - GAP) / greatest } else { 0.0 };
        let zeros = [first, first + width + 2.0 * GAP];
        Self { size, labels, zeros, width, scale, pitch: if rows.len() > 15 { 22.0 } else { 26.0 } }
    }

    fn draw(&self, page: &mut Page<'_>, shown: &Distribution<'_>, rows: &[&Candidate], settings: &Settings) {
        let (palette, lang) = (page.palette, page.style.lang);
        self.headings(page);
        let top = page.y;
        let (mut was_cut, mut kept_end) = (false, top);
        for candidate in rows {
            let kept = candidate.prob_final > 0.0;
            let name = label(candidate);
            if !kept && !was_cut && page.y > top {
                let points = vec![(page.margin, page.y), (page.width - page.margin, page.y)];
                page.items.push(Item::Line { points, stroke: palette.muted, width: 1.0, dash: Some("4 3") });
            }
            was_cut |= !kept;
            if !was_cut {
                kept_end = page.y + self.pitch;
            }
            let (fill, color) = match kept {
                _ if shown.is_chosen(candidate) => (palette.accent, palette.accent_text),
                true => (palette.bar, palette.text),
                false => (palette.cut, palette.muted),
            };
            let weight = if shown.is_chosen(candidate) { Weight::Bold } else { Weight::Regular };
            let look = Look { fill, hatch: None, color, weight };
            self.row(page, &name, [candidate.prob_scaled, candidate.prob_final], look);
        }
        if shown.other_count > 0 {
            let look = Look {
                fill: palette.other,
                hatch: Some(palette.hatch),
                color: palette.muted,
                weight: Weight::Regular,
            };
            self.row(page, words::other_short(lang), [shown.other, other_final(rows)], look);
        }
        for zero in self.zeros {
            let points = vec![(zero, top), (zero, page.y)];
            page.items.push(Item::Line { points, stroke: palette.hatch, width: 1.0, dash: None });
        }
        self.threshold(page, rows, settings, (top, kept_end));
    }

    fn headings(&self, page: &mut Page<'_>) {
        let (palette, lang) = (page.palette, page.style.lang);
        let (names, over) = match lang {
            Lang::Ja => (["前", "後"], ["語彙全体での確率", "再正規化した確率"]),
            Lang::En => (["Before", "After"], ["whole vocabulary", "renormalised"]),
        };
        for ((name, over), zero) in names.into_iter().zip(over).zip(self.zeros) {
            let name = page.setting(LABEL, Weight::Bold).fit_start(name, self.width);
            let over = page.setting(NOTE, Weight::Regular).fit_start(over, self.width);
            let y = page.y + LABEL * ASCENT;
            page.text(name, zero, y, Anchor::Start, LABEL, Weight::Bold, palette.text);
            page.text(over, zero, y + 17.0, Anchor::Start, NOTE, Weight::Regular, palette.muted);
        }
        page.y += 42.0;
    }

    /// A candidate's label, and its bars on both sides.
    fn row(&self, page: &mut Page<'_>, name: &str, values: [f64; 2], look: Look) {
        let lang = page.style.lang;
        let Look { fill, hatch, color, weight } = look;
        let middle = page.y + self.pitch / 2.0;
        let thickness = (self.pitch * 0.64).round();
        let shown = page.setting(self.size, weight).fit_start(name, self.labels + 0.01);
        let baseline = Text::centred(middle, self.size);
        page.text(shown, self.zeros[0] - GAP, baseline, Anchor::End, self.size, weight, color);
        for (side, (value, zero)) in values.into_iter().zip(self.zeros).enumerate() {
            let length = if value > 0.0 { (value * self.scale).max(1.0) } else { 0.0 };
            let bounds = Bounds { x: zero, y: middle - thickness / 2.0, width: length, height: thickness };
            let content = match (side, value) {
                (1, 0.0) => words::cut(lang).to_owned(),
                _ => percent(value),
            };
            let tooltip = format!("{name} · {content}");
            let x = zero + length + GAP;
            let number = Text {
                content,
                x,
                y: baseline,
                anchor: Anchor::Start,
                size: self.size,
                weight,
                color,
                upwards: false,
            };
            let bar = match hatch {
                Some(hatch) => Item::Hatched { bounds, fill, hatch },
                None => Item::Rect { bounds, fill },
            };
            page.items.push(Item::Mark { tooltip, items: vec![bar, Item::Text(number)] });
        }
        page.y += self.pitch;
    }

    /// Where min-p draws its line through the bars before truncation.
    fn threshold(
        &self,
        page: &mut Page<'_>,
        rows: &[&Candidate],
        settings: &Settings,
        (top, kept_end): (f64, f64),
    ) {
        let (Some(min_p), Some(first)) = (settings.min_p.filter(|p| *p > 0.0), rows.first()) else { return };
        let palette = page.palette;
        let least = min_p * first.prob_scaled;
        let x = self.zeros[0] + least * self.scale;
        // Further down it would cross the numbers of what is cut.
        let points = vec![(x, top - 3.0), (x, kept_end)];
        page.items.push(Item::Line { points, stroke: palette.muted, width: 1.0, dash: Some("2 2") });
        let name = format!("min-p {min_p} × {} = {}", percent(first.prob_scaled), percent(least));
        let y = page.y + 6.0 + NOTE;
        let name = page.setting(NOTE, Weight::Regular).fit_start(&name, page.inner());
        page.text(name, page.margin, y, Anchor::Start, NOTE, Weight::Regular, palette.muted);
        page.y = y + 4.0;
    }
}

#[derive(Clone, Copy)]
struct Look {
    fill: &'static str,
    hatch: Option<&'static str>,
    color: &'static str,
    weight: Weight,
}

/// The mass that truncation left to tokens that are not shown.
fn other_final(rows: &[&Candidate]) -> f64 {
    let other = 1.0 - rows.iter().map(|candidate| candidate.prob_final).sum::<f64>();
    if other < 1e-9 { 0.0 } else { other.min(1.0) }
}

fn alt_text(rows: &[&Candidate], shown: &Distribution<'_>, kept: &Kept, lang: Lang) -> String {
    /// How many candidates an alternative text names.
    const TOLD: usize = 10;
    let items: Vec<String> = rows
        .iter()
        .take(TOLD)
        .map(|candidate| {
            let after = match candidate.prob_final {
                0.0 => words::cut(lang).to_owned(),
                value => percent(value),
            };
            let name = words::quoted(&label(candidate), lang);
            format!("{name} {} → {after}", percent(candidate.prob_scaled))
        })
        .collect();
    let list = words::list(&items, lang);
    let kept = kept.words(lang);
    let chosen = rows.iter().find(|candidate| shown.is_chosen(candidate));
    let chosen = chosen.map(|candidate| words::quoted(&label(candidate), lang));
    match lang {
        Lang::Ja => {
            let chosen = chosen.map(|token| format!("選ばれたのは{token}。")).unwrap_or_default();
            format!("切り捨てる前と後の確率の棒グラフ。{kept}。{list}。{chosen}")
        }
        Lang::En => {
            let chosen = chosen.map(|token| format!(" Chosen: {token}.")).unwrap_or_default();
            format!("Bar chart of probabilities before and after truncation; {kept}: {list}.{chosen}")
        }
    }
}

fn table(shown: &Distribution<'_>, rows: &[&Candidate]) -> Table {
    let mut table = Table::new(&[
        "rank",
        "id",
        "token",
        "text",
        "logit",
        "prob",
        "prob_scaled",
        "prob_final",
        "kept",
        "chosen",
    ]);
    for candidate in rows {
        table.rows.push(vec![
            Cell::Count(candidate.rank as u64),
            Cell::Count(candidate.id.into()),
            Cell::Text(label(candidate)),
            Cell::text(candidate.text.as_deref()),
            Cell::Single(candidate.logit),
            Cell::Number(candidate.prob),
            Cell::Number(candidate.prob_scaled),
            Cell::Number(candidate.prob_final),
            Cell::Flag(candidate.prob_final > 0.0),
            Cell::Flag(shown.is_chosen(candidate)),
        ]);
    }
    if shown.other_count > 0 {
        let mut row = vec![Cell::Empty; table.columns.len()];
        row[2] = Cell::Text(words::other(shown.other_count, Lang::En));
        row[5] = Cell::Number((1.0 - rows.iter().map(|candidate| candidate.prob).sum::<f64>()).max(0.0));
        row[6] = Cell::Number(shown.other);
        row[7] = Cell::Number(other_final(rows));
        table.rows.push(row);
    }
    table
}

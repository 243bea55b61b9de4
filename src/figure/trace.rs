//! The figure `trace`: one panel per generated token.

use super::distribution::{self, Distribution, Stage, context, token_label};
use super::fonts::Weight;
use super::next_token;
use super::page::Page;
use super::panels::{self, Heading};
use super::scene::{ASCENT, Anchor, LABEL, NOTE};
use super::style::{Lang, Style};
use super::words::{self, percent};
use super::{Contents, Figure};
use crate::{Error, Result, Trace};

/// What [`trace`] shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// How many candidates in each panel; everything else becomes one bar.
    pub count: usize,
    /// The first step shown, 0 being the trace's first.
    pub first: usize,
    /// At most this many steps.
    pub steps: usize,
    /// Which probability.
    pub stage: Stage,
}

impl Default for Steps {
    fn default() -> Self {
        Self { count: 5, first: 0, steps: 12, stage: Stage::Model }
    }
}

/// More panels than this make a picture that nothing can show.
const MAX_STEPS: usize = 400;

/// Draws one panel per generated token: the text so far, the token chosen after it, and the candidates' bars,
/// on one scale throughout.
///
/// ```
/// use sukashi::figure::{Steps, Style, trace};
///
/// # let record = sukashi::figure::example::japanese();
/// let figure = trace(&record, &Steps::default(), &Style::default())?;
/// assert!(figure.alt_text().contains("「猫」"));
/// # Ok::<_, sukashi::Error>(())
/// ```
///
/// # Errors
///
/// If the trace has no such steps, if one of them holds no distribution, if `count` or `steps` is 0, or if
/// there are more than 400 panels to draw.
pub fn trace(trace: &Trace, options: &Steps, style: &Style) -> Result<Figure> {
    let end = trace.steps.len().min(options.first.saturating_add(options.steps));
    distribution::step(trace, options.first)?;
    if options.steps == 0 || end - options.first > MAX_STEPS {
        return Err(Error::input("cannot draw this many steps")
            .detail(format!("found {}, expected 1 to {MAX_STEPS}", end - options.first)));
    }
    let lang = style.lang;
    let mut panels = Vec::new();
    for index in options.first..end {
        let distribution = Distribution::new(trace, index, options.count, options.stage)?;
        panels.push(Panel { index, distribution });
    }

    let mut page = Page::new(style);
    let start = context(trace, options.first);
    page.title(&start, |context| title(context, lang));
    let mut parts =
        next_token::subtitle(trace, distribution::step(trace, options.first)?, options.stage, lang);
    if panels.len() < trace.steps.len() {
        let (first, last, all) = (options.first + 1, end, trace.steps.len());
        parts.push(match lang {
            Lang::Ja => format!("全 {all} ステップのうち {first}〜{last}"),
            Lang::En => format!("steps {first} to {last} of {all}"),
        });
    }
    page.subtitle(&parts);
    let bars: Vec<_> = panels.iter().map(|panel| panels::bars(&panel.distribution, false, lang)).collect();
    let draw = |page: &mut Page<'_>, index: usize, (x, y), width| {
        heading(page, trace, &panels[index], x, y, width);
    };
    panels::grid(&mut page, &bars, false, &Heading { height: 26.0, draw });

    let rows: Vec<_> = panels.iter().map(|panel| (panel.index, &panel.distribution)).collect();
    let contents = Contents {
        kind: "trace",
        title: title(&start, lang),
        alt_text: alt_text(&start, trace, &panels, options.stage, lang),
        table: next_token::table(&rows),
    };
    Ok(Figure::new(trace, style, page, contents, Vec::new()))
}

struct Panel<'a> {
    index: usize,
    distribution: Distribution<'a>,
}

fn title(context: &str, lang: Lang) -> String {
    match (lang, context.is_empty()) {
        (Lang::Ja, true) => "文頭から一トークンずつ".to_owned(),
        (Lang::Ja, false) => format!("「{context}」の続きを一トークンずつ"),
        (Lang::En, true) => "From the start, token by token".to_owned(),
        (Lang::En, false) => format!("“{context}”: token by token"),
    }
}

/// The step's number, the text so far, and the chosen token behind it.
fn heading(page: &mut Page<'_>, trace: &Trace, panel: &Panel<'_>, x: f64, y: f64, width: f64) {
    const GAP: f64 = 8.0;
    let palette = page.palette;
    let y = y + LABEL * ASCENT;
    let number = (panel.index + 1).to_string();
    let number_width = page.measure(&number, NOTE, Weight::Regular);
    page.text(number, x, y, Anchor::Start, NOTE, Weight::Regular, palette.muted);

    let (regular, bold) = (page.setting(LABEL, Weight::Regular), page.setting(LABEL, Weight::Bold));
    let room = width - number_width - GAP;
    let chosen = trace.steps[panel.index].chosen.as_ref().map(|chosen| {
        let own = panel.distribution.shown.iter().find(|candidate| candidate.id == chosen.id);
        let bytes = own.and_then(|candidate| candidate.bytes.as_deref());
        bold.fit_start(&token_label(chosen.id, chosen.text.as_deref(), bytes), room / 2.0)
    });
    let chosen_width = chosen.as_deref().map_or(0.0, |text| bold.measure(text) + 2.0);
    let before = regular.fit_end(&context(trace, panel.index), room - chosen_width);
    let before_width = regular.measure(&before);
    let start = x + number_width + GAP;
    page.text(before, start, y, Anchor::Start, LABEL, Weight::Regular, palette.text);
    if let Some(chosen) = chosen {
        let x = start + before_width + 2.0;
        page.text(chosen, x, y, Anchor::Start, LABEL, Weight::Bold, palette.accent_text);
    }
}

fn alt_text(start: &str, trace: &Trace, panels: &[Panel<'_>], stage: Stage, lang: Lang) -> String {
    /// How many steps an alternative text names.
    const TOLD: usize = 20;
    let items: Vec<String> = panels
        .iter()
        .take(TOLD)
        .map(|panel| {
            let step = &trace.steps[panel.index];
            let shown = &panel.distribution.shown;
            let candidate = shown
                .iter()
                .find(|candidate| panel.distribution.is_chosen(candidate))
                .or_else(|| shown.first());
            let told = candidate.map(|candidate| {
                let name = words::quoted(&distribution::label(candidate), lang);
                format!("{name} {}", percent(stage.of(candidate)))
            });
            let chosen = step
                .chosen
                .as_ref()
                .map(|chosen| words::quoted(&token_label(chosen.id, chosen.text.as_deref(), None), lang));
            format!("{}: {}", panel.index + 1, told.or(chosen).unwrap_or_default())
        })
        .collect();
    let list = words::list(&items, lang);
    let more = panels.len().saturating_sub(TOLD);
    let words = stage.words(lang);
    match lang {
        Lang::Ja => {
            let more = if more > 0 { format!("、ほか {more} ステップ") } else { String::new() };
            format!("「{start}」に続く各ステップの棒グラフ。選ばれたトークンと{words}: {list}{more}。")
        }
        Lang::En => {
            let more = if more > 0 { format!(", and {more} more steps") } else { String::new() };
            format!("Bar charts, one per step after “{start}”. The chosen tokens, {words}: {list}{more}.")
        }
    }
}

//! The figure `next-token` of several prompts or models: a panel for each.

use super::distribution::{self, Distribution, context};
use super::example;
use super::fonts::Weight;
use super::kind::{Example, FigureKind, Golden, Picture};
use super::next_token::{self, NextToken};
use super::page::Page;
use super::panels::{self, Heading};
use super::phrases;
use super::provenance::Provenance;
use super::scene::{ASCENT, Anchor, LABEL, NOTE};
use super::style::{Lang, Style};
use super::table::{Cell, Table};
use super::words;
use super::{Contents, Figure};
use crate::trace::visible;
use crate::{Error, Result, Trace};

/// A picture of more panels is too large for any viewer.
const MAX_PANELS: usize = 100;

/// Draws the most probable next tokens of several traces as small multiples. Each trace has a panel, and all panels
/// have one scale.
///
/// A panel has the name of its text. If all texts are the same, it has the name of its model.
///
/// ```
/// use sukashi_figure::figure::{NextToken, Style, next_tokens};
///
/// # let (first, second) = (sukashi_figure::figure::example::japanese(), sukashi_figure::figure::example::english());
/// let figure = next_tokens(&[&first, &second], &NextToken::default(), &Style::default())?;
/// assert_eq!(figure.title(), "2 つの文脈の次に来るトークン");
/// # Ok::<_, sukashi_figure::Error>(())
/// ```
///
/// # Errors
///
/// The errors of [`super::next_token`] for each trace. Also if there is no trace, or more than 100.
pub fn next_tokens(traces: &[&Trace], options: &NextToken, style: &Style) -> Result<Figure> {
    let Some(first) = traces.first().filter(|_| traces.len() <= MAX_PANELS) else {
        return Err(Error::input(format!("cannot draw {} traces", traces.len()))
            .detail(format!("expected 1 to {MAX_PANELS}")));
    };
    let lang = style.lang;
    let mut panels = Vec::new();
    for trace in traces {
        let distribution = Distribution::new(trace, options.step, options.count, options.stage)?;
        panels.push(Panel { trace, context: context(trace, options.step), distribution });
    }
    let one_text = panels.iter().all(|panel| panel.context == panels[0].context);
    let one_model = traces.iter().all(|trace| trace.model == first.model);

    let mut page = Page::new(style)?;
    let title_of = |context: &str| match one_text {
        true => words::next_token_title(context, lang),
        false => title(traces.len(), lang),
    };
    page.title(if one_text { &panels[0].context } else { "" }, title_of);
    let mut parts =
        next_token::subtitle(first, distribution::step(first, options.step)?, options.stage, lang);
    // If there are several models, each panel names its own.
    parts.drain(..usize::from(!one_model));
    parts.extend(options.log.then(|| words::log_scale(lang).to_owned()));
    page.subtitle(&parts);

    let bars: Vec<_> =
        panels.iter().map(|panel| panels::bars(&panel.distribution, options.ids, lang)).collect();
    let lines = if one_text || one_model { 1 } else { 2 };
    let draw = |page: &mut Page<'_>, index: usize, (x, y): (f64, f64), width| {
        let Panel { trace, context, .. } = &panels[index];
        let name = if one_text { trace.model.name.as_str() } else { context };
        let shown = page.setting(LABEL, Weight::Bold).fit_end(&visible::line(name), width);
        let color = page.palette.text;
        page.text(shown, x, y + LABEL * ASCENT, Anchor::Start, LABEL, Weight::Bold, color);
        if lines > 1 {
            let model = visible::line(&trace.model.name);
            let shown = page.setting(NOTE, Weight::Regular).fit_start(&model, width);
            let color = page.palette.muted;
            page.text(shown, x, y + 20.0 + NOTE * ASCENT, Anchor::Start, NOTE, Weight::Regular, color);
        }
    };
    let heading = Heading { height: 26.0 + 18.0 * (lines - 1) as f64, draw };
    panels::grid(&mut page, &bars, options.log, &heading);

    let contents = Contents {
        kind: "next-token",
        title: title_of(&panels[0].context),
        alt_text: alt_text(&panels, lang),
        table: table(&panels, options.step),
    };
    Ok(Figure::of(Provenance::of_traces(traces), style, page, contents, Vec::new()))
}

struct Panel<'a> {
    trace: &'a Trace,
    context: String,
    distribution: Distribution<'a>,
}

fn title(count: usize, lang: Lang) -> String {
    phrases::next_tokens(lang, count)
}

fn alt_text(panels: &[Panel<'_>], lang: Lang) -> String {
    /// How many panels an alternative text describes.
    const TOLD: usize = 6;
    let mut sentences: Vec<String> = panels
        .iter()
        .take(TOLD)
        .map(|panel| {
            let title = words::next_token_title(&panel.context, lang);
            format!(
                "{title} ({}): {}",
                visible::line(&panel.trace.model.name),
                next_token::alt_text(&panel.distribution, lang)
            )
        })
        .collect();
    if panels.len() > TOLD {
        let more = panels.len() - TOLD;
        sentences.push(phrases::more_panels(lang, more));
    }
    sentences.join(phrases::sentence_space(lang))
}

/// A table with the rows of each panel. Each row begins with the panel's text and model.
fn table(panels: &[Panel<'_>], step: usize) -> Table {
    let mut all = Table::new(&["context", "model"]);
    for panel in panels {
        let own = next_token::table(&[(step, &panel.distribution)]);
        all.columns.truncate(2);
        all.columns.extend(own.columns);
        let name = [Cell::Text(panel.context.clone()), Cell::Text(panel.trace.model.name.clone())];
        all.rows.extend(own.rows.into_iter().map(|row| [&name[..], &row].concat()));
    }
    all
}

/// The examples that tests draw, and the pictures in the gallery.
pub(super) const KIND: FigureKind = FigureKind::of_model(
    "next-tokens",
    &[Example {
        name: "next-tokens",
        draw: |of, style| {
            let of_words = |words: &[&str]| vec![example::saying(words), example::saying_backwards(words)];
            let mut traces = of.record(of_words, || vec![example::japanese()]);
            traces.push(example::english());
            let options = NextToken { count: of.count(6), ..NextToken::default() };
            next_tokens(&traces.iter().collect::<Vec<_>>(), &options, style)
        },
        golden: Golden::Plain,
    }],
    &[
        Picture::new(
            "next-tokens",
            ["文脈を並べる", "Several texts"],
            "next-token 吾輩は 先生は これは --top 6",
        ),
        Picture::new(
            "bigram",
            ["バイグラムとの比較", "Beside counts of pairs"],
            "next-token --from transformer.json --from bigram.json --top 8",
        )
        .of(&[
            ("transformer", "next 吾輩は --top 8"),
            ("bigram", "next 吾輩は --bigram wagahai.txt --top 8"),
        ]),
    ],
);

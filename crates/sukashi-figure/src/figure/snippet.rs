//! The lines that put a figure and its alternative text into a text.

use std::fmt::Write;

use super::Figure;
use crate::names;

/// A kind of text into which a figure is pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Snippet {
    /// CommonMark.
    Md,
    /// HTML.
    Html,
    /// Markdown of Zenn, which shows pictures from the folder `images` of the repository.
    Zenn,
    /// Markdown of Qiita, with the width at which the picture is to be shown.
    Qiita,
    /// JSX within Markdown.
    Mdx,
    /// Typst.
    Typst,
    /// LaTeX with the package graphicx.
    Latex,
}

names!(
    Snippet,
    "kind of snippet",
    "md" => Md,
    "html" => Html,
    "zenn" => Zenn,
    "qiita" => Qiita,
    "mdx" => Mdx,
    "typst" => Typst,
    "latex" => Latex,
);

impl Figure {
    /// Returns the lines to paste for the picture at `path`. The path is relative to the text.
    ///
    /// ```
    /// use sukashi_figure::figure::{NextToken, Snippet, Style, next_token};
    ///
    /// # let trace = sukashi_figure::figure::example::japanese();
    /// let figure = next_token(&trace, &NextToken::default(), &Style::default())?;
    /// let lines = figure.snippet(Snippet::Md, "next token.png");
    /// assert!(lines.starts_with("![棒グラフ。") && lines.ends_with("](next%20token.png)\n"));
    /// # Ok::<_, sukashi_figure::Error>(())
    /// ```
    pub fn snippet(&self, kind: Snippet, path: &str) -> String {
        let path = path.replace('\\', "/");
        // The alternative text is one line, because a line end would end the construct in several of the languages.
        let (alt, title) = (one_line(self.alt_text()), one_line(self.title()));
        let url = url(&path);
        let (width, height) = (self.size().0.round(), self.size().1.round());
        match kind {
            Snippet::Md => format!("![{}]({url})\n", markdown(&alt)),
            Snippet::Html => format!(
                "<figure>\n  <img src=\"{}\" alt=\"{}\" width=\"{width}\" height=\"{height}\">\n  \
                 <figcaption>{}</figcaption>\n</figure>\n",
                html(&url),
                html(&alt),
                html(&title)
            ),
            Snippet::Zenn => {
                let name = url.rsplit('/').next().unwrap_or(&url);
                format!("![{}](/images/{name} ={width}x)\n*{}*\n", zenn(&alt), markdown(&title))
            }
            Snippet::Qiita => {
                format!("<img src=\"{}\" alt=\"{}\" width=\"{width}\">\n", html(&url), html(&alt))
            }
            Snippet::Mdx => format!(
                "<img src=\"{}\" alt=\"{}\" width={{{width}}} height={{{height}}} />\n",
                html(&url),
                html(&alt)
            ),
            Snippet::Typst => format!(
                "#figure(\n  image({}, width: {}, alt: {}),\n  caption: {},\n)\n",
                typst(&path),
                self.paper_width("100%"),
                typst(&alt),
                typst(&title)
            ),
            Snippet::Latex => format!(
                "\\begin{{figure}}\n  \\centering\n  \\includegraphics[width={},alt={{{}}}]{{{}}}\n  \
                 \\caption{{{}}}\n\\end{{figure}}\n",
                self.paper_width("\\linewidth"),
                latex(&alt),
                latex_path(&path),
                latex(&title)
            ),
        }
    }

    /// The width on paper if the figure has one, else the width of the text.
    fn paper_width(&self, text_width: &str) -> String {
        match self.style.width.in_own_unit(self.scene.width) {
            (millimetres, "mm") => format!("{}mm", super::svg::number(millimetres)),
            _ => text_width.to_owned(),
        }
    }
}

fn one_line(text: &str) -> String {
    let ends_line = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    let line: String =
        text.chars().map(|character| if ends_line(character) { ' ' } else { character }).collect();
    // A mark of emphasis beside a space would not work.
    line.trim().to_owned()
}

/// An address that is valid in all of these languages. Letters of all scripts stay readable.
fn url(path: &str) -> String {
    let mut out = String::new();
    for character in path.chars() {
        let plain = character.is_ascii_alphanumeric()
            || "/-_.~:".contains(character)
            || (character.is_alphanumeric() && !character.is_ascii());
        if plain {
            out.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // Writing into a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn markdown(text: &str) -> String {
    escaped(text, |character| match character {
        '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '!' | '#' | '$' | '~' | '|' | ':' | '('
        | ')' | '{' | '}' => Some(format!("\\{character}")),
        _ => None,
    })
}

/// An alternative text for Zenn, which drops escaped signs. So signs that need an escape become wide ones.
fn zenn(text: &str) -> String {
    escaped(text, |character| {
        let wide = match character {
            '\\' => '＼',
            '`' => '｀',
            '$' => '＄',
            '&' => '＆',
            '[' => '［',
            ']' => '］',
            _ => return None,
        };
        Some(wide.to_string())
    })
}

fn html(text: &str) -> String {
    escaped(text, |character| {
        let name = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            _ => return None,
        };
        Some(name.to_owned())
    })
}

/// A string literal.
fn typst(text: &str) -> String {
    let inner = escaped(text, |character| matches!(character, '\\' | '"').then(|| format!("\\{character}")));
    format!("\"{inner}\"")
}

fn latex(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '{' | '}' | '$' | '&' | '#' | '_' | '%' => out.extend(['\\', character]),
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            // Other signs in the oldest of the font encodings.
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '|' => out.push_str("\\textbar{}"),
            '`' => out.push_str("\\textasciigrave{}"),
            // Two of these signs would become a dash, or a quotation mark.
            '-' | '\'' if out.ends_with(character) => out.extend(['{', '}', character]),
            _ => out.push(character),
        }
    }
    out
}

fn latex_path(path: &str) -> String {
    escaped(path, |character| match character {
        // These signs would end the argument, even after an escape.
        '{' | '}' => Some(String::new()),
        '%' | '#' => Some(format!("\\{character}")),
        _ => None,
    })
}

fn escaped(text: &str, escape: impl Fn(char) -> Option<String>) -> String {
    text.chars().map(|character| escape(character).unwrap_or_else(|| character.to_string())).collect()
}

//! Tests snippets: characters that could end a construct of a language are escaped.

use sukashi::figure::{Budget, Figure, Snippet, Style, budget};

use super::style;

fn figure(name: &str) -> Figure {
    let parts = vec![(name.to_owned(), 5)];
    budget(
        &Budget { context: 10, parts, tokenizer: None },
        &Style { lang: sukashi::figure::Lang::En, ..style() },
    )
    .unwrap()
}

/// Every character with a meaning in one of the languages, and long words.
const HARD: &str = "](x)<b>&\"'{%$#_^~\\*`|![--''```::: {{/* &lt; @a \u{2028}:smile: 1. +, \n\t。";

fn lines(figure: &Figure, kind: &str) -> String {
    figure.snippet(kind.parse::<Snippet>().unwrap(), "a folder/図(1) 50%#.png")
}

/// The alternative text of the figure, in a line.
fn alt_in_a_line(figure: &Figure) -> String {
    let plain = |c: char| if c.is_control() || c == '\u{2028}' { ' ' } else { c };
    figure.alt_text().chars().map(plain).collect::<String>().trim().to_owned()
}

/// The text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}")) + start.len();
    &text[from..from + text[from..].find(end).unwrap_or_else(|| panic!("no {end} in {text}"))]
}

/// Undoes backslashes before signs. It refuses a sign of `signs` or `others` without a backslash.
fn from_backslashes(text: &str, signs: &str, others: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            let sign = characters.next().unwrap();
            assert!(signs.contains(sign), "a backslash before {sign} in {text}");
            out.push(sign);
        } else {
            let is_bare = signs.contains(character) || others.contains(character);
            assert!(!is_bare, "a bare {character} in {text}");
            out.push(character);
        }
    }
    out
}

#[test]
fn markdown_says_what_the_figure_says() {
    for name in [HARD.to_owned(), HARD.repeat(100), "長い名前".repeat(3_000)] {
        let figure = figure(&name);
        let text = lines(&figure, "md");
        let alt = from_backslashes(between(&text, "![", "](a%20folder/"), "[]<>&*_`!$~|:\\#(){}", "");
        assert_eq!(alt, alt_in_a_line(&figure));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.ends_with("](a%20folder/図%281%29%2050%25%23.png)\n"), "{text}");

        // Alternative texts on Zenn drop the signs that need an escape.
        let zenn = lines(&figure, "zenn");
        let alt = between(&zenn, "![", "](/images/");
        assert!(!alt.contains(['[', ']', '\\', '`', '$', '&']), "{alt}");
        let narrow = |c: char| match c {
            '＼' | '｀' | '＄' | '＆' | '［' | '］' => char::from_u32(u32::from(c) - 0xFEE0).unwrap(),
            _ => c,
        };
        assert_eq!(alt.chars().map(narrow).collect::<String>(), alt_in_a_line(&figure));
        assert_eq!(zenn.lines().count(), 2, "{zenn}");
        assert!(zenn.contains("(/images/図%281%29%2050%25%23.png =720x)\n*What"), "{zenn}");
    }
}

#[test]
fn markup_says_what_the_figure_says() {
    for name in [HARD.to_owned(), HARD.repeat(100), "長い名前".repeat(3_000)] {
        let figure = figure(&name);
        for kind in ["html", "qiita", "mdx"] {
            let text = lines(&figure, kind);
            // HTML and JSX are XML, except for the sign at the end of an element and for numbers in braces.
            let xml = text
                .replace("width={720}", "width=\"720\"")
                .replace("height={", "height=\"")
                .replace("} />", "\" />")
                .replace("\">\n  <figcaption", "\"/>\n  <figcaption");
            let xml = if kind == "qiita" { xml.replace("\">\n", "\"/>") } else { xml };
            let document = resvg::usvg::roxmltree::Document::parse(&xml)
                .unwrap_or_else(|error| panic!("{kind}: {error}: {xml}"));
            let image = document.descendants().find(|node| node.has_tag_name("img")).unwrap();
            assert_eq!(image.attribute("alt"), Some(alt_in_a_line(&figure).as_str()), "{kind}");
            assert_eq!(image.attribute("src"), Some("a%20folder/図%281%29%2050%25%23.png"));
            assert_eq!(image.attribute("width"), Some("720"));
            // A blank line would end HTML inside Markdown.
            assert!(!text.contains("\n\n"));
            let elements = document.descendants().filter(|node| node.is_element()).count();
            assert_eq!(elements, if kind == "html" { 3 } else { 1 });
        }
    }
}

#[test]
fn typesetters_say_what_the_figure_says() {
    let figure = figure(HARD);
    let typst = lines(&figure, "typst");
    let alt = from_backslashes(between(&typst, "alt: \"", "\"),\n"), "\\\"", "");
    assert_eq!(alt, alt_in_a_line(&figure));
    assert!(typst.starts_with("#figure(\n  image(\"a folder/図(1) 50%#.png\", width: 100%,"), "{typst}");

    let latex = lines(&figure, "latex");
    let mut alt = between(&latex, ",alt={", "}]{a folder").to_owned();
    assert!(!alt.contains("--") && !alt.contains("''"), "{alt}");
    alt = alt.replace("-{}-", "--").replace("'{}'", "''");
    // Placeholders stand for named signs until the rest is read.
    let named = [
        ("textbackslash", '\u{1}', '\\'),
        ("textasciitilde", '\u{2}', '~'),
        ("textasciicircum", '\u{3}', '^'),
        ("textless", '\u{4}', '<'),
        ("textgreater", '\u{5}', '>'),
        ("textbar", '\u{6}', '|'),
        ("textasciigrave", '\u{7}', '`'),
    ];
    for (name, sign, _) in named {
        alt = alt.replace(&format!("\\{name}{{}}"), &sign.to_string());
    }
    alt = from_backslashes(&alt, "{}$&#_%", "~^<>|`");
    let read = |c: char| named.iter().find(|(_, sign, _)| *sign == c).map_or(c, |(_, _, own)| *own);
    assert_eq!(alt.chars().map(read).collect::<String>(), alt_in_a_line(&figure));
    assert!(latex.contains("]{a folder/図(1) 50\\%\\#.png}"), "{latex}");
    assert!("pdf".parse::<Snippet>().unwrap_err().to_string().contains("typst"));
}

#[test]
fn widths_on_paper_are_kept() {
    let record = Budget { context: 10, parts: vec![("a".to_owned(), 5)], tokenizer: None };
    let figure = budget(&record, &Style { width: "84mm".parse().unwrap(), ..style() }).unwrap();
    assert!(figure.snippet(Snippet::Typst, "a.png").contains("width: 84mm"));
    assert!(figure.snippet(Snippet::Latex, "a.png").contains("[width=84mm,"));
}

//! The lines to paste: what could end a construct in each language is escaped.

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

/// Everything that means something in one of the languages, and what is long.
const HARD: &str = "](x)<b>&\"'{%$#_^~\\*`|![--''```::: {{/* &lt; @a \u{2028}:smile: 1. +, \n\t。";

fn lines(figure: &Figure, kind: &str) -> String {
    figure.snippet(kind.parse::<Snippet>().unwrap(), "a folder/図(1) 50%#.png")
}

/// What a reader of the figure is told, in a line.
fn alt_in_a_line(figure: &Figure) -> String {
    let plain = |c: char| if c.is_control() || c == '\u{2028}' { ' ' } else { c };
    figure.alt_text().chars().map(plain).collect::<String>().trim().to_owned()
}

/// The text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}")) + start.len();
    &text[from..from + text[from..].find(end).unwrap_or_else(|| panic!("no {end} in {text}"))]
}

/// What CommonMark makes of backslashes; signs that mean something without one are refused.
fn from_markdown(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            out.push(characters.next().filter(char::is_ascii_punctuation).unwrap());
        } else {
            assert!(!"[]<>&*_`!$~|:".contains(character), "a bare {character} in {text}");
            out.push(character);
        }
    }
    out
}

#[test]
fn markdown_says_what_the_figure_says() {
    for name in [HARD.to_owned(), HARD.repeat(100), "長い名前".repeat(3_000)] {
        let figure = figure(&name);
        for kind in ["md", "zenn"] {
            let text = lines(&figure, kind);
            let end = if kind == "md" { "](a%20folder/" } else { "](/images/" };
            assert_eq!(from_markdown(between(&text, "![", end)), alt_in_a_line(&figure), "{kind}");
            assert_eq!(text.lines().count(), if kind == "md" { 1 } else { 2 }, "{text}");
        }
        assert!(lines(&figure, "md").ends_with("](a%20folder/図%281%29%2050%25%23.png)\n"));
        let zenn = lines(&figure, "zenn");
        assert!(zenn.contains("(/images/図%281%29%2050%25%23.png =720x)\n*What"), "{zenn}");
    }
}

#[test]
fn markup_says_what_the_figure_says() {
    for name in [HARD.to_owned(), HARD.repeat(100), "長い名前".repeat(3_000)] {
        let figure = figure(&name);
        for kind in ["html", "qiita", "mdx"] {
            let text = lines(&figure, kind);
            // HTML and JSX are XML but for the sign that ends an element, and numbers in braces.
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
            // A blank line would end HTML within Markdown.
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
    let alt = between(&typst, "alt: \"", "\"),\n").replace("\\\"", "\"").replace("\\\\", "\\");
    assert_eq!(alt, alt_in_a_line(&figure));
    assert!(typst.starts_with("#figure(\n  image(\"a folder/図(1) 50%#.png\", width: 100%,"), "{typst}");

    let latex = lines(&figure, "latex");
    let alt = between(&latex, ",alt={", "}]{a folder");
    let mut told = alt.replace("\\textbackslash{}", "\u{1}");
    for (written, character) in [
        ("textasciitilde", "~"),
        ("textasciicircum", "^"),
        ("textless", "<"),
        ("textgreater", ">"),
        ("textbar", "|"),
        ("textasciigrave", "`"),
    ] {
        told = told.replace(&format!("\\{written}{{}}"), character);
    }
    assert!(!told.contains("--") && !told.contains("''"), "{told}");
    told = told.replace("-{}-", "--").replace("'{}'", "''");
    for character in "{}$&#_%".chars() {
        let escaped = format!("\\{character}");
        assert_eq!(told.matches(character).count(), told.matches(&escaped).count(), "{character} in {told}");
        told = told.replace(&escaped, &character.to_string());
    }
    assert_eq!(told.replace('\u{1}', "\\"), alt_in_a_line(&figure));
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

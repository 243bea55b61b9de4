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

#[test]
fn special_characters_are_escaped() {
    let figure = figure("](x)<b>&\"'{%$#_^~\\*`\n");
    let lines = |kind: &str| figure.snippet(kind.parse::<Snippet>().unwrap(), "a folder/図(1).png");
    for kind in ["md", "zenn"] {
        let text = lines(kind);
        assert!(text.contains(r"\]\(x\)\<b\>\&"), "{kind}: {text}");
    }
    assert!(lines("md").ends_with("](a%20folder/図%281%29.png)\n"), "{}", lines("md"));
    assert!(lines("zenn").contains("(/images/図%281%29.png =720x)\n*"), "{}", lines("zenn"));
    for kind in ["html", "qiita", "mdx"] {
        let text = lines(kind);
        assert!(text.contains("](x)&lt;b&gt;&amp;&quot;&#39;{%$"), "{kind}: {text}");
        assert_eq!(text.matches('<').count(), if kind == "html" { 5 } else { 1 }, "{kind}: {text}");
    }
    assert!(lines("typst").contains(r#"](x)<b>&\"'{%$#_^~\\*`"#), "{}", lines("typst"));
    let latex = lines("latex");
    assert!(latex.contains(r"](x)<b>\&"), "{latex}");
    assert!(latex.contains(r"\{\%\$\#\_\textasciicircum{}\textasciitilde{}\textbackslash{}*`"), "{latex}");
    assert!("pdf".parse::<Snippet>().unwrap_err().to_string().contains("typst"));
}

#[test]
fn widths_on_paper_are_kept() {
    let record = Budget { context: 10, parts: vec![("a".to_owned(), 5)], tokenizer: None };
    let figure = budget(&record, &Style { width: "84mm".parse().unwrap(), ..style() }).unwrap();
    assert!(figure.snippet(Snippet::Typst, "a.png").contains("width: 84mm"));
    assert!(figure.snippet(Snippet::Latex, "a.png").contains("[width=84mm,"));
}

//! Figures that showed something else than the data.

use std::collections::HashSet;

use resvg::usvg::roxmltree;

use crate::common::sukashi;

/// The softmax figure with these names: the drawn elements, without the texts that are not drawn.
fn drawn(names: &str) -> String {
    let svg = svg(names);
    let mut out = String::new();
    let document = roxmltree::Document::parse(&svg).unwrap();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        if !["title", "desc", "metadata"].contains(&node.tag_name().name()) {
            out += node.tag_name().name();
            out.extend(
                node.attributes().map(|attribute| format!(" {}={}", attribute.name(), attribute.value())),
            );
        }
    }
    out
}

fn svg(names: &str) -> String {
    let logits = Vec::from_iter((0..names.split(',').count()).map(|at| at.to_string())).join(",");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figure.svg");
    let path = file.to_str().unwrap();
    let output =
        sukashi(&["figure", "softmax", "--logits", &logits, "--names", names, "--lang", "en", "-o", path]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn case_03_full_width_letters_are_not_drawn_as_ascii() {
    assert_ne!(drawn("Ａ,１"), drawn("A,1"));
    let names = ["1", "１", "「", "｢", "A", "Ａ", "А", "Α", "へ", "ヘ", "~", "～", "—", "―", "''", "’"];
    let drawings: HashSet<String> = names.iter().map(|name| drawn(&format!("{name},x"))).collect();
    assert_eq!(drawings.len(), names.len());
}

#[test]
fn case_03_words_name_the_code_point() {
    let svg = svg("Ａ,А,ｱ");
    for named in ["Ａ<U+FF21>", "А<U+0410>", "ｱ<U+FF71>"] {
        let escaped = named.replace('<', "&lt;").replace('>', "&gt;");
        assert!(svg.contains(&escaped), "{named} is not in the description");
    }
    assert!(!svg.contains('\u{33A}'));
}

#[test]
fn case_03_line_ends_and_composed_forms_are_told_apart() {
    assert_ne!(drawn("\n,x"), drawn("\r\n,x"));
    assert_ne!(drawn("é,x"), drawn("e\u{301},x"));
    assert_ne!(drawn("が,x"), drawn("か\u{3099},x"));
    assert_ne!(drawn("\u{2126},x"), drawn("Ω,x"));
    assert_ne!(drawn("\u{212A},x"), drawn("K,x"));
}

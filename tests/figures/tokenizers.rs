//! Tests figures of tokenizers: goldens, numbers, layout and bad input.

use proptest::prelude::*;
use sukashi::figure::{Figure, Lang, Style, TextMode, Width, bpe, tokenizers};
use sukashi::text::{Tokenizer, TokenizerKind, Training};
use sukashi::trace::{Merge, MergeTree, Node, Segmentation, Token};
use sukashi::{ErrorKind, Result};

use super::goldens::assert_goldens;
use super::layout::assert_laid_out;
use super::{style, texts};

const LEARNT: &str =
    "low lower\nlow lower\nlower lowest\nlower newer wider\n吾輩は猫である。\n吾輩は犬である。\n";
const TEXT: &str = "吾輩は猫である🦀 lower";

fn trained(kind: TokenizerKind, vocab_size: usize) -> Tokenizer {
    Training { kind, vocab_size, ..Training::default() }.run([LEARNT]).unwrap()
}

fn cuts(text: &str) -> Vec<Segmentation> {
    [
        ("バイト", TokenizerKind::Byte, 256),
        ("char-bpe", TokenizerKind::CharBpe, 60),
        ("</svg>", TokenizerKind::ByteBpe, 300),
    ]
    .map(|(name, kind, vocab_size)| trained(kind, vocab_size).cut(name, text, false).unwrap())
    .into()
}

fn tree(word: &str) -> MergeTree {
    trained(TokenizerKind::ByteBpe, 300).merge_tree("byte-bpe", word).unwrap()
}

#[test]
fn they_equal_the_goldens() {
    assert_goldens("tokenizers", |style| tokenizers(TEXT, &cuts(TEXT), style));
    assert_goldens("bpe", |style| bpe(&tree("lower 吾輩は"), style));
}

#[test]
fn the_numbers_are_those_of_the_record() {
    let cuts = cuts(TEXT);
    let figure = tokenizers(TEXT, &cuts, &style()).unwrap();
    let shown = texts(&figure.svg_with(TextMode::Text)).join("\n");
    for cut in &cuts {
        let (cost, count) = (cut.cost(TEXT), cut.pieces.len());
        let bits = format!("{count} トークン × {} ビット = {} ビット", cost.bits_per_token, cost.bits);
        assert!(shown.contains(&bits), "no {bits} in {shown}");
        assert!(figure.alt_text().contains(&bits), "{}", figure.alt_text());
        assert_eq!(cost.utf8_bits, 8 * TEXT.len() as u64);
        assert_eq!(cost.bits, count as u64 * u64::from(cost.bits_per_token));
    }
    assert_eq!(cuts.iter().map(|cut| cut.cost(TEXT).bits_per_token).collect::<Vec<_>>(), [8, 5, 9]);
    assert_eq!(cuts[1].lost().collect::<Vec<_>>(), ["🦀"]);
    assert!(shown.contains("失われる文字（1 か所）: 🦀"), "{shown}");

    let tree = tree("lower");
    let figure = bpe(&tree, &Style { lang: Lang::En, ..style() }).unwrap();
    let shown = texts(&figure.svg_with(TextMode::Text));
    for node in &tree.nodes {
        let text = node.token.text.as_ref().unwrap();
        assert!(shown.contains(text), "no {text} in {shown:?}");
        let rank = node.merge.map(|merge| merge.rank.to_string());
        assert!(rank.as_ref().is_none_or(|rank| shown.contains(rank)), "no {rank:?} in {shown:?}");
    }
    assert!(figure.alt_text().contains("Tokens: lower."), "{}", figure.alt_text());
}

#[test]
fn they_are_laid_out_at_every_width() {
    let draws: [fn(&Style) -> Result<Figure>; 2] =
        [|style| tokenizers(TEXT, &cuts(TEXT), style), |style| bpe(&tree("lower 吾輩は"), style)];
    for draw in draws {
        for width in ["240px", "360px", "84mm", "720px", "1600px"] {
            for lang in [Lang::Ja, Lang::En] {
                let style = Style { width: width.parse().unwrap(), lang, caption: true, ..style() };
                match draw(&style) {
                    Ok(figure) => assert_laid_out(&figure),
                    // The bytes of three characters may be in one tree.
                    Err(error) => assert!(error.to_string().contains("wider"), "{error}"),
                }
            }
        }
    }
}

#[test]
fn a_long_text_is_cut_short_and_says_so() {
    let text = "low lower ".repeat(2_000);
    let cut = trained(TokenizerKind::CharBpe, 60).cut("tiny", &text, false).unwrap();
    let num_tokens = cut.pieces.len();
    let figure = tokenizers(&text, &[cut], &style()).unwrap();
    assert!(figure.size().1 < 600.0, "{:?}", figure.size());
    assert!(texts(&figure.svg_with(TextMode::Text)).iter().any(|text| text.starts_with("… ほか ")));
    assert_eq!(figure.data_csv().lines().count(), 1 + num_tokens);
}

#[test]
fn ranks_without_room_are_told() {
    let word = "lowerlowerlower";
    let narrow = Style { width: Width::px(240.0).unwrap(), ..style() };
    let figure = bpe(&tree(word), &narrow).unwrap();
    assert_laid_out(&figure);
    let has_all = figure.warnings().is_empty();
    let printed = tree(word)
        .nodes
        .iter()
        .filter_map(|node| node.merge)
        .all(|merge| texts(&figure.svg_with(TextMode::Text)).contains(&merge.rank.to_string()));
    assert_eq!(has_all, printed, "{:?}", figure.warnings());
}

#[test]
fn bad_records_are_refused() {
    let refused = |figure: Result<Figure>, expected: &str| {
        let error = figure.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(tokenizers("a", &[], &style()), "0 tokenizers");
    refused(tokenizers("a", &vec![cuts("a")[0].clone(); 31], &style()), "31 tokenizers");
    refused(tokenizers("", &cuts(""), &style()), "empty");

    let sound = tree("lower");
    let damaged = |damage: fn(&mut MergeTree)| {
        let mut tree = sound.clone();
        damage(&mut tree);
        bpe(&tree, &style())
    };
    refused(damaged(|tree| tree.roots.clear()), "contradicts itself");
    refused(damaged(|tree| tree.roots.push(0)), "contradicts itself");
    refused(damaged(|tree| tree.roots[0] = usize::MAX), "contradicts itself");
    refused(damaged(|tree| tree.nodes.truncate(3)), "contradicts itself");
    refused(
        damaged(|tree| tree.nodes[0].merge = Some(Merge { left: 0, right: 1, rank: 1 })),
        "contradicts itself",
    );
    refused(
        damaged(|tree| {
            let merge = Some(Merge { left: 0, right: 0, rank: 1 });
            tree.nodes.push(Node { token: Token { id: 0, text: None, bytes: None }, merge });
        }),
        "contradicts itself",
    );
    // The width that the message suggests is enough.
    let narrow = Style { width: Width::px(240.0).unwrap(), ..style() };
    let error = bpe(&tree("吾輩は猫である。"), &narrow).unwrap_err().to_string();
    let needed = error.split("at least ").nth(1).unwrap().split(' ').next().unwrap();
    let wide_enough = Style { width: format!("{needed}px").parse().unwrap(), ..style() };
    assert_laid_out(&bpe(&tree("吾輩は猫である。"), &wide_enough).unwrap());

    let wide = tree(&"lower".repeat(200).replace("lower", "xyz"));
    assert!(wide.roots.len() > 1);
    assert_laid_out(&bpe(&wide, &style()).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_overlaps(
        text in prop_oneof!["\\PC{1,60}", "[ \\n\\ta-z吾輩は猫]{1,80}", "[😀-😎א-ת]{1,20}"],
        width in prop_oneof![Just(240.0), Just(360.0), Just(720.0), 240.0..1600.0],
        en in any::<bool>(),
    ) {
        let lang = if en { Lang::En } else { Lang::Ja };
        let style = Style { lang, width: Width::px(width).unwrap(), caption: en, ..style() };
        assert_laid_out(&tokenizers(&text, &cuts(&text), &style).unwrap());
        if let Ok(figure) = bpe(&tree(&text), &style) {
            assert_laid_out(&figure);
        }
    }
}

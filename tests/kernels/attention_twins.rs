//! Compares the CPU twins of attention with values that were computed in another way.

use sukashi::cpu::{self, CacheRows, Heads, Splits};

use crate::twins::assert_close;

/// Two query heads on one key-value head of two channels. The stride of `qkv` is 8, and that of the caches is 3.
const HEADS: Heads = Heads {
    num_heads: 2,
    num_kv_heads: 1,
    head_dim: 2,
    qkv_stride: 8,
    kv_stride: 3,
    scale: 0.5,
    window: 0,
    softcap: 0.0,
};

#[rustfmt::skip]
const QKV: [f32; 16] = [
    2.0, 0.0,  0.0, 4.0,  9.0, 9.0, 9.0, 9.0,
    0.0, 2.0,  2.0, 2.0,  9.0, 9.0, 9.0, 9.0,
];
#[rustfmt::skip]
const KEYS: [f32; 9] = [
    0.0, 1.0, 9.0,
    1.0, 0.0, 9.0,
    2.0, -1.0, 9.0,
];
#[rustfmt::skip]
const VALUES: [f32; 9] = [
    1.0, 10.0, 9.0,
    2.0, 20.0, 9.0,
    4.0, 40.0, 9.0,
];

/// The places of the two tokens of [`QKV`].
const TOKENS: CacheRows<'_> = CacheRows { rows: &[1, 2], max_seq_len: 3 };

/// The place of the first token of a sequence.
const FIRST: CacheRows<'_> = CacheRows { rows: &[0], max_seq_len: 1 };

/// The weights of the two tokens at positions 1 and 2, computed from the products above.
fn attention_by_hand() -> [Vec<f64>; 4] {
    let softmax = |scores: &[f64]| {
        let sum: f64 = scores.iter().map(|score| score.exp()).sum();
        scores.iter().map(|score| score.exp() / sum).collect()
    };
    [
        softmax(&[0.0, 1.0]),       // (2, 0) . keys / 2, positions 0 and 1
        softmax(&[2.0, 0.0]),       // (0, 4)
        softmax(&[1.0, 0.0, -1.0]), // (0, 2), positions 0 to 2
        softmax(&[1.0, 1.0, 1.0]),  // (2, 2)
    ]
}

#[test]
fn attention_by_hand_and_causal() {
    let mut y = [f32::NAN; 8];
    cpu::attention(TOKENS, HEADS, (&QKV, &KEYS, &VALUES), (&mut y, 4));
    let want: Vec<f64> = attention_by_hand()
        .iter()
        .flat_map(|weights| {
            let value = |channel: usize| {
                weights.iter().enumerate().map(|(j, w)| w * f64::from(VALUES[3 * j + channel])).sum::<f64>()
            };
            [value(0), value(1)]
        })
        .collect();
    assert_close(&y, &want, 1e-5);
}

#[test]
fn attention_probs_by_hand_and_zero_beyond() {
    let mut probs = [f32::NAN; 16];
    cpu::attention_probs((1, 2), HEADS, (&QKV, &KEYS), 4, &mut probs);
    let want: Vec<f64> = attention_by_hand()
        .into_iter()
        .flat_map(|mut weights| {
            weights.resize(4, 0.0);
            weights
        })
        .collect();
    assert_close(&probs, &want, 1e-6);
}

/// The attention weights of the two tokens and heads of [`QKV`], four columns each.
fn weights(heads: Heads) -> [f32; 16] {
    let mut probs = [f32::NAN; 16];
    cpu::attention_probs((1, 2), heads, (&QKV, &KEYS), 4, &mut probs);
    probs
}

#[test]
fn a_window_cuts_before_the_last_positions() {
    // With one position, a token sees only itself.
    let mut y = [f32::NAN; 8];
    cpu::attention(TOKENS, Heads { window: 1, ..HEADS }, (&QKV, &KEYS, &VALUES), (&mut y, 4));
    assert_eq!(y, [2.0, 20.0, 2.0, 20.0, 4.0, 40.0, 4.0, 40.0]);
    assert_eq!(
        weights(Heads { window: 1, ..HEADS }),
        [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    );

    // With a window of two, the token at 1 sees all. The token at 2 has scores 0 and -1, and 1 and 1, at positions 1
    // and 2.
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let first: Vec<f64> = weights(HEADS)[..8].iter().map(|&weight| f64::from(weight)).collect();
    let second = [0.0, sigmoid(1.0), sigmoid(-1.0), 0.0, 0.0, 0.5, 0.5, 0.0];
    assert_close(&weights(Heads { window: 2, ..HEADS }), &[&first[..], &second].concat(), 1e-6);
    cpu::attention(TOKENS, Heads { window: 2, ..HEADS }, (&QKV, &KEYS, &VALUES), (&mut y, 4));
    let value = 2.0 * sigmoid(1.0) + 4.0 * sigmoid(-1.0);
    assert_close(&y[4..], &[value, 10.0 * value, 3.0, 30.0], 1e-5);

    // A window that is as long as the sequence or longer hides nothing.
    for window in [3, 4, 1000] {
        assert_eq!(weights(Heads { window, ..HEADS }), weights(HEADS));
    }
}

#[test]
fn capped_scores_by_hand() {
    // The scores of the token at 1 are (0, 1) and (2, 0). A cap of 0.5 makes them tanh(2) / 2 and tanh(4) / 2.
    let capped = |score: f64| 0.5 * (score / 0.5).tanh();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (one, two) = (sigmoid(capped(1.0)), sigmoid(capped(2.0)));
    let got = weights(Heads { softcap: 0.5, ..HEADS });
    assert_close(&got[..8], &[1.0 - one, one, 0.0, 0.0, two, 1.0 - two, 0.0, 0.0], 1e-6);
    // A cap far above the scores hardly changes them, and one far below makes all scores alike.
    let plain = weights(HEADS).map(f64::from);
    assert_close(&weights(Heads { softcap: 1e4, ..HEADS }), &plain, 1e-6);
    assert_close(&weights(Heads { softcap: 1e-7, ..HEADS })[8..11], &[1.0 / 3.0; 3], 1e-6);
}

#[test]
fn splits_put_together_are_the_whole() {
    // The token at position 2, with one position in a split. Its scores are 1, 0 and -1 of the first head, and 1 of the
    // second, over two channels.
    let splits = Splits { split_len: 1, max_splits: 4 };
    let mut partials = [7.0; 32];
    cpu::attention_partials(2, HEADS, splits, (&QKV[8..], &KEYS, &VALUES), &mut partials);
    assert_eq!(partials[..12], [1.0, 10.0, 1.0, 1.0, 2.0, 20.0, 0.0, 1.0, 4.0, 40.0, -1.0, 1.0]);
    assert_eq!(partials[12..16], [7.0; 4], "an empty split");
    assert_eq!(partials[16..28], [1.0, 10.0, 1.0, 1.0, 2.0, 20.0, 1.0, 1.0, 4.0, 40.0, 1.0, 1.0]);
    let mut whole = [f32::NAN; 8];
    cpu::attention(TOKENS, HEADS, (&QKV, &KEYS, &VALUES), (&mut whole, 4));
    let want: Vec<f64> = whole[4..].iter().map(|&value| f64::from(value)).collect();
    let mut y = [f32::NAN; 4];
    cpu::attention_merge(2, (2, 2, 0), splits, &partials, &mut y);
    assert_close(&y, &want, 1e-5);

    // Two positions in a split, and the same with a window that begins in the middle of the first split.
    let splits = Splits { split_len: 2, max_splits: 2 };
    for window in [0, 2] {
        let heads = Heads { window, ..HEADS };
        cpu::attention(TOKENS, heads, (&QKV, &KEYS, &VALUES), (&mut whole, 4));
        cpu::attention_partials(2, heads, splits, (&QKV[8..], &KEYS, &VALUES), &mut partials);
        cpu::attention_merge(2, (2, 2, window), splits, &partials, &mut y);
        assert_close(&y, &whole[4..].iter().map(|&value| f64::from(value)).collect::<Vec<_>>(), 1e-5);
    }

    // With one split, there is nothing to merge.
    y = [7.0; 4];
    cpu::attention_merge(1, (2, 2, 0), splits, &partials, &mut y);
    assert_eq!(y, [7.0; 4]);
}

#[test]
fn tokens_see_the_rows_of_their_own_text() {
    // The sequence of the second token comes first in the cache, and is the beginning of the first token's. It has two
    // positions of three, and the other has three.
    let keys = [&KEYS[..], &KEYS].concat();
    let values = [&[5.0; 9], &VALUES[..]].concat();
    let tokens = CacheRows { rows: &[4, 0], max_seq_len: 3 };
    assert_eq!((tokens.place(0), tokens.place(1)), ((3, 1), (0, 0)));
    let mut alone = [f32::NAN; 8];
    cpu::attention(TOKENS, HEADS, (&QKV, &KEYS, &VALUES), (&mut alone, 4));
    let mut y = [f32::NAN; 8];
    cpu::attention(tokens, HEADS, (&QKV, &keys, &values), (&mut y, 4));
    assert_eq!(y[..4], alone[..4]);
    assert_eq!(y[4..], [5.0; 4], "one position");
    assert_eq!(tokens.one(1).place(0), (0, 0));
}

#[test]
fn query_heads_share_key_value_heads_in_order() {
    // Four query heads on two key-value heads: 0 and 1 on the first, 2 and 3 on the second. With one position, the
    // value is copied.
    let heads = Heads { num_heads: 4, num_kv_heads: 2, head_dim: 1, kv_stride: 2, scale: 1.0, ..HEADS };
    let mut y = [f32::NAN; 4];
    cpu::attention(FIRST, heads, (&[1.0; 8], &[1.0, 1.0], &[5.0, 6.0]), (&mut y, 4));
    assert_eq!(y, [5.0, 5.0, 6.0, 6.0]);
}

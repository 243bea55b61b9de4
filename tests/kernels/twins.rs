//! The twins against values that were worked out otherwise: twin and shader could share a mistake.

use sukashi::cpu::{self, Table, Weight};
use sukashi::format::Format;
use sukashi::kernels;

pub fn assert_close(got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (index, (&got, &want)) in got.iter().zip(want).enumerate() {
        // Written so that NaN fails.
        assert!((f64::from(got) - want).abs() <= tolerance, "element {index} is {got}, expected {want}");
    }
}

#[test]
fn gelu_erf_by_the_table_of_erf() {
    // erf(z) from Abramowitz & Stegun, table 7.1; gelu(z * sqrt(2)) = z / sqrt(2) * (1 + erf(z)).
    let table = [
        (0.0, 0.0),
        (0.1, 0.112_462_916_0),
        (0.5, 0.520_499_877_8),
        (1.0, 0.842_700_792_9),
        (1.5, 0.966_105_146_5),
        (2.0, 0.995_322_265_0),
    ];
    for (z, erf) in table {
        for sign in [1.0, -1.0] {
            let x = [(sign * z * 2.0_f64.sqrt()) as f32];
            let mut y = [f32::NAN];
            cpu::gelu_erf(1, 1, 1, &x, &mut y);
            assert_close(&y, &[sign * z / 2.0_f64.sqrt() * (1.0 + sign * erf)], 3e-7);
        }
    }
}

#[test]
fn gelu_tanh_by_exponentials() {
    // 1 + tanh(a) = 2 / (1 + exp(-2a)), which makes the formula x * sigmoid(2a).
    let x: Vec<f32> = (-40..=40).map(|step| step as f32 / 5.0).collect();
    let mut y = vec![f32::NAN; x.len()];
    cpu::gelu_tanh(1, x.len(), x.len(), &x, &mut y);
    let want: Vec<f64> = x
        .iter()
        .map(|&x| f64::from(x))
        .map(|x| x / (1.0 + (-2.0 * 0.797_884_560_802_865_4 * (x + 0.044_715 * x.powi(3))).exp()))
        .collect();
    assert_close(&y, &want, 3e-7);
}

#[test]
fn layer_norm_by_hand() {
    // Mean 2.5 and variance 1.25. Rows are 6 apart, and their last two columns stay unchanged.
    let x = [1.0, 2.0, 3.0, 4.0, 9.0, 9.0, 40.0, 30.0, 20.0, 10.0, 9.0, 9.0];
    let mut y = [7.0; 12];
    cpu::layer_norm(2, 6, 0.75, (&[1.0, 1.0, 2.0, -1.0], &[0.0, 10.0, 0.0, 1.0]), &x, &mut y, 4);
    let second = 125.75_f64.sqrt();
    let want = [
        // sqrt(1.25 + 0.75) = 1.414..
        -1.5 / 2.0_f64.sqrt(),
        10.0 - 0.5 / 2.0_f64.sqrt(),
        2.0 * 0.5 / 2.0_f64.sqrt(),
        1.0 - 1.5 / 2.0_f64.sqrt(),
        7.0,
        7.0,
        15.0 / second,
        10.0 + 5.0 / second,
        -10.0 / second,
        1.0 + 15.0 / second,
        7.0,
        7.0,
    ];
    assert_close(&y, &want, 1e-6);
}

#[test]
fn rms_norm_by_hand() {
    // Mean squares 12.5 and 1. Rows are 4 apart, and their last two columns stay unchanged.
    let x = [3.0, -4.0, 9.0, 9.0, 1.0, 1.0, 9.0, 9.0];
    let mut y = [7.0; 8];
    cpu::rms_norm(2, (2, 4), 0.0, &[1.0, 2.0], &x, &mut y);
    let root = 12.5_f64.sqrt();
    assert_close(&y, &[3.0 / root, -8.0 / root, 7.0, 7.0, 1.0, 2.0, 7.0, 7.0], 1e-6);
    // With an epsilon of 3.5 the root is 4.
    cpu::rms_norm(1, (2, 4), 3.5, &[1.0, 2.0], &x, &mut y);
    assert_close(&y[..3], &[0.75, -2.0, 7.0], 1e-6);
}

#[test]
fn qk_norm_is_of_each_head_alone() {
    // Two query heads, a key head and a value head of two channels; one column of padding.
    let mut qkv = [3.0, 4.0, 30.0, -40.0, 1.0, 7.0, 5.0, 6.0, 9.0];
    cpu::qk_norm(1, (2, 1, 2), 0.0, (&[1.0, 10.0], &[-1.0, 2.0]), (&mut qkv, 9));
    let root = 12.5_f64.sqrt();
    let want = [3.0 / root, 40.0 / root, 3.0 / root, -40.0 / root, -0.2, 14.0 / 5.0, 5.0, 6.0, 9.0];
    assert_close(&qkv, &want, 1e-6);
}

#[test]
fn rope_turns_halves_of_heads() {
    // A query head, a key head and a value head of four channels. Channels 0 and 2 turn by 90 degrees, and 1 and 3 by
    // 180. For the second token the angles are 0 and 60 degrees.
    let half = 3.0_f32.sqrt() / 2.0;
    let angles = [0.0, -1.0, 1.0, 0.0, 9.0, 1.0, 0.5, 0.0, half, 9.0];
    let row = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0];
    let mut qkv = [row, row].concat();
    cpu::rope(2, (2, 4), (&angles, 5), (&mut qkv, 12));
    assert_eq!(qkv[..12], [-3.0, -2.0, 1.0, -4.0, -7.0, -6.0, 5.0, -8.0, 9.0, 10.0, 11.0, 12.0]);
    let turned = |a: f64, b: f64| (a / 2.0 - b * f64::from(half), b / 2.0 + a * f64::from(half));
    let ((q1, q3), (k1, k3)) = (turned(2.0, 4.0), turned(6.0, 8.0));
    assert_close(&qkv[12..], &[1.0, q1, 3.0, q3, 5.0, k1, 7.0, k3, 9.0, 10.0, 11.0, 12.0], 1e-6);
}

#[test]
fn gated_activations_by_known_values() {
    // silu(ln 3) = ln 3 * 3 / 4. Far from 0, silu is zero or the whole gate.
    let gates = [0.0, 3.0_f32.ln(), -(3.0_f32.ln()), 100.0, -100.0, 1e4, -1e4];
    let x = [&gates[..], &[5.0, 2.0, 2.0, 2.0, 2.0, -1.0, -1.0], &[9.0]].concat();
    let mut y = [7.0; 8];
    cpu::swiglu(1, 7, (&x, 15), (&mut y, 8));
    let ln3 = 3.0_f64.ln();
    assert_close(&y, &[0.0, 1.5 * ln3, -0.5 * ln3, 200.0, 0.0, -1e4, 0.0, 7.0], 1e-6);

    // gelu_tanh(1) and gelu_tanh(-1), computed from the formula.
    let gates = [0.0, 1.0, -1.0, 100.0, -100.0, 1e4, -1e4];
    let x = [&gates[..], &x[7..]].concat();
    let mut y = [7.0; 8];
    cpu::geglu(1, 7, (&x, 15), (&mut y, 8));
    let want = [0.0, 2.0 * 0.841_192, -2.0 * 0.158_808, 200.0, 0.0, -1e4, 0.0, 7.0];
    assert_close(&y, &want, 1e-6);
}

#[test]
fn softcap_has_its_limits() {
    // tanh(ln 2) = 3/5: 2 and 1/2 are the exponentials of ln 2.
    let ln2 = 2.0_f32.ln();
    let mut x = [0.0, 30.0 * ln2, -30.0 * ln2, 0.003, 1e4, -1e30, 99.0, 99.0];
    cpu::softcap(1, 6, 8, 30.0, &mut x);
    assert_close(&x, &[0.0, 18.0, -18.0, 0.003, 30.0, -30.0, 99.0, 99.0], 2e-6);
}

/// 1, -2, 0.5 and 65504 or 3.5 in each format, one row of 32.
fn row(format: Format) -> Vec<u32> {
    let mut words = match format {
        Format::F16 => vec![0xc000_3c00, 0x7bff_3800],
        Format::Bf16 => vec![0xc000_3f80, 0x4060_3f00],
        _ => vec![0x3f80_0000, 0xc000_0000, 0x3f00_0000, 0x477f_e000],
    };
    words.resize(format.words_per_row(4), 0);
    words
}

#[test]
fn elements_are_read_as_ieee_and_bfloat_say() {
    for (format, last) in [(Format::F32, 65504.0), (Format::F16, 65504.0), (Format::Bf16, 3.5)] {
        let words = [row(format), row(format)].concat();
        let mut y = [7.0_f32; 96];
        let table = Table { words: &words, format, first_row: 10, num_rows: 2 };
        cpu::embedding(&[11, 12, 9], table, 2.0, false, (4, 32), &mut y);
        assert_eq!(y[..5], [2.0, -4.0, 1.0, 2.0 * last, 7.0], "{format:?}");
        assert_eq!(y[32..], [7.0; 64], "{format:?}: ids outside the table");
        cpu::embedding(&[10], table, 1.0, true, (4, 32), &mut y);
        assert_eq!(y[..5], [3.0, -6.0, 1.5, 3.0 * last, 7.0], "{format:?}: added");
    }
}

#[test]
fn gemv_by_hand() {
    for format in [Format::F32, Format::F16, Format::Bf16] {
        let words = [row(format), row(format)].concat();
        // The last weight differs between formats, so the test leaves it out.
        let mut x = [0.0; 64];
        x[..3].copy_from_slice(&[1.0, 10.0, 4.0]);
        x[32..35].copy_from_slice(&[2.0, 1.0, 2.0]);
        let mut y = [7.0; 8];
        let weight = Weight { words: &words, format, bias: &[], out_features: 2 };
        cpu::gemv(2, weight, (&x, 32), (&mut y, 4, 1));
        assert_eq!(y, [7.0, -17.0, -17.0, 7.0, 7.0, 1.0, 1.0, 7.0], "{format:?}");
        cpu::gemv(1, Weight { bias: &[0.5, 100.0], ..weight }, (&x, 32), (&mut y, 4, 0));
        assert_eq!(y[..3], [-16.5, 83.0, -17.0], "{format:?}: bias");
    }
}

#[test]
fn copies_and_sums_by_hand() {
    let mut x = [1.0, 2.0, 9.0, 3.0, 4.0, 9.0];
    cpu::add(2, 2, 3, &[10.0, 20.0, 5.0, 30.0, 40.0, 5.0], &mut x);
    assert_eq!(x, [11.0, 22.0, 9.0, 33.0, 44.0, 9.0]);

    let mut y = [0.0; 4];
    cpu::select_rows(1, 1, 2, 3, &x, &mut y);
    assert_eq!(y, [33.0, 44.0, 0.0, 0.0]);

    // One token has a query of two elements, a key and a value of one, and goes into position 1.
    let (mut k_cache, mut v_cache) = ([0.0; 4], [0.0; 4]);
    cpu::kv_write(&[1], (2, 1), (&[1.0, 2.0, 3.0, 4.0], 4), (&mut k_cache, &mut v_cache, 2));
    assert_eq!((k_cache, v_cache), ([0.0, 0.0, 3.0, 0.0], [0.0, 0.0, 4.0, 0.0]));
}

#[test]
fn argmax_takes_the_lowest_of_equals_of_each_part() {
    let choose = |x: &[f32], part_size| {
        let mut ids = vec![7; x.len().div_ceil(part_size)];
        cpu::argmax(1, (x.len(), part_size), (x, x.len()), &mut ids);
        ids
    };
    assert_eq!(choose(&[-1.0, 2.0, 2.0, 1.0], 4), [1]);
    assert_eq!(choose(&[-1.0, 2.0, 2.0, 3.0, -4.0], 2), [1, 3, 4]);
    assert_eq!(choose(&[-0.0, 0.0], 2), [0]);
    assert_eq!(choose(&[1.0, f32::NAN, f32::INFINITY], 3), [1]);
    assert_eq!(choose(&[1.0, f32::INFINITY, f32::NAN], 3), [1]);
    assert_eq!(choose(&[f32::NEG_INFINITY; 3], 2), [0, 2]);
    // Two tokens, whose rows have padding.
    let mut ids = [7; 5];
    cpu::argmax(2, (3, 2), (&[1.0, 5.0, 2.0, 9.0, 3.0, 4.0, 3.0, 9.0], 4), &mut ids);
    assert_eq!(ids, [1, 2, 1, 2, 7]);
}

#[test]
fn top_k_gives_the_greatest_first_and_of_equals_the_lowest_id() {
    let found = |x: &[f32], count: usize| {
        let mut found = [7; 2 * 5];
        cpu::top_k([count].into_iter(), x.len(), (x, x.len()), (&mut found, 4));
        found
    };
    let [one, two, zero, minus_zero] = [1.0_f32, 2.0, 0.0, -0.0].map(f32::to_bits);
    let (nan, infinity) = (f32::NAN.to_bits(), f32::INFINITY.to_bits());
    assert_eq!(found(&[1.0, 2.0, 2.0, 1.0], 3), [7, 7, 1, two, 2, two, 0, one, 7, 7]);
    assert_eq!(found(&[-0.0, 0.0, 1.0], 3), [7, 7, 2, one, 0, minus_zero, 1, zero, 7, 7]);
    assert_eq!(
        found(&[1.0, f32::INFINITY, 2.0, f32::NAN], 9),
        [7, 7, 1, infinity, 3, nan, 2, two, 0, one],
        "as many as there is room for"
    );
    let minus_infinity = f32::NEG_INFINITY.to_bits();
    assert_eq!(found(&[2.0], 2), [7, 7, 0, two, u32::MAX, minus_infinity, 7, 7, 7, 7]);
}

#[test]
fn choose_goes_by_shares_in_the_order_of_ids() {
    // Three tokens with probabilities 0.6652, 0.2447 and 0.0900. Their ids are 8, 3 and 5.
    let candidates = [(8, 3.0_f32), (3, 2.0), (5, 1.0)];
    let plain = kernels::DeviceSampling {
        count: 3,
        pick: 0,
        temperature: 1.0,
        top_p: 2.0,
        min_p: 0.0,
        draw: 0.0,
        unused: [0; 2],
    };
    let choose = |how: kernels::DeviceSampling| {
        let (mut found, mut ids) = (vec![7, 7], [7; 2]);
        found.extend(candidates.iter().flat_map(|&(id, logit)| [id, logit.to_bits()]));
        cpu::choose(&[how], (&mut found, 3), &mut ids);
        let logit = candidates.iter().find(|(id, _)| *id == ids[0]).unwrap().1;
        assert_eq!(found[..2], [ids[0], logit.to_bits()]);
        assert_eq!(ids[1], 7);
        ids[0]
    };
    let drawn = |how: kernels::DeviceSampling| {
        [0.0, 0.2446, 0.2448, 0.3346, 0.3349, 0.999, 1.0]
            .map(|draw| choose(kernels::DeviceSampling { draw, ..how }))
    };
    assert_eq!(drawn(plain), [3, 3, 5, 5, 8, 8, 8]);
    let hot = kernels::DeviceSampling { temperature: 1e30, ..plain };
    assert_eq!(drawn(hot), [3, 3, 3, 5, 5, 8, 8], "thirds");
    assert_eq!(drawn(kernels::DeviceSampling { temperature: 1e-30, ..plain }), [3, 8, 8, 8, 8, 8, 8]);
    assert_eq!(drawn(kernels::DeviceSampling { top_p: 0.7, ..plain }), [3, 3, 3, 8, 8, 8, 8]);
    assert_eq!(drawn(kernels::DeviceSampling { top_p: 0.6, ..plain }), [8; 7]);
    assert_eq!(drawn(kernels::DeviceSampling { min_p: 0.2, ..plain }), [3, 3, 3, 8, 8, 8, 8]);
    assert_eq!([1, 2, 3, 9].map(|pick| choose(kernels::DeviceSampling { pick, ..plain })), [8, 3, 5, 5]);
    assert_eq!(choose(kernels::DeviceSampling { count: 2, pick: 3, ..plain }), 3);
    assert_eq!(choose(kernels::DeviceSampling { top_p: 0.6, pick: 3, ..plain }), 8);
}

#[test]
fn zero_columns_leaves_the_others() {
    let mut x = [1.0, 2.0, 3.0, 9.0, 4.0, 5.0, 6.0, 9.0];
    cpu::zero_columns(1, 1..3, 4, &mut x);
    assert_eq!(x, [1.0, 0.0, 0.0, 9.0, 4.0, 5.0, 6.0, 9.0]);
    cpu::zero_columns(2, 0..1, 4, &mut x);
    assert_eq!(x, [0.0, 0.0, 0.0, 9.0, 0.0, 5.0, 6.0, 9.0]);
}

//! Keys and tensors that were ignored silently, and messages that named the wrong cause.

use std::process::Output;

use crate::common::{case, sukashi};

fn next(model: &str, ids: &str, more: &[&str]) -> Output {
    let path = case(model);
    let mut args = vec!["next", "--ids", ids, "--model", path.to_str().unwrap()];
    args.extend(["--device", "cpu", "--top", "3", "--lang", "en"]);
    args.extend(more);
    sukashi(&args)
}

/// Asserts that the first three tokens are these, with these percentages.
#[track_caller]
fn predicts(output: &Output, tokens: [(&str, &str); 3]) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut rest = &*stdout;
    for (token, percent) in tokens {
        for part in [token, percent] {
            let at = rest.find(part).unwrap_or_else(|| panic!("no {part} in order in:\n{stdout}"));
            rest = &rest[at + part.len()..];
        }
    }
}

/// Asserts that the input is refused with all of these parts in the message. The message must not suggest that the
/// files do not belong together.
#[track_caller]
fn refuses(output: &Output, parts: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "no {part:?} in:\n{stderr}");
    }
    assert!(!stderr.contains("belong to one model"), "{stderr}");
}

#[test]
fn case_01_positions_are_scaled_by_the_old_key_and_without_a_type() {
    for file in ["old-key.gguf", "type-linear.gguf"] {
        let output =
            next(&format!("01-gguf-rope-scale-silently-ignored/{file}"), "5,6,7,12,30,9,11,2,3,17", &[]);
        predicts(&output, [("#18", "20.5%"), ("#9", "18.1%"), ("#26", "9.7%")]);
    }
}

#[test]
fn case_08_a_part_of_a_split_file_says_which() {
    for (part, number) in [(1, 0), (2, 1)] {
        let output = next(&format!("08-split-gguf-misleading/tiny-0000{part}-of-00002.gguf"), "5,6,7", &[]);
        refuses(
            &output,
            &[
                &format!("it is part {part} of 2 of a split file"),
                &format!("split.no = {number}, split.count = 2"),
                "llama-gguf-split --merge",
            ],
        );
    }
}

#[test]
fn case_09_biases_are_taken_one_by_one() {
    let plain = next("09-gguf-tensors-ignored-or-refused/plain.gguf", "5,6,7", &[]);
    predicts(&plain, [("#36", "62.5%"), ("#31", "11.2%"), ("#18", "7.8%")]);
    let bias = next("09-gguf-tensors-ignored-or-refused/output-bias.gguf", "5,6,7", &[]);
    predicts(&bias, [("#36", "71.0%"), ("#31", "9.3%"), ("#18", "4.2%")]);
}

#[test]
fn case_10_quantised_weights_are_named_and_wrappers_taken_off() {
    let gptq = next("10-quantised-safetensors-misleading/gptq", "5,6,7", &[]);
    refuses(&gptq, &["quantised by GPTQ", "quantization_config.quant_method = \"gptq\"", "GGUF"]);
    let compiled = next("10-quantised-safetensors-misleading/compiled", "5,6,7", &[]);
    predicts(&compiled, [("#36", "62.5%"), ("#31", "11.2%"), ("#18", "7.8%")]);
}

#[test]
fn case_11_mixture_of_experts_is_named() {
    let output = next("11-moe-gguf-misleading/moe.gguf", "5,6,7", &[]);
    refuses(&output, &["mixture of experts is not supported", "llama.expert_count = 4"]);
}

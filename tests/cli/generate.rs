//! Tests `sukashi generate`.

use crate::{cpu, goldens, has_adapter, joined, on_adapter, read_ids, run, tiny_model};

#[test]
fn greedy_text_is_the_reference_s() {
    let golden = goldens("soseki-mini/golden.safetensors");
    let (prompt, wanted) = (read_ids(&golden, "input_ids"), read_ids(&golden, "greedy_ids"));
    let tokenizer = sukashi::weights::ModelFiles::embedded().unwrap().tokenizer.unwrap();
    let number = wanted.len().to_string();
    let (prompt_text, wanted) = (tokenizer.decode(&prompt), tokenizer.decode(&wanted));
    let args = ["generate", &prompt_text, "--greedy", "-n", &number];
    assert_eq!(cpu(&args), format!("{prompt_text}{wanted}\n"));
    assert_eq!(
        cpu(&["generate", &prompt_text, "--temperature", "0", "-n", &number, "--no-echo"]),
        wanted + "\n"
    );
    if has_adapter() {
        assert_eq!(on_adapter(&args), cpu(&args));
    }
}

/// If few logits decide, an adapter chooses several tokens before the program shows them.
#[test]
fn text_is_the_same_on_an_adapter_as_on_the_cpu_and_ends_there() {
    if !has_adapter() {
        return;
    }
    let whole = cpu(&["generate", "吾輩は", "-n", "40", "--greedy"]);
    let characters: Vec<char> = whole.chars().collect();
    let stop: String = characters[12..15].iter().collect();
    for args in [
        vec!["-n", "1", "--greedy"],
        vec!["-n", "2", "--greedy"],
        vec!["-n", "40", "--greedy", "--stop", &stop],
        vec!["-n", "40", "--temperature", "0", "--top-p", "0.5", "--stop", &stop],
        vec!["-n", "40", "--top-k", "40", "--seed", "5"],
        vec!["-n", "40", "--top-k", "9", "--temperature", "1.7", "--top-p", "0.9", "--seed", "2"],
        vec!["-n", "20", "--top-k", "128", "--min-p", "0.02", "--seed", "3"],
        // The device finds fewer candidates than this top-k, and some stages need all logits.
        vec!["-n", "12", "--top-k", "129", "--seed", "4"],
        vec!["-n", "12", "--top-k", "30", "--frequency-penalty", "1", "--seed", "4"],
        vec!["-n", "12", "--greedy", "--repetition-penalty", "1.3"],
        vec!["-n", "12", "--greedy", "--typical-p", "0.2"],
    ] {
        let args = [&["generate", "吾輩は"], &args[..]].concat();
        assert_eq!(on_adapter(&args), cpu(&args), "{args:?}");
    }
}

#[test]
fn a_model_without_tokenizer_gives_ids() {
    let golden = goldens("gpt2-tiny/golden.safetensors");
    let (prompt, wanted) = (read_ids(&golden, "input_ids"), read_ids(&golden, "greedy_ids"));
    let (model, number) = (tiny_model(), wanted.len().to_string());
    let spaced = |ids: &[u32]| joined(ids).replace(',', " ");
    let ids = joined(&prompt);
    let args = ["generate", "--model", &model, "--ids", &ids, "--greedy", "-n", &number];
    assert_eq!(cpu(&args), format!("{} {}\n", spaced(&prompt), spaced(&wanted)));
    assert_eq!(cpu(&[&args[..], &["--no-echo"]].concat()), spaced(&wanted) + "\n");
}

#[test]
fn a_seed_is_a_text() {
    let text = |seed: &str| cpu(&["generate", "吾輩は", "-n", "20", "--seed", seed]);
    assert_eq!(text("7"), text("7"));
    assert_ne!(text("7"), text("8"));
    assert_eq!(text("0"), cpu(&["generate", "吾輩は", "-n", "20"]));
}

#[test]
fn a_stop_text_ends_it_and_is_left_out() {
    let whole = cpu(&["generate", "吾輩は", "-n", "40"]);
    let characters: Vec<char> = whole.chars().collect();
    // Three tokens in the middle of the text.
    let stop: String = characters[12..15].iter().collect();
    let before = &whole[..whole.find(&stop).unwrap()];
    assert_eq!(cpu(&["generate", "吾輩は", "-n", "40", "--stop", &stop]), format!("{before}\n"));
    let both = cpu(&["generate", "吾輩は", "-n", "40", "--stop", "鬱鬱鬱", "--stop", &stop]);
    assert_eq!(both, format!("{before}\n"));
    // A stop text that does not appear, although its start does.
    let never = format!("{stop}鬱");
    assert_eq!(cpu(&["generate", "吾輩は", "-n", "40", "--stop", &never]), whole);
    let last: String = characters[42..43].iter().collect();
    let almost = format!("{last}鬱");
    assert_eq!(cpu(&["generate", "吾輩は", "-n", "40", "--stop", &almost]), whole);
}

#[test]
fn the_model_s_end_of_text_ends_it() {
    let golden = goldens("gpt2-tiny/golden.safetensors");
    let wanted = read_ids(&golden, "greedy_ids");
    let (end, before) =
        (wanted[3], joined(&wanted[..wanted.iter().position(|&id| id == wanted[3]).unwrap()]));
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(goldens("gpt2-tiny").join(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["eos_token_id"] = end.into();
    std::fs::write(&path, config.to_string()).unwrap();
    let ids = joined(&read_ids(&golden, "input_ids"));
    let model = folder.path().to_str().unwrap();
    let args = ["generate", "--model", model, "--ids", &ids, "--greedy", "--no-echo"];
    assert_eq!(cpu(&args).trim().replace(' ', ","), before);
    if has_adapter() {
        assert_eq!(on_adapter(&args), cpu(&args));
    }
}

#[test]
fn past_the_context_the_start_is_dropped_and_that_is_said_once() {
    let golden = goldens("gpt2-tiny");
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(golden.join("config.json")).unwrap()).unwrap();
    let context = config["n_positions"].as_u64().unwrap() as usize;
    let (model, number) = (tiny_model(), (context + 6).to_string());
    let args =
        ["generate", "--model", &model, "--ids", "1,2,3", "-n", &number, "--device", "cpu", "--no-echo"];
    // The text has 3 + n tokens, and the model does not read the last one. These are 8 more than the context has room
    // for.
    let half = context - context / 2;
    let texts = [(&["--window", "exact"][..], 8), (&["--window", "half"][..], half), (&[][..], half)].map(
        |(window, dropped)| {
            let ran = run(&[&args[..], window].concat());
            assert_eq!(ran.code, Some(0));
            assert_eq!(ran.stdout.split_whitespace().count(), context + 6);
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
            assert!(ran.stderr.contains(&format!("context of {context} tokens")), "{}", ran.stderr);
            let said = format!("{dropped} tokens were dropped");
            assert!(ran.stderr.contains(&said), "no {said:?} in {}", ran.stderr);
            ran.stdout
        },
    );
    let [exact, half, default] = texts;
    assert_eq!(half, default);
    let until_full =
        |text: &str| Vec::from_iter(text.split_whitespace().take(context - 2).map(str::to_owned));
    assert_eq!(until_full(&exact), until_full(&half));
}

#[test]
fn statistics_go_to_the_standard_error() {
    let ran = run(&["generate", "吾輩は", "-n", "5", "--stats", "--device", "cpu"]);
    assert_eq!(ran.stdout, cpu(&["generate", "吾輩は", "-n", "5"]));
    for part in ["load ", "first token ", "prompt of 3", "5 tokens", "tokens/s"] {
        assert!(ran.stderr.contains(part), "no {part:?} in {}", ran.stderr);
    }
}

#[test]
fn a_bias_bans_and_pick_takes_the_nth() {
    let first = cpu(&["generate", "吾輩は", "-n", "1", "--greedy", "--no-echo"]);
    let second = cpu(&["generate", "吾輩は", "-n", "1", "--pick", "2", "--no-echo"]);
    assert_ne!(first, second);
    let ids = crate::cpu_trace(&["next", "吾輩は", "--top", "1"]).steps[0].candidates[0].id;
    let ban = format!("{ids}=-1e9");
    assert_eq!(
        cpu(&["generate", "吾輩は", "-n", "1", "--greedy", "--no-echo", "--logit-bias", &ban]),
        second
    );
}

//! Tests `sukashi figure`.

use crate::{cpu, cpu_trace, finish, in_folder, program, run, succeed, tiny_model};

const KINDS: [&str; 4] = ["next-token", "temperature", "trace", "sampling"];

#[test]
fn one_run_writes_every_form() {
    let folder = tempfile::tempdir().unwrap();
    for kind in KINDS {
        let [svg, png, csv, json] =
            ["svg", "png", "csv", "json"].map(|form| in_folder(&folder, &format!("{kind}.{form}")));
        let args = ["figure", kind, "吾輩は", "-o", &svg, "-o", &png, "-o", &csv, "-o", &json];
        assert_eq!(cpu(&args), "");
        let svg = std::fs::read_to_string(svg).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("吾輩は"), "{kind}");
        let picture = image::load_from_memory(&std::fs::read(png).unwrap()).unwrap();
        assert_eq!(picture.width(), 1440, "720 px at a scale of 2");
        let csv = std::fs::read_to_string(csv).unwrap();
        assert!(csv.lines().count() > 5, "{csv}");
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
        assert_eq!(json["figure"], kind);
    }
}

#[test]
fn a_record_gives_the_same_figure_as_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| in_folder(&folder, name);
    let stages = ["--temperature", "0.7", "--top-k", "20"];
    for form in ["json", "jsonl"] {
        for (kind, command, flags) in [
            ("next-token", "next", &["--top", "10"][..]),
            ("temperature", "next", &["--top", "8"]),
            ("trace", "trace", &["--top", "5", "-n", "6", "--seed", "4"]),
            ("sampling", "trace", &["--top", "9", "--seed", "4"]),
        ] {
            let record = path(&format!("{kind}.{form}"));
            let stages: &[&str] = if kind == "temperature" { &[] } else { &stages };
            let recorded: &[&str] = if kind == "sampling" { &["--record-stages", "-n", "2"] } else { &[] };
            cpu(&[&[command, "吾輩は", "-o", &record][..], flags, stages, recorded].concat());
            let [direct, drawn] = ["direct", "drawn"].map(|how| path(&format!("{kind}-{form}-{how}.svg")));
            cpu(&[&["figure", kind, "吾輩は", "--caption", "-o", &direct][..], flags, stages].concat());
            let top = &flags[..2];
            let from = ["figure", kind, "--from", &record, "--caption", "-o", &drawn];
            assert_eq!(succeed(&[&from[..], top].concat()), "");
            assert_eq!(std::fs::read(direct).unwrap(), std::fs::read(drawn).unwrap(), "{kind} from {form}");
        }
    }
}

#[test]
fn without_a_file_a_figure_gets_one_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let draw = |args: &[&str]| finish(program().args(args).current_dir(folder.path()));
    let softmax = ["figure", "softmax", "--logits", "1,2"];
    let ran = draw(&softmax);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("wrote softmax.svg") && ran.stderr.contains("-o"), "{}", ran.stderr);
    let first = std::fs::read_to_string(folder.path().join("softmax.svg")).unwrap();
    assert!(first.starts_with("<svg"));
    // The figure is an ordinary file, which only --force replaces.
    let again = draw(&softmax);
    assert_eq!(again.code, Some(2));
    assert!(
        again.stderr.contains("softmax.svg: it already exists") && again.stderr.contains("--force"),
        "{}",
        again.stderr
    );
    assert_eq!(
        draw(&[&softmax[..], &["--force", "--snippet", "md"]].concat())
            .stdout
            .matches("(softmax.svg)")
            .count(),
        1
    );
    let ran = draw(&["figure", "next-token", "吾輩は", "--device", "cpu"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["next-token.svg", "softmax.svg"]);
}

#[test]
fn top_k_without_a_setting_is_top_k_5_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let [unset, set] = ["unset.json", "set.json"].map(|name| in_folder(&folder, name));
    let ran = run(&["figure", "top-k", "吾輩は", "--device", "cpu", "-o", &unset]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("drawing --top-k 5"), "{}", ran.stderr);
    assert_eq!(cpu(&["figure", "top-k", "吾輩は", "--top-k", "5", "-o", &set]), "");
    assert_eq!(std::fs::read(unset).unwrap(), std::fs::read(set).unwrap());
}

#[test]
fn numbers_are_those_of_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "next.json");
    cpu(&["figure", "next-token", "吾輩は", "-o", &path]);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let step = cpu_trace(&["next", "吾輩は"]).steps.remove(0);
    for (row, candidate) in json["rows"].as_array().unwrap().iter().zip(&step.candidates) {
        assert_eq!(row["id"], candidate.id);
        assert_eq!(row["prob"].as_f64().unwrap(), candidate.prob);
    }
}

#[test]
fn style_flags_change_the_figure() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "figure.svg");
    let draw = |flags: &[&str]| {
        cpu(&[&["figure", "next-token", "吾輩は", "--force", "-o", &path][..], flags].concat());
        std::fs::read_to_string(&path).unwrap()
    };
    let plain = draw(&[]);
    for flags in [
        &["--theme", "dark"][..],
        &["--lang", "ja"],
        &["--width", "84mm"],
        &["--text-mode", "text"],
        &["--text-mode", "embed"],
        &["--caption"],
        &["--top", "3"],
        &["--show-ids"],
        &["--stage", "final", "--top-k", "3"],
    ] {
        assert_ne!(draw(flags), plain, "{flags:?}");
    }
    assert!(draw(&["--lang", "ja"]).contains("の次に来るトークン"));
    assert!(draw(&["--width", "84mm"]).contains("width=\"84mm\""));
    // No character is missing, so the program does not search for fonts.
    assert_eq!(draw(&["--system-fonts"]), plain);
    let face =
        concat!(env!("CARGO_MANIFEST_DIR"), "/crates/sukashi-figure/assets/fonts/SukashiGothic-Bold.ttf");
    assert_ne!(draw(&["--font", face]), plain);
}

#[test]
fn scale_is_that_of_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "figure.png");
    cpu(&["figure", "next-token", "吾輩は", "--width", "400px", "--scale", "1.5", "-o", &path]);
    assert_eq!(image::open(path).unwrap().width(), 600);
}

#[test]
fn a_character_without_a_glyph_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "figure.svg");
    let ran = run(&["figure", "next-token", "🐈", "--allow-unknown", "--device", "cpu", "-o", &path]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
    // The title shows the tokens of the prompt, among them the unknown token. Only a record can have a label with a
    // missing character.
    let mut trace = cpu_trace(&["next", "吾輩は", "--top", "10"]);
    trace.steps[0].candidates[0].text = Some("🐈".into());
    trace.steps[0].candidates[0].bytes = Some("🐈".as_bytes().to_vec());
    let record = in_folder(&folder, "record.json");
    std::fs::write(&record, trace.to_json().unwrap()).unwrap();
    let ran = run(&["figure", "next-token", "--from", &record, "--force", "-o", &path]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("warning: no font has U+1F408"), "{}", ran.stderr);
}

#[test]
fn other_temperatures_and_steps() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "figure.csv");
    cpu(&["figure", "temperature", "吾輩は", "--temperatures", "0.3,2", "--log", "-o", &path]);
    let csv = std::fs::read_to_string(&path).unwrap();
    assert!(csv.contains("\n0.3,1,") && csv.contains("\n2,1,"), "{csv}");
    let record = in_folder(&folder, "trace.jsonl");
    cpu(&["trace", "吾輩は", "-n", "3", "-o", &record]);
    succeed(&["figure", "next-token", "--from", &record, "--step", "3", "--force", "-o", &path]);
    assert!(std::fs::read_to_string(&path).unwrap().contains("\n3,1,"));
    for (step, parts) in [("4", ["step 4", "3 steps"]), ("0", ["step 0", "--step 1 or more"])] {
        let args = ["figure", "next-token", "--from", &record, "--step", step, "--force", "-o", &path];
        let ran = run(&args);
        assert_eq!(ran.code, Some(2));
        assert!(parts.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);
    }
}

#[test]
fn a_model_without_tokenizer_is_drawn_with_ids() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny_model();
    for kind in KINDS {
        let path = in_folder(&folder, &format!("{kind}.svg"));
        cpu(&["figure", kind, "--model", &model, "--ids", "1,2,3", "-o", &path]);
        assert!(std::fs::read_to_string(path).unwrap().contains("#1 #2 #3"));
    }
}

#[test]
fn a_record_leaves_no_flag_without_effect() {
    let folder = tempfile::tempdir().unwrap();
    let (record, path) = (in_folder(&folder, "record.json"), in_folder(&folder, "figure.svg"));
    cpu(&["next", "吾輩は", "-o", &record]);
    for flags in
        [&["吾輩は"][..], &["--ids", "1"], &["--device", "cpu"], &["--temperature", "2"], &["--model", "x"]]
    {
        let args = ["figure", "next-token", "--from", &record, "-o", &path];
        let ran = run(&[&args[..], flags].concat());
        assert_eq!(ran.code, Some(2), "{flags:?}");
        assert!(ran.stderr.contains("--from"), "{flags:?}: {}", ran.stderr);
    }
}

#[test]
fn records_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let (record, path) = (in_folder(&folder, "record.json"), in_folder(&folder, "figure.svg"));
    let draw = || run(&["figure", "next-token", "--from", &record, "-o", &path]);
    let ran = draw();
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains(&record), "{}", ran.stderr);
    for contents in [&b""[..], b"{}", b"[1]", b"\xFF", b"{\"schema\": \"sukashi.trace/9\"}"] {
        std::fs::write(&record, contents).unwrap();
        let ran = draw();
        assert_eq!(ran.code, Some(2), "{contents:?}");
        assert!(ran.stderr.contains(&record) && ran.stderr.contains("because: "), "{}", ran.stderr);
    }
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn figures_of_numbers_need_no_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| in_folder(&folder, name);
    let text = path("question.txt");
    std::fs::write(&text, "吾輩は猫である").unwrap();
    let file = format!("question={text}");
    let csv = path("budget.csv");
    // The parts have the order of the command line, for any of the flags.
    succeed(&[
        "figure",
        "budget",
        "--part",
        "system=30",
        "--part-file",
        &file,
        "--part",
        "answer=40",
        "-o",
        &csv,
    ]);
    let rows = std::fs::read_to_string(&csv).unwrap();
    let names: Vec<&str> = rows.lines().map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(names, ["part", "system", "question", "answer", "free", "context"], "{rows}");
    assert!(rows.contains("question,7,") && rows.contains("context,256,"), "{rows}");
    let csv = path("softmax.csv");
    succeed(&["figure", "softmax", "--logits", "3,1.5,0.5", "--names", "a,b,c", "-o", &csv]);
    assert_eq!(std::fs::read_to_string(csv).unwrap().lines().count(), 10);
    let csv = path("mixing.csv");
    cpu(&["figure", "mixing", "--x", "1,0;0,1;1,1", "-o", &csv]);
    let rows = std::fs::read_to_string(csv).unwrap();
    assert!(rows.contains("weights,3,x3,3,0.503"), "{rows}");
}

#[test]
fn several_prompts_and_records_share_a_figure() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| in_folder(&folder, name);
    let csv = path("several.csv");
    cpu(&["figure", "next-token", "吾輩は", "先生は", "--top", "3", "-o", &csv]);
    let rows = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(rows.lines().count(), 1 + 2 * 4, "{rows}");
    let records = ["吾輩は", "先生は"].map(|prompt| {
        let record = path(&format!("{prompt}.json"));
        cpu(&["next", prompt, "--top", "3", "-o", &record]);
        record
    });
    let [first, second] = &records;
    let drawn = path("drawn.csv");
    succeed(&["figure", "next-token", "--from", first, "--from", second, "--top", "3", "-o", &drawn]);
    assert_eq!(std::fs::read_to_string(&drawn).unwrap(), rows);
    let svg = path("compared.svg");
    let compare = ["figure", "next-token", "--from", first, "--compare", second, "-o", &svg];
    succeed(&[&compare[..], &["--names", "with,without"]].concat());
    assert!(std::fs::read_to_string(&svg).unwrap().contains("without"));
}

#[test]
fn snippets_show_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let (svg, png) = (in_folder(&folder, "s.svg"), in_folder(&folder, "s.png"));
    let args = ["figure", "softmax", "--logits", "1,2", "-o", &svg, "-o", &png, "--snippet", "html"];
    let lines = succeed(&args);
    assert!(lines.contains("s.png\" alt=\"") && lines.contains("0.7311"), "{lines}");
}

#[test]
fn a_trace_is_animated() {
    let folder = tempfile::tempdir().unwrap();
    let [record, svg, png, still] =
        ["r.json", "a.svg", "a.png", "s.csv"].map(|name| in_folder(&folder, name));
    cpu(&["trace", "吾輩は", "-n", "3", "--top", "5", "-o", &record]);
    let animate = ["figure", "trace", "--from", &record, "--animate", "--seconds-per-step", "0.5"];
    assert_eq!(succeed(&[&animate[..], &["-o", &svg, "-o", &png, "--scale", "1"]].concat()), "");
    let text = std::fs::read_to_string(&svg).unwrap();
    // The first two steps take half a second each, and the last one takes twice as long.
    assert!(text.contains("@keyframes sukashi-500-of-2000{") && !text.contains("<script"));
    let bytes = std::fs::read(&png).unwrap();
    assert!(
        bytes.windows(12).any(|chunk| chunk == b"acTL\0\0\0\x03\0\0\0\0"),
        "no animation of three frames"
    );

    // A run draws the same figure as its record, and its numbers are those of the still figure.
    let again = in_folder(&folder, "again.svg");
    let run =
        ["figure", "trace", "吾輩は", "-n", "3", "--animate", "--seconds-per-step", "0.5", "-o", &again];
    cpu(&run);
    assert_eq!(std::fs::read_to_string(&again).unwrap(), text);
    let moving = in_folder(&folder, "m.csv");
    succeed(&[&animate[..], &["-o", &moving]].concat());
    succeed(&["figure", "trace", "--from", &record, "-o", &still]);
    assert_eq!(std::fs::read(&moving).unwrap(), std::fs::read(&still).unwrap());
}

#[test]
fn an_animation_has_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "figure.svg");
    for (flags, parts) in [
        (&["--animate", "-n", "101"][..], ["cannot animate this many steps", "found 101, expected 1 to 100"]),
        (&["--animate", "--seconds-per-step", "0"], ["at this speed", "found 0 seconds"]),
        (&["--animate", "--seconds-per-step", "-1"], ["at this speed", "expected 0.25 to 30"]),
        (&["--animate", "--seconds-per-step", "NaN"], ["at this speed", "NaN"]),
        (&["--seconds-per-step", "1"], ["--animate", "required"]),
    ] {
        let ran = run(&[&["figure", "trace", "吾輩は", "--device", "cpu", "-o", &path][..], flags].concat());
        assert_eq!(ran.code, Some(2), "{flags:?}");
        assert!(parts.iter().all(|part| ran.stderr.contains(part)), "{flags:?}: {}", ran.stderr);
        assert!(!std::path::Path::new(&path).exists());
    }
}

#[test]
fn temperatures_are_arranged_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "figure.csv");
    let rows = |flags: &[&str]| {
        cpu(&[&["figure", "temperature", "吾輩は", "--top", "3", "--force", "-o", &path][..], flags].concat());
        std::fs::read_to_string(&path).unwrap()
    };
    let plain = rows(&[]);
    assert_eq!(plain.lines().count(), 1 + 4 * 4, "{plain}");
    assert_eq!(rows(&["--view", "candidates", "--temperatures", "0.5,1,5,100"]), plain);
    assert_eq!(rows(&["--view", "bars"]), plain);
    // The lines between the temperatures are the model's own, too.
    let smooth = rows(&["--view", "temperatures", "--temperatures", "0.5,2"]);
    assert!(smooth.contains("\n0.5,1,") && smooth.contains("\n2,1,"), "{smooth}");
    assert!(smooth.lines().count() > 40 * 4, "{smooth}");
    let shown = rows(&["--view", "bars", "--renormalise-shown"]);
    assert!(shown.starts_with("temperature,rank,id,token,prob,entropy_bits,prob_renormalised\n"), "{shown}");
    let record = in_folder(&folder, "record.json");
    cpu(&["next", "吾輩は", "--top", "3", "-o", &record]);
    succeed(&[
        "figure",
        "temperature",
        "--from",
        &record,
        "--view",
        "temperatures",
        "--top",
        "3",
        "--force",
        "-o",
        &path,
    ]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), plain, "the record has no others");
}

#[test]
fn stages_are_recorded_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (record, path) = (in_folder(&folder, "record.json"), in_folder(&folder, "figure.csv"));
    let flags = ["--temperature", "0.8", "--top-k", "20", "--top-p", "0.5", "--seed", "3", "-n", "2"];
    let text = cpu(&[&["trace", "吾輩は", "--record-stages"][..], &flags].concat());
    assert_eq!(text.matches("left: logits 2948 → temperature 2948 → top_k 20 → top_p ").count(), 2, "{text}");
    assert!(text.contains(", u = 0."), "{text}");
    let args = ["trace", "吾輩は", "--record-stages", "-o", &record];
    cpu(&[&args[..], &flags].concat());
    let trace = sukashi::Trace::from_json(&std::fs::read_to_string(&record).unwrap()).unwrap();
    let plain = cpu_trace(&[&["trace", "吾輩は"][..], &flags].concat());
    let chosen = |trace: &sukashi::Trace| -> Vec<u32> {
        trace.steps.iter().map(|step| step.chosen.as_ref().unwrap().id).collect()
    };
    assert_eq!(chosen(&trace), chosen(&plain), "looking changes nothing");
    assert!(plain.steps.iter().all(|step| step.stages.is_none()));
    succeed(&["figure", "sampling", "--from", &record, "--step", "2", "-o", &path]);
    let rows = std::fs::read_to_string(&path).unwrap();
    assert_eq!(rows.lines().count(), 1 + 4 * 6, "five candidates and the others after each of four: {rows}");
    let looked = cpu(&["next", "吾輩は", "--record-stages", "--top-p", "0.5"]);
    assert!(looked.contains("left: logits 2948 → top_p ") && !looked.contains("u = "), "{looked}");
    // A record without stages gives a message about how to get them.
    cpu(&["trace", "吾輩は", "-n", "1", "--output", &record, "--force"]);
    let ran = run(&["figure", "sampling", "--from", &record, "--force", "-o", &path]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("has no stages") && ran.stderr.contains("--record-stages"), "{}", ran.stderr);
    for flags in [&["吾輩は"][..], &["--top-k", "3"], &["--seed", "3"], &["--greedy"]] {
        let ran = run(&[&["figure", "sampling", "--from", &record, "-o", &path][..], flags].concat());
        assert_eq!(ran.code, Some(2), "{flags:?}");
        assert!(ran.stderr.contains("--from"), "{}", ran.stderr);
    }
}

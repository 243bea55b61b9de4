//! docs/trust.md agrees with the code: it has every limit with its number, every use of `unsafe`, and every fuzz
//! target.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/trust.md";

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// A row such as ``| chat template | 131,072 bytes | `MAX_BYTES` in src/text/chat.rs |``: number, constant, file.
fn limits(page: &str) -> Vec<(u64, String, String)> {
    let cells = page
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(str::trim).collect());
    let row = |cells: Vec<&str>| {
        let (constant, file) = cells.get(3)?.split_once("` in ")?;
        let digits: String = cells[2].split(' ').next()?.chars().filter(|c| *c != ',').collect();
        Some((digits.parse().ok()?, constant.strip_prefix('`')?.to_owned(), file.to_owned()))
    };
    cells.filter_map(row).collect()
}

/// The value of `const NAME: … = 16 << 20;` in a source file.
fn constant(source: &str, name: &str) -> Option<u64> {
    let declared = source.lines().find(|line| line.contains(&format!("const {name}: ")))?;
    let expression = declared.split_once(" = ")?.1.trim().strip_suffix(';')?.replace('_', "");
    let expression = expression.split(" * ").map(|factor| match factor.split_once(" << ") {
        Some((number, shift)) => Some(number.parse::<u64>().ok()? << shift.parse::<u32>().ok()?),
        None => factor.strip_suffix(".0").unwrap_or(factor).parse().ok(),
    });
    expression.product()
}

#[test]
fn limits_are_those_of_the_code() {
    let page = read(PAGE);
    let limits = limits(&page);
    assert!(limits.len() >= 20, "found {} limits", limits.len());
    for (number, name, file) in limits {
        let found = constant(&read(&file), &name);
        assert_eq!(found, Some(number), "{name} in {file}");
    }
}

#[test]
fn every_use_of_unsafe_is_argued() {
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "crates"] {
        sources(&root.join(folder), &mut files);
    }
    let page = read(PAGE);
    for file in files {
        let uses = fs::read_to_string(&file)
            .unwrap()
            .lines()
            .filter(|line| line.contains("unsafe {") || line.contains("unsafe fn"))
            .count();
        let name = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        let rows = page.lines().filter(|line| line.starts_with(&format!("| `{name}` |"))).count();
        assert_eq!(uses, rows, "uses of unsafe in {name}, and their rows in {PAGE}");
    }
}

#[test]
fn every_fuzz_target_is_listed() {
    let page = read(PAGE);
    for line in read("fuzz/Cargo.toml").lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/"))
    {
        let name = line.trim_end_matches(".rs\"");
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn tests_that_the_page_names_exist() {
    let page = read(PAGE);
    for name in page.split('`').filter(|part| part.starts_with("tests/") || part.starts_with("scripts/")) {
        let path = name.split(' ').next().unwrap();
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "{path}");
    }
}

#[test]
fn a_wrong_number_is_found() {
    let source = "pub const MAX_BYTES: usize = 128 << 10;\nconst STACK: u64 = 512 * 1_000;";
    assert_eq!(constant(source, "MAX_BYTES"), Some(131_072));
    assert_eq!(constant(source, "STACK"), Some(512_000));
    assert_eq!(constant(source, "OTHER"), None);
    let rows = limits("| template | 131,072 bytes | `MAX_BYTES` in src/text/chat.rs |\n| a | b | c |");
    assert_eq!(rows, [(131_072, "MAX_BYTES".to_owned(), "src/text/chat.rs".to_owned())]);
}

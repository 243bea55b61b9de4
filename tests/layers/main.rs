//! Imports only go from higher layers to lower ones.
//!
//! Every module of the sources has a layer in [`LAYERS`], and may import modules of lower layers. Re-exports are
//! followed, so `use crate::Session` counts as an import of `model`. Tests within the sources may import any module.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod sources;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use sources::{Edges, Sources};

/// The modules from the lowest layer to the highest. Modules of one layer do not import each other.
const LAYERS: &[&[&str]] = &[
    &["visible", "threads"],
    &["shown"],
    &["json_cause"],
    &["error"],
    &["names"],
    &["sampling"],
    &["trace"],
    &["file", "output"],
    &["text"],
    &["format"],
    &["weights"],
    &["dispatch"],
    &["gpu", "cpu"],
    &["device"],
    &["kernels"],
    &["model"],
    &["language_model"],
    &["bigram", "verify"],
    &["tuning", "bench", "figure"],
    &["serve"],
    &["cli"],
    // The crate for browsers.
    &["failure", "kinds"],
    &["byte_source", "drawing", "engine", "run_options"],
    &["place", "writer"],
    &["loaded_model"],
    &["verifier"],
];

/// The faults of `edges`: a module without a layer, or an import that does not go down. If there is a way back, the
/// fault names it.
fn faults(edges: &Edges, layers: &[&[&str]]) -> Vec<String> {
    let layer = |name: &str| layers.iter().position(|layer| layer.contains(&name));
    let mut faults = Vec::new();
    for ((from, to), line) in edges {
        let (Some(low), Some(high)) = (layer(from), layer(to)) else {
            let name = if layer(from).is_none() { from } else { to };
            faults.push(format!("{line}: the module {name} is in none of LAYERS"));
            continue;
        };
        if high < low {
            continue;
        }
        let place = if high == low { "beside" } else { "above" };
        let mut fault = format!("{line}: {from} imports {to}, which stands {place} it");
        for (from, to) in way_back(edges, to, from) {
            let line = &edges[&(from.clone(), to.clone())];
            fault += &format!("\n  and back: {line}: {from} imports {to}");
        }
        faults.push(fault);
    }
    faults
}

/// The shortest chain of imports from `start` to `end`.
fn way_back(edges: &Edges, start: &str, end: &str) -> Vec<(String, String)> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        if at == end {
            let mut way = Vec::new();
            let mut to = end;
            while to != start {
                let from = before[to];
                way.push((from.to_owned(), to.to_owned()));
                to = from;
            }
            way.reverse();
            return way;
        }
        for (from, to) in edges.keys() {
            if from == at && to != start && !before.contains_key(to.as_str()) {
                before.insert(to, from);
                queue.push_back(to);
            }
        }
    }
    Vec::new()
}

/// The sources of this repository.
fn sources() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Sources::default();
    sources.add_folder(root, &root.join("src"), &["sukashi".to_owned()]);
    if let Ok(crates) = fs::read_dir(root.join("crates")) {
        for folder in crates.map(|entry| entry.unwrap().path()).filter(|folder| folder.join("src").is_dir()) {
            let name = folder.file_name().unwrap().to_str().unwrap().replace('-', "_");
            sources.add_folder(root, &folder.join("src"), &[name]);
        }
    }
    sources
}

#[test]
fn imports_point_down() {
    let edges = sources().edges();
    assert!(edges.len() > 60, "too few imports were found: {}", edges.len());
    let faults = faults(&edges, LAYERS);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The edges of a small crate, whose files are `(file, text)`.
fn edges_of(files: &[(&str, &str)]) -> Edges {
    let mut sources = Sources::default();
    for (name, text) in files {
        let path = name.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("lib");
        let parts = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
        let module: Vec<String> = std::iter::once("sukashi".to_owned()).chain(parts).collect();
        sources.add(name, &module, text);
    }
    sources.edges()
}

const LIB: (&str, &str) = ("lib.rs", "mod low; mod high; pub use high::Thing;");
const HIGH: (&str, &str) = ("high.rs", "use crate::low;\npub struct Thing;");

#[track_caller]
fn fault_of(low: &str) -> String {
    let edges = edges_of(&[LIB, HIGH, ("low/mod.rs", low)]);
    faults(&edges, &[&["low"], &["high"]]).join("\n")
}

#[test]
fn an_import_that_points_up_is_found() {
    let circle = "low imports high, which stands above it\n  and back: high.rs:1: high imports low";
    for (line, low) in [
        (1, "use crate::high::Thing;"),
        (2, "//! Something.\nuse crate::high::{self, Thing as Other};"),
        (1, "pub(crate) use crate::high::*;"),
        (1, "use super::high;"),
        // The path goes through the crate's root, which re-exports it.
        (1, "use crate::Thing;"),
        (1, "use crate::{Thing};"),
        // The path is in code, in a type or in a macro.
        (1, "fn f() { crate::high::f(); }"),
        (1, "struct S(Vec<crate::Thing>);"),
        (2, "fn f() {\n    println!(\"{}\", crate::high::f());\n}"),
        (1, "mod inner { use super::super::high::Thing; }"),
        // An import under another name is still an import.
        (1, "use crate as all; fn f() { all::high::f(); }"),
    ] {
        assert_eq!(fault_of(low), format!("low/mod.rs:{line}: {circle}"), "{low}");
    }
}

#[test]
fn what_points_down_and_what_tests_import_is_no_fault() {
    for low in [
        "pub fn f() {}",
        "use std::fmt; use serde::Serialize;",
        "#[cfg(test)] mod tests { use crate::high::Thing; }",
        "#[cfg(test)] use crate::high::Thing;",
        "/// See [`crate::high`].\npub fn f() {}",
        "mod high_up { pub struct Thing; } use high_up::Thing;",
    ] {
        assert_eq!(fault_of(low), "", "{low}");
    }
}

#[test]
fn modules_of_one_layer_and_long_circles_are_found() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::c::C;\npub struct B;"),
        ("c.rs", "\nuse crate::a;\npub struct C;"),
    ];
    let edges = edges_of(&files);
    assert_eq!(
        faults(&edges, &[&["c"], &["b"], &["a"]]),
        [
            "c.rs:2: c imports a, which stands above it\n  and back: a.rs:1: a imports b\n  and back: b.rs:1: b imports c"
        ]
    );
    assert_eq!(faults(&edges, &[&["a", "b"], &["c"]]).len(), 2, "beside each other, and above");
    assert_eq!(faults(&edges, &[&["a"], &["b"]]).len(), 3, "one is in no layer");
}

#[test]
fn every_module_has_a_layer() {
    let known: BTreeSet<&str> = LAYERS.iter().copied().flatten().copied().collect();
    for name in sources().modules.keys().filter_map(|module| module.get(1)) {
        assert!(known.contains(name.as_str()), "{name} is in none of LAYERS");
    }
}

/// A browser has no clock of std's: asking for it ends the program there.
#[test]
fn clocks_are_those_that_browsers_have() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut num_files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // These are not built for browsers.
                let is_native =
                    ["cli", "serve", "weights/hub"].into_iter().any(|part| path == root.join(part));
                folders.extend((!is_native).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let uses_std = text.lines().any(|line| {
                    line.contains("std::time") && (line.contains("Instant") || line.contains("SystemTime"))
                });
                assert!(!uses_std, "{}: clocks come from web_time", path.display());
                num_files += 1;
            }
        }
    }
    assert!(num_files > 100, "{num_files} files");
}

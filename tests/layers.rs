//! Imports point one way: down.
//!
//! Every module of the sources stands in one of [`LAYERS`], and may import what stands in a layer below it. Re-exports are followed, so
//! that `use crate::Session` counts as an import of `model`. Tests within the sources may import anything.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// Modules from the lowest to the highest. Those that share a layer do not import each other.
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
    &["cli"],
];

/// Where an import stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    file: String,
    line: usize,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A path in the sources, with its module.
#[derive(Debug, Clone)]
struct Mention {
    module: Vec<String>,
    path: Vec<String>,
    line: Line,
}

/// A module: of its names, which are other modules, and what the others stand for if they are imported.
#[derive(Debug, Default)]
struct Module {
    children: BTreeSet<String>,
    imported: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// Sources by module, whose path begins with the name of its crate, and all paths in them.
#[derive(Debug, Default)]
struct Sources {
    modules: BTreeMap<Vec<String>, Module>,
    mentions: Vec<Mention>,
}

/// For each import from one top-level module of another: the first line that has it.
type Edges = BTreeMap<(String, String), Line>;

impl Sources {
    /// Adds a file, which is `module`.
    fn add(&mut self, name: &str, module: &[String], text: &str) {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        for len in 1..=module.len() {
            self.modules.entry(module[..len].to_vec()).or_default();
        }
        if let Some((last, parent)) = module.split_last()
            && let Some(parent) = self.modules.get_mut(parent)
        {
            parent.children.insert(last.clone());
        }
        let mut reader = Reader { sources: self, file: name, module: module.to_vec() };
        reader.visit_file(&file);
    }

    /// Adds all files below `folder`, which is a crate's.
    fn add_folder(&mut self, root: &Path, folder: &Path, module: &[String]) {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let inner = [module, std::slice::from_ref(&stem)].concat();
            if path.is_dir() {
                self.add_folder(root, &path, &inner);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let is_root = ["lib", "main", "mod"].contains(&stem.as_str());
                let module = if is_root { module } else { &inner };
                let name = path.strip_prefix(root).unwrap().display().to_string();
                self.add(&name, module, &fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// The crates that there are.
    fn is_crate(&self, name: &str) -> bool {
        self.modules.contains_key(std::slice::from_ref(&name.to_owned()))
    }

    /// Follows `path` from `module` on, and gives the top-level modules that it meets.
    fn meet(
        &self,
        module: &[String],
        path: &[String],
        met: &mut BTreeSet<String>,
        depth: usize,
    ) -> Option<Vec<String>> {
        assert!(depth < 40, "{path:?} in {module:?} goes round in circles");
        let (first, rest) = path.split_first()?;
        let mut at: Vec<String> = match first.as_str() {
            "crate" => module[..1].to_vec(),
            "self" => module.to_vec(),
            "super" => module[..module.len() - 1].to_vec(),
            name if self.has(module, name) => self.step(module, name, met, depth)?,
            name if self.is_crate(name) => vec![name.to_owned()],
            _ => return None,
        };
        for name in rest {
            note(&at, met);
            at =
                if name == "super" { at[..at.len() - 1].to_vec() } else { self.step(&at, name, met, depth)? };
        }
        note(&at, met);
        Some(at)
    }

    fn has(&self, module: &[String], name: &str) -> bool {
        let module = self.modules.get(module);
        module.is_some_and(|module| module.children.contains(name) || module.imported.contains_key(name))
    }

    /// What `name` is in `module`: a module, or `None` for an item that is defined there.
    fn step(
        &self,
        module: &[String],
        name: &str,
        met: &mut BTreeSet<String>,
        depth: usize,
    ) -> Option<Vec<String>> {
        let known = self.modules.get(module)?;
        if known.children.contains(name) {
            return Some([module, &[name.to_owned()]].concat());
        }
        if let Some(path) = known.imported.get(name) {
            // What a crate's root imports is only passed on.
            return self.meet(module, path, met, depth + 1);
        }
        for glob in &known.globs {
            let mut seen = BTreeSet::new();
            if let Some(target) = self.meet(module, glob, &mut seen, depth + 1)
                && target != module
                && self.has(&target, name)
            {
                met.extend(seen);
                return self.step(&target, name, met, depth + 1);
            }
        }
        None
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for Mention { module, path, line } in &self.mentions {
            // A crate's root stands outside the layers.
            let Some(from) = module.get(1) else { continue };
            let mut met = BTreeSet::new();
            self.meet(module, path, &mut met, 0);
            for to in met.into_iter().filter(|to| to != from) {
                let first = edges.entry((from.clone(), to)).or_insert_with(|| line.clone());
                *first = first.clone().min(line.clone());
            }
        }
        edges
    }
}

/// The top-level module of a path.
fn note(module: &[String], met: &mut BTreeSet<String>) {
    if let Some(top) = module.get(1) {
        met.insert(top.clone());
    }
}

/// Reads the paths of a file.
struct Reader<'a> {
    sources: &'a mut Sources,
    file: &'a str,
    module: Vec<String>,
}

impl Reader<'_> {
    fn mention(&mut self, path: Vec<String>, span: Span) {
        let line = Line { file: self.file.to_owned(), line: span.start().line };
        self.sources.mentions.push(Mention { module: self.module.clone(), path, line });
    }

    fn read_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let joined = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.read_use(&path.tree, &joined(&path.ident)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.read_use(tree, before)),
            syn::UseTree::Name(name) => self.import(&name.ident, &name.ident, before),
            syn::UseTree::Rename(rename) => self.import(&rename.ident, &rename.rename, before),
            syn::UseTree::Glob(glob) => {
                let span = glob.star_token.spans[0];
                self.mention(before.to_vec(), span);
                self.here().globs.push(before.to_vec());
            }
        }
    }

    fn import(&mut self, ident: &syn::Ident, name: &syn::Ident, before: &[String]) {
        let mut path = before.to_vec();
        let name = if ident == "self" { before.last().unwrap().clone() } else { name.to_string() };
        if ident != "self" {
            path.push(ident.to_string());
        }
        self.mention(path.clone(), ident.span());
        // `use name;` brings in what has this name already.
        if path != [name.clone()] {
            self.here().imported.insert(name, path);
        }
    }

    fn here(&mut self) -> &mut Module {
        self.sources.modules.entry(self.module.clone()).or_default()
    }

    /// Paths within macros: only those that begin at a known place.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut start = Span::call_site();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => {
                    path.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    self.finish(&mut path, start);
                    (path, start, colons) = (vec![ident.to_string()], ident.span(), 0);
                    continue;
                }
                TokenTree::Group(group) => self.read_tokens(group.stream()),
                _ => {}
            }
            self.finish(&mut path, start);
            colons = 0;
        }
        self.finish(&mut path, start);
    }

    fn finish(&mut self, path: &mut Vec<String>, span: Span) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.mention(path, span);
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.read_use(&item.tree, &[]);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_test(&item.attrs) {
            return;
        }
        let name = item.ident.to_string();
        self.here().children.insert(name.clone());
        self.module.push(name);
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.mention(names, path.segments[0].ident.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.read_tokens(item.tokens.clone());
    }

    // Documentation may name anything.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

/// What is wrong with `edges`: an import that does not point down, with the way back if there is one, or a module without a layer.
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

/// The shortest chain of imports that leads from `start` to `end`.
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

/// This repository's sources.
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

/// Edges of a small crate, `(file, text)`.
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
        // By way of the crate's root, which re-exports it.
        (1, "use crate::Thing;"),
        (1, "use crate::{Thing};"),
        // In code, in types and in macros.
        (1, "fn f() { crate::high::f(); }"),
        (1, "struct S(Vec<crate::Thing>);"),
        (2, "fn f() {\n    println!(\"{}\", crate::high::f());\n}"),
        (1, "mod inner { use super::super::high::Thing; }"),
        // What is brought in under another name is still that.
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

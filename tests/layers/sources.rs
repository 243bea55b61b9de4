//! Reads modules, re-exports and paths from Rust sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// The place of an import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
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

/// A module. It has the names of submodules, and the targets of names that it imports.
#[derive(Debug, Default)]
pub struct Module {
    children: BTreeSet<String>,
    imported: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// The sources by module, whose path begins with the name of its crate, and all paths in them.
#[derive(Debug, Default)]
pub struct Sources {
    pub modules: BTreeMap<Vec<String>, Module>,
    mentions: Vec<Mention>,
}

/// The first line with an import of one top-level module from another.
pub type Edges = BTreeMap<(String, String), Line>;

impl Sources {
    /// Adds a file, the source of `module`.
    pub fn add(&mut self, name: &str, module: &[String], text: &str) {
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

    /// Adds all files below `folder`, the folder of a crate.
    pub fn add_folder(&mut self, root: &Path, folder: &Path, module: &[String]) {
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

    /// Whether this is one of the crates.
    fn is_crate(&self, name: &str) -> bool {
        self.modules.contains_key(std::slice::from_ref(&name.to_owned()))
    }

    /// Follows `path` from `module` on, and collects the top-level modules on the way.
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

    /// Finds `name` in `module`. It is a module, or an item that is defined there.
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
            // The root of a crate only passes on its imports.
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

    pub fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for Mention { module, path, line } in &self.mentions {
            // The root of a crate has no layer.
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
        // `use name;` imports an item under the name that it has.
        if path != [name.clone()] {
            self.here().imported.insert(name, path);
        }
    }

    fn here(&mut self) -> &mut Module {
        self.sources.modules.entry(self.module.clone()).or_default()
    }

    /// Reads the paths within macros, but only those that begin at a known module.
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

    // Documentation may name any module.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

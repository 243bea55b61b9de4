//! Compares `shaders/resolved` with the shaders in `shaders` after their imports are resolved. The library includes the
//! resolved files, so a build needs no compiler for imports.

use std::collections::BTreeMap;
use std::fs;

use wesl::{CompileOptions, ManglerKind, ModulePath, Wesl};

use crate::{root, shader_files};

/// Resolves each shader with an entry point, by its file name in `shaders/resolved`. The sizes of cooperative matrices
/// are types, so a shader with matrices becomes one file for each size.
fn resolve() -> BTreeMap<String, String> {
    let mut compiler = Wesl::new(root().join("shaders"));
    // Names stay unchanged. If two modules use one name for two things, the shader is invalid.
    compiler.set_mangler(ManglerKind::None);
    // The tests validate every shader with naga, which knows more than this validator.
    compiler.set_options(CompileOptions { validate: false, ..CompileOptions::default() });
    let mut resolved = BTreeMap::new();
    for path in shader_files() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let source = fs::read_to_string(&path).unwrap();
        let mut compile = |compiler: &Wesl<_>, file: String| {
            let module: ModulePath = format!("package::{name}").parse().unwrap();
            let compiled = compiler.compile(&module).unwrap_or_else(|error| panic!("{name}: {error}"));
            let source = format!(
                "// Made of shaders/{name}.wesl by: UPDATE_SHADERS=1 cargo test --test shaders\n\n{compiled}\n"
            );
            resolved.insert(file, source);
        };
        if source.contains("@if(matrix8)") {
            for (size, is_8) in [(8, true), (16, false)] {
                compiler.set_feature("matrix8", is_8);
                compile(&compiler, format!("{name}_{size}.wgsl"));
            }
        } else if source.contains("@compute") {
            compile(&compiler, format!("{name}.wgsl"));
        }
    }
    resolved
}

#[test]
fn resolved_shaders_are_those_of_the_sources() {
    let folder = root().join("shaders/resolved");
    let resolved = resolve();
    if std::env::var_os("UPDATE_SHADERS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        for (file, source) in &resolved {
            fs::write(folder.join(file), source).unwrap();
        }
    }
    let committed: BTreeMap<String, String> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    for (file, source) in &resolved {
        assert!(
            committed.get(file) == Some(source),
            "shaders/resolved/{file} is old: UPDATE_SHADERS=1 cargo test --test shaders"
        );
    }
    assert_eq!(
        committed.len(),
        resolved.len(),
        "shaders/resolved has files of no shader: {:?}",
        committed.keys()
    );
}

//! Resolves what shaders import: `shaders/NAME.wesl` becomes `OUT_DIR/NAME.wgsl`, one complete shader, which the wrapper in
//! `src/kernels/NAME.rs` includes. A shader with cooperative matrices, whose sizes are types, becomes one for each size.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use wesl::{CompileOptions, ManglerKind, ModulePath, Wesl};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=shaders");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut compiler = Wesl::new("shaders");
    // Names stay as they are written; two modules with one name for two things make no valid shader.
    compiler.set_mangler(ManglerKind::None);
    // naga validates every shader in the tests.
    compiler.set_options(CompileOptions { validate: false, ..CompileOptions::default() });
    for entry in fs::read_dir("shaders")? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or("a shader without a name")?;
        // What has no entry point is what only other shaders use.
        let text = fs::read_to_string(&path)?;
        if text.contains("@if(matrix8)") {
            for (size, is_8) in [(8, true), (16, false)] {
                compiler.set_feature("matrix8", is_8);
                compile(&compiler, name, &out.join(format!("{name}_{size}.wgsl")))?;
            }
        } else if text.contains("@compute") {
            compile(&compiler, name, &out.join(format!("{name}.wgsl")))?;
        }
    }
    Ok(())
}

fn compile(compiler: &Wesl<impl wesl::Resolver>, name: &str, target: &Path) -> Result<(), Box<dyn Error>> {
    let root: ModulePath = format!("package::{name}").parse()?;
    let compiled = compiler.compile(&root).map_err(|error| format!("shaders/{name}.wesl: {error}"))?;
    fs::write(target, compiled.to_string())?;
    Ok(())
}

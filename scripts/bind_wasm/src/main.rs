//! Writes the JavaScript and the TypeScript types of a WebAssembly module: `bind-wasm MODULE FOLDER NAME`.
//!
//! The command-line tool of wasm-bindgen does the same, and takes several times as long to build.

use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder, name] = arguments.as_slice() else {
        return Err("usage: bind-wasm MODULE FOLDER NAME".into());
    };
    let mut bindgen = Bindgen::new();
    // `init()` finds the module beside the JavaScript.
    bindgen.input_path(module).web(true)?.typescript(true).omit_default_module_path(false);
    bindgen.out_name(name).generate(folder)?;
    Ok(())
}

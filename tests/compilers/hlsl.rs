//! Writes every variant as HLSL for Microsoft's compilers, as the DirectX 12 backend of wgpu-hal 30 translates it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use naga::ShaderStage;
use naga::back::{self, hlsl};
use sukashi::dispatch::{Constants, Kernel};
use sukashi::kernels::variants::{Coverage, Hardware, variants};

use crate::label::label;
use crate::spirv::Parsed;

/// The properties of most GPUs with a driver for DirectX 12. It has no matrices.
const HARDWARE: Hardware = Hardware { min_subgroup_size: 32, max_subgroup_size: 32, matrix_size: 0 };

/// A compiler, and the version of HLSL that it reads.
struct Compiler {
    name: &'static str,
    shader_model: hlsl::ShaderModel,
    profile: &'static str,
    subgroups: bool,
    /// Whether the compiler gets only one variant of each kernel and format, since some take seconds.
    few: bool,
}

/// The compiler that wgpu uses if it finds no other, and the one that `static-dxc` links.
const COMPILERS: [Compiler; 2] = [
    Compiler {
        name: "fxc",
        shader_model: hlsl::ShaderModel::V5_1,
        profile: "cs_5_1",
        subgroups: false,
        few: true,
    },
    Compiler {
        name: "dxc",
        shader_model: hlsl::ShaderModel::V6_6,
        profile: "cs_6_6",
        subgroups: true,
        few: false,
    },
];

/// Writes the files, and a line for each to stdout: compiler, file, entry point, profile and label, with tabs between.
pub fn write(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let variants = variants(&HARDWARE, Coverage::Some).unwrap();
    for compiler in COMPILERS {
        let mut known: BTreeSet<(&str, Option<u64>)> = BTreeSet::new();
        for (index, variant) in variants.iter().enumerate() {
            let kernel = variant.kernel;
            let format = variant.constants.iter().find(|(name, _)| *name == "FORMAT");
            let is_first = known.insert((kernel.name, format.map(|(_, value)| value.to_bits())));
            let lacks_subgroups = kernel.requires.min_subgroup_size > 0 && !compiler.subgroups;
            if lacks_subgroups || (compiler.few && !is_first) {
                continue;
            }
            let (source, entry_point) = translate(kernel, &variant.constants, compiler.shader_model);
            let file = format!("{}-{index}.hlsl", compiler.name);
            fs::write(folder.join(&file), source).unwrap();
            println!("{}\t{file}\t{entry_point}\t{}\t{}", compiler.name, compiler.profile, label(variant));
        }
    }
}

/// The HLSL, and the name of its entry point.
fn translate(kernel: &Kernel, constants: &Constants, shader_model: hlsl::ShaderModel) -> (String, String) {
    let parsed = Parsed::new(kernel).unwrap();
    let (module, info) = parsed.with(constants).unwrap();
    let options = hlsl::Options {
        shader_model,
        // Each binding keeps its number, in a space of its group.
        fake_missing_bindings: true,
        special_constants_binding: Some(hlsl::BindTarget { space: 9, ..hlsl::BindTarget::default() }),
        zero_initialize_workgroup_memory: false,
        restrict_indexing: true,
        force_loop_bounding: true,
        ..hlsl::Options::default()
    };
    let pipeline =
        hlsl::PipelineOptions { entry_point: Some((ShaderStage::Compute, kernel.name.to_owned())) };
    let mut source = String::new();
    let written =
        back::hlsl::Writer::new(&mut source, &options, &pipeline).write(&module, &info, None).unwrap();
    let entry_point = written.entry_point_names.into_iter().next().unwrap().unwrap();
    (source, entry_point)
}

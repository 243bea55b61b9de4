//! Tests every shader without a GPU. It has to be valid, to fit its wrapper, and to translate for each backend.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod loops;
mod resolved;
#[path = "../skip/mod.rs"]
mod skip;
mod uniformity;
mod variants;

use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use naga::back::{self, PipelineConstants};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, StorageAccess, TypeInner};
use sukashi::dispatch::{Access, Batch, Kernel, Requires};
use sukashi::kernels::kernels;
use variants::variants;

type Check<T = ()> = Result<T, String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shader_files() -> Vec<PathBuf> {
    let entries = root().join("shaders").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// The source of a kernel before its imports are resolved.
fn source(kernel: &Kernel) -> String {
    let file = root().join("shaders").join(kernel.name);
    std::fs::read_to_string(file.with_extension("wesl")).unwrap()
}

/// Parses and validates a shader.
fn validate(wgsl: &str, requires: Requires) -> Check<(Module, ModuleInfo)> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|error| error.emit_to_string(wgsl))?;
    // The only optional features are reads of f16 from u32, which WebGPU always has, and subgroups for the kernels that
    // require them.
    let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    capabilities.set(Capabilities::SUBGROUP, requires.min_subgroup_size > 0);
    capabilities
        .set(Capabilities::COOPERATIVE_MATRIX | Capabilities::SHADER_FLOAT16, requires.matrix_size > 0);
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
        .subgroup_operations(naga::valid::SubgroupOperationSet::all())
        .validate(&module)
        .map_err(|error| error.emit_to_string(wgsl))?;
    Ok((module, info))
}

fn check_entry_point(module: &Module, name: &str) -> Check {
    match module.entry_points.as_slice() {
        [only] if only.name == name && only.stage == ShaderStage::Compute => Ok(()),
        others => Err(format!(
            "expected one entry point {name}, found {:?}",
            others.iter().map(|entry| &entry.name).collect::<Vec<_>>()
        )),
    }
}
use skip::skip;

fn check_header(wgsl: &str, name: &str) -> Check {
    let header: Vec<&str> = wgsl.lines().map_while(|line| line.strip_prefix("//")).collect();
    if !header.first().is_some_and(|line| line.starts_with(&format!(" {name}: "))) {
        return Err(format!("the header does not begin with {name} and its formula"));
    }
    for heading in ["Shapes", "Dispatch", "Requires", "Twin"] {
        if !header.iter().any(|line| line.starts_with(&format!(" {heading} "))) {
            return Err(format!("the header has no line {heading}"));
        }
    }
    let twin = header.iter().find_map(|line| line.strip_prefix(" Twin")).unwrap_or_default().trim();
    if !twin.starts_with("src/cpu/") || !root().join(twin).is_file() {
        return Err(format!("the twin {twin} does not exist"));
    }
    Ok(())
}

fn check_bindings(module: &Module, kernel: &Kernel) -> Check {
    let mut bindings = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        if binding.group != 0 {
            return Err(format!("binding in group {}", binding.group));
        }
        bindings.push((binding.binding, variable.name.clone().unwrap_or_default(), variable));
    }
    bindings.sort_by_key(|(binding, ..)| *binding);
    if bindings.len() != 2 + kernel.buffers.len() {
        return Err(format!("{} bindings, the wrapper has {}", bindings.len(), 2 + kernel.buffers.len()));
    }
    for (index, (binding, name, variable)) in bindings.iter().enumerate() {
        if *binding as usize != index {
            return Err(format!("binding {index} is missing"));
        }
        let expected = match index {
            0 | 1 => AddressSpace::Uniform,
            _ if kernel.buffers[index - 2] == Access::Read => {
                AddressSpace::Storage { access: StorageAccess::LOAD }
            }
            _ => AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE },
        };
        if variable.space != expected {
            return Err(format!("binding {index} is {:?}, expected {expected:?}", variable.space));
        }
        let expected_name = ["params", "batch"].get(index);
        if expected_name.is_some_and(|expected| expected != name) {
            return Err(format!("binding {index} is called {name}"));
        }
        let TypeInner::Struct { members, span } = &module.types[variable.ty].inner else {
            if index < 2 {
                return Err(format!("{name} is no struct"));
            }
            continue;
        };
        if index == 0 && *span as usize != kernel.params_bytes {
            return Err(format!("params has {span} bytes, the wrapper's {}", kernel.params_bytes));
        }
        if index == 1 {
            let layout: Vec<(&str, usize)> = members
                .iter()
                .map(|member| (member.name.as_deref().unwrap_or_default(), member.offset as usize))
                .collect();
            let expected = [
                ("position", offset_of!(Batch, position)),
                ("num_tokens", offset_of!(Batch, num_tokens)),
                ("first_row", offset_of!(Batch, first_row)),
                ("unused", offset_of!(Batch, unused)),
            ];
            if layout != expected || *span as usize != size_of::<Batch>() {
                return Err(format!("batch is {layout:?}, {span} bytes; expected {expected:?}"));
            }
        }
    }
    Ok(())
}

/// Translates a shader to SPIR-V, which is returned, and to MSL, HLSL and GLSL ES.
///
/// A shader with subgroups is translated for Vulkan 1.1, shader model 6.0 and Metal 2.1. wgpu does not know subgroups
/// in GL. A shader with matrices is only for Vulkan and Metal 2.3, and with matrices of 16 rows only for Vulkan.
fn translate(
    module: &Module,
    info: &ModuleInfo,
    constants: &PipelineConstants,
    requires: Requires,
) -> Check<Vec<u32>> {
    let has_subgroups = requires.min_subgroup_size > 0;
    let name = module.entry_points[0].name.clone();
    let entry = (ShaderStage::Compute, name.as_str());
    let (module, info) = back::pipeline_constants::process_overrides(module, info, Some(entry), constants)
        .map_err(|error| format!("constants: {error}"))?;
    let entry = Some((ShaderStage::Compute, name.clone()));

    let options =
        back::spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: name.clone() };
    // The least version that a device with subgroups accepts.
    let spv = back::spv::Options {
        lang_version: if has_subgroups { (1, 3) } else { (1, 0) },
        ..Default::default()
    };
    let spirv = back::spv::write_vec(&module, &info, &spv, Some(&options))
        .map_err(|error| format!("SPIR-V: {error}"))?;

    let options = back::msl::PipelineOptions { entry_point: entry.clone(), ..Default::default() };
    let msl = back::msl::Options {
        fake_missing_bindings: true,
        lang_version: match requires {
            Requires { matrix_size: 1.., .. } => (2, 3),
            Requires { min_subgroup_size: 1.., .. } => (2, 1),
            _ => (2, 0),
        },
        ..Default::default()
    };
    if requires.matrix_size == 16 {
        return Ok(spirv);
    }
    let (_, translation) =
        back::msl::write_string(&module, &info, &msl, &options).map_err(|error| format!("MSL: {error}"))?;
    for name in translation.entry_point_names {
        name.map_err(|error| format!("MSL: {error}"))?;
    }
    if requires.matrix_size > 0 {
        return Ok(spirv);
    }

    let hlsl = back::hlsl::Options {
        shader_model: if has_subgroups {
            back::hlsl::ShaderModel::V6_0
        } else {
            back::hlsl::ShaderModel::V5_1
        },
        fake_missing_bindings: true,
        // HLSL has no num_workgroups. wgpu passes it in a buffer of its own.
        special_constants_binding: Some(back::hlsl::BindTarget::default()),
        ..Default::default()
    };
    let options = back::hlsl::PipelineOptions { entry_point: entry };
    let mut text = String::new();
    back::hlsl::Writer::new(&mut text, &hlsl, &options)
        .write(&module, &info, None)
        .map_err(|error| format!("HLSL: {error}"))?;

    if has_subgroups {
        return Ok(spirv);
    }
    let glsl = back::glsl::Options {
        version: back::glsl::Version::Embedded { version: 310, is_webgl: false },
        ..Default::default()
    };
    let options = back::glsl::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: name,
        multiview: None,
    };
    let mut text = String::new();
    let policies = naga::proc::BoundsCheckPolicies::default();
    back::glsl::Writer::new(&mut text, &module, &info, &glsl, &options, policies)
        .and_then(|mut writer| writer.write())
        .map_err(|error| format!("GLSL: {error}"))?;
    Ok(spirv)
}

/// Runs `spirv-val`; `None` if it is not installed.
fn spirv_val(words: &[u32], folder: &Path) -> Option<Check> {
    let file = folder.join("shader.spv");
    std::fs::write(&file, bytemuck::cast_slice(words)).unwrap();
    let output = Command::new("spirv-val").args(["--target-env", "vulkan1.1"]).arg(&file).output().ok()?;
    Some(if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    })
}

/// Runs all checks of a shader, and of its source, since resolving imports removes comments.
fn check(kernel: &Kernel, written: &str) -> Check {
    let (module, info) = validate(kernel.wgsl, kernel.requires)?;
    check_entry_point(&module, kernel.name)?;
    check_header(written, kernel.name)?;
    check_bindings(&module, kernel)?;
    uniformity::check_barriers(&module)?;
    for constants in variants(&module) {
        translate(&module, &info, &constants, kernel.requires)?;
    }
    Ok(())
}

#[test]
fn every_file_is_a_kernel_and_every_kernel_a_file() {
    // Files without an entry point are imported by kernels.
    let has_entry_point = |file: &PathBuf| std::fs::read_to_string(file).unwrap().contains("@compute");
    let files: Vec<String> = shader_files()
        .iter()
        .filter(|file| has_entry_point(file))
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut names: Vec<&str> = kernels().map(|kernel| kernel.name).collect();
    // One file makes the kernels of both sizes of matrices.
    names.dedup();
    assert_eq!(files, names, "the registry is in the files' order");
    for kernel in kernels() {
        assert!(!kernel.wgsl.contains("import "), "{}: imports are resolved", kernel.name);
        assert!(root().join("src/kernels").join(kernel.name).with_extension("rs").is_file());
    }
}

#[test]
fn every_shader_is_valid_and_fits_its_wrapper() {
    for kernel in kernels() {
        check(kernel, &source(kernel))
            .unwrap_or_else(|error| panic!("shaders/{}.wesl: {error}", kernel.name));
    }
}

#[test]
fn spirv_is_accepted_by_its_validator() {
    let folder = tempfile::tempdir().unwrap();
    for kernel in kernels() {
        let (module, info) = validate(kernel.wgsl, kernel.requires).unwrap();
        for constants in variants(&module) {
            let spirv = translate(&module, &info, &constants, kernel.requires).unwrap();
            match spirv_val(&spirv, folder.path()) {
                // The validator of Debian 12 does not know matrices.
                Some(Err(error))
                    if kernel.requires.matrix_size > 0 && error.contains("Invalid capability operand") =>
                {
                    skip(format_args!("{}: this spirv-val is older than cooperative matrices", kernel.name));
                    break;
                }
                Some(result) => {
                    result.unwrap_or_else(|error| panic!("{} {constants:?}: {error}", kernel.name));
                }
                None => {
                    assert!(
                        std::env::var_os("SUKASHI_REQUIRE_GPU").is_none(),
                        "SUKASHI_REQUIRE_GPU is set and there is no spirv-val"
                    );
                    skip("no spirv-val (in the package spirv-tools)");
                    return;
                }
            }
        }
    }
    // The validator refuses a truncated module.
    let (module, info) = validate(kernels().next().unwrap().wgsl, Requires::NOTHING).unwrap();
    let spirv = translate(&module, &info, &PipelineConstants::default(), Requires::NOTHING).unwrap();
    assert!(spirv_val(&spirv[..spirv.len() - 3], folder.path()).unwrap().is_err());
}

/// Checks `add` with one change.
fn check_changed(from: &str, to: &str) -> Check {
    let add = kernels().find(|kernel| kernel.name == "add").unwrap();
    let written = source(add);
    assert!(add.wgsl.contains(from) || written.contains(from), "{from}");
    let kernel = Kernel {
        name: add.name,
        wgsl: Box::leak(add.wgsl.replace(from, to).into_boxed_str()),
        params_bytes: add.params_bytes,
        requires: Requires::NOTHING,
        buffers: add.buffers,
        twin: add.twin,
        fast: add.twin,
        tolerance: add.tolerance,
    };
    check(&kernel, &written.replace(from, to))
}

#[test]
fn broken_shaders_are_rejected() {
    for (from, to, message) in [
        ("x[index] += y[index];", "x[index] += y[index]", "expected"),
        ("x[index] += y[index];", "y[index] += x[index];", "y"),
        ("@binding(3)", "@binding(4)", "binding 3 is missing"),
        ("@binding(3)", "@binding(2)", "Entry point add at Compute is invalid"),
        ("@group(0) @binding(3)", "@group(1) @binding(3)", "group 1"),
        ("<storage, read> y", "<storage, read_write> y", "binding 2 is Storage"),
        ("<uniform> params", "<storage, read> params", "binding 0 is Storage"),
        ("    columns: u32,\n", "    columns: u32,\n    rows: u32,\n", "params has 12 bytes"),
        ("    position: u32,\n    num_tokens: u32,", "    num_tokens: u32,\n    position: u32,", "batch is"),
        ("fn add(", "fn sum(", "entry point add"),
        ("fn add(", "fn other() {}\n@compute @workgroup_size(1)\nfn add(", "one entry point"),
        ("// Twin      src/cpu/add.rs", "// Twin      src/cpu/sum.rs", "does not exist"),
        ("// Requires  nothing\n", "", "Requires"),
        ("// Shapes", "// Shape", "Shapes"),
        (
            "    if token >=",
            "    if local == 0u {\n        workgroupBarrier();\n    }\n    if token >=",
            "barrier",
        ),
        (
            "    if token >=",
            "    if local > 3u {\n        return;\n    }\n    workgroupBarrier();\n    if token >=",
            "barrier",
        ),
        (
            "    if token >=",
            "    for (var i = 0u; i < local; i++) {\n        workgroupBarrier();\n    }\n    if token >=",
            "barrier",
        ),
    ] {
        let error = check_changed(from, to).expect_err(&format!("`{to}` was accepted"));
        assert!(error.contains(message), "`{to}` gives: {error}");
    }
    check_changed("x[index] += y[index];", "x[index] -= y[index];").expect("still a valid shader");
}

#[test]
fn barriers_are_traced_through_calls_and_loops() {
    let layer_norm = kernels().find(|kernel| kernel.name == "layer_norm").unwrap().wgsl;
    let gemv = kernels().find(|kernel| kernel.name == "gemv").unwrap().wgsl;
    let gemm_matrix = kernels().find(|kernel| kernel.name == "gemm_matrix").unwrap();
    for (wgsl, from, to) in [
        (gemm_matrix.wgsl, "if subgroup < WORKERS", "if local < WORKERS"),
        (gemm_matrix.wgsl, "column < DEPTH", "column < local"),
        (gemm_matrix.wgsl, "half < halves; half++", "half < subgroup; half++"),
        (layer_norm, "if token >= batch.num_tokens", "if token + local >= batch.num_tokens"),
        (layer_norm, "half > 0u; half /= 2u", "half > local; half /= 2u"),
        (gemv, "lane == 0u {", "lane == 0u {\n        workgroupBarrier();"),
        (
            gemv,
            "return partial[local];",
            "if partial[0].x > 0.0 { workgroupBarrier(); } return partial[local];",
        ),
    ] {
        let requires = if wgsl == gemm_matrix.wgsl { gemm_matrix.requires } else { Requires::NOTHING };
        assert!(uniformity::check_barriers(&validate(wgsl, requires).unwrap().0).is_ok());
        assert!(wgsl.contains(from), "{from}");
        let broken = wgsl.replace(from, to);
        assert!(
            uniformity::check_barriers(&validate(&broken, requires).unwrap().0).is_err(),
            "`{to}` was accepted"
        );
    }
}

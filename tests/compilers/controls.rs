//! Negative controls: each check has to refuse one of these shaders.

use std::fmt::Write;

use sukashi::dispatch::{Access, Constants, Kernel, Requires, Tolerance};
use sukashi::format::Format;
use sukashi::kernels::kernels;
use sukashi::kernels::variants::Variant;

pub struct Control {
    pub variant: Variant,
    /// A part of the check's message. The label is before it.
    pub fault: &'static str,
}

/// The driver gets half of this kernel's SPIR-V.
const DAMAGED: &str = "damaged";

pub fn all() -> Vec<Control> {
    let q4_k = vec![("FORMAT", f64::from(Format::Q4K.code()))];
    vec![
        Control {
            variant: small("hungry", &many_values(), vec![]),
            fault: "values do not fit into registers: Spilled VGPRs",
        },
        Control {
            variant: small("indexing", INDEXING, vec![]),
            fault: "values do not fit into registers: Scratch size",
        },
        Control {
            variant: small("crowded", CROWDED, vec![]),
            fault: "subgroups on a SIMD, expected at least",
        },
        Control {
            variant: changed(
                "gemv",
                "let words = weight[(row >> 2u) + block];",
                "let words = vec4<u32>(word(row + 4u * block), word(row + 4u * block + 1u), \
                 word(row + 4u * block + 2u), word(row + 4u * block + 3u));",
                q4_k.clone(),
            ),
            fault: "`weight` is loaded in pieces",
        },
        Control {
            variant: changed("gemv_tokens", "dot(w[0], x[x_start])", "w[0].x * x[x_start].x", q4_k),
            fault: "`x` is loaded in pieces",
        },
        Control {
            variant: small("scalar", SCALAR, vec![]),
            fault: "`x` is no array of vectors of four words",
        },
        Control { variant: small("invalid", "fn invalid() { return 1; }", vec![]), fault: "error" },
        // It comes last, since the driver crashes.
        Control { variant: small(DAMAGED, SMALL, vec![]), fault: "the driver" },
    ]
}

/// The SPIR-V for the driver.
pub fn damaged(kernel: &Kernel, spirv: Vec<u32>) -> Vec<u32> {
    if kernel.name == DAMAGED { spirv[..spirv.len() / 2].to_vec() } else { spirv }
}

const SMALL: &str = "
    @group(0) @binding(2) var<storage, read> x: array<f32>;
    @group(0) @binding(3) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64) fn damaged(@builtin(global_invocation_id) id: vec3<u32>) {
        y[id.x] = x[id.x];
    }";

/// An array is in memory if the compiler does not know the indices.
const INDEXING: &str = "
    @group(0) @binding(2) var<storage, read> x: array<u32>;
    @group(0) @binding(3) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(64) fn indexing(@builtin(global_invocation_id) id: vec3<u32>) {
        var values: array<u32, 400>;
        for (var i = 0u; i < 1000u; i++) {
            values[x[i] % 400u] += i;
        }
        y[id.x] = values[x[id.x] % 400u];
    }";

/// Two workgroups of one subgroup each take all workgroup memory.
const CROWDED: &str = "
    @group(0) @binding(2) var<storage, read> x: array<f32>;
    @group(0) @binding(3) var<storage, read_write> y: array<f32>;
    var<workgroup> shared_x: array<f32, 8192>;
    @compute @workgroup_size(32) fn crowded(@builtin(local_invocation_index) local: u32) {
        for (var i = local; i < 8192u; i += 32u) {
            shared_x[i] = x[i];
        }
        workgroupBarrier();
        y[local] = shared_x[u32(x[local]) % 8192u];
    }";

/// A product that reads single activations.
const SCALAR: &str = "
    override FORMAT: u32 = 0u;
    @group(0) @binding(2) var<storage, read> x: array<f32>;
    @group(0) @binding(3) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64) fn scalar(@builtin(global_invocation_id) id: vec3<u32>) {
        y[id.x] = x[id.x] + f32(FORMAT);
    }";

/// More values than registers. The shader reads all of them before it uses the first.
fn many_values() -> String {
    let mut wgsl = "
    @group(0) @binding(2) var<storage, read_write> x: array<f32>;
    @group(0) @binding(3) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64) fn hungry(@builtin(global_invocation_id) id: vec3<u32>) {\n"
        .to_owned();
    for value in 0..400 {
        writeln!(wgsl, "let v{value} = x[id.x * {value}u + {value}u];").unwrap();
    }
    wgsl += "storageBarrier();\n";
    for value in 0..400 {
        writeln!(wgsl, "x[id.x * {value}u] = v{value} * v{};", (value * 7 + 200) % 400).unwrap();
    }
    wgsl + "y[id.x] = v0;\n}"
}

fn small(name: &'static str, wgsl: &str, constants: Constants) -> Variant {
    let kernel = Kernel {
        name,
        wgsl: wgsl.to_owned().leak(),
        params_bytes: 0,
        requires: Requires::NOTHING,
        buffers: &[Access::Read, Access::ReadWrite],
        twin: |_| {},
        fast: |_| {},
        tolerance: Tolerance::NONE,
    };
    Variant { kernel: Box::leak(Box::new(kernel)), constants }
}

/// Makes a kernel with a change.
fn changed(name: &str, from: &str, to: &str, constants: Constants) -> Variant {
    let kernel = kernels().find(|kernel| kernel.name == name).unwrap();
    assert!(kernel.wgsl.contains(from), "{name}: no `{from}`");
    let wgsl = kernel.wgsl.replace(from, to).leak();
    Variant { kernel: Box::leak(Box::new(Kernel { wgsl, ..*kernel })), constants }
}

//! Translates WGSL to SPIR-V as the Vulkan backend of wgpu-hal 30 does.
//!
//! The options are in `Device::compile_stage` and `Adapter::open` of wgpu-hal's `vulkan`. Each new version of wgpu has
//! to be compared with this file.

use std::borrow::Cow;

use naga::back::{self, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};
use naga::{Module, ShaderStage};
use sukashi::dispatch::{Constants, Kernel};

use crate::vulkan::Features;

/// A parsed and validated kernel, which can be translated with any constants.
pub struct Parsed {
    name: String,
    module: Module,
    info: ModuleInfo,
}

impl Parsed {
    pub fn new(kernel: &Kernel) -> Result<Self, String> {
        let (name, wgsl) = (kernel.name, kernel.wgsl);
        let module = naga::front::wgsl::parse_str(wgsl).map_err(|error| error.emit_to_string(wgsl))?;
        let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32 | Capabilities::SUBGROUP;
        capabilities.set(
            Capabilities::COOPERATIVE_MATRIX | Capabilities::SHADER_FLOAT16,
            kernel.requires.matrix_size > 0,
        );
        let info = Validator::new(ValidationFlags::all(), capabilities)
            .subgroup_stages(ShaderStages::COMPUTE)
            .subgroup_operations(SubgroupOperationSet::all())
            .validate(&module)
            .map_err(|error| error.emit_to_string(wgsl))?;
        Ok(Self { name: name.to_owned(), module, info })
    }

    /// The module with these constants.
    pub fn with(&self, constants: &Constants) -> Result<(Cow<'_, Module>, Cow<'_, ModuleInfo>), String> {
        let entry = (ShaderStage::Compute, self.name.as_str());
        let values = constants.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        back::pipeline_constants::process_overrides(&self.module, &self.info, Some(entry), &values)
            .map_err(|error| format!("constants: {error}"))
    }

    /// Translates with these constants, for a device with these features.
    pub fn translate(&self, constants: &Constants, features: &Features) -> Result<Vec<u32>, String> {
        let (module, info) = self.with(constants)?;
        let pipeline =
            spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: self.name.clone() };
        // `src/gpu/pipelines.rs` turns off zeroed workgroup memory. wgpu-hal translates a shader without constants when
        // it makes the module, before it knows that.
        let zeroes = self.module.overrides.is_empty();
        spv::write_vec(&module, &info, &options(features, zeroes), (!zeroes).then_some(&pipeline))
            .map_err(|error| format!("SPIR-V: {error}"))
    }
}

fn options(features: &Features, zeroes: bool) -> spv::Options<'static> {
    let buffer =
        if features.robust_buffers { BoundsCheckPolicy::Unchecked } else { BoundsCheckPolicy::Restrict };
    spv::Options {
        lang_version: features.spirv_version,
        // Here, wgpu's instance has no debug flag.
        flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
        capabilities: Some(capabilities(features)),
        bounds_check_policies: BoundsCheckPolicies {
            index: BoundsCheckPolicy::Restrict,
            buffer,
            image_load: BoundsCheckPolicy::Unchecked,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        zero_initialize_workgroup_memory: match (zeroes, features.zero_initializes) {
            (false, _) => spv::ZeroInitializeWorkgroupMemoryMode::None,
            (true, true) => spv::ZeroInitializeWorkgroupMemoryMode::Native,
            (true, false) => spv::ZeroInitializeWorkgroupMemoryMode::Polyfill,
        },
        // `src/gpu/pipelines.rs` leaves the counters out.
        force_loop_bounding: false,
        // Bindings keep their numbers. wgpu-hal counts them from 0, as the kernels do.
        ..spv::Options::default()
    }
}

/// The capabilities that naga may use. Without a list it would use all, such as dot products that the device lacks.
fn capabilities(features: &Features) -> naga::FastHashSet<spv::Capability> {
    use spv::Capability as C;
    let mut all = vec![C::Shader, C::Matrix];
    if features.subgroups {
        all.extend([
            C::GroupNonUniform,
            C::GroupNonUniformVote,
            C::GroupNonUniformArithmetic,
            C::GroupNonUniformBallot,
            C::GroupNonUniformShuffle,
            C::GroupNonUniformShuffleRelative,
            C::GroupNonUniformQuad,
        ]);
    }
    if features.matrix_size > 0 {
        all.extend([C::CooperativeMatrixKHR, C::VulkanMemoryModel, C::Float16]);
    }
    if features.dot_products {
        all.extend([
            C::DotProductInputAllKHR,
            C::DotProductInput4x8BitKHR,
            C::DotProductInput4x8BitPackedKHR,
            C::DotProductKHR,
        ]);
    }
    if features.int8 {
        all.push(C::Int8);
    }
    all.into_iter().collect()
}

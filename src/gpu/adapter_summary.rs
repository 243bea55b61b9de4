//! The properties of an adapter that are listed.

use crate::trace::AdapterInfo;

/// The properties of an adapter, which need not be open.
#[derive(Debug, Clone, serde::Serialize)]
pub struct AdapterSummary {
    /// The name, backend, driver and kind.
    pub info: AdapterInfo,
    /// The largest storage buffer binding in bytes. Larger tensors are split by rows.
    pub max_binding_bytes: u64,
    /// The largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// The most threads of a workgroup.
    pub max_workgroup_size: u32,
    /// The shared memory of a workgroup in bytes.
    pub max_workgroup_storage_bytes: u32,
    /// The least and the most threads of a subgroup.
    pub subgroup_size: (u32, u32),
    /// Those of the useful optional features that the adapter has: `f16`, `subgroups`, `timestamps`, and `matrices`.
    /// The last one means that kernels can use matrices of f16 that a subgroup multiplies at once.
    pub features: Vec<&'static str>,
    /// The compiler of shaders, `DXC` or `FXC`. Only adapters of DirectX 12 have one that is chosen here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shader_compiler: Option<&'static str>,
}

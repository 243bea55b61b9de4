//! What is listed of an adapter.

use crate::trace::AdapterInfo;

/// What matters of an adapter, without opening it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct AdapterSummary {
    /// Name, backend, driver and kind.
    pub info: AdapterInfo,
    /// The largest storage buffer binding, in bytes; larger tensors are split by rows.
    pub max_binding_bytes: u64,
    /// The largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// Threads of a workgroup, at most.
    pub max_workgroup_size: u32,
    /// Memory shared by a workgroup, in bytes.
    pub max_workgroup_storage_bytes: u32,
    /// Threads of a subgroup, least and most.
    pub subgroup_size: (u32, u32),
    /// Optional features that matter and are there: `f16`, `subgroups`, `timestamps`; `matrices` where kernels can use matrices of f16
    /// that a subgroup multiplies at once.
    pub features: Vec<&'static str>,
}

//! Cooperative matrices: small ones that a subgroup multiplies at once, where the hardware can.

use wgpu::{CooperativeMatrixProperties, CooperativeScalarType, Features};

/// What `gemm_matrix` asks of a device.
const FEATURES: Features =
    Features::EXPERIMENTAL_COOPERATIVE_MATRIX.union(Features::SHADER_F16).union(Features::SUBGROUP);

/// Threads of a workgroup for each lane of the largest subgroups.
const THREADS_PER_LANE: u32 = 4;
/// The most threads that a workgroup has in WebGPU's smallest limits.
const MAX_THREADS: u32 = 256;

/// Rows, and columns, of the matrices of f16 that `adapter` multiplies with sums in f32: 16 or 8; 0 where it has none that kernels here
/// can use.
pub(super) fn matrix_size(adapter: &wgpu::Adapter) -> u32 {
    let lanes = adapter.get_info().subgroup_max_size;
    if !adapter.features().contains(FEATURES) || THREADS_PER_LANE * lanes > MAX_THREADS {
        return 0;
    }
    let found = adapter.cooperative_matrix_properties();
    let fits = |size: u32| lanes.is_multiple_of(size) && found.iter().any(|found| is_wanted(found, size));
    [16, 8].into_iter().find(|&size| fits(size)).unwrap_or(0)
}

fn is_wanted(found: &CooperativeMatrixProperties, size: u32) -> bool {
    let CooperativeMatrixProperties { m_size, n_size, k_size, ab_type, cr_type, .. } = *found;
    [m_size, n_size, k_size] == [size; 3]
        && ab_type == CooperativeScalarType::F16
        && cr_type == CooperativeScalarType::F32
}

/// The features that matrices of this size need, and the leave to ask for them.
pub(super) fn features(matrix_size: u32) -> (Features, wgpu::ExperimentalFeatures) {
    if matrix_size == 0 {
        return (Features::empty(), wgpu::ExperimentalFeatures::disabled());
    }
    (FEATURES, experimental())
}

#[allow(unsafe_code, reason = "wgpu gives cooperative matrices to no one who does not say so")]
fn experimental() -> wgpu::ExperimentalFeatures {
    // SAFETY: of what is experimental, only cooperative matrices are asked for. One kernel uses them, whose loads and stores stay within
    // workgroup memory for all params, and whose control flow is the same for all lanes of a subgroup; the tests hold it to both, and
    // tuning takes it only where its results are right.
    unsafe { wgpu::ExperimentalFeatures::enabled() }
}

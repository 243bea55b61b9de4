//! Cooperative matrices: small matrices that a subgroup multiplies at once, if the hardware can.

use wgpu::{CooperativeMatrixProperties, CooperativeScalarType, Features};

/// The requirements of `gemm_matrix`.
const FEATURES: Features =
    Features::EXPERIMENTAL_COOPERATIVE_MATRIX.union(Features::SHADER_F16).union(Features::SUBGROUP);

/// The threads of a workgroup for each lane of the largest subgroups.
const THREADS_PER_LANE: u32 = 4;
/// The most threads of a workgroup within WebGPU's smallest limits.
const MAX_THREADS: u32 = 256;

/// The number of rows, and of columns, of the matrices of f16 that `adapter` multiplies with sums in f32: 16 or 8. It
/// is 0 if kernels here can use none of its matrices.
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

/// The features that matrices of this size need, and the permission to use experimental features.
pub(super) fn features(matrix_size: u32) -> (Features, wgpu::ExperimentalFeatures) {
    if matrix_size == 0 {
        return (Features::empty(), wgpu::ExperimentalFeatures::disabled());
    }
    (FEATURES, experimental())
}

#[allow(unsafe_code, reason = "wgpu gives cooperative matrices to no one who does not say so")]
fn experimental() -> wgpu::ExperimentalFeatures {
    // SAFETY: cooperative matrices are the only experimental feature that is requested. One kernel uses them. Its loads
    // and stores stay within workgroup memory for all params, and its control flow is the same for all lanes of a
    // subgroup. Tests check both, and tuning takes the kernel only if its results are correct.
    unsafe { wgpu::ExperimentalFeatures::enabled() }
}

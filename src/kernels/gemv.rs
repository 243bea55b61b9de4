//! `gemv`: `y = weight x + bias`, one token at a time, with a norm before and an epilogue after; what decoding spends its time in.

use crate::cpu::{self, Call};
use crate::device::Device;
use crate::kernels::product::{Params, TOLERANCE};
use crate::kernels::{Access, Constants, Kernel, Plan, Projection, gemv_rows};
use crate::tensor::{Matrix, Tensor};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemv.wgsl")),
    params_bytes: size_of::<Params>(),
    min_subgroup_size: 0,
    buffers: &BUFFERS,
    twin,
    tolerance: TOLERANCE,
};

/// `x`, weights, bias, the norm's weight and bias, `y`.
pub(super) const BUFFERS: [Access; 6] =
    [Access::Read, Access::Read, Access::Read, Access::Read, Access::Read, Access::ReadWrite];

pub(super) fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [x, weight, bias, norm_weight, norm_bias, y, ..] = &mut call.slots;
    let norm = (params.norm != 0).then(|| cpu::Norm {
        weight: norm_weight.floats(),
        bias: (params.norm == 2).then(|| norm_bias.floats()),
        eps: params.eps,
        in_features: params.in_features as usize,
    });
    cpu::product(
        call.batch.num_tokens as usize,
        params.weight(weight.words(), bias.floats()),
        (norm, params.epilogue()),
        (x.floats(), params.x_stride as usize),
        (y.floats_mut(), params.y_stride as usize, params.first_row as usize),
    );
}

/// How threads share the rows of [`gemv`]; see the shaders' headers. It changes speed, never meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GemvShape {
    /// Threads of a workgroup; a power of two.
    pub workgroup_size: u32,
    /// Threads that sum one row; a power of two, at most `workgroup_size`.
    pub threads_per_row: u32,
    /// Rows of each such group of threads; from 1 to 4.
    pub rows_per_thread: u32,
    /// Whether the lanes of a subgroup share what they read of `x`: the shader `gemv_rows`, with one thread a row.
    pub shares_x: bool,
}

impl GemvShape {
    /// Neighbouring threads read one stretch of memory.
    pub const GPU: Self = Self::new(64, 32, 1);
    /// A row per thread and no barrier.
    pub const SOFTWARE: Self = Self::new(16, 1, 2);
    /// The same where there are subgroups.
    pub const SOFTWARE_SUBGROUPS: Self = Self { shares_x: true, ..Self::new(32, 1, 2) };
    /// What [`GemvShape::of`] gives where nothing is tuned.
    pub const ALL: [Self; 3] = [Self::GPU, Self::SOFTWARE, Self::SOFTWARE_SUBGROUPS];

    /// Threads of a workgroup, threads of a row, rows of these.
    pub const fn new(workgroup_size: u32, threads_per_row: u32, rows_per_thread: u32) -> Self {
        Self { workgroup_size, threads_per_row, rows_per_thread, shares_x: false }
    }

    /// The same where every thread reads `x` itself.
    pub fn without_sharing(self) -> Self {
        if self.shares_x { Self::SOFTWARE } else { self }
    }

    /// The kernel that has this shape.
    pub fn kernel(self) -> &'static Kernel {
        if self.shares_x { &gemv_rows::KERNEL } else { &KERNEL }
    }

    /// What suits `device`.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Gpu(gpu) if !gpu.is_software() => Self::GPU,
            Device::Gpu(_) if device.runs(&gemv_rows::KERNEL) => Self::SOFTWARE_SUBGROUPS,
            _ => Self::SOFTWARE,
        }
    }

    /// The same, where need be with other rows: an RMS norm takes the place of the fourth, and gates go with values.
    fn with_rows_for(self, projection: &Projection<'_>) -> Self {
        let sums_squares = !self.shares_x && projection.norm.is_some();
        let rows = if sums_squares { self.rows_per_thread.min(3) } else { self.rows_per_thread };
        let rows_per_thread = if projection.epilogue.is_gated() { (rows & !1).max(2) } else { rows };
        Self { rows_per_thread, ..self }
    }

    /// The shaders' constants, and how many columns of `y` a workgroup makes.
    pub(super) fn of_projection(self, projection: &Projection<'_>) -> (Constants, usize) {
        let shape = self.with_rows_for(projection);
        let mut constants = vec![
            ("WORKGROUP_SIZE", f64::from(shape.workgroup_size)),
            ("ROWS_PER_THREAD", f64::from(shape.rows_per_thread)),
            ("EPILOGUE", f64::from(projection.epilogue.code())),
        ];
        if !shape.shares_x {
            constants.push(("THREADS_PER_ROW", f64::from(shape.threads_per_row)));
        }
        let rows = (shape.workgroup_size / shape.threads_per_row * shape.rows_per_thread) as usize;
        (constants, if projection.epilogue.is_gated() { rows / 2 } else { rows })
    }
}

/// Records `y = weight x + bias`; `x`: `[max_tokens, in_features]`, `weight`: `[out_features, in_features]`, `bias`:
/// `[1, out_features]`, `y`: `[max_tokens, out_features]`.
///
/// # Panics
/// If the shapes disagree.
pub fn gemv(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    project(plan, &Projection::new(x, weight, bias, y));
}

/// As [`gemv`], with what `projection` wants done before and after.
///
/// # Panics
/// As [`gemv`].
pub fn project(plan: &mut Plan, projection: &Projection<'_>) {
    project_shaped(plan, GemvShape::of(plan.device()), projection);
}

/// As [`project`], with threads shared out as `shape` says.
///
/// # Panics
/// As [`gemv`].
pub fn project_shaped(plan: &mut Plan, shape: GemvShape, projection: &Projection<'_>) {
    let (mut constants, columns) = shape.of_projection(projection);
    let Projection { x, norm, bias, y, .. } = projection;
    constants.push(("NORM", f64::from(projection.norm_code())));
    // A binding cannot be empty; of what is missing nothing is read.
    let or_x = |tensor: Option<&Tensor>| tensor.unwrap_or(x).buffer().clone();
    projection.record(plan, shape.kernel(), &constants, (columns, 1), |part| {
        vec![
            x.buffer().clone(),
            part.buffer.clone(),
            or_x(*bias),
            or_x(norm.map(|norm| norm.weight)),
            or_x(norm.and_then(|norm| norm.bias)),
            y.buffer().clone(),
        ]
    });
}

//! The steps of a plan before it is lowered: operations that can still be fused, and dispatches.

use crate::device::{Buffer, Tensor};
use crate::dispatch::Dispatch;
use crate::kernels::{Epilogue, InputNorm, Matmul, MatmulShape, Residual};

/// A step of a pass.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// `y = norm(x)`
    Norm { x: Tensor, norm: InputNorm, y: Tensor },
    /// `y = epilogue(weight norm(x) + bias)`
    Matmul(Matmul),
    /// `y = activation(x)`
    Activate { activation: Epilogue, x: Tensor, y: Tensor },
    /// `x += update`
    Add { x: Tensor, update: Tensor },
    /// [`crate::kernels::add_norm`]: the norm of an update, its addition, and the norm of the sum.
    AddNorm { residual: Residual, norm: InputNorm, y: Tensor },
    /// [`crate::kernels::gemv_residual`]: `AddNorm` and the product that reads it.
    ResidualMatmul { residual: Residual, matmul: Matmul },
    /// `to = from`, for a captured value.
    Copy { from: Tensor, to: Tensor },
    /// A kernel on its buffers. A product also has its shape.
    Dispatch(Dispatch<Buffer>, Option<MatmulShape>),
}

impl Op {
    /// Whether the step reads the value of `tensor`.
    pub fn reads(&self, tensor: &Tensor) -> bool {
        let is = |other: &Tensor| other.is(tensor);
        match self {
            Self::Norm { x, .. } | Self::Activate { x, .. } => is(x),
            Self::Matmul(matmul) => is(&matmul.x) || (matmul.epilogue == Epilogue::Add && is(&matmul.y)),
            Self::Add { x, update } => is(x) || is(update),
            Self::AddNorm { residual, .. } | Self::ResidualMatmul { residual, .. } => {
                is(&residual.x) || is(&residual.update)
            }
            Self::Copy { from, .. } => is(from),
            // A kernel may read a buffer that it writes.
            Self::Dispatch(dispatch, _) => dispatch.buffers.iter().any(|buffer| buffer.is(tensor.buffer())),
        }
    }

    /// Whether the step writes `tensor` without reading it.
    pub fn overwrites(&self, tensor: &Tensor) -> bool {
        let written = match self {
            Self::Norm { y, .. } | Self::Activate { y, .. } | Self::AddNorm { y, .. } => y,
            Self::Matmul(matmul) | Self::ResidualMatmul { matmul, .. } => &matmul.y,
            Self::Copy { to, .. } => to,
            Self::Add { .. } | Self::Dispatch(..) => return false,
        };
        written.is(tensor) && !self.reads(tensor)
    }
}

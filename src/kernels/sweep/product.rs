//! Makes the cases of matrix products.

use super::{Before, Case, EPS, Output, Padding, SPARE_ROWS, Scene, Values};
use crate::device::{Matrix, Tensor};
use crate::error::Result;
use crate::kernels::{Epilogue, GemvShape, InputNorm, Matmul};

/// The tensors of a [`Case::Product`].
pub(in crate::kernels) struct Product {
    pub x: Tensor,
    pub weight: Matrix,
    pub bias: Option<Tensor>,
    pub y: Output,
    pub shape: Option<GemvShape>,
}

/// The tensors of a [`Case::Projection`].
pub(in crate::kernels) struct Projection {
    pub x: Tensor,
    pub norm_weight: Tensor,
    pub norm_bias: Tensor,
    pub weight: Matrix,
    pub bias: Option<Tensor>,
    pub y: Output,
    pub before: Before,
    pub epilogue: Epilogue,
    pub shape: GemvShape,
    pub values: Values,
    /// The number of rows of a tensor, of rows with values, and of input features.
    pub sizes: (usize, usize, usize),
}

impl Product {
    pub fn matmul(&self) -> Matmul {
        Matmul::new(&self.x, &self.weight, self.bias.as_ref(), &self.y.tensor)
    }
}

impl Projection {
    pub fn matmul(&self) -> Matmul {
        let norm = match self.before {
            Before::Nothing => None,
            Before::RmsNorm => Some(InputNorm { weight: self.norm_weight.clone(), bias: None, eps: EPS }),
            Before::LayerNorm => Some(InputNorm {
                weight: self.norm_weight.clone(),
                bias: Some(self.norm_bias.clone()),
                eps: 1e-5,
            }),
        };
        let product = Matmul::new(&self.x, &self.weight, self.bias.as_ref(), &self.y.tensor);
        Matmul { norm, epilogue: self.epilogue, ..product }
    }
}

impl Scene<'_> {
    pub fn product(&mut self, case: &Case) -> Result<Product> {
        let Case::Product {
            num_tokens, out_features, in_features, format, rows_per_part, shape, values, ..
        } = *case
        else {
            panic!("no product: {case}")
        };
        let has_bias = matches!(case, Case::Product { bias: true, .. });
        let inputs = &mut self.inputs;
        let rows = num_tokens + SPARE_ROWS;
        let sizes = (rows, num_tokens, in_features);
        let x = inputs.tensor("x", sizes, Padding::Zero, |value| values.of(value))?;
        let weight = inputs.matrix((out_features, in_features), format, rows_per_part)?;
        let bias = if has_bias { Some(inputs.vector("bias", out_features)?) } else { None };
        let y = inputs.output("y", rows, out_features)?;
        Ok(Product { x, weight, bias, y, shape })
    }

    pub fn projection(&mut self, case: &Case) -> Result<Projection> {
        let Case::Projection {
            num_tokens,
            out_features,
            in_features,
            format,
            bias: has_bias,
            before,
            epilogue,
            shape,
            values,
        } = *case
        else {
            panic!("no projection: {case}")
        };
        let inputs = &mut self.inputs;
        let rows = num_tokens + SPARE_ROWS;
        let sizes = (rows, num_tokens, in_features);
        let x = inputs.tensor("x", sizes, Padding::Zero, |value| values.of(value))?;
        let weight_rows = if epilogue.is_gated() { 2 * out_features } else { out_features };
        let weight = inputs.matrix((weight_rows, in_features), format, None)?;
        let bias = if has_bias { Some(inputs.vector("bias", weight_rows)?) } else { None };
        let mut norm_vector = |label| inputs.tensor(label, (1, 1, in_features), Padding::Zero, |value| value);
        let norm_weight = norm_vector("norm_weight")?;
        let norm_bias = norm_vector("norm_bias")?;
        let y = if epilogue == Epilogue::Add {
            inputs.in_place("y", (rows, num_tokens, out_features), |value| value)?
        } else {
            inputs.output("y", rows, out_features)?
        };
        Ok(Projection { x, norm_weight, norm_bias, weight, bias, y, before, epilogue, shape, values, sizes })
    }
}

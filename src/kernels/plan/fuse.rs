//! Fuses the steps of a decoded token. Each rule looks for neighbouring steps that one kernel computes.
//!
//! A fused step does not write the values between its parts. If one of them is captured, another kernel computes it
//! beside the fused step, so a capture does not change the bits of the pass.

use super::op::Op;
use crate::device::Tensor;
use crate::kernels::{Epilogue, Fusion, InputNorm, Matmul, Residual};

/// The number of steps that a rule replaces, and the steps that replace them.
type Rewrite = (usize, Vec<Op>);

/// Fuses `ops` into fewer steps with the same result. `stream` has the tensor to which normed updates are added, and a
/// second one of its shape. A kernel that adds and reads the sum in one dispatch cannot write the tensor that its other
/// workgroups still read.
pub(super) fn fuse(mut ops: Vec<Op>, fusion: Fusion, stream: Option<&Stream>) -> Vec<Op> {
    if fusion >= Fusion::Epilogues {
        ops = rewrite(ops, activation);
        ops = rewrite(ops, addition);
        if let Some(stream) = stream {
            ops = rewrite(ops, |ops| residual(ops, stream));
        }
    }
    if fusion >= Fusion::SmallNorms {
        ops = rewrite(ops, |ops| input_norm(ops, fusion));
    }
    ops
}

/// The tensor to which normed updates are added, and a second one. The residual stream alternates between them.
#[derive(Debug)]
pub(super) struct Stream {
    pub x: Tensor,
    pub spare: Tensor,
}

/// The tensor to which normed updates are added, if there is one.
pub(super) fn stream(ops: &[Op]) -> Option<&Tensor> {
    (0..ops.len()).find_map(|start| update(&ops[start..])).map(|update| update.x)
}

/// Applies `rule` to the head of the remaining steps, from the first step to the last.
fn rewrite(ops: Vec<Op>, rule: impl Fn(&[Op]) -> Option<Rewrite>) -> Vec<Op> {
    let mut done = Vec::with_capacity(ops.len());
    let mut rest = &ops[..];
    while let Some(first) = rest.first() {
        let (num_replaced, ops) = rule(rest).unwrap_or_else(|| (1, vec![first.clone()]));
        done.extend(ops);
        rest = &rest[num_replaced..];
    }
    done
}

/// Fuses a product and the activation of its result.
fn activation(ops: &[Op]) -> Option<Rewrite> {
    let [Op::Matmul(product), Op::Activate { activation, x, y }, after @ ..] = ops else { return None };
    // If gates and values are in different parts of the weights, a kernel of its own activates them.
    let is_apart = activation.is_gated() && product.weight.parts.len() > 1;
    let fits = product.is_alone() && product.y.is(x) && !is_apart && is_dead(x, after);
    fits.then(|| {
        let fused = Matmul { epilogue: *activation, y: y.clone(), ..product.clone() };
        (2, vec![Op::Matmul(fused)])
    })
}

/// Fuses a product and the addition of its result.
fn addition(ops: &[Op]) -> Option<Rewrite> {
    let [Op::Matmul(product), rest @ ..] = ops else { return None };
    let (copies, rest) = copies_of(&product.y, rest);
    let [Op::Add { x, update }, after @ ..] = rest else { return None };
    let fits = product.is_alone() && product.y.is(update) && is_dead(update, after);
    fits.then(|| {
        let captured = copies.iter().map(|to| Matmul { y: to.clone(), ..product.clone() });
        let fused = Matmul { epilogue: Epilogue::Add, y: x.clone(), ..product.clone() };
        (2 + copies.len(), captured.chain([fused]).map(Op::Matmul).collect())
    })
}

/// `normed = norm(update)`, `x += normed`, `y = next_norm(x)`.
struct Update<'a> {
    update: &'a Tensor,
    norm: &'a InputNorm,
    normed: &'a Tensor,
    x: &'a Tensor,
    next_norm: &'a InputNorm,
    y: &'a Tensor,
    /// The captured copies of `normed`, and of `x` after the addition.
    captured: (Vec<Tensor>, Vec<Tensor>),
    num_ops: usize,
}

/// The update at the head of the steps, if [`crate::kernels::add_norm`] can compute it.
fn update(ops: &[Op]) -> Option<Update<'_>> {
    let [Op::Norm { x: update, norm, y: normed }, rest @ ..] = ops else { return None };
    let (normed_copies, rest) = copies_of(normed, rest);
    let [Op::Add { x, update: added }, rest @ ..] = rest else { return None };
    let (x_copies, rest) = copies_of(x, rest);
    let [Op::Norm { x: sum, norm: next_norm, y }, after @ ..] = rest else { return None };
    let are_rms_norms = norm.bias.is_none() && next_norm.bias.is_none() && norm.eps == next_norm.eps;
    let fits = are_rms_norms && added.is(normed) && sum.is(x) && (y.is(normed) || is_dead(normed, after));
    let num_ops = 3 + normed_copies.len() + x_copies.len();
    fits.then_some(Update {
        update,
        norm,
        normed,
        x,
        next_norm,
        y,
        captured: (normed_copies, x_copies),
        num_ops,
    })
}

/// Fuses a norm of an update, its addition, and the norm of the sum.
fn residual(ops: &[Op], stream: &Stream) -> Option<Rewrite> {
    let Update { update, norm, normed, x, next_norm, y, captured, num_ops } =
        update(ops).filter(|update| update.x.is(&stream.x))?;
    let (normed_copies, x_copies) = captured;
    let mut fused = Vec::new();
    let norm_into = |y: &Tensor| Op::Norm { x: update.clone(), norm: norm.clone(), y: y.clone() };
    fused.extend(normed_copies.iter().map(norm_into));
    for to in x_copies {
        fused.push(Op::Copy { from: x.clone(), to: to.clone() });
        fused.push(norm_into(normed));
        fused.push(Op::Add { x: to, update: normed.clone() });
    }
    let residual = Residual {
        x: x.clone(),
        update: update.clone(),
        post_weight: norm.weight.clone(),
        z: stream.spare.clone(),
        eps: norm.eps,
    };
    fused.push(Op::AddNorm { residual, norm: next_norm.clone(), y: y.clone() });
    Some((num_ops, fused))
}

/// Fuses a norm, or an update with one, and the product that reads it.
fn input_norm(ops: &[Op], fusion: Fusion) -> Option<Rewrite> {
    let [before, Op::Matmul(product), after @ ..] = ops else { return None };
    let reads = |y: &Tensor| product.norm.is_none() && product.x.is(y) && is_dead(y, after);
    if !fusion.norms_for(&product.weight) {
        return None;
    }
    match before {
        Op::Norm { x, norm, y } if reads(y) => {
            let fused = Matmul { x: x.clone(), norm: Some(norm.clone()), ..product.clone() };
            Some((2, vec![Op::Matmul(fused)]))
        }
        Op::AddNorm { residual, norm, y } if fusion == Fusion::All && reads(y) => {
            let matmul = Matmul { x: residual.z.clone(), norm: Some(norm.clone()), ..product.clone() };
            Some((2, vec![Op::ResidualMatmul { residual: residual.clone(), matmul }]))
        }
        _ => None,
    }
}

/// The tensors to which the first steps copy `tensor`, and the steps after them.
fn copies_of<'a>(tensor: &Tensor, ops: &'a [Op]) -> (Vec<Tensor>, &'a [Op]) {
    let copy = |op: &Op| match op {
        Op::Copy { from, to } if from.is(tensor) => Some(to.clone()),
        _ => None,
    };
    let copies: Vec<_> = ops.iter().map_while(copy).collect();
    let rest = &ops[copies.len()..];
    (copies, rest)
}

/// Whether no step reads the value of `tensor`. The caller of a plan does not read it either. It records a dispatch or
/// a copy for each value that it needs.
fn is_dead(tensor: &Tensor, after: &[Op]) -> bool {
    let next = after.iter().find(|op| op.reads(tensor) || op.overwrites(tensor));
    next.is_none_or(|op| !op.reads(tensor))
}

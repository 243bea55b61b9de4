//! Fuses the steps of a decoded token: each rule looks for neighbours that one kernel computes.
//!
//! A fused step keeps the values between its parts to itself. Where one of them is captured, it is computed once more beside the fused
//! step, so capturing changes no bit of the pass.

use super::op::Op;
use crate::device::Tensor;
use crate::kernels::{Epilogue, Fusion, InputNorm, Matmul, Residual};

/// How many steps a rule replaces, and what replaces them.
type Rewrite = (usize, Vec<Op>);

/// The same computation in fewer steps. `stream` has the tensor that normed updates are added to, and one of its shape: a kernel that
/// adds and reads the sum in one dispatch cannot write where its other workgroups still read.
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

/// A tensor that normed updates are added to, and one that takes turns with it.
#[derive(Debug)]
pub(super) struct Stream {
    pub x: Tensor,
    pub spare: Tensor,
}

/// The tensor that normed updates are added to, if there is one.
pub(super) fn stream(ops: &[Op]) -> Option<&Tensor> {
    (0..ops.len()).find_map(|start| update(&ops[start..])).map(|update| update.x)
}

/// Replaces what `rule` finds at the head of the remaining steps, from the first step to the last.
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

/// A product and the activation of its result.
fn activation(ops: &[Op]) -> Option<Rewrite> {
    let [Op::Matmul(product), Op::Activate { activation, x, y }, after @ ..] = ops else { return None };
    // Gates and values that are stored apart meet in a kernel of their own.
    let is_apart = activation.is_gated() && product.weight.parts.len() > 1;
    let fits = product.is_alone() && product.y.is(x) && !is_apart && is_dead(x, after);
    fits.then(|| {
        let fused = Matmul { epilogue: *activation, y: y.clone(), ..product.clone() };
        (2, vec![Op::Matmul(fused)])
    })
}

/// A product and the addition of its result.
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
    /// Where `normed` is captured, and `x` after the addition.
    captured: (Vec<Tensor>, Vec<Tensor>),
    num_ops: usize,
}

/// The update at the head of the steps, if [`crate::kernels::add_norm`] computes it.
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

/// A norm of an update, its addition, and the norm of the sum.
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

/// A norm, or an update with one, and the product that reads it.
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

/// Where the first of the steps copy `tensor` to, and the steps after them.
fn copies_of<'a>(tensor: &Tensor, ops: &'a [Op]) -> (Vec<Tensor>, &'a [Op]) {
    let copy = |op: &Op| match op {
        Op::Copy { from, to } if from.is(tensor) => Some(to.clone()),
        _ => None,
    };
    let copies: Vec<_> = ops.iter().map_while(copy).collect();
    let rest = &ops[copies.len()..];
    (copies, rest)
}

/// Whether no step needs what `tensor` holds. After the last step nothing does: what a caller wants from a plan is written by a
/// dispatch, or copied.
fn is_dead(tensor: &Tensor, after: &[Op]) -> bool {
    let next = after.iter().find(|op| op.reads(tensor) || op.overwrites(tensor));
    next.is_none_or(|op| !op.reads(tensor))
}

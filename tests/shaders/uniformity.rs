//! Checks that barriers are only in uniform control flow. A barrier that some threads do not reach hangs a GPU or reads
//! too early. The same holds for operations between lanes of a subgroup, which all of its lanes or none have to reach.
//!
//! naga does not check this for compute shaders. The analysis is narrower than WGSL's. A value is uniform if it comes
//! from constants, uniforms, read-only memory, and the ids of the workgroup. It may pass through local variables to
//! which only such values are assigned, in uniform control flow.

use std::collections::HashSet;

use naga::{
    AddressSpace, Binding, Block, BuiltIn, Expression, Function, Handle, LocalVariable, Module, Statement,
    StorageAccess,
};

/// The threads that have to do the same.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    /// All threads of a workgroup, for barriers.
    Workgroup,
    /// All lanes of a subgroup, for operations between lanes.
    Subgroup,
}

/// Checks every function. Helpers are checked as if their arguments differed between threads.
pub fn check_barriers(module: &Module) -> Result<(), String> {
    for scope in [Scope::Workgroup, Scope::Subgroup] {
        for (_, function) in module.functions.iter() {
            Flow::new(module, function, scope).check()?;
        }
        for entry in &module.entry_points {
            Flow::new(module, &entry.function, scope).check()?;
        }
    }
    Ok(())
}

struct Flow<'a> {
    module: &'a Module,
    function: &'a Function,
    scope: Scope,
    /// The variables that may differ between threads.
    varying: HashSet<Handle<LocalVariable>>,
    /// Whether some threads may have returned.
    returned: bool,
    error: Option<String>,
}

/// The ways in which some threads may have left a block before others.
#[derive(Clone, Copy, Default)]
struct Left {
    the_loop: bool,
}

impl<'a> Flow<'a> {
    fn new(module: &'a Module, function: &'a Function, scope: Scope) -> Self {
        Self { module, function, scope, varying: HashSet::new(), returned: false, error: None }
    }

    fn check(mut self) -> Result<(), String> {
        // A varying value can make more values vary that come earlier in a loop.
        loop {
            let before = self.varying.len();
            (self.returned, self.error) = (false, None);
            self.block(&self.function.body, true);
            if self.varying.len() == before {
                break;
            }
        }
        self.error.map_or(Ok(()), Err)
    }

    fn block(&mut self, block: &Block, uniform: bool) -> Left {
        let mut left = Left::default();
        for statement in block {
            let uniform = uniform && !self.returned && !left.the_loop;
            match statement {
                Statement::Block(block) => left.the_loop |= self.block(block, uniform).the_loop,
                Statement::If { condition, accept, reject } => {
                    let uniform = uniform && self.is_uniform(*condition);
                    left.the_loop |= self.block(accept, uniform).the_loop;
                    left.the_loop |= self.block(reject, uniform).the_loop;
                }
                Statement::Loop { body, continuing, break_if } => {
                    let once = |flow: &mut Self, uniform| {
                        let left =
                            flow.block(body, uniform).the_loop | flow.block(continuing, uniform).the_loop;
                        left || break_if.is_some_and(|condition| !flow.is_uniform(condition))
                    };
                    // If threads leave at different times, the next round is not uniform.
                    if once(self, uniform) {
                        once(self, false);
                    }
                }
                Statement::Break | Statement::Continue => left.the_loop |= !uniform,
                Statement::Return { .. } => self.returned |= !uniform,
                Statement::Store { pointer, value } => {
                    if let (Some(variable), index_is_uniform) = self.local(*pointer)
                        && !(uniform && index_is_uniform && self.is_uniform(*value))
                    {
                        self.varying.insert(variable);
                    }
                }
                Statement::ControlBarrier(_) if !uniform && self.scope == Scope::Workgroup => {
                    self.error = Some("a barrier in control flow that is not uniform".into());
                }
                Statement::SubgroupGather { .. }
                | Statement::SubgroupCollectiveOperation { .. }
                | Statement::CooperativeStore { .. }
                    if !uniform && self.scope == Scope::Subgroup =>
                {
                    self.error = Some("lanes read from others in control flow that is not uniform".into());
                }
                Statement::Emit(range)
                    if !uniform
                        && self.scope == Scope::Subgroup
                        && is_of_lanes(self.function, range.clone()) =>
                {
                    self.error = Some("matrices in control flow that is not uniform".into());
                }
                Statement::Call { function, .. } if !uniform => {
                    let function = &self.module.functions[*function];
                    if self.has_barrier(function, &function.body) {
                        let name = function.name.as_deref().unwrap_or_default();
                        self.error =
                            Some(format!("a barrier, by way of {name}, in control flow that is not uniform"));
                    }
                }
                Statement::Emit(_)
                | Statement::CooperativeStore { .. }
                | Statement::ControlBarrier(_)
                | Statement::MemoryBarrier(_)
                | Statement::SubgroupGather { .. }
                | Statement::SubgroupCollectiveOperation { .. }
                | Statement::Call { .. } => {}
                other => self.error = Some(format!("the barrier analysis does not know {other:?}")),
            }
        }
        left
    }

    fn has_barrier(&self, function: &Function, block: &Block) -> bool {
        block.iter().any(|statement| match statement {
            Statement::ControlBarrier(_) => self.scope == Scope::Workgroup,
            Statement::SubgroupGather { .. }
            | Statement::SubgroupCollectiveOperation { .. }
            | Statement::CooperativeStore { .. } => self.scope == Scope::Subgroup,
            Statement::Emit(range) => self.scope == Scope::Subgroup && is_of_lanes(function, range.clone()),
            Statement::Block(block) => self.has_barrier(function, block),
            Statement::If { accept, reject, .. } => {
                self.has_barrier(function, accept) || self.has_barrier(function, reject)
            }
            Statement::Loop { body, continuing, .. } => {
                self.has_barrier(function, body) || self.has_barrier(function, continuing)
            }
            Statement::Call { function, .. } => {
                let function = &self.module.functions[*function];
                self.has_barrier(function, &function.body)
            }
            _ => false,
        })
    }

    /// The variable of a pointer, and whether the index into it is uniform.
    fn local(&self, pointer: Handle<Expression>) -> (Option<Handle<LocalVariable>>, bool) {
        match self.function.expressions[pointer] {
            Expression::LocalVariable(variable) => (Some(variable), true),
            Expression::AccessIndex { base, .. } => self.local(base),
            Expression::Access { base, index } => {
                let (variable, uniform) = self.local(base);
                (variable, uniform && self.is_uniform(index))
            }
            _ => (None, true),
        }
    }

    fn is_uniform(&self, expression: Handle<Expression>) -> bool {
        let all = |expressions: &[Handle<Expression>]| expressions.iter().all(|e| self.is_uniform(*e));
        match self.function.expressions[expression] {
            Expression::Literal(_)
            | Expression::Constant(_)
            | Expression::Override(_)
            | Expression::ZeroValue(_)
            | Expression::ArrayLength(_) => true,
            Expression::FunctionArgument(index) => match self.function.arguments[index as usize].binding {
                Some(Binding::BuiltIn(BuiltIn::WorkGroupId | BuiltIn::NumWorkGroups)) => true,
                Some(Binding::BuiltIn(BuiltIn::SubgroupId)) => self.scope == Scope::Subgroup,
                _ => false,
            },
            Expression::GlobalVariable(variable) => match self.module.global_variables[variable].space {
                AddressSpace::Uniform => true,
                AddressSpace::Storage { access } => access == StorageAccess::LOAD,
                _ => false,
            },
            Expression::LocalVariable(variable) => !self.varying.contains(&variable),
            Expression::Load { pointer } => self.is_uniform(pointer),
            Expression::Access { base, index } => all(&[base, index]),
            Expression::AccessIndex { base, .. } => self.is_uniform(base),
            Expression::Splat { value, .. } => self.is_uniform(value),
            Expression::Swizzle { vector, .. } => self.is_uniform(vector),
            Expression::Compose { ref components, .. } => all(components),
            Expression::Unary { expr, .. } | Expression::As { expr, .. } => self.is_uniform(expr),
            Expression::Binary { left, right, .. } => all(&[left, right]),
            Expression::Select { condition, accept, reject } => all(&[condition, accept, reject]),
            Expression::Math { arg, arg1, arg2, arg3, .. } => {
                self.is_uniform(arg) && [arg1, arg2, arg3].into_iter().flatten().all(|e| self.is_uniform(e))
            }
            // Other values, such as the result of a call.
            _ => false,
        }
    }
}

/// Whether one of these expressions is an operation between lanes.
fn is_of_lanes(function: &Function, mut expressions: impl Iterator<Item = Handle<Expression>>) -> bool {
    expressions.any(|expression| {
        matches!(
            function.expressions[expression],
            Expression::CooperativeLoad { .. } | Expression::CooperativeMultiplyAdd { .. }
        )
    })
}

//! Rewrites a template's syntax tree: where an operator would walk a value, it inserts a filter that pays for
//! the value.
//!
//! Expressions of constant cost stay unchanged: attributes, conditions, numbers, concatenated texts (the
//! engine counts their bytes) and comparisons with a short constant.

use minijinja::machinery::Span;
use minijinja::machinery::ast::{
    self, BinOpKind, CallArg, CompareOp, CompareOpKind, Const, Expr, Spanned, Stmt, UnaryOpKind,
};
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::jinja_cost::is_small;

/// Names of the inserted filters. No template can spell them. [`super::jinja_filters`] defines them.
pub(super) const PAID: &str = "%paid";
pub(super) const ITERATED: &str = "%iterated";
pub(super) const SETTLED: &str = "%settled";
pub(super) const BUILT: &str = "%built";
pub(super) const ITEM: &str = "%item";
pub(super) const SLICE: &str = "%slice";
pub(super) const COPIED: &str = "%copied";

/// The longest name in bytes. The engine reads all of a name at each lookup.
const MAX_NAME: usize = 100;

/// Filters whose result is always a text.
const TEXTS: [&str; 10] =
    ["trim", "upper", "lower", "title", "capitalize", "string", "tojson", "join", "replace", "indent"];

type Result<T> = std::result::Result<T, Error>;
pub(super) fn counted<'s>(stmt: &Stmt<'s>) -> Result<Stmt<'s>> {
    Ok(match stmt {
        Stmt::Template(node) => {
            let children = body(&node.children)?;
            Stmt::Template(Spanned::new(ast::Template { children }, node.span()))
        }
        Stmt::EmitExpr(node) => {
            Stmt::EmitExpr(Spanned::new(ast::EmitExpr { expr: expr(&node.expr)? }, node.span()))
        }
        Stmt::EmitRaw(node) => raw(node.raw, node.span()),
        Stmt::ForLoop(node) => for_loop(node)?,
        Stmt::IfCond(node) => if_cond(node)?,
        Stmt::WithBlock(node) => with_block(node)?,
        Stmt::Set(node) => {
            let set =
                ast::Set { expr: assigned(&node.target, expr(&node.expr)?)?, target: target(&node.target)? };
            Stmt::Set(Spanned::new(set, node.span()))
        }
        Stmt::SetBlock(node) => set_block(node)?,
        Stmt::AutoEscape(node) => {
            let block = ast::AutoEscape { enabled: expr(&node.enabled)?, body: body(&node.body)? };
            Stmt::AutoEscape(Spanned::new(block, node.span()))
        }
        Stmt::FilterBlock(node) => {
            let (filter, body) = (expr(&node.filter)?, body(&node.body)?);
            let block = ast::FilterBlock { filter, filter_span: node.filter_span, body };
            Stmt::FilterBlock(Spanned::new(block, node.span()))
        }
        Stmt::Macro(node) => Stmt::Macro(macro_of(node)?),
        Stmt::CallBlock(node) => {
            let (call, macro_decl) = (call(&node.call)?, macro_of(&node.macro_decl)?);
            let block = ast::CallBlock { call, call_expr_span: node.call_expr_span, macro_decl };
            Stmt::CallBlock(Spanned::new(block, node.span()))
        }
        Stmt::Do(node) => Stmt::Do(Spanned::new(ast::Do { call: call(&node.call)? }, node.span())),
        Stmt::Continue(node) => Stmt::Continue(Spanned::new(ast::Continue, node.span())),
        Stmt::Break(node) => Stmt::Break(Spanned::new(ast::Break, node.span())),
    })
}

fn body<'s>(stmts: &[Stmt<'s>]) -> Result<Vec<Stmt<'s>>> {
    let mut counted = Vec::with_capacity(stmts.len());
    for stmt in stmts {
        // The engine does not charge for a block with its own variables.
        if let Stmt::WithBlock(node) = stmt {
            counted.push(raw("", node.span()));
        }
        counted.push(self::counted(stmt)?);
    }
    Ok(counted)
}

fn raw(raw: &str, span: Span) -> Stmt<'_> {
    Stmt::EmitRaw(Spanned::new(ast::EmitRaw { raw }, span))
}

#[inline(never)]
fn for_loop<'s>(node: &Spanned<ast::ForLoop<'s>>) -> Result<Stmt<'s>> {
    let for_loop = ast::ForLoop {
        target: target(&node.target)?,
        iter: filtered(ITERATED, expr(&node.iter)?),
        filter_expr: node.filter_expr.as_ref().map(expr).transpose()?,
        recursive: node.recursive,
        body: body(&node.body)?,
        else_body: body(&node.else_body)?,
    };
    Ok(Stmt::ForLoop(Spanned::new(for_loop, node.span())))
}

#[inline(never)]
fn if_cond<'s>(node: &Spanned<ast::IfCond<'s>>) -> Result<Stmt<'s>> {
    let (true_body, false_body) = (body(&node.true_body)?, body(&node.false_body)?);
    Ok(Stmt::IfCond(Spanned::new(
        ast::IfCond { expr: expr(&node.expr)?, true_body, false_body },
        node.span(),
    )))
}

#[inline(never)]
fn with_block<'s>(node: &Spanned<ast::WithBlock<'s>>) -> Result<Stmt<'s>> {
    let assignment = |(to, value): &(Expr<'s>, Expr<'s>)| Ok((target(to)?, assigned(to, expr(value)?)?));
    let assignments = node.assignments.iter().map(assignment).collect::<Result<_>>()?;
    Ok(Stmt::WithBlock(Spanned::new(ast::WithBlock { assignments, body: body(&node.body)? }, node.span())))
}

#[inline(never)]
fn set_block<'s>(node: &Spanned<ast::SetBlock<'s>>) -> Result<Stmt<'s>> {
    let filter = node.filter.as_ref().map(expr).transpose()?;
    let block = ast::SetBlock {
        target: target(&node.target)?,
        filter: filter.map(|filter| assigned(&node.target, filter)).transpose()?,
        body: body(&node.body)?,
    };
    Ok(Stmt::SetBlock(Spanned::new(block, node.span())))
}

#[inline(never)]
fn macro_of<'s>(node: &Spanned<ast::Macro<'s>>) -> Result<Spanned<ast::Macro<'s>>> {
    let args = node.args.iter().map(target).collect::<Result<_>>()?;
    let defaults = exprs(&node.defaults)?;
    let macro_ = ast::Macro { name: name(node.name)?, args, defaults, body: body(&node.body)? };
    Ok(Spanned::new(macro_, node.span()))
}

/// The target of an assignment.
fn target<'s>(to: &Expr<'s>) -> Result<Expr<'s>> {
    Ok(match to {
        Expr::List(node) => {
            let items = node.items.iter().map(target).collect::<Result<_>>()?;
            Expr::List(Spanned::new(ast::List { items }, node.span()))
        }
        other => expr(other)?,
    })
}

/// The value of an assignment: an attribute of a namespace gets a copy, see [`super::namespace`].
fn assigned<'s>(to: &Expr<'s>, value: Expr<'s>) -> Result<Expr<'s>> {
    let mut namespaces = Vec::new();
    add_namespaces(to, &mut namespaces)?;
    Ok(if namespaces.is_empty() { value } else { filtered_with(COPIED, value, namespaces) })
}

/// Collects the namespaces whose attributes are assigned to.
fn add_namespaces<'s>(to: &Expr<'s>, namespaces: &mut Vec<CallArg<'s>>) -> Result<()> {
    match to {
        Expr::List(list) => list.items.iter().try_for_each(|item| add_namespaces(item, namespaces))?,
        Expr::GetAttr(attribute) => namespaces.push(CallArg::Pos(expr(&attribute.expr)?)),
        _ => {}
    }
    Ok(())
}

fn exprs<'s>(list: &[Expr<'s>]) -> Result<Vec<Expr<'s>>> {
    list.iter().map(expr).collect()
}

fn optional<'s>(expr: Option<&Expr<'s>>) -> Result<Option<Expr<'s>>> {
    expr.map(self::expr).transpose()
}

fn expr<'s>(node: &Expr<'s>) -> Result<Expr<'s>> {
    let span = node.span();
    Ok(match node {
        Expr::Var(var) => Expr::Var(Spanned::new(ast::Var { id: name(var.id)? }, span)),
        Expr::Const(node) => constant(node.value.clone(), span),
        Expr::Slice(node) => slice(node)?,
        Expr::UnaryOp(node) => {
            #[expect(clippy::needless_match, reason = "it can be neither copied nor cloned")]
            let op = match node.op {
                UnaryOpKind::Not => UnaryOpKind::Not,
                UnaryOpKind::Neg => UnaryOpKind::Neg,
            };
            let operand = expr(&node.expr)?;
            let is_constant = matches!(operand, Expr::Const(_));
            let made = Expr::UnaryOp(Spanned::new(ast::UnaryOp { op, expr: operand }, span));
            if is_constant { folded(made) } else { made }
        }
        Expr::BinOp(node) => bin_op(node)?,
        Expr::Compare(node) => compare(node)?,
        Expr::IfExpr(node) => if_expr(node)?,
        Expr::Filter(node) => {
            let (expr, args) = (optional(node.expr.as_ref())?, args(&node.args)?);
            Expr::Filter(Spanned::new(ast::Filter { name: name(node.name)?, expr, args }, span))
        }
        Expr::Test(node) => {
            let (expr, args) = (expr(&node.expr)?, args(&node.args)?);
            Expr::Test(Spanned::new(ast::Test { name: name(node.name)?, expr, args }, span))
        }
        Expr::GetAttr(node) => Expr::GetAttr(Spanned::new(
            ast::GetAttr { expr: expr(&node.expr)?, name: name(node.name)? },
            span,
        )),
        Expr::GetItem(node) => item(node)?,
        Expr::Call(node) => Expr::Call(call(node)?),
        Expr::List(node) => built(Expr::List(Spanned::new(ast::List { items: exprs(&node.items)? }, span))),
        Expr::Tuple(node) => {
            built(Expr::Tuple(Spanned::new(ast::Tuple { items: exprs(&node.items)? }, span)))
        }
        Expr::Map(node) => {
            let keys = node.keys.iter().map(|key| expr(key).map(paid)).collect::<Result<_>>()?;
            built(Expr::Map(Spanned::new(ast::Map { keys, values: exprs(&node.values)? }, span)))
        }
    })
}

/// Folds a node of constants into its value, as the engine would do.
fn folded(node: Expr<'_>) -> Expr<'_> {
    match node.as_const() {
        Some(value) => constant(value, node.span()),
        None => node,
    }
}

/// Checks the depth of a list, tuple or dictionary that is not constant.
fn built(node: Expr<'_>) -> Expr<'_> {
    let node = folded(node);
    if matches!(node, Expr::Const(_)) { node } else { filtered(BUILT, node) }
}

#[inline(never)]
fn slice<'s>(node: &Spanned<ast::Slice<'s>>) -> Result<Expr<'s>> {
    let part = |part: Option<&Expr<'s>>| -> Result<CallArg<'s>> {
        let part = optional(part)?;
        Ok(CallArg::Pos(part.unwrap_or_else(|| constant(Value::from(()), node.span()))))
    };
    let args = vec![part(node.start.as_ref())?, part(node.stop.as_ref())?, part(node.step.as_ref())?];
    Ok(filtered_with(SLICE, expr(&node.expr)?, args))
}

#[inline(never)]
fn bin_op<'s>(node: &Spanned<ast::BinOp<'s>>) -> Result<Expr<'s>> {
    let (left, right) = (expr(&node.left)?, expr(&node.right)?);
    let (op, span) = (node.op, node.span());
    let either = |is: fn(&Expr<'_>) -> bool| is(&left) || is(&right);
    // The engine keeps concatenated lists as lists of lists.
    let is_lazy = match op {
        BinOpKind::Add => !either(is_text) && !either(is_number),
        BinOpKind::Mul => !(either(is_text) || is_number(&left) && is_number(&right)),
        _ => false,
    };
    if matches!((&left, &right), (Expr::Const(_), Expr::Const(_))) {
        return Ok(folded(Expr::BinOp(Spanned::new(ast::BinOp { op, left, right }, span))));
    }
    let operand = match op {
        BinOpKind::Concat => paid_unless_text,
        op if walks(op, &left, &right) => paid,
        _ => unchanged,
    };
    let op = ast::BinOp { op, left: operand(left), right: operand(right) };
    let made = Expr::BinOp(Spanned::new(op, span));
    Ok(if is_lazy { filtered(SETTLED, made) } else { made })
}

/// Whether the operator walks its operands.
fn walks(op: BinOpKind, left: &Expr<'_>, right: &Expr<'_>) -> bool {
    match op {
        BinOpKind::Eq | BinOpKind::Ne | BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => {
            !is_small_constant(left) && !is_small_constant(right)
        }
        BinOpKind::In => walks_to_find(left, right),
        _ => false,
    }
}

fn walks_to_find(left: &Expr<'_>, right: &Expr<'_>) -> bool {
    let is_list = |node: &Expr<'_>| matches!(node, Expr::Const(node) if node.value.kind() == ValueKind::Seq);
    !is_small_constant(left) && !is_list(right)
}

#[inline(never)]
fn compare<'s>(node: &Spanned<ast::Compare<'s>>) -> Result<Expr<'s>> {
    let first = expr(&node.expr)?;
    let others = node.ops.iter().map(|part| Ok((part.op, expr(&part.expr)?))).collect::<Result<Vec<_>>>()?;
    let is_constant = |node: &Expr<'_>| matches!(node, Expr::Const(_));
    let is_folded = is_constant(&first) && others.iter().all(|(_, other)| is_constant(other));
    let is_simple = match &others[..] {
        [(CompareOpKind::In | CompareOpKind::NotIn, only)] => !walks_to_find(&first, only),
        [(_, only)] => is_small_constant(&first) || is_small_constant(only),
        _ => false,
    };
    let operand = if is_simple || is_folded { unchanged } else { paid };
    let ops = others.into_iter().map(|(op, expr)| CompareOp { op, expr: operand(expr) }).collect();
    let made = Expr::Compare(Spanned::new(ast::Compare { expr: operand(first), ops }, node.span()));
    Ok(if is_folded { folded(made) } else { made })
}

#[inline(never)]
fn if_expr<'s>(node: &Spanned<ast::IfExpr<'s>>) -> Result<Expr<'s>> {
    let if_expr = ast::IfExpr {
        test_expr: expr(&node.test_expr)?,
        true_expr: expr(&node.true_expr)?,
        false_expr: optional(node.false_expr.as_ref())?,
    };
    Ok(Expr::IfExpr(Spanned::new(if_expr, node.span())))
}

/// A short constant key costs as much as an attribute. Any other key may be the index of a character in a
/// long text.
#[inline(never)]
fn item<'s>(node: &Spanned<ast::GetItem<'s>>) -> Result<Expr<'s>> {
    let (expr, key) = (expr(&node.expr)?, self::expr(&node.subscript_expr)?);
    if matches!(&key, Expr::Const(key) if key.value.kind() == ValueKind::String && is_small(&key.value)) {
        return Ok(Expr::GetItem(Spanned::new(ast::GetItem { expr, subscript_expr: key }, node.span())));
    }
    Ok(filtered_with(ITEM, expr, vec![CallArg::Pos(key)]))
}

#[inline(never)]
fn call<'s>(node: &Spanned<ast::Call<'s>>) -> Result<Spanned<ast::Call<'s>>> {
    // `loop.changed` compares its arguments with the previous ones, and `loop` iterates over its argument.
    // Methods of values pay for themselves.
    let compares = match &node.expr {
        Expr::GetAttr(attribute) => attribute.name == "changed",
        Expr::Var(var) => var.id == "loop",
        _ => false,
    };
    let args = if compares { args_with(&node.args, paid)? } else { args(&node.args)? };
    Ok(Spanned::new(ast::Call { expr: expr(&node.expr)?, args }, node.span()))
}

fn args<'s>(args: &[CallArg<'s>]) -> Result<Vec<CallArg<'s>>> {
    args_with(args, unchanged)
}

fn args_with<'s>(args: &[CallArg<'s>], each: fn(Expr<'s>) -> Expr<'s>) -> Result<Vec<CallArg<'s>>> {
    let arg = |arg: &CallArg<'s>| {
        Ok(match arg {
            CallArg::Pos(value) => CallArg::Pos(each(expr(value)?)),
            CallArg::Kwarg(key, value) => CallArg::Kwarg(name(key)?, each(expr(value)?)),
            CallArg::PosSplat(value) => CallArg::PosSplat(paid(expr(value)?)),
            CallArg::KwargSplat(value) => CallArg::KwargSplat(paid(expr(value)?)),
        })
    };
    args.iter().map(arg).collect()
}

fn unchanged(operand: Expr<'_>) -> Expr<'_> {
    operand
}

/// Pays for an operand that becomes text. If it already is a text, the engine counts the bytes.
fn paid_unless_text(operand: Expr<'_>) -> Expr<'_> {
    if is_text(&operand) { operand } else { paid(operand) }
}

/// Pays for an operand that is walked.
fn paid(operand: Expr<'_>) -> Expr<'_> {
    if is_small_constant(&operand) { operand } else { filtered(PAID, operand) }
}

fn filtered<'s>(name: &'static str, expr: Expr<'s>) -> Expr<'s> {
    filtered_with(name, expr, Vec::new())
}

fn filtered_with<'s>(name: &'static str, expr: Expr<'s>, args: Vec<CallArg<'s>>) -> Expr<'s> {
    let span = expr.span();
    Expr::Filter(Spanned::new(ast::Filter { name, expr: Some(expr), args }, span))
}

fn constant<'s>(value: Value, span: Span) -> Expr<'s> {
    Expr::Const(Spanned::new(Const { value }, span))
}

fn is_small_constant(node: &Expr<'_>) -> bool {
    matches!(node, Expr::Const(node) if is_small(&node.value))
}

/// Whether the expression gives a text or fails.
fn is_text(node: &Expr<'_>) -> bool {
    match node {
        Expr::Const(node) => node.value.kind() == ValueKind::String,
        Expr::BinOp(node) => match node.op {
            BinOpKind::Concat => true,
            BinOpKind::Add => is_text(&node.left) || is_text(&node.right),
            _ => false,
        },
        Expr::Filter(node) => TEXTS.contains(&node.name),
        _ => false,
    }
}

/// Whether the expression gives a number or fails.
fn is_number(node: &Expr<'_>) -> bool {
    match node {
        Expr::Const(node) => node.value.kind() == ValueKind::Number,
        Expr::BinOp(node) => {
            matches!(node.op, BinOpKind::Sub | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem)
        }
        Expr::Filter(node) => ["length", "count", "int", "abs", "round"].contains(&node.name),
        _ => false,
    }
}

fn name(name: &str) -> Result<&str> {
    if name.len() > MAX_NAME {
        let why = format!("a name has {} bytes, expected at most {MAX_NAME}", name.len());
        return Err(Error::new(ErrorKind::SyntaxError, why));
    }
    Ok(name)
}

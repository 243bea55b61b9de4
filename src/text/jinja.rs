//! The template engine, set up as transformers sets up Jinja, with limits.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::DateTime;
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{self, CodeGenerator, Instructions};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, Value};

use super::jinja_methods::method;
use super::jinja_source::{MAX_PARTS, overlong_tag, replace_generation_tags};
use super::jinja_tree::counted;
use super::{jinja_cost, jinja_filters};

/// The most steps of one rendering, about half a second. 64 bytes of text count as one step.
pub(super) const FUEL: u64 = 1_000_000;

/// The deepest nesting of calls. A macro counts as several.
const RECURSION_LIMIT: usize = 300;

/// The stack size of the thread that compiles or renders.
///
/// The engine recurses for each `elif` and for each nested list, without a limit. A level takes at least 10
/// bytes of source and less than 5 KiB of stack, even in a build without optimisation.
pub(super) const STACK_BYTES: usize = 512 * super::ChatTemplate::MAX_BYTES;

const NAME: &str = "chat_template";

/// The message with which a template rejects a conversation.
#[derive(Debug)]
pub(super) struct Refusal(pub String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// A parsed template.
#[derive(Clone)]
pub(super) struct Program {
    environment: Environment<'static>,
    source: String,
}

impl Program {
    /// Parses a template.
    pub(super) fn new(source: &str) -> Result<Self, Error> {
        if let Some(line) = overlong_tag(source) {
            let why = format!("a tag has more than {MAX_PARTS} words and symbols, in line {line}");
            return Err(Error::new(ErrorKind::SyntaxError, why));
        }
        let mut environment = Environment::empty();
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(RECURSION_LIMIT);
        environment.set_formatter(jinja_cost::write);
        environment.set_unknown_method_callback(method);
        jinja_filters::add_to(&mut environment);
        environment.add_function("raise_exception", raise_exception);
        let program = Self { environment, source: replace_generation_tags(source) };
        on_large_stack(|| program.with_tree(|_| Ok(())))?;
        Ok(program)
    }

    /// Renders a text of at most `max_bytes`.
    pub(super) fn render(&self, context: Vec<(String, Value)>, max_bytes: usize) -> Result<String, Error> {
        on_large_stack(move || {
            self.with_instructions(|instructions| {
                // Each byte costs fuel, so the text cannot grow without bounds.
                let mut text = String::new();
                let mut output = machinery::make_string_output(&mut text);
                let (root, blocks) = (Value::from_pairs(context), BTreeMap::new());
                machinery::eval(
                    &self.environment,
                    instructions,
                    root,
                    &blocks,
                    &mut output,
                    AutoEscape::None,
                )?;
                if text.len() > max_bytes {
                    return Err(Error::new(ErrorKind::WriteFailure, "the text is too long"));
                }
                Ok(text)
            })
        })
    }

    fn with_instructions<T>(
        &self,
        run: impl FnOnce(&Instructions<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.with_tree(|tree| {
            let mut generator = CodeGenerator::new(NAME, &self.source);
            generator.compile_stmt(&tree);
            run(&generator.finish().0)
        })
    }

    fn with_tree<'s, T>(&'s self, run: impl FnOnce(Stmt<'s>) -> Result<T, Error>) -> Result<T, Error> {
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
        run(counted(&machinery::parse(&self.source, NAME, syntax)?)?)
    }
}

/// The function `strftime_now`, which formats a fixed time.
pub(super) fn strftime_now(now: DateTime) -> Value {
    Value::from_function(move |state: &mut State, format: &str| {
        // A directive writes at most about forty bytes.
        state.consume_fuel(format.len() as u64)?;
        let mut text = String::new();
        let posix = Config::new().custom(PosixCustom::new());
        BrokenDownTime::from(now).format_with_config(&posix, format, &mut text).map_err(|cause| {
            Error::new(ErrorKind::InvalidOperation, "strftime_now got an invalid format").with_source(cause)
        })?;
        Ok(text)
    })
}

fn raise_exception(state: &State, message: &Value) -> Result<Value, Error> {
    jinja_cost::pay_for(state, message)?;
    let message = message.to_string();
    Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(Refusal(message)))
}

/// The system could not start a thread. The template is not the cause.
#[derive(Debug)]
pub(super) struct NoThread(std::io::Error);

impl fmt::Display for NoThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NoThread {}

/// Runs code whose recursion depth depends on the template.
fn on_large_stack<T: Send>(run: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    on_stack(STACK_BYTES, run)
}

fn on_stack<T: Send>(stack_bytes: usize, run: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    // A browser has no threads, and a stack overflow there ends only the call.
    if cfg!(target_family = "wasm") {
        return run();
    }
    let failed = |why: &'static str| Error::new(ErrorKind::InvalidOperation, why);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name(NAME.to_owned())
            .stack_size(stack_bytes)
            .spawn_scoped(scope, run)
            .map_err(|cause| failed("no thread").with_source(NoThread(cause)))?;
        thread.join().unwrap_or_else(|_| Err(failed("the template engine panicked")))
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::{NoThread, on_stack};

    #[test]
    fn no_thread_is_an_error_of_its_own() {
        let error = on_stack(1 << 46, || Ok(())).unwrap_err();
        assert!(error.source().is_some_and(|cause| cause.is::<NoThread>()), "{error:?}");
    }
}

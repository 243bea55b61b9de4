//! The template engine as chat templates expect it, which is as transformers sets up Jinja, and its limits.

use std::fmt;

use jiff::civil::DateTime;
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

use super::jinja_json::tojson;
use super::jinja_source::{MAX_PARTS, copying_assignments, overlong_tag, without_generation_tags};
use super::namespace::{self, copied};

/// What one rendering may do: so many steps, or 64 bytes of text for each. Half a second at most.
pub(super) const FUEL: u64 = 1_000_000;

/// Calls in calls. A macro counts for several.
const RECURSION_LIMIT: usize = 300;

/// The stack of a thread that compiles or renders.
///
/// The engine recurses for each `elif` and for each list that a list is put into, and limits neither. A level has at
/// least 10 bytes in the source and less than 5 KiB on the stack, also in a build without optimisation.
const STACK_BYTES: usize = 512 * super::ChatTemplate::MAX_BYTES;

const NAME: &str = "chat_template";

/// Why a template refuses its messages, in its own words.
#[derive(Debug)]
pub(super) struct Refusal(pub String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// An environment that holds the template, ready to [`render`].
pub(super) fn compile(source: &str) -> Result<Environment<'static>, Error> {
    if let Some(line) = overlong_tag(source) {
        let why = format!("a tag has more than {MAX_PARTS} words and signs, in line {line}");
        return Err(Error::new(ErrorKind::SyntaxError, why));
    }
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_LIMIT);
    environment.set_unknown_method_callback(method);
    environment.add_filter("tojson", tojson);
    environment.add_filter(namespace::FILTER, copied);
    environment.add_function("raise_exception", raise_exception);
    let source = without_generation_tags(&copying_assignments(source));
    on_large_stack(move || {
        environment.add_template_owned(NAME, source)?;
        Ok(environment)
    })
}

/// Renders the template of an environment that [`compile`] made; the text has at most `max_bytes`.
pub(super) fn render(
    environment: &Environment<'static>,
    context: Vec<(String, Value)>,
    max_bytes: usize,
) -> Result<String, Error> {
    on_large_stack(move || {
        let mut text = Text { bytes: Vec::new(), max_bytes };
        environment.get_template(NAME)?.render_captured_to(Value::from_pairs(context), &mut text)?;
        String::from_utf8(text.bytes).map_err(|cause| {
            Error::new(ErrorKind::InvalidOperation, "the text is not UTF-8").with_source(cause)
        })
    })
}

/// The function `strftime_now`, for a clock that stands still.
pub(super) fn strftime_now(now: DateTime) -> Value {
    Value::from_function(move |state: &mut State, format: &str| {
        // No directive writes more than about forty bytes.
        state.consume_fuel(format.len() as u64)?;
        let mut text = String::new();
        let posix = Config::new().custom(PosixCustom::new());
        BrokenDownTime::from(now).format_with_config(&posix, format, &mut text).map_err(|cause| {
            Error::new(ErrorKind::InvalidOperation, "strftime_now cannot use its format").with_source(cause)
        })?;
        Ok(text)
    })
}

/// The text as it grows; one that would be too long is an error of writing.
struct Text {
    bytes: Vec<u8>,
    max_bytes: usize,
}

impl std::io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > self.max_bytes - self.bytes.len() {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn raise_exception(message: &Value) -> Result<Value, Error> {
    let message = message.to_string();
    Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(Refusal(message)))
}

/// Methods of Python's texts, lists and dictionaries.
fn method(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    // A width in it would be filled before anybody asks whether it may be.
    if method == "format"
        && value.as_str().is_some_and(|text| text.split('{').skip(1).any(|field| field.contains(':')))
    {
        let why = "str.format takes no format after a colon";
        return Err(Error::new(ErrorKind::InvalidOperation, why));
    }
    pycompat::unknown_method_callback(state, value, method, args)
}

/// Runs what recurses as deeply as a template wants.
fn on_large_stack<T: Send>(run: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    // A browser has no threads; there, too deep a recursion ends the call and not the page.
    if cfg!(target_family = "wasm") {
        return run();
    }
    let failed = |why: &'static str| Error::new(ErrorKind::InvalidOperation, why);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name(NAME.to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, run)
            .map_err(|cause| failed("no thread can be had for it").with_source(cause))?;
        thread.join().unwrap_or_else(|_| Err(failed("the template engine has a fault")))
    })
}

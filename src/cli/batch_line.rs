//! The lines of a batch file: one prompt each, with fields that replace flags.

use sukashi::sampling::{Sampler, Settings};
use sukashi::{Error, Result};

use super::args::at_least_one;
use super::prompt::{Prompt, PromptSource};
use super::request_line::RequestLine;
use super::run::{OpenedModel, RunArgs};
use super::stop::Stops;
use super::terminal::Terminal;

/// A text to generate.
#[derive(Debug, Clone)]
pub struct Request {
    /// The number of the line, counted from 1.
    pub line: usize,
    /// The prompt as the line gives it.
    pub typed: Option<String>,
    pub prompt: Prompt,
    pub max_new_tokens: usize,
    pub stop: Stops,
    pub settings: Settings,
}

/// The settings of the flags, for all that a line does not set.
#[derive(Debug, Clone)]
pub struct Defaults<'a> {
    pub run: &'a RunArgs,
    pub max_new_tokens: usize,
    pub stop: &'a Stops,
    pub settings: Settings,
}

/// Wraps an error in one that names the line.
pub fn at(label: &str, line: usize, error: Error) -> Error {
    Error::new(error.kind(), format!("cannot use {label}:{line}")).caused_by(error)
}

/// Reads and checks every line of `text` before any of them is used. Errors call the text `label`.
pub fn read(
    (label, text): (&str, &str),
    defaults: &Defaults<'_>,
    model: &OpenedModel,
    terminal: &Terminal,
) -> Result<Vec<Request>> {
    let mut requests = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            let request = request(index + 1, line, defaults, model, terminal);
            requests.push(request.map_err(|error| at(label, index + 1, error))?);
        }
    }
    if requests.is_empty() {
        return Err(Error::input(format!("there are no prompts in {label}"))
            .detail("found no line that is not blank, expected a JSON object a line")
            .hint(r#"such as {"prompt": "吾輩は", "seed": 7}"#));
    }
    Ok(requests)
}

fn request(
    number: usize,
    line: &str,
    defaults: &Defaults<'_>,
    model: &OpenedModel,
    terminal: &Terminal,
) -> Result<Request> {
    let line = RequestLine::parse(line)?;
    if let Some(field) = line.misplaced(defaults.run.chat.chat) {
        let hint = if defaults.run.chat.chat { "leave --chat out" } else { "give --chat" };
        return Err(Error::input(format!("cannot use the field {field} here")).hint(hint));
    }
    if line.ids.is_some() && line.prompt.is_some() {
        return Err(Error::input("cannot use the fields prompt and ids together").hint("leave one out"));
    }
    let mut request = Request {
        line: number,
        typed: line.prompt.clone(),
        prompt: Prompt::default(),
        max_new_tokens: line.max_new_tokens.unwrap_or(defaults.max_new_tokens),
        stop: Stops {
            texts: line.stop.clone().unwrap_or_else(|| defaults.stop.texts.clone()),
            ids: line.stop_id.clone().unwrap_or_else(|| defaults.stop.ids.clone()),
        },
        settings: line.settings(defaults.settings.clone())?,
    };
    check(&request, model)?;
    let mut args = defaults.run.clone();
    let source = PromptSource { messages: line.messages()?, text: line.prompt, ids: line.ids };
    args.chat.system = line.system.or(args.chat.system);
    request.prompt = model.prompt(&args, source, terminal)?;
    Ok(request)
}

/// Checks that the model can do what a line asks for.
fn check(request: &Request, model: &OpenedModel) -> Result<()> {
    at_least_one("max_new_tokens", request.max_new_tokens)?;
    request.stop.check(model.has_tokenizer(), model.spec().vocab_size)?;
    if !request.settings.logit_bias.is_empty() {
        // The sampler checks the ids against the vocabulary.
        Sampler::new(request.settings.clone(), model.spec().vocab_size)?;
    }
    Ok(())
}
